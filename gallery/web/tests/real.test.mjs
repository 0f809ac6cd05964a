// The whole way before the real API, its PostgreSQL and a worker that draws jade's photographs: one story, told in its order.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openRealSite, signIn, violations, visit } from "./site.mjs";

const BEN = { email: "ben@example.org", password: "a long password of ben" };
let site, owner, ben, link;
before(async () => (site = await openRealSite()), { timeout: 120_000 });
after(() => site.stop());

/** Nothing serious in the page as it stands, and a silent console. */
async function whole(page) {
  assert.deepEqual(await violations(page), [], page.url());
  assert.deepEqual(page.faults, [], page.url());
}

/** The file with one bit of its pixels turned. */
async function changed(route) {
  const response = await route.fetch();
  const body = await response.body();
  body[body.length - 1000] ^= 1;
  await route.fulfill({ response, body });
}

test("an owner invites Ben, who signs up; the owner gives him a right", async () => {
  owner = await visit(site);
  await signIn(owner, site.owner);
  await owner.goto("/admin");
  await owner.getByLabel("E-mail: the link goes there").fill(BEN.email);
  await owner.getByRole("button", { name: "Make an invitation" }).click();
  const invitation = await owner.getByLabel("Link", { exact: true }).inputValue();
  ben = await visit(site);
  await ben.goto(invitation);
  await ben.getByLabel("Name").fill("Ben");
  await ben.getByLabel("E-mail").fill(BEN.email);
  await ben.getByLabel("Password").fill(BEN.password);
  await whole(ben);
  await ben.getByRole("button", { name: "Make an account" }).click();
  await ben.getByText("You may use nobody's likeness yet").waitFor();
  await owner.goto("/admin/rights");
  await owner.getByLabel("User").selectOption(`Ben (${BEN.email})`);
  await owner.getByRole("button", { name: "Give the right" }).click();
  await owner.getByRole("row", { name: /Ben/ }).waitFor();
  await owner.locator("button:disabled").waitFor({ state: "detached" }); // pale while the answer is read
  await whole(owner);
});

test("a run is watched, goes on over a reload in its middle, and ends in the gallery", async () => {
  await ben.reload();
  await ben.getByLabel("What do you want to see?").fill("jade in a library, reading");
  await ben.getByRole("radio", { name: "3" }).check({ force: true });
  await ben.getByRole("button", { name: "Draw 3 pictures" }).click();
  await ben.getByText("jade · Drawing: 0 of 3 ready").waitFor({ timeout: 240_000 });
  await site.allow(1);
  await ben.getByText("jade · Drawing: 1 of 3 ready").waitFor({ timeout: 240_000 });
  await whole(ben);
  await ben.reload();
  await ben.getByText("jade · Drawing: 1 of 3 ready").waitFor();
  await site.allow(2);
  await ben.getByText("jade · Drawing: 2 of 3 ready").waitFor({ timeout: 240_000 });
  await site.allow(3);
  await ben.getByText("3 pictures ·").waitFor({ timeout: 240_000 });
  await ben.goto("/gallery");
  await ben.getByRole("button", { name: /^Open: / }).nth(2).waitFor();
  await whole(ben);
});

test("a refused prompt says why and costs nothing", async () => {
  await ben.goto("/");
  ben.allow(422);
  await ben.getByLabel("What do you want to see?").fill("jade naked on a bed");
  await ben.getByRole("button", { name: /^Draw / }).click();
  await ben.getByText(/says 'naked'/).waitFor();
  await ben.getByText("3 of 20 pictures used today").waitFor();
});

test("a passkey is added with the password, signs in without it, and is removed", async () => {
  const device = await ben.context().newCDPSession(ben);
  await device.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  await device.send("WebAuthn.addVirtualAuthenticator", { options });
  await ben.goto("/account");
  await ben.getByLabel("What to call it").fill("Ben's phone");
  await ben.getByLabel("Your password, once").fill(BEN.password);
  await ben.getByRole("button", { name: "Add a passkey" }).click();
  await ben.getByText("not used yet").waitFor();
  await whole(ben);
  await ben.getByRole("button", { name: "Sign out", exact: true }).click();
  await ben.getByRole("button", { name: "Use a passkey" }).click();
  await ben.getByLabel("What do you want to see?").waitFor();
  await ben.goto("/account");
  await ben.getByText("Last used").waitFor();
  await ben.getByRole("button", { name: "Remove: Ben's phone" }).click();
  await ben.getByRole("button", { name: "Remove: Ben's phone" }).waitFor({ state: "detached" });
});

