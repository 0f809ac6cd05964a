// What people do on the built site, by mouse, keyboard and finger, in Debian's Chromium.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fill } from "./fake/state.mjs";
import { openSite, OWNER, signIn, visit, WEB } from "./site.mjs";

let site, page;
before(async () => (site = await openSite()));
after(() => site.stop());
beforeEach(async () => {
  site.fake.reset();
  page = await visit(site);
});
afterEach(async () => {
  await page.context().close();
  assert.deepEqual(page.faults, [], "the console is silent");
});

const open = (index) => page.getByRole("button", { name: /^Open: / }).nth(index);
const shareOf = (password = null) => {
  const { state } = site.fake;
  fill(state, 3);
  state.shares.push({ id: "share", token: "token", expires: new Date(Date.now() + 1e8).toISOString(), picture_id: state.pictures[0].id, password });
};

test("an owner invites, the invited signs up, and sees that a right is missing", async () => {
  await signIn(page);
  await page.getByRole("link", { name: "Admin" }).click();
  await page.getByLabel("E-mail: the link goes there").fill("ben@example.org");
  await page.getByRole("button", { name: "Make an invitation" }).click();
  const link = await page.getByLabel("Link", { exact: true }).inputValue();
  const guest = await visit(site);
  await guest.goto(link);
  await guest.getByLabel("Name").fill("Ben");
  assert.equal(guest.url(), `${site.url}/invitation`, "the token leaves the address");
  await guest.getByLabel("E-mail").fill("ben@example.org");
  await guest.getByLabel("Password").fill("long enough");
  await guest.getByRole("button", { name: "Make an account" }).click();
  await guest.getByText("You may use nobody's likeness yet").waitFor();
  assert.deepEqual(guest.faults, []);
  await guest.context().close();
});

test("a wrong password is refused in the API's words", async () => {
  page.allow(401);
  await page.goto("/");
  await page.getByLabel("E-mail").fill(OWNER.email);
  await page.getByLabel("Password").fill("not this one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Address and password do not go together.").waitFor();
});

test("a run shows its progress, survives a reload, and says why a picture was refused without showing it", async () => {
  const { state } = site.fake;
  Object.assign(state, { pace: 1e8, refuse: 1 }); // the test draws, not the clock
  await signIn(page);
  await page.getByRole("button", { name: "In a library" }).click();
  await page.getByRole("radio", { name: "3" }).check({ force: true });
  await page.getByRole("button", { name: "Draw 3 pictures" }).click();
  await page.getByText("Next in the queue").waitFor();
  state.step();
  state.step();
  await page.getByText("jade · Drawing: 1 of 3 ready").waitFor();
  await page.reload();
  await page.getByText("jade · Drawing: 1 of 3 ready").waitFor();
  state.step();
  await page.getByText("jade · Drawing: 2 of 3 ready").waitFor();
  state.step();
  await page.getByText("2 pictures ·").waitFor();
  await page.getByText("1 picture was refused and costs nothing").waitFor();
  await page.getByText("The face is not close enough to jade's.").waitFor();
  assert.equal(await open(0).count(), 1);
  assert.equal(await page.getByRole("button", { name: /^Open: / }).count(), 2);
});

test("a stream of events that the server refused is opened again", async () => {
  page.allow(503);
  const { state } = site.fake;
  Object.assign(state, { pace: 1e8, refuseStreams: 1 });
  await signIn(page);
  await page.getByRole("button", { name: "In a library" }).click();
  await page.getByRole("button", { name: /^Draw \d/ }).click();
  await page.getByText("Next in the queue").waitFor();
  for (let looks = 0; looks < 600 && !state.streams.size; looks++) await new Promise((done) => setTimeout(done, 50));
  state.step();
  await page.getByText("jade · Drawing: 0 of").waitFor();
});

test("on a small screen a run that was begun comes into sight, and says when nobody draws", async () => {
  const { state } = site.fake;
  Object.assign(state, { pace: 1e8, nobody: true });
  const small = await visit(site, { width: 360 });
  await signIn(small);
  assert.equal(await small.getByLabel("Person").count(), 0, "one person is no choice");
  await small.getByRole("button", { name: "In a library" }).click();
  await small.getByRole("button", { name: /^Draw \d/ }).click();
  const standing = small.getByText("Next in the queue · nothing is drawn just now; it goes on by itself");
  await standing.waitFor();
  await small.waitForFunction(() => document.querySelector("article").getBoundingClientRect().top < innerHeight / 2);
  assert.deepEqual(small.faults, []);
  await small.context().close();
});

