"""The mark in the pixels under attack: what leaves it, what does not, and how seldom it is seen where none is."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from publications import flip

from likeness.images import JPEG, encode_jpeg, load_rgb
from likeness.marks import claims, pixels
from likeness.marks.claims import Claim
from likeness.marks.detect import detect
from likeness.marks.keys import development_key
from likeness.marks.pictures import Origin, check_marks, mark_picture
from likeness.marks.registry import Registry, publication_of, read_registry
from likeness.marks.xmp import SourceType, mark_jpeg


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory, synthetic_people_path: Path) -> tuple[Path, Path, str]:
    """A photograph of a synthetic person with all marks: the file, its registry and its mark."""
    from likeness.digests import sha256_bytes
    from likeness.marks.pdq import fingerprints
    from likeness.marks.registry import FIRST, Copy, add_copies

    folder = tmp_path_factory.mktemp("marked")
    key = development_key(folder / "keys")
    publication = publication_of(folder / "jade.jsonl", key, "jade", "jade-2026", "0" * 64)
    source = (synthetic_people_path / "sources/jade_01.jpg").read_bytes()
    origin = Origin(code=SourceType.COMPOSITE_WITH_TRAINED, statement={"persona": "jade"})
    data = mark_picture(source, "jade.jpg", origin, mark=publication.mark, key=key)
    check_marks(data, "jade.jpg", mark=publication.mark, key=key)
    (folder / "jade.jpg").write_bytes(data)
    hashes = tuple(fingerprints(load_rgb(folder / "jade.jpg")))
    line = Copy(mark=publication.mark, previous=FIRST, key=key.public.hex(), name="jade.jpg",
                   sha256=sha256_bytes(data), of=sha256_bytes(source), pdq=hashes)  # fmt: skip
    add_copies(folder / "jade.jsonl", key, [line])
    return folder / "jade.jpg", folder / "jade.jsonl", publication.mark


@pytest.fixture(scope="module")
def synthetic_people_path() -> Path:
    return Path(__file__).parents[1] / "photos"


@pytest.mark.slow
def test_stripped_metadata_jpeg_75_half_size_and_a_crop_leave_the_mark(
    marked: tuple[Path, Path, str], tmp_path: Path
):
    path, registry, mark = marked
    image = Image.open(path).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=75)
    half = Image.open(buffer).resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)
    width, height = half.size
    half.crop((width // 20, height // 20, width - width // 20, height - height // 20)).save(
        tmp_path / "x.png"
    )
    found = detect(tmp_path / "x.png", read_registry(registry))
    assert found.c2pa is None
    assert found.pixels is not None
    assert found.pixels.mark == mark
    assert found.pixels.chance <= 1e-6


@pytest.mark.slow
def test_the_pixels_of_another_picture_do_not_carry_the_statements_mark(
    marked: tuple[Path, Path, str], tmp_path: Path
):
    """A stranger signs an unmarked picture and names our mark in its soft binding."""
    _, registry, mark = marked
    rgb = load_rgb(Path(__file__).parents[1] / "photos/targets/01_hana.jpg")
    claim = Claim(title="x", code=SourceType.TRAINED, publication={"mark": mark}, mark=mark)
    signed = claims.sign(
        mark_jpeg(encode_jpeg(rgb), SourceType.TRAINED), JPEG, claim, development_key(tmp_path / "k")
    )
    (tmp_path / "x.jpg").write_bytes(signed)
    found = detect(tmp_path / "x.jpg", read_registry(registry))
    assert found.pixels is None
    assert "the pixels do not carry the mark that the C2PA statement names" in found.notes


def test_a_broken_statement_that_names_what_the_pixels_happen_to_show_makes_no_mark(tmp_path: Path):
    """Without a key: a statement of any kind, its mark chosen by what an unmarked picture shows, the signature broken."""
    rgb = load_rgb(Path(__file__).parents[1] / "photos/targets/01_hana.jpg")
    shown = pixels.read_values(rgb, *pixels.LOOKS[0])
    mark = f"{int(''.join('1' if value > 0 else '0' for value in shown), 2):08x}"
    claim = Claim(title="x", code=SourceType.TRAINED, publication={"mark": mark}, mark=mark)
    key = development_key(tmp_path / "k")
    out = tmp_path / "x.jpg"
    out.write_bytes(claims.sign(mark_jpeg(encode_jpeg(rgb), SourceType.TRAINED), JPEG, claim, key))
    flip(out, out.stat().st_size * 3 // 4)
    found = detect(out, Registry())
    assert found.pixels is None
    assert found.outcome == "says that it is made by AI"
    assert any("does not hold" in note for note in found.notes)


def values_of(mark: int, *wrong: float) -> np.ndarray:
    """What a reader sees of a mark: each bit with size 1, the first ones wrong with these sizes."""
    values = np.where(pixels.bits_of(mark) == 1, 1.0, -1.0).astype(np.float32)
    values[: len(wrong)] *= -np.float32(wrong)
    return values


@pytest.mark.parametrize(("wrong", "marks"), [((), 1), ((1.0,), 33), ((1.0, 1.0), 529)])
def test_the_chance_of_a_false_alarm_is_the_binomials_over_the_marks_that_are_drawn(wrong, marks):
    mark = pixels.draw_mark()
    assert pixels.chances(values_of(mark, *wrong), [mark]) == [pytest.approx(marks / 2**32 / pixels.BALANCED)]


def test_a_bit_that_hardly_shows_counts_for_little():
    mark = pixels.draw_mark()
    sure, unsure = (pixels.chances(values_of(mark, *[size] * 4), [mark])[0] for size in (1.0, 0.01))
    assert unsure == pytest.approx(16 / 2**32 / pixels.BALANCED)
    assert sure > 1000 * unsure


def test_no_mark_of_mostly_equal_bits_is_drawn():
    """The network does not hold one: of a mark with two ones it read 23 of 32 bits."""
    assert {pixels.draw_mark().bit_count() for _ in range(500)} <= set(pixels.ONES)


@pytest.mark.slow
def test_a_picture_with_a_smooth_middle_carries_the_mark():
    """A smooth part holds some of the bits only: the middle does not read back, the whole does."""
    photograph = Image.open(Path(__file__).parents[1] / "photos/sources/jade_01.jpg").convert("RGB")
    whole = photograph.resize((512, 640))
    whole.paste(whole.crop((128, 180, 384, 480)).filter(ImageFilter.GaussianBlur(30)), (128, 180))
    marked = pixels.write_mark(np.asarray(whole), mark := 0x1D2C3B4A)
    middle, all_of_it = (
        pixels.chances(pixels.read_values(marked.rgb, *look), [mark])[0] for look in pixels.LOOKS[:2]
    )
    assert middle > pixels.ENOUGH >= all_of_it
