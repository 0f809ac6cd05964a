"""What the words of a YAML stand for in MakeHuman's data. Colours are linear RGB, 0..1.

Left out on purpose: garments that bear MakeHuman's logo (a trademark; female_casualsuit01, male_casualsuit02, 04 and
06 are used for their mesh alone, their chest is never textured), whatever shows more than arms and
neck, and hair that covers an eye (bob02, braid01, short03).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

RGB = tuple[float, float, float]

PLACES = ("studio", "living_room", "cafe", "park", "street", "office")

Framing = Literal["face", "head", "bust", "half", "three_quarter", "full"]
FRAMINGS: tuple[Framing, ...] = get_args(Framing)


@dataclass(frozen=True, kw_only=True)
class Hairdo:
    """A mesh of hair, and how far below the eyes it is cut straight, in decimetres."""

    mesh: str
    below_eyes_dm: float | None = None


HAIR_STYLES: Mapping[str, Hairdo] = {
    "long": Hairdo(mesh="long01"),
    "bob": Hairdo(mesh="long01", below_eyes_dm=1.45),
    "tied_back": Hairdo(mesh="ponytail01"),
    "short": Hairdo(mesh="short04"),
    "cropped": Hairdo(mesh="short02"),
    "curly": Hairdo(mesh="short01"),
}
HAIR_COLOURS: Mapping[str, RGB] = {
    "black": (0.012, 0.011, 0.011),
    "dark_brown": (0.040, 0.022, 0.014),
    "brown": (0.090, 0.050, 0.028),
    "auburn": (0.150, 0.045, 0.018),
    "red": (0.260, 0.085, 0.030),
    "blond": (0.400, 0.270, 0.130),
    "grey": (0.300, 0.300, 0.300),
}
EYES: Mapping[str, str] = {
    "brown": "brown",
    "hazel": "brownlight",
    "green": "green",
    "blue": "blue",
    "light_blue": "lightblue",
    "grey": "grey",
}

CLOTH_COLOURS: Mapping[str, RGB] = {
    "white": (0.60, 0.60, 0.58),
    "sand": (0.50, 0.43, 0.33),
    "grey": (0.20, 0.20, 0.21),
    "black": (0.022, 0.022, 0.025),
    "red": (0.34, 0.045, 0.05),
    "wine": (0.15, 0.02, 0.04),
    "mustard": (0.45, 0.26, 0.04),
    "green": (0.06, 0.18, 0.08),
    "teal": (0.05, 0.18, 0.20),
    "blue": (0.06, 0.13, 0.36),
    "navy": (0.02, 0.035, 0.11),
    "lilac": (0.30, 0.22, 0.42),
}


@dataclass(frozen=True, kw_only=True)
class Garment:
    """An outfit: MakeHuman's mesh by gender, and whether its upper part takes a colour.

    `needed`: it is always plain, since the texture bears a logo; `optional`: plain with a colour, textured without;
    `fixed`: always textured. What lies below the waist keeps its texture.
    """

    meshes: Mapping[str, str]
    colours: Literal["needed", "optional", "fixed"]


GARMENTS: Mapping[str, Garment] = {
    "t-shirt": Garment(meshes={"woman": "female_casualsuit01", "man": "male_casualsuit04"}, colours="needed"),
    "blouse": Garment(meshes={"woman": "female_elegantsuit01"}, colours="optional"),
    "shirt": Garment(meshes={"woman": "male_casualsuit03", "man": "male_casualsuit03"}, colours="optional"),
    "jacket": Garment(meshes={"woman": "male_casualsuit05", "man": "male_casualsuit05"}, colours="fixed"),
    "suit": Garment(meshes={"man": "male_elegantsuit01"}, colours="fixed"),
    "overalls": Garment(meshes={"woman": "male_worksuit01", "man": "male_worksuit01"}, colours="fixed"),
}
SHOES = {"woman": "shoes02", "man": "shoes03"}
EYEBROWS = {"woman": "eyebrow001", "man": "eyebrow003"}

MIDDLE_AGE_YEARS = 40
"""From here on the skin is one of MakeHuman's middle-aged ones."""

# (folder in data/skins, factor on its colours); the public copies of the data lack the dark skins of women.
_SKINS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("woman", "light"): ("young_caucasian_female2", "middleage_asian_female"),
    ("woman", "other"): ("young_asian_female", "middleage_asian_female"),
    ("man", "light"): ("young_caucasian_male2", "middleage_caucasian_male"),
    ("man", "other"): ("young_asian_male", "middleage_asian_male"),
    ("man", "dark"): ("young_african_male", "middleage_african_male"),
}
_TINTS: Mapping[str, RGB] = {
    "light": (0.97, 0.97, 0.97),
    "medium": (0.80, 0.70, 0.61),
    "brown": (0.50, 0.35, 0.27),
    "dark": (0.30, 0.20, 0.15),
}


def skin_of(gender: str, tone: str, age_years: int) -> tuple[str, RGB]:
    """Folder of the skin in data/skins, and the factor on its colours."""
    own = _SKINS.get((gender, tone))
    young, middle = own or _SKINS[gender, "other"]
    tint = (1.0, 1.0, 1.0) if own and tone == "dark" else _TINTS[tone]
    return (middle if age_years >= MIDDLE_AGE_YEARS else young), tint


FACE_SHAPES = ("oval", "round", "rectangular", "square", "triangular", "invertedtriangular", "diamond")
FACE_SHAPE_WEIGHT = 0.45


@dataclass(frozen=True, kw_only=True)
class Morph:
    """Targets of data/targets for a trait above and below 0 ({s}: both sides), at the weight of a full 1.

    The weights stop where the mesh still looks like a living adult.
    """

    above: tuple[str, ...]
    below: tuple[str, ...]
    weight: float = 0.8


def _two_way(*names: str, weight: float = 0.8) -> Morph:
    return Morph(
        above=tuple(f"{name}-incr" for name in names),
        below=tuple(f"{name}-decr" for name in names),
        weight=weight,
    )


FACE: Mapping[str, Morph] = {
    "nose_width": _two_way("nose/nose-scale-horiz", "nose/nose-width2"),
    "nose_length": _two_way("nose/nose-scale-vert", weight=0.6),
    "nose_hump": _two_way("nose/nose-hump"),
    "nose_tip": Morph(above=("nose/nose-point-up",), below=("nose/nose-point-down",)),
    "lips": _two_way("mouth/mouth-upperlip-volume", "mouth/mouth-lowerlip-volume"),
    "mouth_width": _two_way("mouth/mouth-scale-horiz", weight=0.6),
    "eye_size": _two_way("eyes/{s}-eye-scale", weight=0.35),
    "eye_slant": Morph(above=("eyes/{s}-eye-corner2-up",), below=("eyes/{s}-eye-corner2-down",), weight=0.6),
    "brows": Morph(
        above=("eyebrows/eyebrows-trans-up",), below=("eyebrows/eyebrows-trans-down",), weight=0.5
    ),
    "cheekbones": _two_way("cheek/{s}-cheek-bones"),
    "cheeks": _two_way("cheek/{s}-cheek-volume", weight=0.6),
    "chin_width": _two_way("chin/chin-width"),
    "chin_length": _two_way("chin/chin-height", weight=0.6),
    "chin_forward": _two_way("chin/chin-prominent", weight=0.6),
    "forehead": _two_way("forehead/forehead-scale-vert", weight=0.5),
    "laugh_lines": Morph(
        above=("mouth/mouth-laugh-lines-in",), below=("mouth/mouth-laugh-lines-out",), weight=0.6
    ),
    "fullness": _two_way("head/head-fat", weight=0.5),
}
