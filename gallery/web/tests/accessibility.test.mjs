// axe-core over every view, in both themes and both widths: nothing serious, and nothing wider than the screen.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fill, generate } from "./fake/state.mjs";
import { oddViews } from "./odd-views.mjs";
import { openSite, PROVOKED, signIn, THEMES, violations, visit, WIDTHS } from "./site.mjs";
import { prepare, views } from "./views.mjs";

let site, places;
before(async () => {
  site = await openSite();
  places = prepare(site, { fill, generate });
});
after(() => site.stop());

async function hold(page, name) {
  assert.deepEqual(await violations(page), [], name);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, `${name} is wider than the screen`);
}

for (const width of WIDTHS)
  for (const theme of THEMES)
    test(`every view is accessible at ${width} px, ${theme}`, async () => {
      const page = await visit(site, { width, theme, statuses: [401, 404] });
      await signIn(page);
      for (const [name, show] of Object.entries(views(places))) {
        await show(page);
        await hold(page, name);
      }
      assert.deepEqual(page.faults, []);
      await page.context().close();
    });

for (const [width, theme] of [[320, "light"], [1400, "dark"]])
  test(`every rare view is accessible at ${width} px, ${theme}`, async () => {
    const page = await visit(site, { width, theme, statuses: PROVOKED });
    await signIn(page);
    for (const [name, show] of Object.entries(oddViews(places))) {
      await show(page);
      await hold(page, name);
      await page.unrouteAll({ behavior: "ignoreErrors" });
    }
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