test("an answer that is older than an event does not undo it", async () => {
  const { state } = site.fake;
  state.pace = 1e8;
  await signIn(page);
  await page.getByRole("button", { name: "In a library" }).click();
  await page.getByRole("button", { name: /^Draw \d/ }).click();
  await page.getByText("Next in the queue").waitFor();
  state.step();
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const earlier = new Set(state.streams);
  let asked = 0;
  await page.route("**/api/generations", async (route) => {
    const answer = await route.fetch();
    if (asked++ === 0) {
      while (![...state.streams].some((one) => !earlier.has(one))) await pause(20);
      state.step();
      await pause(500); // the page has that event before this answer
    }
    await route.fulfill({ response: answer }).catch(() => {}); // nobody may wait for it any more
  });
  await page.reload();
  await page.getByText("jade · Drawing: 1 of").waitFor();
});

test("a wish whose answer was lost is asked for again and drawn once", async () => {
  const { state } = site.fake;
  state.pace = 60_000;
  await signIn(page);
  page.allow("net::ERR_FAILED");
  await page.getByLabel("What do you want to see?").fill("in a library");
  await page.route("**/api/generations", async (route) => (await route.fetch(), route.abort()), { times: 1 });
  await page.getByRole("button", { name: "Draw 4 pictures" }).click();
  await page.getByText("The server cannot be reached").waitFor();
  const [again] = await Promise.all([page.waitForResponse("**/api/generations"), page.getByRole("button", { name: "Draw 4 pictures" }).click()]);
  assert.equal(again.status(), 202);
  assert.equal(state.generations.length, 1);
  const [other] = await Promise.all([page.waitForResponse("**/api/generations"), page.getByRole("button", { name: "Draw 4 pictures" }).click()]);
  assert.equal(other.status(), 202);
  assert.equal(state.generations.length, 2);
});

test("a run is cancelled, and a refused prompt says why", async () => {
  page.allow(422);
  site.fake.state.pace = 60_000;
  await signIn(page);
  await page.getByLabel("What do you want to see?").fill("naked");
  await page.getByRole("button", { name: "Draw 4 pictures" }).click();
  await page.getByText("The prompt asks for explicit material.").waitFor();
  await page.getByLabel("What do you want to see?").fill("at a market");
  await page.getByRole("button", { name: "Draw 4 pictures" }).click();
  await page.getByText("Next in the queue").waitFor();
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await page.getByText("Cancelled. What was not drawn costs nothing.").waitFor();
});

test("the viewer goes by keys: arrows, f, d, Esc", async () => {
  fill(site.fake.state, 12);
  await signIn(page);
  await page.goto("/gallery");
  await open(0).click();
  const viewer = page.getByRole("dialog", { name: "Picture viewer" });
  const shown = () => viewer.getByRole("img").first().getAttribute("src");
  const first = await shown();
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await shown(), first);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await shown(), first);
  await page.keyboard.press("f");
  await viewer.getByRole("button", { name: "No longer a favourite (f)" }).waitFor();
  await until(() => site.fake.state.pictures[0].favourite);
  const saved = page.waitForEvent("download");
  await page.keyboard.press("d");
  assert.match((await saved).suggestedFilename(), /^jade-.*\.png$/);
  await page.keyboard.press("Escape");
  await viewer.waitFor({ state: "detached" });
});

test("a finger swipes to the next picture and down to close", async () => {
  fill(site.fake.state, 12);
  const phone = await visit(site, { width: 360 });
  await signIn(phone);
  await phone.goto("/gallery");
  await phone.getByRole("button", { name: /^Open: / }).first().tap();
  const viewer = phone.getByRole("dialog", { name: "Picture viewer" });
  const image = viewer.getByRole("img").first();
  const first = await image.getAttribute("src");
  await swipe(phone, [300, 300], [60, 310]);
  assert.notEqual(await image.getAttribute("src"), first);
  await swipe(phone, [180, 200], [185, 420]);
  await viewer.waitFor({ state: "detached" });
  assert.deepEqual(phone.faults, []);
  await phone.context().close();
});

