"""The contact sheet: what each prompt draws without and with the LoRA, above held-out photographs."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from likeness.evaluate import Arm
from likeness.evaluate.evaluation import CheckpointScore
from likeness.evaluate.samples import Planned, drawn_prompts
from likeness.images import RGB
from likeness.marks.xmp import SourceType, mark_png
from likeness.pipeline.manifest import Manifest
from likeness.pipeline.verified import REFUSED, Picture, why_not_shown
from likeness.run import Run
from likeness.stage_input import held_out_photographs

PAPER, INK, QUIET, TILE = (250, 249, 247), (32, 33, 36), (118, 118, 122), (235, 233, 229)

# Lengths in px for a cell of 256 px; all scale with the cell.
CELL_PX = 256
MARGIN, GAP, LABEL_WIDTH, HEADER, TITLE = 28, 10, 132, 84, 64
TITLE_SIZE, LABEL_SIZE, TEXT_SIZE = 24, 15, 13
TEXT_COLUMNS = 34  # characters of a prompt on one line of a cell's width
TEXT_LINES = 4
NOT_DRAWN = "not drawn"
HELD_OUT_SHOWN = 24  # photographs at most: they are the widest row
TILE_COLUMNS = 24  # of an empty place
_font = ImageFont.load_default

LABELS: Mapping[Arm, str] = {"base": "without", "lora": "with LoRA", "reference": "reference", "both": "both"}
"""How a picture is drawn, and its row's label."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: its label, a quiet second line, and one picture, or why it is not shown, per column."""

    label: str
    note: str
    cells: Sequence[RGB | str]


def samples_sheet(
    run: Run, title: str, planned: Sequence[Planned], drawn: Manifest, pictures: Mapping[str, RGB]
) -> bytes:
    """The sheet of all samples; `pictures` are the written ones by id."""
    rows = sample_rows(planned, drawn, pictures, held_out_photographs(run))
    return contact_sheet(title, drawn_prompts(run), rows, cell_px=run.config.evaluate.cell_px)


def sample_rows(
    planned: Sequence[Planned], drawn: Manifest, pictures: Mapping[str, RGB], held_out: Sequence[Picture]
) -> list[Row]:
    """A row for each seed and way to draw, then the held-out photographs; no `review`."""
    by_id = {one.id: why_not_shown(one.file, one.rating) or pictures[one.id] for one in drawn.entries}
    by_place = {(one.prompt, one.seed, one.arm): by_id.get(one.id, REFUSED) for one in planned}
    prompts = dict.fromkeys(one.prompt for one in planned)
    arms = {one.arm for one in planned}
    rows: list[Row] = []
    for seed in dict.fromkeys(one.seed for one in planned):
        for arm, label in LABELS.items():
            cells = [by_place.get((prompt, seed, arm), NOT_DRAWN) for prompt in prompts]
            rows += [Row(label=label, note=f"seed {seed}", cells=cells)] if arm in arms else []
    return [*rows, held_out_row(held_out)]


def held_out_row(photographs: Sequence[Picture]) -> Row:
    """What the pictures are compared with."""
    cells = [photo.rgb() for photo in photographs[:HELD_OUT_SHOWN]]
    return Row(label="held out", note="photographs, never trained on", cells=cells)


def xy_plot(
    title: str,
    planned: Sequence[Planned],
    judged: Sequence[tuple[CheckpointScore, Sequence[RGB | str]]],
    *,
    cell_px: int,
) -> bytes:
    """A sheet with a column for each of the planned pictures, and a row for each step and strength that drew them."""
    rows: list[Row] = []
    for at, cells in judged:
        score = "no face" if at.similarity is None else f"similarity {at.similarity:.2f}"
        rows.append(Row(label=f"step {at.step}", note=f"strength {at.strength:g} {score}", cells=cells))
    return contact_sheet(title, [f"seed {one.seed}: {one.prompt}" for one in planned], rows, cell_px=cell_px)


def contact_sheet(title: str, columns: Sequence[str], rows: Sequence[Row], *, cell_px: int) -> bytes:
    """The sheet as PNG bytes, with its source type in XMP; the same pictures and words give the same bytes.

    Fonts are Pillow's built-in one, so no font of the machine changes the picture.
    """
    unit = cell_px / CELL_PX
    margin, gap, labels, header, top = (round(unit * x) for x in (MARGIN, GAP, LABEL_WIDTH, HEADER, TITLE))
    across = max(len(columns), *(len(row.cells) for row in rows))
    width = 2 * margin + labels + across * (cell_px + gap)
    height = 2 * margin + top + header + len(rows) * (cell_px + gap)
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((margin, margin), title, INK, _font(TITLE_SIZE * unit))
    for index, text in enumerate(columns):
        lines = textwrap.wrap(text, TEXT_COLUMNS, max_lines=TEXT_LINES, placeholder=" ...")
        place = (margin + labels + index * (cell_px + gap), margin + top)
        draw.multiline_text(place, "\n".join(lines), QUIET, _font(TEXT_SIZE * unit), spacing=round(4 * unit))
    for line, row in enumerate(rows):
        y = margin + top + header + line * (cell_px + gap)
        draw.text((margin, y), row.label, INK, _font(LABEL_SIZE * unit))
        draw.multiline_text(
            (margin, y + round(24 * unit)),
            textwrap.fill(row.note, 18),
            QUIET,
            _font(TEXT_SIZE * unit),
            spacing=round(4 * unit),
        )
        for index, cell in enumerate(row.cells):
            sheet.paste(tile(cell, cell_px), (margin + labels + index * (cell_px + gap), y))
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", compress_level=6)
    return mark_png(buffer.getvalue(), SourceType.COMPOSITE_WITH_TRAINED)


def in_place_of_picture(why: str) -> str:
    """What stands where a picture is not shown."""
    return why if why == NOT_DRAWN else f"not shown: {why}"


def tile(cell: RGB | str, cell_px: int) -> Image.Image:
    """A square tile: the picture fitted in whole, or an empty place that says why."""
    square = Image.new("RGB", (cell_px, cell_px), TILE)
    if isinstance(cell, str):
        ImageDraw.Draw(square).multiline_text(
            (cell_px / 2, cell_px / 2),
            textwrap.fill(in_place_of_picture(cell), TILE_COLUMNS),
            QUIET,
            _font(cell_px / 20),
            anchor="mm",
            align="center",
        )
        return square
    picture = Image.fromarray(np.ascontiguousarray(cell))
    scale = cell_px / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    fitted = picture.resize(size, Image.Resampling.LANCZOS)
    square.paste(fitted, ((cell_px - fitted.width) // 2, (cell_px - fitted.height) // 2))
    return square
