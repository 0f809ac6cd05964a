// Pages as few people see them: nothing there yet, too much of it, a server that is gone, an end. The answers are the fake's own, changed on the way.
const goto = (path, ready) => async (page) => {
  await page.goto(path);
  await page.getByText(ready).first().waitFor();
};

/** Shows a page while some answers are others: `changes` gives for an address what its JSON becomes, or a status to refuse with. */
const changed = (changes, show) => async (page) => {
  for (const [path, change] of Object.entries(changes))
    await page.route(path, async (route) => {
      if (change === "gone") return route.abort();
      if (typeof change !== "function") return route.request().method() === "GET" ? route.fallback() : route.fulfill({ status: change.status, json: { error: change } });
      const answer = await route.fetch();
      return route.fulfill({ response: answer, json: change(await answer.json()) });
    });
  await show(page);
};

const empty = (page) => ({ ...page, items: [] });
const many = (count, one) => (page) => ({ ...page, items: Array.from({ length: count }, (_, index) => ({ ...page.items[index % page.items.length], id: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`, ...one(index) })) });
const ended = (status, error, pictures) => (page) => ({ ...page, items: [{ ...page.items.find((one) => one.pictures.length > 1), status, error, done: pictures, seconds_left: null, place: null, refused: [] }].map((one) => ({ ...one, pictures: one.pictures.slice(0, pictures) })) });
const long = "a.very.long.name.that.somebody.really.has.at.work";
const draw = (until) => async (page) => {
  await page.goto("/");
  await page.getByLabel("What do you want to see?").fill("at a market, laughing");
  await page.getByRole("button", { name: /^Draw/ }).click();
  await page.getByText(until).first().waitFor();
};
const revoked = { id: "5a0c4b1e-0d0b-4a47-9c5e-0d9c5c1f7b11", at: new Date().toISOString(), person: "jade", consent: "jade-2026", withdrawn: 312, shares: 4, cancelled: 2, storage: 312, listed: true };

export const oddViews = ({ portrayed }) => ({
  "studio-empty": changed({ "**/api/generations": empty, "**/api/pictures?*": empty }, goto("/", "Your pictures appear here")),
  "studio-nobody": changed({ "**/api/people": () => [], "**/api/generations": empty }, goto("/", "You may use nobody")),
  "studio-quota": changed({ "**/api/generations": { status: 429, reason: "quota", sentence: "2 of 20 pictures are left today.", remedy: "Ask for fewer, or tomorrow (UTC)." } }, draw("Ask for fewer")),
  "studio-refused": changed({ "**/api/generations": { status: 403, reason: "consent-revoked", sentence: "No consent in force covers this.", remedy: "Ask an owner of this gallery." } }, draw("Ask an owner")),
  "studio-database": changed({ "**/api/generations": { status: 503, reason: "database", sentence: "This does not work just now.", remedy: "Try again in a moment." } }, draw("Try again in a moment")),
  "run-failed": changed({ "**/api/generations": ended("failed", "It did not work, however often it was tried.", 0) }, goto("/", "It did not work")),
  "run-failed-late": changed({ "**/api/generations": ended("failed", null, 2) }, goto("/", "The run failed. What was not drawn costs nothing.")),
  "run-cancelled": changed({ "**/api/generations": ended("cancelled", "The person portrayed, the consent record or the right to draw the person allows no more pictures.", 1) }, goto("/", "allows no more pictures")),
  "gallery-empty": changed({ "**/api/pictures?*": empty, "**/api/albums": empty }, goto("/gallery", "No pictures yet")),
  "gallery-offline": changed({ "**/api/pictures?*": "gone", "**/api/events": "gone" }, async (page) => {
    await page.goto("/gallery");
    await page.getByText("The server cannot be reached").waitFor();
  }),
  "admin-many": changed({ "**/api/admin/users": many(150, (index) => ({ email: `${long}.${index}@a-subdomain.example.org`, name: `Somebody With A Rather Long Name ${index}`, role: "member", disabled: index % 9 === 4 })) }, goto("/admin", `${long}.7@`)),
  "admin-rights-many": changed({ "**/api/admin/rights": many(150, (index) => ({ user: `Somebody With A Rather Long Name ${index}`, used_today: index })) }, goto("/admin/rights", "Name 7")),
  "admin-refused-many": changed({ "**/api/admin/refusals": many(200, (index) => ({ id: String(index), prompt: index % 2 ? `jade woman, ${"in a coat that is longer than most coats are, ".repeat(1 + (index % 6))}` : null })) }, goto("/admin/refusals", "longer than most")),
  "admin-empty": changed({ "**/api/admin/takedowns": empty }, goto("/admin/takedowns", "Nothing here")),
  "report-sent": async (page) => {
    await goto("/s/open", "It is not a photograph")(page);
    await page.getByRole("button", { name: "Report this picture" }).click();
    await page.getByLabel("Your name").fill("Irene");
    await page.getByLabel("Your e-mail").fill("irene@example.org");
    await page.getByLabel("What should we know?").fill("This is my face.");
    await page.getByRole("button", { name: "Send the report" }).click();
    await page.getByText("Your report has arrived").waitFor();
  },
  "takedown-removed": goto("/t/report-2", "Removed"),
  "takedown-gone": goto("/t/nothing", "There is no report"),
  "portrayed-revoked": changed({ "**/api/portrayed/*": (page) => ({ ...page, revoked, users: [], gone: 312, pictures: { items: [], next: null } }) }, goto(portrayed, "Your consent is withdrawn")),
  "portrayed-nobody": changed({ "**/api/portrayed/*": (page) => ({ ...page, users: [], gone: 0, pictures: { items: [], next: null } }) }, goto(portrayed, "Nobody has made")),
  "portrayed-gone": goto("/p/nothing", "This link opens nothing"),
});
