"""The README's two pictures of the demo, after `make demo`: `python -m tools.demo_pictures`

reads   data/jade/{ingested,swapped}, models/jade/{lora_training,evaluation/samples}
writes  docs/pictures/strip.jpg, docs/pictures/before_after.jpg
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from likeness.evaluate.contact_sheet import INK, PAPER, QUIET
from likeness.paths import PersonaPaths, item_id
from likeness.pipeline.manifest import Entry, read_manifest

PERSONA, PICTURES = "jade", Path("docs/pictures")
PAIRS = (("s1", "t10"), ("s6", "t9"), ("s3", "t7"))
HELD_OUT = ("s7", "s8")
SAMPLES = tuple((prompt, seed) for seed in (1, 2) for prompt in (1, 2, 3))
STRIP_PX, SAMPLE_PX, GAP_PX, LABEL_PX, TITLE_PX = 300, 176, 8, 90, 24
HEADROOM = 2.6  # faces' widths that a head's square shows


def strip(places: PersonaPaths) -> Image.Image:
    """A row a pair: source, target, swap, each cut to the head, and the whole training image."""
    folders = (places.ingested, places.ingested, places.swapped)
    known = [{one.id: one for one in read_manifest(folder).entries} for folder in folders]
    images = {one.id: one for one in read_manifest(places.lora_training).entries}
    rows: list[list[Image.Image]] = []
    for source, target in PAIRS:
        ids = tuple(
            item_id(PERSONA, *labels) for labels in ((source, None), (None, target), (source, target))
        )
        heads = [_head(folder, of[one]) for folder, of, one in zip(folders, known, ids, strict=True)]
        rows.append([*heads, _square(places.lora_training / images[ids[2]].file, STRIP_PX)])
    return _grid(rows, STRIP_PX, left=0, top=0)


def before_after(places: PersonaPaths) -> Image.Image:
    """The same prompts and seeds without and with the LoRA, beside the held-out photographs."""
    held_out = [one for one in read_manifest(places.ingested).entries if one.source in HELD_OUT]
    rows: list[list[Image.Image]] = []
    for how, photograph in zip(("without", "with"), held_out, strict=True):
        names = [f"{PERSONA}-p{prompt}-seed{seed}-{how}.jpg" for prompt, seed in SAMPLES]
        drawn = [_square(places.samples / name, SAMPLE_PX) for name in names]
        rows.append([*drawn, _head(places.ingested, photograph).resize((SAMPLE_PX, SAMPLE_PX))])
    sheet = _grid(rows, SAMPLE_PX, left=LABEL_PX, top=TITLE_PX)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    draw.text((LABEL_PX, 4), "the same prompts and seeds", QUIET, font)
    draw.text((sheet.width - SAMPLE_PX, 4), "her held-out photographs", QUIET, font)
    for line, label in enumerate(("base", "with LoRA")):
        draw.text((6, TITLE_PX + line * (SAMPLE_PX + GAP_PX) + SAMPLE_PX // 2), label, INK, font)
    return sheet


def _head(folder: Path, entry: Entry) -> Image.Image:
    """The square around a photograph's largest face."""
    x, y, width, height = max((face.box_px for face in entry.faces), key=lambda box: box[2] * box[3])
    half = HEADROOM * max(width, height) / 2
    middle_x, middle_y = x + width / 2, y + height / 2
    with Image.open(folder / entry.file) as image:
        half = min(half, image.width / 2, image.height / 2)
        left = round(min(max(middle_x - half, 0), image.width - 2 * half))
        top = round(min(max(middle_y - half, 0), image.height - 2 * half))
        box = (left, top, left + round(2 * half), top + round(2 * half))
        size = (STRIP_PX, STRIP_PX)
        return image.convert("RGB").crop(box).resize(size, Image.Resampling.LANCZOS)


def _square(path: Path, side_px: int) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.fit(image.convert("RGB"), (side_px, side_px), Image.Resampling.LANCZOS)


def _grid(rows: Sequence[Sequence[Image.Image]], side_px: int, *, left: int, top: int) -> Image.Image:
    step = side_px + GAP_PX
    size = (left + len(rows[0]) * step - GAP_PX, top + len(rows) * step - GAP_PX)
    sheet = Image.new("RGB", size, PAPER)
    for line, row in enumerate(rows):
        for column, image in enumerate(row):
            sheet.paste(image, (left + column * step, top + line * step))
    return sheet


def main() -> None:
    """Write both."""
    places = PersonaPaths(PERSONA)
    for name, picture in (("strip", strip(places)), ("before_after", before_after(places))):
        picture.save(PICTURES / f"{name}.jpg", quality=90, optimize=True)


if __name__ == "__main__":
    main()
