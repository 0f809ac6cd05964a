"""The contact sheet."""

import io
from types import SimpleNamespace

import numpy as np
from PIL import Image

from likeness.evaluate.contact_sheet import (
    HELD_OUT_SHOWN,
    LABEL_WIDTH,
    MARGIN,
    NOT_DRAWN,
    Row,
    contact_sheet,
    sample_rows,
)
from likeness.evaluate.samples import Planned
from likeness.marks.xmp import SourceType, find_code
from likeness.pipeline.manifest import Manifest

RED = np.zeros((40, 30, 3), np.uint8) + np.array([200, 0, 0], np.uint8)
PHOTO = SimpleNamespace(rgb=lambda: RED)


def sheet(cells, cell_px=64) -> tuple[bytes, Image.Image]:
    rows = [Row(label="with LoRA", note="seed 1", cells=cells)]
    data = contact_sheet("jade", ["a prompt " * 20] * len(cells), rows, cell_px=cell_px)
    return data, Image.open(io.BytesIO(data))


def test_every_column_gets_its_picture():
    image = sheet([RED, "refused", RED])[1]
    reds = (np.asarray(image).astype(int) - [200, 0, 0]).__abs__().sum(axis=2) < 12
    columns = np.flatnonzero(reds.any(axis=0))
    assert columns.max() - columns.min() > 2 * 64
    pitch = 64 + round(10 * 64 / 256)
    middle = round((MARGIN + LABEL_WIDTH) * 64 / 256) + pitch + 32
    assert not reds[:, middle].any()  # nothing was drawn there


def test_equal_input_gives_equal_bytes_and_the_cell_sets_the_size():
    assert sheet([RED])[0] == sheet([RED])[0]
    assert sheet([RED], 128)[1].width > sheet([RED], 64)[1].width


def test_the_label_is_drawn():
    image = np.asarray(sheet([RED], 256)[1])
    labels = image[:, MARGIN : MARGIN + LABEL_WIDTH - 10]
    assert (labels.sum(axis=2) < 300).any()


def test_a_sheet_of_drawn_pictures_says_that_they_were_drawn():
    assert find_code(sheet([RED])[0]) == SourceType.COMPOSITE_WITH_TRAINED


def test_a_picture_that_is_not_shown_says_why():
    planned = [
        Planned(id=name, prompt=prompt, seed=1, lora=True)
        for name, prompt in (("a", "one"), ("b", "two"), ("c", "three"))
    ]
    entries = tuple(
        SimpleNamespace(id=name, file=f"{name}.jpg", rating=rating)
        for name, rating in (("a", "sfw"), ("b", "review"))
    )
    rows = sample_rows(planned, Manifest(entries, ()), {"a": RED, "b": RED}, [PHOTO] * 1_000)
    assert [cell if isinstance(cell, str) else "shown" for cell in rows[0].cells] == [
        "shown",
        "rated review: it may be explicit",
        "refused",
    ]
    assert len(rows[-1].cells) == HELD_OUT_SHOWN
    assert sheet(["rated review: it may be explicit"])[0] != sheet(["refused"])[0] != sheet([NOT_DRAWN])[0]


def test_what_no_way_to_draw_was_asked_for_is_not_drawn():
    planned = [
        Planned(id="a", prompt="one", seed=1, lora=True, reference=True),
        Planned(id="b", prompt="two", seed=1, lora=True),
    ]
    entries = tuple(SimpleNamespace(id=one.id, file="a.jpg", rating="sfw") for one in planned)
    rows = sample_rows(planned, Manifest(entries, ()), {"a": RED, "b": RED}, [])
    assert [row.cells[index] for row, index in ((rows[0], 0), (rows[1], 1))] == [NOT_DRAWN, NOT_DRAWN]
