// Screenshots of every page in both themes and both widths, for a person to look at: node tests/screens.mjs FOLDER [NAME...]
import { mkdirSync } from "node:fs";
import { fill, generate } from "./fake/state.mjs";
import { openSite, PROVOKED, signIn, THEMES, visit, WIDTHS } from "./site.mjs";
import { oddViews } from "./odd-views.mjs";
import { prepare, views } from "./views.mjs";

const [folder = ".next/screens", ...names] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const site = await openSite();
try {
  const places = prepare(site, { fill, generate });
  for (const width of WIDTHS)
    for (const theme of THEMES) {
      const page = await visit(site, { width, theme, statuses: PROVOKED });
      await signIn(page);
      for (const [name, show] of [...Object.entries(oddViews(places)), ...Object.entries(views(places))]) {
        if (names.length && !names.includes(name)) continue;
        await show(page);
        await page.waitForTimeout(400);
        await page.screenshot({ path: `${folder}/${name}-${width}-${theme}.png` });
        await page.unrouteAll({ behavior: "ignoreErrors" });
      }
      if (page.faults.length) console.log(width, theme, page.faults);
      await page.context().close();
    }
} finally {
  await site.stop();
}