test("a picture is shared with a password, reported without an account, and taken down", async () => {
  await ben.goto("/gallery");
  await ben.getByRole("button", { name: /^Open: / }).first().click();
  await ben.getByRole("button", { name: "Check the manifest in this browser" }).click();
  await ben.getByText("Checked here: the manifest fits this file").waitFor();
  await whole(ben);
  await ben.getByRole("button", { name: "Share" }).click();
  await ben.getByLabel("Password (if you want one)").fill("schlüssel 🔑");
  await ben.getByRole("button", { name: "Make a link" }).click();
  link = await ben.getByLabel("Link", { exact: true }).inputValue();
  const stranger = await visit(site, { statuses: [401, 404] });
  await stranger.goto(link);
  await stranger.getByLabel("Password").fill("schlüssel 🔑");
  await stranger.getByRole("button", { name: "Show the picture" }).click();
  await stranger.getByText("It is not a photograph.").waitFor();
  await stranger.getByText("C2PA manifest, signed").waitFor();
  await stranger.getByRole("button", { name: "Check the manifest in this browser" }).click();
  await stranger.getByText("Checked here: the manifest fits this file").waitFor();
  await stranger.getByText("It says that a network drew the picture.").waitFor();
  await whole(stranger);
  await stranger.route("**/file", changed);
  await stranger.reload();
  await stranger.getByLabel("Password").fill("schlüssel 🔑");
  await stranger.getByRole("button", { name: "Show the picture" }).click();
  await stranger.getByRole("button", { name: "Check the manifest in this browser" }).click();
  await stranger.getByText("The manifest does not fit this file").waitFor();
  await whole(stranger);
  await stranger.getByRole("button", { name: "Report this picture" }).click();
  await stranger.getByLabel("Your name").fill("Irene");
  await stranger.getByLabel("Your e-mail").fill("irene@example.org");
  await stranger.getByLabel("What should we know?").fill("This is my face.");
  await stranger.getByRole("button", { name: "Send the report" }).click();
  await stranger.getByRole("link", { name: "Open the report's page" }).click();
  await stranger.getByText("Open: not decided yet").waitFor();
  await owner.goto("/admin/takedowns");
  await owner.getByText("This is my face.").waitFor();
  await owner.getByText("Show the picture").click();
  await owner.getByRole("button", { name: "Check the manifest in this browser" }).click();
  await owner.getByText("Checked here: the manifest fits this file").waitFor();
  await whole(owner);
  await owner.getByRole("button", { name: "Remove the picture and its copies" }).click();
  await owner.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await owner.getByText("Removed: the picture and its copies are gone").waitFor();
  await stranger.reload();
  await stranger.getByText("Removed: the picture and its copies are gone").waitFor();
  await whole(stranger);
  await stranger.goto(link);
  await stranger.getByText("This link shows nothing").waitFor();
  await stranger.context().close();
});

test("the person portrayed sees who made what, withdraws, and nothing is left", async () => {
  await owner.goto("/admin/rights");
  await owner.getByRole("button", { name: "Show jade's link" }).click();
  const own = await owner.getByLabel("Link for the person portrayed").inputValue();
  const jade = await visit(site, { statuses: [404, 410] }); // a thumbnail that is asked for when the consent ends
  await jade.goto(own);
  await jade.getByText("by Ben").first().waitFor();
  assert.ok((await jade.getByText("by Ben").count()) >= 1);
  await jade.getByRole("button", { name: "Verify" }).first().click();
  await jade.getByText("Checked here: the manifest fits this file").waitFor();
  await whole(jade);
  await jade.getByLabel("Type jade to confirm").fill("jade");
  await jade.getByRole("button", { name: "Withdraw everything" }).click();
  await jade.getByText("Your consent is withdrawn").waitFor();
  await whole(jade);
  await ben.goto("/gallery");
  await ben.getByText("No pictures yet").waitFor();
  await ben.goto("/");
  await ben.getByText("You may use nobody's likeness yet").waitFor();
  await jade.context().close();
});

test("the administration tells all of it, and its log is whole", async () => {
  for (const [part, ready] of [["users", "Ben"], ["queue", null], ["workers", null], ["refusals", null], ["storage", "pictures"], ["audit", "No line was changed or removed."], ["audit", "prompt-refused"]]) {
    await owner.goto(`/admin/${part}`);
    if (ready) await owner.getByText(ready).first().waitFor();
    await whole(owner);
  }
});
