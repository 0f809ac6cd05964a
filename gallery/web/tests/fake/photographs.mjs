// Thumbnails of the synthetic people in data/jade/raw (CC0), made when the fake starts and kept beside the build.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";

const ROOT = new URL("../../../../data/jade/raw/", import.meta.url).pathname;
const KEPT = new URL("../../.next/fake-pictures/", import.meta.url).pathname;
const CROPS = [1, 0.92, 0.84, 0.76, 0.68];
/** Longest side of a thumbnail and of a picture, in pixels. */
const [THUMB, FULL] = [384, 1024];

async function variant(file, crop, index) {
  const picture = sharp(file).rotate();
  const { width, height } = await sharp(await picture.clone().toBuffer()).metadata();
  const [w, h] = [Math.round(width * crop), Math.round(height * crop)];
  const cut = picture.extract({ left: Math.floor((width - w) / 2), top: 0, width: w, height: h });
  const size = (side) => cut.clone().resize(side, side, { fit: "inside" }).jpeg({ quality: 80 });
  const full = await size(FULL).toBuffer({ resolveWithObject: true });
  writeFileSync(join(KEPT, `${index}-full.jpg`), full.data);
  writeFileSync(join(KEPT, `${index}-thumb.jpg`), await size(THUMB).toBuffer());
  return { width: full.info.width, height: full.info.height };
}

/** [{thumb, full, width, height}]: bytes of JPEG files. */
export async function photographs() {
  const list = join(KEPT, "list.json");
  if (!existsSync(list)) {
    mkdirSync(KEPT, { recursive: true });
    const files = ["sources", "targets"].flatMap((folder) =>
      readdirSync(join(ROOT, folder)).filter((name) => /\.(jpg|png)$/.test(name)).sort().map((name) => join(ROOT, folder, name)),
    );
    const sizes = [];
    for (const crop of CROPS) for (const file of files) sizes.push(await variant(file, crop, sizes.length));
    writeFileSync(list, JSON.stringify(sizes));
  }
  return JSON.parse(readFileSync(list, "utf8")).map((size, index) => ({
    ...size,
    thumb: readFileSync(join(KEPT, `${index}-thumb.jpg`)),
    full: readFileSync(join(KEPT, `${index}-full.jpg`)),
  }));
}
