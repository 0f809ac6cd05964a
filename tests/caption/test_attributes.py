"""What is said of the synthetic people is what a person sees in their photographs."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from likeness.caption.attributes import AttributesCaptioner
from likeness.errors import InputError
from likeness.faces import FaceAnalyzer
from likeness.pipeline.face_entry import face_entry

PHOTOS = Path(__file__).parents[1] / "photos"
ALL = ("framing", "pose", "expression", "hair", "clothes", "background", "lighting")
EVERYTHING = AttributesCaptioner(describe_always=ALL, describe_swapped=())


def photo(name: str) -> np.ndarray:
    with Image.open(PHOTOS / name) as image:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def told(rgb: np.ndarray, captioner: AttributesCaptioner = EVERYTHING, *, swapped: bool = False) -> str:
    """The caption of a photo whose face is handed on as swap does."""
    face = face_entry(FaceAnalyzer().faces(rgb)[0])
    return captioner.describe(rgb, face=face, swapped=swapped).text


@cache
def caption(name: str) -> tuple[str, ...]:
    return tuple(told(photo(name)).split(", "))


# Written down by looking at the photographs.
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sources/jade_01.jpg", {"facing the camera", "neutral expression", "red hair", "wearing red",
                                 "plain grey background"}),
        ("sources/jade_02.jpg", {"head turned slightly to the left", "smiling", "red hair", "wearing teal",
                                 "side light from the left"}),
        ("sources/jade_04.jpg", {"head turned to the right", "smiling", "wearing teal", "dim light"}),
        ("sources/jade_05.jpg", {"head turned to the left", "neutral expression", "red hair",
                                 "side light from the right"}),
        ("sources/jade_07.jpg", {"head and shoulders photo", "facing the camera", "neutral expression",
                                 "wearing light grey"}),
        ("sources/jade_08.png", {"head and shoulders photo", "wearing teal"}),
        ("targets/01_hana.jpg", {"facing the camera", "neutral expression", "dark hair", "wearing teal"}),
        ("targets/02_clara.jpg", {"facing the camera", "red hair", "wearing dark blue"}),
        ("targets/03_ines.jpg", {"facing the camera", "wearing grey", "blurred white background"}),
        ("targets/05_maeve.jpg", {"upper body photo", "head turned slightly to the left", "wearing light grey", "even light"}),
        ("targets/07_leila.jpg", {"three-quarter length photo", "wearing red", "plain grey background"}),
        # Dark brown hair in the sun has the hue of red hair, and ginger hair that of brown.
        ("others/sunlit_brown_hair.jpg", {"brown hair", "wearing grey", "light grey background"}),
        ("others/ginger_hair.jpg", {"upper body photo", "red hair", "wearing light grey", "even light"}),
        ("others/kofi.jpg", {"three-quarter length photo", "wearing dark grey"}),
        ("others/ravi.jpg", {"black hair", "wearing green", "side light from the left"}),
    ],
)  # fmt: skip
def test_captions_are_true(name, said):
    assert said <= set(caption(name)), caption(name)


@pytest.mark.parametrize("name", ["sources/jade_01.jpg", "targets/04_adaeze.jpg", "targets/09_roisin.jpg"])
def test_nobody_is_said_to_smile_who_does_not(name):
    assert "smiling" not in caption(name)


def test_a_crop_to_the_face_is_a_close_up():
    assert told(photo("sources/jade_01.jpg")[300:900, 250:850]).startswith("close-up")


def test_a_mirrored_photo_turns_the_other_way():
    mirrored = told(np.ascontiguousarray(photo("sources/jade_05.jpg")[:, ::-1]))
    assert "head turned to the right" in mirrored
    assert "side light from the left" in mirrored


def test_hair_is_named_where_it_is_the_targets_only():
    captioner = AttributesCaptioner(describe_always=("pose",), describe_swapped=("hair",))
    rgb = photo("others/ravi.jpg")
    assert told(rgb, captioner) == "facing the camera"
    assert told(rgb, captioner, swapped=True) == "facing the camera, black hair"


def test_size_does_not_change_the_words():
    rgb = photo("sources/jade_08.png")
    half = np.array(Image.fromarray(rgb).resize((512, 512), Image.Resampling.LANCZOS))
    face = face_entry(FaceAnalyzer().faces(rgb)[0])
    said = EVERYTHING.describe(half, face=face.moved(0.5, 0.5), swapped=False).text
    assert said == EVERYTHING.describe(rgb, face=face, swapped=False).text


def test_a_picture_without_a_face_is_refused_with_a_remedy():
    with pytest.raises(InputError) as caught:
        EVERYTHING.describe(photo("extras/no_face.jpg"), face=None, swapped=False)
    assert caught.value.reason == "no-face"
    assert "captions_override" in caught.value.remedy


def test_bare_skin_is_not_called_clothes():
    rgb = photo("sources/jade_01.jpg")
    rgb[850:] = rgb[600:610, 400:410].mean(axis=(0, 1)).astype(np.uint8)
    assert "wearing" not in told(rgb)


def test_nothing_looks_for_a_face_again(monkeypatch):
    rgb = photo("sources/jade_01.jpg")
    face = face_entry(FaceAnalyzer().faces(rgb)[0])
    monkeypatch.setattr(FaceAnalyzer, "faces", None)
    assert "red hair" in EVERYTHING.describe(rgb, face=face, swapped=False).text
