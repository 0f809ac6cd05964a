"""The whole way with the real models: photographs stand in for samples, so what they must score is known."""

from pathlib import Path

import pytest
from conf_sections import settings
from PIL import Image, ImageFilter, ImageOps

from likeness.digests import sha256_file
from likeness.evaluate import EvaluateConfig
from likeness.evaluate.evaluation import Faces
from likeness.evaluate.face_embeddings import Finder, face_work, faces_of
from likeness.evaluate.face_patch import SAME_PICTURE, face_patch
from likeness.evaluate.looks import Look, hashes
from likeness.evaluate.measures import Seen, measured
from likeness.evaluate.samples import Planned
from likeness.faces import FaceAnalyzer, from_json
from likeness.images import load_rgb
from likeness.pipeline.batch import run_batch

RAW = Path(__file__).parents[2] / "data" / "jade" / "raw"
HELD_OUT, TRAINED, HERS, STRANGERS = (
    ["sources/jade_07.jpg", "sources/jade_08.png"], ["sources/jade_01.jpg", "sources/jade_06.jpg"],
    ["sources/jade_02.jpg"], ["targets/02_clara.jpg", "targets/03_ines.jpg", "targets/08_greta.jpg"],
)  # fmt: skip
SIDE_PX = 320


def cut(image: Image.Image, across: float, down: float) -> Image.Image:
    """60 % of either side, as large as before; what is cut off lies so far left and above."""
    (width, height), left, top = (
        image.size,
        round(0.4 * across * image.width),
        round(0.4 * down * image.height),
    )
    box = (left, top, left + round(0.6 * width), top + round(0.6 * height))
    return image.crop(box).resize(image.size, Image.Resampling.BICUBIC)


def stretched(image: Image.Image, across: float, down: float) -> Image.Image:
    """So many times as wide and as high, cut to its size."""
    return ImageOps.fit(image.resize((round(image.width * across), round(image.height * down))), image.size)


def turned(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BICUBIC)


PASTED = {
    "pasted": lambda image: image,
    "mirrored": ImageOps.mirror,
    "grey": ImageOps.grayscale,
    "other colours": lambda image: Image.merge("RGB", image.split()[::-1]),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1.3)),
    "upside down": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "negative": ImageOps.invert,
    "wider": lambda image: stretched(image, 1.25, 1),
    "higher": lambda image: stretched(image, 1, 1.12),
}
CUT_OR_TURNED = {
    "cut": lambda image: cut(image, 0.5, 0.4),
    "cut aside": lambda image: cut(image, 0.3, 0.3),
    "cut small": lambda image: cut(image, 0.5, 0.4).reduce(2),
    "turned": lambda image: turned(image, 15),
    "turned back": lambda image: turned(image, -15),
    "turned and mirrored": lambda image: ImageOps.mirror(turned(image, 15)),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> dict[str, Path]:
    """The photographs, small, by their names in RAW, and a training photograph saved again, smaller, as PASTED changes it."""
    folder = tmp_path_factory.mktemp("small")
    paths = {}
    for name in (*HELD_OUT, *TRAINED, *HERS, *STRANGERS):
        image = Image.open(RAW / name).convert("RGB")
        image.thumbnail((SIDE_PX, SIDE_PX))
        paths[name] = folder / f"{Path(name).stem}.jpg"
        image.save(paths[name], quality=92)
    pasted = Image.open(RAW / TRAINED[0]).convert("RGB")
    pasted.thumbnail((256, 256))
    changes = PASTED | CUT_OR_TURNED
    paths |= {name: folder / f"{name}.jpg" for name in changes}
    for name, change in changes.items():
        change(pasted).convert("RGB").save(paths[name], quality=80)
    return paths


@pytest.fixture(scope="module")
def found(small, tmp_path_factory):
    from likeness.store.items import ItemStore

    store, find = ItemStore(tmp_path_factory.mktemp("items")), Finder(analyzer=FaceAnalyzer())
    works = [face_work(name, sha256_file(path), path, find) for name, path in small.items()]
    return {outcome.work.id: outcome for outcome in run_batch("test", works, store, workers=1)}


def score(found, small, drawn: str):
    """Everything that is measured when this picture is the only sample."""
    planned = Planned(id=drawn, prompt="jade woman", seed=1, lora=True)
    nobody = Faces(images=0, embeddings=[])

    def faces(names) -> Faces:
        return faces_of([found[name] for name in names])

    def look(name) -> Look:
        record, rgb = found[name].item.record, load_rgb(small[name])
        patch = record["face"] and face_patch(rgb, from_json(record["face"]), record["scale"])
        return Look(id=name, text="", **hashes(rgb), face_patch=patch)

    seen = Seen(
        sets={"held_out": faces(HELD_OUT), "sources": faces([*TRAINED, *(name for name in HERS if name != drawn)]),
              "photographs": faces(TRAINED), "swaps": nobody, "targets": faces([name for name in STRANGERS if name != drawn]),
              "samples_with": faces([drawn]), "samples_without": nobody, "unnamed_with": nobody, "unnamed_without": nobody},
        looks={drawn: look(drawn)}, trained={name: look(name) for name in TRAINED},
        planned=[planned], named=["jade woman"], twins=[],
    )  # fmt: skip
    return measured(settings(EvaluateConfig, "evaluate/default.yaml"), seen)


def test_another_photograph_of_her_is_recognised_by_both_and_is_no_copy(found, small):
    hers = score(found, small, HERS[0])
    for one in hers["embedders"]:
        assert one["samples"]["share"]["value"] > 0.85, one["label"]
        assert one["samples"]["recognised"] == 1, one["label"]
        assert one["threshold"]["area_under_roc"] > 0.95, one["label"]
    assert hers["copying"]["copied"] == 0


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_scores_as_strangers_do(found, small, stranger):
    for one in score(found, small, stranger)["embedders"]:
        assert one["samples"]["recognised"] == 0, one["label"]
        assert one["samples"]["similarity"]["value"] == pytest.approx(one["strangers"]["value"], abs=0.15), (
            one["label"]
        )


@pytest.mark.parametrize("pasted", PASTED)
def test_a_training_photograph_pasted_as_a_sample_is_copied_and_shown_beside(found, small, pasted):
    (picture,) = score(found, small, pasted)["copying"]["pictures"]
    assert picture["copied"]
    assert picture["nearest"] == TRAINED[0]
    assert picture["picture_bits"] <= 31


@pytest.mark.parametrize("pasted", CUT_OR_TURNED)
def test_one_that_is_cut_or_turned_is_copied_too(found, small, pasted):
    (picture,) = score(found, small, pasted)["copying"]["pictures"]
    assert picture["picture_bits"] > 31  # the whole picture is another one
    assert picture["copied"]
    assert picture["nearest"] == TRAINED[0]
    assert picture["face_match"] >= SAME_PICTURE


@pytest.mark.parametrize("drawn", [*HELD_OUT, *HERS, *STRANGERS])
def test_what_was_not_trained_on_is_no_copy_by_its_face(found, small, drawn):
    (picture,) = score(found, small, drawn)["copying"]["pictures"]
    assert picture["face_match"] < SAME_PICTURE - 0.02


def test_its_face_is_nearer_to_it_than_that_of_another_photograph_of_hers(found, small):
    (picture,) = score(found, small, "pasted")["copying"]["pictures"]
    hers = score(found, small, HERS[0])["copying"]["pictures"][0]
    assert picture["copy"] > hers["copy"] + 0.3
    assert picture["picture_bits"] < 31 < hers["picture_bits"]
