"""`likeness persona new`: everything that a new person needs, from photographs to the next command."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from likeness.cli.arguments import Yes
from likeness.cli.consent_answers import Answers, Asker, asked, with_answers, words
from likeness.cli.consent_records import ONE_MESH_FLOORS, write_record
from likeness.cli.consent_sign import sign_record
from likeness.cli.params import add_default, params_command
from likeness.cli.persona_targets import TargetAnswers, who_is_shown, write_targets
from likeness.disk import write_atomic
from likeness.errors import ConfigError, InputError, LikenessError
from likeness.ingest.advice import advice
from likeness.ingest.checks import Candidate
from likeness.ingest.choice import Chosen, choose, read
from likeness.ingest.listing import Stray, photographs, printable
from likeness.paths import PARAMS, PersonaPaths, RepositoryPaths, persona_name, same_name
from likeness.run import run_at
from likeness.safety.consent.signing import own_key
from likeness.safety.consent.write import dumped
from likeness.safety.gates import Subject, judge

# Cosines of SFace: photographs of real people, and synthetic people of one mesh (likeness/safety/floors.py).
SIMILARITY = {"source_min": 0.36, "swap_min": 0.45, "target_max": 0.60}
MANY = 8
HELD_OUT = 2
"""So many of MANY photographs or more are kept for the evaluation, where nobody names any."""


@with_answers
def new_persona(
    name: Annotated[str, typer.Argument(metavar="PERSONA")],
    sources: Annotated[Path, typer.Option(help="A folder with 8 to 30 photographs of one adult.")],
    targets: Annotated[
        Path | None, typer.Option(help="A folder with photographs that get the person's face.")
    ] = None,
    trigger: Annotated[
        str | None, typer.Option(help="The word for the person in prompts; the name by default.")
    ] = None,
    class_word: Annotated[str | None, typer.Option(help="woman, man or person.")] = None,
    held_out: Annotated[
        list[str] | None, typer.Option(help="A photograph to keep for the evaluation; may be given again.")
    ] = None,
    shows: Annotated[
        list[str] | None,
        typer.Option(help="Who a target shows: FILE=NAME, or NAME for all; 'NAME, AGE' attests an age."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="The targets' licence: CC0-1.0, CC-BY-4.0, or `release`.")
    ] = None,
    origin: Annotated[str | None, typer.Option(help="Where the targets come from.")] = None,
    release: Annotated[
        Path | None, typer.Option(help="The release that the people in the targets signed; it is copied.")
    ] = None,
    yes: Yes = False,
    *,
    answers: Answers,
) -> None:
    """Add a person: photographs, consent record, settings.

    Copies the photographs, asks for what the options leave open, writes consent/, conf/ and params.yaml, signs the record with
    your key, and shows which photographs ingest refuses and why. Without --targets the dataset is the person's own photographs.

    \b
    Example:
      likeness persona new mia --sources ~/photos/mia --targets ~/photos/others
    """
    target_answers = TargetAnswers(shows=shows or [], licence=licence, origin=origin, release=release)
    _refuse_name(name)
    own_key()
    photos, strays = _photographs(sources)
    without = f", or leave --targets out: {name}'s own photographs make the dataset then"
    shown, other_strays = _photographs(targets, otherwise=without) if targets else ([], [])
    held = _held_out(photos, held_out or [])
    asker = Asker()
    whole = asked(asker, answers)
    class_word = asker.ask("--class-word", class_word, "woman, man or person?", _class_word)
    who = who_is_shown(asker, shown, target_answers)
    asker.end()

    paths, config = PersonaPaths(name), Path("conf/config.yaml")
    folder = RepositoryPaths.here().consent
    before = {path: path.read_bytes() for path in (config, PARAMS) if path.is_file()}
    there = set(folder.glob("*"))
    try:
        _copy(photos, paths.raw_sources)
        _copy(shown, paths.raw_targets)
        paths.captions_override.mkdir(parents=True)
        paths.captions_note.write_text("Captions of your own: docs/personas.md.\n", encoding="utf-8")
        write_record(name, whole, say=lambda line: 0)
        if shown:
            write_targets(folder, name, shown, who, target_answers)
        fields = {
            "name": name,
            "trigger": trigger or name,
            "class_word": str(class_word),
            "held_out": held,
            "similarity": ONE_MESH_FLOORS["sface"] if whole.kind == "synthetic" else SIMILARITY,
        }
        _write_conf(fields)
        add_default(config, f"persona@personas.{name}: {name}", behind=r"persona@personas\.")
        params_command()
        sign_record(name, photographs=False, yes=yes)
    except BaseException:
        for path in (paths.data, *(set(folder.glob("*")) - there), Path(f"conf/persona/{name}.yaml")):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for path, data in before.items():
            write_atomic(path, data)
        raise
    for stray in (*strays, *other_strays):
        sys.stdout.write(f"  not copied: {stray.name}: {stray.detail}\n")
    _preview(fields)


def _refuse_name(name: str) -> None:
    persona_name(name)
    record, settings = RepositoryPaths.here().consent / f"{name}.yaml", Path(f"conf/persona/{name}.yaml")
    if taken := [str(path) for path in (PersonaPaths(name).data, record, settings) if path.exists()]:
        raise ConfigError(
            f"{name} is there already: {', '.join(taken)}",
            reason="persona-exists",
            remedy="take another name, or move these away",
        )


def _photographs(folder: Path, *, otherwise: str = "") -> tuple[list[Path], list[Stray]]:
    folder = folder.expanduser()
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder",
            reason="no-folder",
            remedy=f"name the folder of the photographs{otherwise}",
        )
    found, strays = photographs(folder)
    files = [path for path in found if path.is_file() and not path.is_symlink()]
    if not files:
        raise InputError(
            f"{folder} has no photographs",
            reason="no-photos",
            remedy=f"name the folder that holds them{otherwise}",
        )
    return files, strays


def _class_word(said: str) -> str:
    if refusal := judge("trigger", Subject(text=words(said), trigger=True)):
        raise ValueError(f"it {refusal.detail}: {refusal.remedy}")
    return said


def _held_out(photos: Sequence[Path], asked: Sequence[str]) -> list[str]:
    names = [same_name(path.name) for path in photos]
    if unknown := {same_name(name) for name in asked} - set(names):
        raise ConfigError(
            f"--held-out names {', '.join(sorted(unknown))}, which is not among the photographs",
            reason="unknown-photograph",
            remedy="write the file's name: --held-out IMG_1.jpg",
        )
    return [same_name(name) for name in asked]


def _copy(photos: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in photos:
        # As people type the name: records and settings are written in this form.
        shutil.copyfile(path, folder / same_name(path.name), follow_symlinks=False)


def _write_conf(fields: dict[str, Any]) -> None:
    head = "# `held_out` photographs are kept for the evaluation: never swapped, never trained on (docs/personas.md).\n"
    write_atomic(Path(f"conf/persona/{fields['name']}.yaml"), (head + dumped(fields)).encode())


def _preview(fields: dict[str, Any]) -> None:
    """What ingest will take, refuse and keep out of training; what it measures is stored, so that the stage has it.

    Where nobody named a photograph to hold out, the last few of many that ingest takes are held out.
    """
    name = fields["name"]
    try:
        chosen = _chosen(name)
        taken = [same_name(photo.raw.path.name) for photo in _sources(chosen)]
        if not fields["held_out"] and len(taken) >= MANY:
            _write_conf(fields | {"held_out": taken[-HELD_OUT:]})
            params_command()
            chosen = _chosen(name)
    except LikenessError as error:
        sys.stdout.write(f"ingest will stop: {error}\n")
        return
    sources = _sources(chosen)
    targets = len(chosen.selection.accepted) - len(sources)
    sys.stdout.write(f"{name}: ingest will take {len(sources)} photographs and {targets} targets\n")
    for failure in chosen.failures:
        what = failure.origin or failure.id
        sys.stdout.write(
            f"  {failure.kind}: {what}: {failure.reason}: {failure.detail}\n    remedy: {failure.remedy}\n"
        )
    sys.stdout.writelines(f"  {line}\n" for line in advice(name, chosen.selection.accepted))
    if kept := ", ".join(printable(photo.raw.path.name) for photo in sources if photo.raw.held_out):
        sys.stdout.write(f"  held out for the evaluation: {kept} (conf/persona/{name}.yaml)\n")
    sys.stdout.write(f"next: likeness plan {name}, then dvc repro report@{name}\n")


def _chosen(name: str) -> Chosen:
    run = run_at("ingest", name)
    reading = read(run)
    return choose(run, reading, run.batch(reading.works))


def _sources(chosen: Chosen) -> list[Candidate]:
    return [photo for photo in chosen.selection.accepted if photo.raw.role == "source"]
