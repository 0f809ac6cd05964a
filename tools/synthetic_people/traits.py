"""The YAML of a synthetic person: read strictly, adults only.

A value of `face` and `body` goes from -1 to 1, 0 is the mean; docs/synthetic-people.md has the table.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from likeness.errors import ConfigError
from tools.synthetic_people import wardrobe

YOUNGEST_YEARS, OLDEST_YEARS = 25, 60
"""MakeHuman's faces look younger than they are built, so nobody is built near 18."""

REMEDY = "correct the file; docs/synthetic-people.md lists every trait"

Amount = Annotated[float, Field(ge=-1, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    """Frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Skin(Strict):
    """`freckles` 0 (none) to 1."""

    tone: Literal["light", "medium", "brown", "dark"]
    freckles: Share = 0


class Hair(Strict):
    """Styles are meshes of MakeHuman; any of them fits any person."""

    style: str
    colour: str

    @field_validator("style")
    @classmethod
    def _known_style(cls, value: str) -> str:
        return one_of(value, wardrobe.HAIR_STYLES)

    @field_validator("colour")
    @classmethod
    def _known_colour(cls, value: str) -> str:
        return one_of(value, wardrobe.HAIR_COLOURS)


class Clothes(Strict):
    """One outfit; a garment without `colour` keeps its own, a t-shirt must have one."""

    garment: str
    colour: str | None = None

    @field_validator("garment")
    @classmethod
    def _known_garment(cls, value: str) -> str:
        return one_of(value, wardrobe.GARMENTS)

    @field_validator("colour")
    @classmethod
    def _known_colour(cls, value: str | None) -> str | None:
        return value and one_of(value, wardrobe.CLOTH_COLOURS)

    @model_validator(mode="after")
    def _colour_fits(self) -> "Clothes":
        garment = wardrobe.GARMENTS[self.garment]
        if garment.colours == "needed" and self.colour is None:
            raise ValueError(f"a {self.garment} needs a colour: {', '.join(wardrobe.CLOTH_COLOURS)}")
        if garment.colours == "fixed" and self.colour is not None:
            raise ValueError(f"a {self.garment} has its own colours: leave `colour` out")
        return self


class Person(Strict):
    """Everything that decides how somebody looks, and where they may be photographed."""

    name: str = Field(pattern=r"^[a-z][a-z0-9]{1,23}$")
    gender: Literal["woman", "man"]
    age: int
    ancestry: dict[Literal["african", "asian", "caucasian"], Share] = {"caucasian": 1}
    skin: Skin
    hair: Hair
    eyes: str = "brown"
    face: dict[str, Amount] = {}
    face_shape: str | None = None
    body: dict[Literal["weight", "muscle", "height"], Amount] = {}
    clothes: tuple[Clothes, ...] = Field(min_length=1)
    yaw_deg: tuple[float, float] = (-35, 35)
    places: tuple[str, ...] = tuple(wardrobe.PLACES)
    framings: tuple[str, ...] = ()

    @field_validator("age")
    @classmethod
    def _adult(cls, value: int) -> int:
        if value < YOUNGEST_YEARS:
            raise ValueError(
                f"{value} is too young: synthetic people are adults of {YOUNGEST_YEARS} to {OLDEST_YEARS} years"
            )
        if value > OLDEST_YEARS:
            raise ValueError(f"{value} is too old: the skins end at {OLDEST_YEARS} years")
        return value

    @field_validator("ancestry")
    @classmethod
    def _somebody(cls, value: dict[str, float]) -> dict[str, float]:
        if sum(value.values()) <= 0:
            raise ValueError("one share at least must be above 0")
        return value

    @field_validator("eyes")
    @classmethod
    def _known_eyes(cls, value: str) -> str:
        return one_of(value, wardrobe.EYES)

    @field_validator("face")
    @classmethod
    def _known_face(cls, value: dict[str, float]) -> dict[str, float]:
        for name in value:
            one_of(name, wardrobe.FACE)
        return value

    @field_validator("face_shape")
    @classmethod
    def _known_shape(cls, value: str | None) -> str | None:
        return value and one_of(value, wardrobe.FACE_SHAPES)

    @field_validator("places")
    @classmethod
    def _known_places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError(f"name one at least: {', '.join(wardrobe.PLACES)}")
        for name in value:
            one_of(name, wardrobe.PLACES)
        return value

    @field_validator("framings")
    @classmethod
    def _known_framings(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            one_of(name, wardrobe.FRAMINGS)
        return value

    @field_validator("yaw_deg")
    @classmethod
    def _face_is_seen(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not -45 <= value[0] <= value[1] <= 45:
            raise ValueError("two numbers, the lower one first, within -45 and 45 degrees")
        return value

    @model_validator(mode="after")
    def _garments_fit(self) -> "Person":
        for one in self.clothes:
            if self.gender not in wardrobe.GARMENTS[one.garment].meshes:
                fitting = [name for name, g in wardrobe.GARMENTS.items() if self.gender in g.meshes]
                raise ValueError(f"there is no {one.garment} for a {self.gender}: {', '.join(fitting)}")
        return self


class People(Strict):
    """A file of targets."""

    people: tuple[Person, ...] = Field(min_length=1)

    @field_validator("people")
    @classmethod
    def _names_differ(cls, value: tuple[Person, ...]) -> tuple[Person, ...]:
        names = [one.name for one in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)}: two people of one name")
        return value


def load_person(path: Path) -> Person:
    """One person's YAML.

    Raises:
        ConfigError: `traits`; names the file, every wrong key with what is allowed there, and the remedy.
    """
    return cast(Person, _load(path, Person))


def load_people(path: Path) -> tuple[Person, ...]:
    """The people of a file of targets (`people:`, a list).

    Raises:
        ConfigError: as `load_person`.
    """
    return cast(People, _load(path, People)).people


def one_of(value: str, allowed: Mapping[str, object] | Sequence[str]) -> str:
    """The value itself.

    Raises:
        ValueError: it is not allowed; names what is.
    """
    if value not in allowed:
        raise ValueError(f"{value!r} is unknown; allowed: {', '.join(allowed)}")
    return value


def _load(path: Path, model: type[Strict]) -> Strict:
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", reason="traits", remedy=REMEDY
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}", reason="traits", remedy=REMEDY) from error
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        problems = "; ".join(_problem(model, one) for one in error.errors())
        raise ConfigError(f"{path}: {problems}", reason="traits", remedy=REMEDY) from error


def _problem(model: type[Strict], error: Any) -> str:
    """`hair.size: unknown key; allowed: style, colour`"""
    place = ".".join(str(step) for step in error["loc"] if step != "[key]") or "the file"
    if error["type"] != "extra_forbidden":
        return f"{place}: {error['msg'].removeprefix('Value error, ')}"
    return f"{place}: unknown key; allowed: {', '.join(_model_at(model, error['loc'][:-1]).model_fields)}"


def _model_at(model: type[Strict], steps: Sequence[str | int]) -> type[Strict]:
    """The model that checks the mapping at a place of the file."""
    parts: dict[str | int, type[Strict]] = {"skin": Skin, "hair": Hair, "clothes": Clothes, "people": Person}
    for step in steps:
        model = parts.get(step, model)
    return model
