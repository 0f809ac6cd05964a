// axe-core over every view, in both themes and both widths: nothing serious, and nothing wider than the screen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fill, generate } from "./fake/state.mjs";
import { openSite, signIn, THEMES, visit, WIDTHS } from "./site.mjs";
import { prepare, views } from "./views.mjs";

const AXE = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
let site, places;
before(async () => {
  site = await openSite();
  places = prepare(site, { fill, generate });
});
after(() => site.stop());

async function violations(page) {
  // By the debugger, which the page's policy does not bind.
  await page.evaluate(AXE);
  const { violations: found } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes[0].html} ${nodes[0].failureSummary}`);
}

for (const width of WIDTHS)
  for (const theme of THEMES)
    test(`every view is accessible at ${width} px, ${theme}`, async () => {
      const page = await visit(site, { width, theme, statuses: [401, 404] });
      await signIn(page);
      for (const [name, show] of Object.entries(views(places))) {
        await show(page);
        assert.deepEqual(await violations(page), [], name);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(overflow, 0, `${name} is wider than the screen`);
      }
      assert.deepEqual(page.faults, []);
      await page.context().close();
    });
