// Every page in a state worth looking at: the screenshots and the accessibility test go through the same list.

/** Fills the fake with what the pages show; gives the addresses of what has one. */
export function prepare({ fake }, { fill, generate }) {
  const { state } = fake;
  const [owner] = state.users;
  fill(state, 300);
  state.users.push({ ...owner, id: crypto.randomUUID(), email: "ben@example.org", name: "Ben Member", role: "member" });
  state.albums.push({ id: crypto.randomUUID(), title: "For the exhibition", pictures: 0 }, { id: crypto.randomUUID(), title: "Family", pictures: 0 });
  const share = (token, password) => state.shares.push({ id: crypto.randomUUID(), token, expires: new Date(Date.now() + 1e8).toISOString(), picture_id: state.pictures[2].id, password });
  share("open", null);
  share("locked", "open sesame");
  const report = { receipt: "report-1", picture_id: "none", name: "Irene", email: "irene@example.org", reason: "portrayed", statement: "This is my face. I never agreed to it.", created: new Date().toISOString(), due: new Date(Date.now() + 1.7e8).toISOString(), status: "open", decided: null, decision: null, copies: 0, by: null };
  state.takedowns.push(report, { ...report, receipt: "report-2", status: "removed", decision: "remove", decided: report.created, copies: 2 });
  const wish = { version_id: state.people[0].versions[0].id, count: 4, strength: 1, aspect: "portrait" };
  state.pace = 5;
  state.refuse = 1;
  generate(state, owner, { ...wish, prompt: "at a market, laughing, morning sun" });
  setTimeout(() => {
    state.refuse = 0;
    state.pace = 1e8;
    const run = generate(state, owner, { ...wish, prompt: "in a red coat, in front of a lighthouse, evening light", count: 4 });
    Object.assign(run, { status: "drawing", done: 2, pictures: state.pictures.slice(0, 2).map(({ id }) => id) });
  }, 100);
  return { portrayed: `/p/${state.portrayed}` };
}

const goto = (path, ready) => async (page) => {
  await page.goto(path);
  await page.getByText(ready).first().waitFor();
};

export const views = ({ portrayed }) => ({
  studio: goto("/", "Drawing"),
  gallery: goto("/gallery", "day,"),
  viewer: async (page) => {
    await goto("/gallery", "day,")(page);
    await page.getByRole("button", { name: /^Open: jade/ }).nth(1).click();
    await page.getByRole("dialog").waitFor();
  },
  share: async (page) => {
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByRole("dialog", { name: "Share this picture" }).waitFor();
  },
  selection: async (page) => {
    await goto("/gallery", "day,")(page);
    await page.getByRole("button", { name: "Filters" }).click();
    await page.getByRole("button", { name: "Select", exact: true }).click();
    for (const index of [0, 1, 2]) await page.getByRole("button", { name: /^Select: / }).nth(index).click();
  },
  compare: async (page) => {
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByRole("dialog", { name: "Compare" }).waitFor();
  },
  account: goto("/account", "this one"),
  money: goto("/money", "Left a month"),
  admin: goto("/admin", "Ben Member"),
  "admin-rights": goto("/admin/rights", "Give a right"),
  "admin-queue": goto("/admin/queue", "drawing"),
  "admin-refused": goto("/admin/refusals", "identity"),
  "admin-takedowns": goto("/admin/takedowns", "This is my face"),
  "admin-remove": async (page) => {
    await page.getByRole("button", { name: "Remove the picture and its copies" }).click();
    await page.getByRole("dialog").waitFor();
  },
  "admin-payments": goto("/admin/payments", "Dispute lost"),
  refund: async (page) => {
    await page.getByRole("button", { name: "Give money back" }).last().click();
    await page.getByRole("dialog").waitFor();
  },
  "admin-audit": goto("/admin/audit", "Export"),
  "admin-storage": goto("/admin/storage", "srv"),
  shared: async (page) => {
    await goto("/s/open", "It is not a photograph")(page);
    await page.getByRole("button", { name: "Report this picture" }).click();
  },
  "shared-locked": goto("/s/locked", "This picture has a password"),
  "shared-gone": goto("/s/nothing", "This link shows nothing"),
  takedown: goto("/t/report-1", "Open: not decided yet"),
  portrayed: goto(portrayed, "Every picture"),
  "portrayed-end": async (page) => {
    await page.getByRole("heading", { name: "Withdraw your consent" }).scrollIntoViewIfNeeded();
  },
  "not-found": goto("/nothing/here", "There is no such page"),
  welcome: async (page) => {
    await page.context().clearCookies({ name: "session" });
    await goto("/", "Forgot your password?")(page);
  },
  "sign-up": goto("/invitation#token=x", "You were invited"),
});