test("more like this takes the picture, its prompt and person to the studio", async () => {
  fill(site.fake.state, 3);
  await signIn(page);
  await page.goto("/gallery");
  await open(1).click();
  const { id, prompt } = site.fake.state.pictures[1];
  await page.getByRole("button", { name: "More like this" }).click();
  await page.getByText("Like this picture").waitFor();
  assert.equal(await page.getByLabel("What do you want to see?").inputValue(), prompt);
  await page.getByRole("button", { name: "Draw 4 pictures" }).click();
  await page.getByText("Next in the queue").waitFor();
  assert.equal(site.fake.state.generations[0].like, id);
});

test("pictures are searched, put into an album, compared, zipped and deleted with a receipt", async () => {
  fill(site.fake.state, 12);
  await signIn(page);
  await page.goto("/gallery");
  await page.getByLabel("Search prompts").fill("LIBRARY");
  await page.waitForFunction(() => document.querySelectorAll('button[aria-label^="Open: "]').length === 2);
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await page.getByRole("button", { name: "New album" }).click();
  await page.getByLabel("Title of the album").fill("Best <b>of</b>");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("No picture fits the filters").waitFor();
  await page.getByRole("button", { name: "All pictures" }).click();
  await page.getByRole("button", { name: "Select", exact: true }).click();
  for (const index of [0, 1]) await page.getByRole("button", { name: /^Select: / }).nth(index).click();
  await page.getByText("2 selected").waitFor();
  await page.getByRole("button", { name: "Compare" }).click();
  assert.equal(await page.getByRole("dialog", { name: "Compare" }).getByRole("img").count(), 2);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Put into an album" }).click();
  await page.getByLabel("Best <b>of</b>").check();
  await page.getByRole("button", { name: "Close" }).click();
  assert.equal(site.fake.state.pictures.filter(({ albums }) => albums.length).length, 2);
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download as ZIP" }).click();
  assert.equal((await saved).suggestedFilename(), "pictures.zip");
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Delete 2 pictures" }).click();
  await page.getByText("2 pictures are deleted").waitFor();
  await page.getByText("Keep this receipt: it is your proof.").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  assert.equal(site.fake.state.pictures.length, 10);
  await page.waitForFunction(() => document.querySelectorAll('button[aria-label^="Open: "]').length === 10);
});

