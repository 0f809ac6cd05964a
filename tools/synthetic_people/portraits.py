"""Many small captioned portraits of random adults, as an imagefolder: *.jpg and metadata.jsonl.

Writes: OUT/SEED_IDENTITY_NUMBER.jpg, OUT/metadata.jsonl (file_name, text, identity, yaw_deg, age), OUT/README.md.
metadata.jsonl is written last; a stopped run goes on with the pictures that are there. `yaw_deg` is positive when the
face turns to the image's right, `text` says left and right of the image.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

from likeness.digests import sha256_bytes
from likeness.disk import write_atomic
from likeness.errors import InputError, LikenessError
from tools.synthetic_people import finish, record, wardrobe
from tools.synthetic_people.body import Body, build
from tools.synthetic_people.gate import Gate
from tools.synthetic_people.gl import Painter
from tools.synthetic_people.makehuman import Data
from tools.synthetic_people.plan import MOODS
from tools.synthetic_people.traits import Person

VERSION = 1
"""Raised whenever the same seed would give other pictures."""

PER_PERSON = 4
SIDE_PX = 256
JPEG_QUALITY = 90
YAW_DEG = 38.0
FACING_DEG = 12.0
"""Up to here a face is said to face the camera."""

GARMENTS = {"woman": ("t-shirt", "blouse"), "man": ("t-shirt", "shirt")}
STYLES = {"woman": ("long", "tied_back", "cropped", "short"), "man": ("short", "cropped", "curly")}
BACKDROPS = {"white": (228, 228, 226), "grey": (128, 128, 130), "black": (34, 34, 38), "blue": (70, 110, 180),
             "green": (80, 140, 84), "red": (160, 60, 56), "brown": (112, 82, 60), "beige": (206, 190, 160),
             "purple": (112, 76, 140), "orange": (220, 140, 60)}  # fmt: skip
"""8-bit RGB."""

MOST_REFUSED = 20
"""In a row: something is wrong with the data or the renderer."""


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """What decides one picture of a person; degrees, metres, and lights as (x, y, z, strength) from the eyes."""

    file_name: str
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    height_m: float
    ambient: float
    lights: tuple[tuple[float, float, float, float], ...]
    backdrop: tuple[str, str]
    seed: int


def make(data: Data, out: Path, gate: Gate, *, count: int, seed: int, say: Callable[[str], None]) -> None:
    """Make `count` portraits that pass the gate; a refused one is told and the next taken instead.

    Raises:
        ConfigError: `missing-renderer` or `missing-data`.
        InputError: `portraits-refused`: too many in a row.
    """
    out.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    first: list[bytes] = []
    people: list[Person] = []
    refused = 0
    shape: tuple[Person, Callable[[], Body]] | None = None  # a person's portraits follow one another
    with Painter(side_px=SIDE_PX) as painter:
        for identity, person, mood, portrait in people_and_portraits(seed):
            if shape is None or shape[0] is not person:
                shape = person, cache(partial(build, data, person, person.clothes[0], expression=MOODS[mood]))
            try:
                jpeg = _made(shape[1], painter, gate, out / portrait.file_name, person, mood, portrait)
            except InputError as error:
                refused += 1
                say(f"{portrait.file_name}: refused, {error.reason}: {error.message}")
                if refused == MOST_REFUSED:
                    raise InputError(
                        f"{refused} portraits in a row were refused",
                        reason="portraits-refused",
                        remedy="compare --data with docs/synthetic-people.md",
                    ) from error
                continue
            refused = 0
            if person not in people[-1:]:
                people.append(person)
            first += [jpeg] if len(first) < 64 else []
            lines.append(_line(identity, person, mood, portrait))
            if len(lines) % 100 == 0:
                say(f"{len(lines)}/{count}")
            if len(lines) == count:
                break
    write_atomic(out / "metadata.jsonl", "".join(lines).encode())
    write_atomic(out / "README.md", record.data_card(people, "Portraits of synthetic people").encode())
    write_atomic(out.with_name(out.name + ".png"), record.contact_sheet(first, columns=8))


def _made(
    body: Callable[[], Body],
    painter: Painter,
    gate: Gate,
    path: Path,
    person: Person,
    mood: str,
    portrait: Portrait,
) -> bytes:
    """The finished file, drawn unless it is there."""
    described = json.dumps([VERSION, person.model_dump(mode="json"), mood, asdict(portrait)], sort_keys=True)
    digest = sha256_bytes(described.encode())
    if path.is_file() and finish.is_of(jpeg := path.read_bytes(), digest):
        return jpeg
    pixels = painter.paint(body(), person, portrait, [BACKDROPS[name] for name in portrait.backdrop])
    jpeg = finish.encode(pixels, digest, JPEG_QUALITY)
    try:
        gate.face(finish.decode(jpeg), yaw_deg=portrait.yaw_deg)
    except LikenessError:
        path.unlink(missing_ok=True)
        raise
    write_atomic(path, jpeg)
    return jpeg


def people_and_portraits(seed: int) -> Iterator[tuple[str, Person, str, Portrait]]:
    """(identity, who, mood, portrait), four of each person, the same for the same seed."""
    identity = 0
    while True:
        rng = random.Random(f"portraits {VERSION} {seed} {identity}")
        person, mood = stranger(rng, f"p{identity}"), rng.choice(list(MOODS))
        for number in range(PER_PERSON):
            file_name = f"{seed:03d}_{identity:05d}_{number}.jpg"
            yield f"{seed}-{identity}", person, mood, _portrait(rng, file_name)
        identity += 1


def stranger(rng: random.Random, name: str) -> Person:
    """A random adult, checked as a YAML is."""
    gender = rng.choice(["woman", "man"])
    main, other = rng.sample(["caucasian", "asian", "african"], 2)
    tone = rng.choice({"african": ["brown", "dark"]}.get(main, ["light", "medium", "medium"]))
    face = {trait: round(max(-0.8, min(0.8, rng.gauss(0, 0.4))), 2) for trait in wardrobe.FACE}
    face["laugh_lines"] = abs(face["laugh_lines"])
    face["fullness"] = face["fullness"] / 2
    # Large eyes in round cheeks look younger than the person is.
    face["eye_size"], face["cheeks"] = min(0.0, face["eye_size"]), min(0.1, face["cheeks"])
    return Person.model_validate(
        {
            "name": name,
            "gender": gender,
            "age": rng.randint(30, 55),
            "ancestry": {main: 1.0, other: round(rng.uniform(0, 0.5), 2)},
            "skin": {"tone": tone},
            "hair": {"style": rng.choice(STYLES[gender]), "colour": rng.choice(list(wardrobe.HAIR_COLOURS))},
            "eyes": rng.choice(list(wardrobe.EYES)),
            "face": face,
            "face_shape": rng.choice(wardrobe.FACE_SHAPES),
            "body": {trait: round(rng.uniform(-0.5, 0.5), 2) for trait in ("weight", "muscle")},
            "clothes": [
                {"garment": rng.choice(GARMENTS[gender]), "colour": rng.choice(list(wardrobe.CLOTH_COLOURS))}
            ],
        }
    )


def _portrait(rng: random.Random, file_name: str) -> Portrait:
    one, other = rng.sample(list(BACKDROPS), 2)
    return Portrait(
        file_name=file_name,
        yaw_deg=round(rng.uniform(-YAW_DEG, YAW_DEG), 1),
        pitch_deg=rng.uniform(-8, 12),
        roll_deg=rng.uniform(-12, 12),
        height_m=rng.uniform(0.30, 0.38),
        ambient=rng.uniform(0.15, 0.45),
        lights=tuple(
            (rng.uniform(-1.8, 1.8), rng.uniform(-2, -0.8), rng.uniform(-0.2, 1.2), strength)
            for strength in (rng.uniform(1.5, 4.5), rng.uniform(0.3, 2))
        ),
        backdrop=(one, one) if rng.random() < 0.6 else (one, other),
        seed=rng.randrange(1 << 31),
    )


def _line(identity: str, person: Person, mood: str, portrait: Portrait) -> str:
    described = {
        "file_name": portrait.file_name,
        "text": caption(person, mood, portrait),
        "identity": identity,
        "yaw_deg": portrait.yaw_deg,
        "age": person.age,
    }
    return json.dumps(described) + "\n"


def caption(person: Person, mood: str, portrait: Portrait) -> str:
    """One sentence in the form that tools/tiny_base/captions.py takes apart."""
    clothes = person.clothes[0]
    hair = f"{person.hair.style.replace('_', '-')} {person.hair.colour.replace('_', ' ')}"
    side = "right" if portrait.yaw_deg > 0 else "left"
    turn = "facing the camera" if abs(portrait.yaw_deg) < FACING_DEG else f"turned to the {side}"
    one, other = portrait.backdrop
    return ", ".join(
        [
            f"a photo of a {person.gender} with {hair} hair",
            "smiling" if mood in ("smile", "laugh") else "neutral expression",
            f"wearing a {clothes.colour} {clothes.garment}",
            turn,
            f"plain {one} background" if one == other else f"blurred {one} and {other} background",
        ]
    )
