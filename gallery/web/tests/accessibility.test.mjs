// axe-core over every view, in both themes and both widths: nothing serious, and nothing wider than the screen.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fill, generate } from "./fake/state.mjs";
import { oddViews } from "./odd-views.mjs";
import { openSite, PROVOKED, signIn, violations, visit, WIDTHS } from "./site.mjs";
import { prepare, views } from "./views.mjs";

let site, places;
before(async () => {
  site = await openSite();
  places = prepare(site, { fill, generate });
});
after(() => site.stop());

async function hold(page, name) {
  assert.deepEqual(await violations(page), [], name);
  // A theme is other colours and nothing else.
  await page.emulateMedia({ colorScheme: "dark" });
  assert.deepEqual(await violations(page, ["color-contrast"]), [], `${name}, dark`);
  await page.emulateMedia({ colorScheme: "light" });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, `${name} is wider than the screen`);
}

for (const width of WIDTHS)
  test(`every view is accessible at ${width} px`, async () => {
    const page = await visit(site, { width, statuses: [401, 404] });
    await signIn(page);
    for (const [name, show] of Object.entries(views(places))) {
      await show(page);
      await hold(page, name);
    }
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });

for (const width of [320, 1400])
  test(`every rare view is accessible at ${width} px`, async () => {
    const page = await visit(site, { width, statuses: PROVOKED });
    await signIn(page);
    for (const [name, show] of Object.entries(oddViews(places))) {
      await show(page);
      await hold(page, name);
      await page.unrouteAll({ behavior: "ignoreErrors" });
    }
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