test("a picture is shared with a password, opened without an account, reported, and taken down by the owner", async () => {
  fill(site.fake.state, 3);
  await signIn(page);
  await page.goto("/gallery");
  await open(0).click();
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByLabel("Password (if you want one)").fill("schlüssel 🔑");
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = await page.getByLabel("Link", { exact: true }).inputValue();

  const stranger = await visit(site, { statuses: [401, 404] });
  await stranger.goto(link);
  await stranger.getByLabel("Password").fill("guess");
  await stranger.getByRole("button", { name: "Show the picture" }).click();
  await stranger.getByText("That is not the password.").waitFor();
  await stranger.getByLabel("Password").fill("schlüssel 🔑");
  await stranger.getByRole("button", { name: "Show the picture" }).click();
  await stranger.getByText("It is not a photograph.").waitFor();
  await stranger.getByText("C2PA manifest, signed").waitFor();
  await stranger.getByRole("button", { name: "Check the manifest in this browser" }).click();
  await stranger.getByText("This file has no manifest").waitFor();
  await stranger.getByText("Verify it yourself").click();
  await stranger.getByText("likeness detect picture.png").waitFor();
  await stranger.getByRole("button", { name: "Report this picture" }).click();
  await stranger.getByLabel("Your name").fill("Irene");
  await stranger.getByLabel("Your e-mail").fill("irene@example.org");
  await stranger.getByLabel("What should we know?").fill("<img src=x onerror=alert(1)> This is my face.");
  await stranger.getByRole("button", { name: "Send the report" }).click();
  await stranger.getByRole("link", { name: "Open the report's page" }).click();
  await stranger.getByText("Open: not decided yet").waitFor();
  await stranger.getByRole("definition").getByText("It shows me and I did not agree").waitFor();

  await page.goto("/admin");
  await page.getByRole("link", { name: "Takedowns" }).click();
  await page.getByText("<img src=x onerror=alert(1)> This is my face.").waitFor();
  await page.getByRole("button", { name: "Remove the picture and its copies" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Removed: the picture and its copies are gone").waitFor();
  await page.getByText(/^Decided by ada@example\.org, .* · 1 picture removed$/).waitFor();
  await stranger.reload();
  await stranger.getByText("Removed: the picture and its copies are gone").waitFor();
  await stranger.goto(link);
  await stranger.getByText("This link shows nothing").waitFor();
  assert.deepEqual(stranger.faults, []);
  await stranger.context().close();
});

test("the person portrayed sees every picture and who made it, narrows, and withdraws by typing the name", async () => {
  page.allow(404); // a thumbnail that was asked for when the consent ended
  const { state } = site.fake;
  shareOf();
  await page.goto(`/p/${state.portrayed}`);
  await page.getByText("by Ada Owner").first().waitFor();
  assert.equal(await page.getByText("by Ada Owner").count(), 3);
  await page.getByLabel("Costumes and roles").uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("It applies from now on.").waitFor();
  assert.deepEqual(state.people[0].kinds, ["portrait", "everyday", "free"]);
  await page.getByRole("button", { name: "Make a new link" }).click();
  await page.goto(await page.getByLabel("The new link").inputValue());
  const withdraw = page.getByRole("button", { name: "Withdraw everything" });
  await page.getByLabel("Type jade to confirm").fill("Jade");
  assert.equal(await withdraw.isDisabled(), true);
  await page.getByLabel("Type jade to confirm").fill("jade");
  await withdraw.click();
  await page.getByText("Your consent is withdrawn").waitFor();
  await page.getByText("Pictures withdrawn", { exact: true }).waitFor();
  await page.reload();
  await page.getByText("Your consent is withdrawn").waitFor();
  await signInOnly();
  await page.goto("/gallery");
  await page.getByText("No pictures yet").waitFor();
});

test("a second wish begins while the first one runs, and a third one after it", async () => {
  await signIn(page);
  for (const words of ["in a library", "at a market", "on a train"]) {
    await page.getByLabel("What do you want to see?").fill(words);
    await page.getByRole("button", { name: /^Draw / }).click();
    await page.getByRole("article", { name: new RegExp(words) }).waitFor();
  }
  assert.equal(await page.getByRole("article").count(), 3);
});

/** Effects whose function gives back whatever a call gives, a parent's function (`onEnd`) among them: React calls it when the effect ends. */
const LEAKS = /use(Layout)?Effect\(\(\) => (?!\{|void )|return on[A-Z]\w*\(/;

test("no effect hands on what a browser's function answers", () => {
  for (const name of readdirSync(`${WEB}components`, { recursive: true }).filter((one) => /\.tsx?$/.test(one)))
    assert.doesNotMatch(readFileSync(`${WEB}components/${name}`, "utf8"), LEAKS, name);
});

test("pictures that fly by are not fetched, and those where it stops are", async () => {
  fill(site.fake.state, 3000);
  await signIn(page);
  await page.goto("/gallery");
  await open(0).waitFor();
  const fetched = new Set();
  page.on("request", (request) => request.url().includes("size=thumb") && fetched.add(request.url()));
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000); // by the page's clock a jump takes 16 ms, however busy the machine is
  for (let jump = 0; jump < 40; jump++) {
    const scrolled = page.evaluate(() => new Promise((done) => (addEventListener("scroll", () => done(), { once: true }), scrollBy(0, 100))));
    await Promise.race([scrolled.catch(() => {}), page.waitForTimeout(1000)]); // a busy browser may tell of no scrolling
    await page.clock.runFor(16);
  }
  const before = fetched.size;
  await page.clock.resume();
  await page.waitForFunction(() => {
    const seen = [...document.querySelectorAll('button[aria-label^="Open: "]')].map((one) => [one.getBoundingClientRect(), one.querySelector("img")]).filter(([{ top, bottom }]) => bottom > 0 && top < innerHeight);
    return seen.length > 20 && seen.every(([, img]) => img?.complete && img.naturalWidth);
  });
  assert.ok(before < 40, `${before} fetched on the way`);
});

test("pictures in sight come before the next ones, and no other page is fetched for nobody", async () => {
  fill(site.fake.state, 300);
  await signIn(page);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto("/gallery");
  await open(0).waitFor();
  const first = (part) => asked.findIndex((url) => url.includes(part));
  await until(() => first("cursor=") >= 0);
  assert.ok(first("size=thumb") < first("cursor="), asked.join(" "));
  assert.equal(first("_rsc="), -1, asked[first("_rsc=")]);
});

/** The head of the answer to a request with this target and method in its first line. */
const headOf = (target, method = "GET") =>
  new Promise((done, fail) => {
    const { host, port, hostname } = new URL(site.url);
    let said = "";
    const socket = connect(Number(port), hostname, () => socket.write(`${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`));
    socket.on("data", (part) => (said += part)).on("end", () => done(said.split("\r\n\r\n")[0])).on("error", fail);
  });

test("a request that names another site in its first line is sent nowhere, and none leaves this site", async () => {
  for (const target of ["http://evil.example/gallery", "https://evil.example/api/session", "http://evil.example//s/token", "*"]) {
    const head = await headOf(target);
    assert.match(head, /^HTTP\/1.1 400 /, target);
    assert.doesNotMatch(head, /evil/, target);
  }
  for (const target of ["//evil.example/gallery", "/\\evil.example/x", "///evil.example/", "/gallery//", "/s/x/?to=//evil.example", "/%2F%2Fevil.example/"]) {
    const place = /^location: (.*)$/im.exec(await headOf(target));
    assert.match(place?.[1] ?? "/", /^\/(?![/\\])/, target);
  }
});

test("a page answers GET and HEAD and no other method; the API says itself which it takes", async () => {
  for (const target of ["/", "/gallery", "/s/token", "/apis", "/_next/static/x"])
    for (const method of ["TRACE", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"]) {
      const head = await headOf(target, method);
      assert.match(head, /^HTTP\/1.1 405 /, `${method} ${target}`);
      assert.match(head, /^allow: GET, HEAD$/im, `${method} ${target}`);
    }
  assert.match(await headOf("/api/session", "TRACE"), /^HTTP\/1.1 405 /);
  assert.doesNotMatch(await headOf("/api/session", "POST"), /^HTTP\/1.1 405 .*allow: GET, HEAD$/ims);
  assert.match(await headOf("/", "HEAD"), /^HTTP\/1.1 200 /);
});

test("an owner gives and takes rights, and finds it in the audit log; a member sees no admin page", async () => {
  const { state } = site.fake;
  state.users.push({ ...state.users[0], id: crypto.randomUUID(), email: "ben@example.org", name: "Ben", role: "member" });
  await signIn(page);
  state.rights = []; // also who may draw nobody gives rights
  await page.goto("/admin");
  await page.getByRole("link", { name: "Rights" }).click();
  await page.getByLabel("User").selectOption("Ben (ben@example.org)");
  await page.getByLabel("Any other words").uncheck();
  await page.getByLabel("Last day").fill("2031-01-31");
  await page.getByRole("button", { name: "Give the right" }).click();
  await page.getByRole("row", { name: /Ben .* Portraits, Everyday life, Costumes and roles Take it back/ }).waitFor();
  const member = await visit(site);
  await signIn(member, { email: "ben@example.org", password: OWNER.password });
  await member.getByText("Your right ends on Jan 31, 2031").waitFor();
  assert.ok(new Date(state.rights[0].until) > new Date("2031-01-31T23:00:00")); // that day counts
  assert.equal(await member.getByRole("link", { name: "Admin" }).count(), 0);
  await member.goto("/admin");
  await member.getByText("Only an owner sees this page").waitFor();
  assert.deepEqual(member.faults, []);
  await member.context().close();
  await page.getByRole("row", { name: /Ben/ }).getByRole("button", { name: "Take it back" }).click();
  await page.getByRole("row", { name: /Ben/ }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByText("right-taken").waitFor();
});

test("an owner sees what was paid and what banks dispute, and gives money back", async () => {
  await signIn(page);
  await page.goto("/admin/payments");
  for (const words of ["Disputed", "The bank asks", "Dispute lost"]) await page.getByText(words, { exact: true }).waitFor();
  const buttons = page.getByRole("button", { name: "Give money back" });
  assert.equal(await buttons.count(), 2); // nothing goes back of what a bank holds
  await buttons.last().click();
  await page.getByRole("dialog").getByRole("button", { name: "Give it back" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await buttons.nth(1).waitFor({ state: "detached" });
  assert.equal(site.fake.state.payments.at(-1).refunded, 2500);
});

test("signing out everywhere ends every session", async () => {
  await signIn(page);
  const other = await visit(site);
  await signIn(other);
  await page.goto("/account");
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await other.reload();
  await other.getByRole("button", { name: "Sign in" }).waitFor();
  await other.context().close();
});

test("credits are bought on Stripe's page, under one number until the answer came, and not where nothing is sold", async () => {
  const { state } = site.fake;
  await signIn(page);
  page.allow("net::ERR_FAILED");
  await page.goto("/money");
  await page.getByText("below 0.45 is yours and costs nothing").waitFor();
  await page.getByRole("radio", { name: "$25.00" }).check({ force: true });
  const sent = [];
  await page.route("**/api/money/checkout", (route) => (sent.push(route.request().postDataJSON()), route.abort()), { times: 1 });
  await page.getByRole("button", { name: "Pay $25.00" }).click();
  await page.getByText("The server cannot be reached").waitFor();
  await page.getByRole("button", { name: "Pay $25.00" }).click();
  await page.getByText("The credits are here as soon as").waitFor();
  assert.equal(new URL(page.url()).search, "?paid=1");
  assert.deepEqual(state.checkouts, sent, "the same attempt");
  await page.route("**/api/money/checkout", (route) => (sent.push(route.request().postDataJSON()), route.abort()), { times: 1 });
  await page.getByRole("button", { name: "Pay $10.00" }).click();
  await page.getByText("The server cannot be reached").waitFor();
  assert.equal(sent[1].cents, 1000);
  assert.notEqual(sent[1].attempt, sent[0].attempt);
  await page.route("**/api/money", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), sells: false } });
  });
  await page.goto("/money");
  await page.getByText("What would it earn?").waitFor();
  assert.equal(await page.getByRole("button", { name: /^Pay / }).count(), 0);
  await page.unrouteAll({ behavior: "ignoreErrors" }); // the page asks again every 5 seconds
});

test("the calculator computes with one's own figures, and no money page shows where money is off", async () => {
  await signIn(page);
  await page.goto("/money");
  await page.getByText("$6,727.50").waitFor();
  await page.getByLabel("Price of a picture ($)").fill("0.01");
  await page.getByText("At this price a picture costs more than it brings.").waitFor();
  site.fake.state.money = false;
  await page.reload();
  await page.getByText("This gallery takes no money").waitFor();
  assert.equal(await page.getByRole("link", { name: "Credits" }).count(), 0);
});

test("the theme chosen stays after a reload", async () => {
  await page.goto("/");
  await page.getByRole("button", { name: "Theme: As the system" }).click();
  await page.getByRole("button", { name: "Theme: Light" }).click();
  await page.reload();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
});

test("the site answers with a policy that runs no foreign or inline script", async () => {
  const answer = await page.goto("/");
  const policy = answer.headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self' 'nonce-/);
  assert.doesNotMatch(policy, /'unsafe-/); // 'wasm-unsafe-eval' compiles WebAssembly and nothing else
  assert.equal(answer.headers()["referrer-policy"], "no-referrer");
  const again = (await page.reload()).headers()["content-security-policy"];
  assert.notEqual(again, policy, "a nonce is used once");
});

// Without the studio's prompt, which nobody has who may use no likeness.
async function signInOnly() {
  await page.goto("/");
  await page.getByLabel("E-mail").fill(OWNER.email);
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("You may use nobody's likeness yet").waitFor();
}

async function until(holds) {
  for (const deadline = Date.now() + 15_000; !holds(); ) {
    assert.ok(Date.now() < deadline, String(holds));
    await page.waitForTimeout(20);
  }
}

async function swipe(phone, from, to) {
  const touch = await phone.context().newCDPSession(phone);
  const point = ([x, y]) => [{ x, y }];
  await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: point(from) });
  await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: point(to) });
  await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
}
