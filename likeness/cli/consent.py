"""Read and bind consent records."""

import json
import sys
from collections.abc import Callable
from typing import Any

from likeness.cli.arguments import Json, Persona, print_json
from likeness.config import load_config
from likeness.digests import sha256_file
from likeness.errors import ConfigError, InputError, LikenessError
from likeness.ingest.decode import decode_photo
from likeness.ingest.limits import limits_of
from likeness.ingest.listing import photographs
from likeness.ingest.upright import make_upright
from likeness.paths import PARAMS, PersonaPaths, RepositoryPaths
from likeness.pipeline.stage import ALL_USES
from likeness.safety.consent import Consent, RecordedFace, in_force, load_consent
from likeness.safety.consent.history import learn_from_git
from likeness.safety.consent.receipt import receipt
from likeness.safety.consent.standing import learn
from likeness.safety.consent.write import dumped
from likeness.safety.identity import SFACE, Vectors, face_analyzer, mean_of, vectors_of
from likeness.store import team_store
from likeness.store.s3 import Remote


def show(persona: Persona, as_json: Json = False) -> int:
    """Show a record and whether it is in force.

    Exit status 1 when it is not.

    \b
    Examples:
      likeness consent show jade
      likeness consent show jade --json
    """
    repository = RepositoryPaths.here()
    learn_from_git(repository.root)
    problem = None
    try:
        in_force(repository.root, known(persona), ALL_USES, place=_team())
    except LikenessError as error:
        problem = error
    record = load_consent(repository.consent, persona)
    if as_json:
        standing = {"in_force": problem is None, "problem": problem and problem.message}
        print_json(record.model_dump(mode="json") | standing)
        return int(problem is not None)
    sys.stdout.write(show_record(record))
    if problem is not None:
        raise problem
    signer = record.signature.by if record.signature else ""
    sys.stdout.write(
        f"in force, until {record.expires or 'revoked'}; evidence {record.evidence.file} is as recorded; signed by "
        f"{signer}\n"
    )
    return 0


def _team() -> Remote | None:
    """The team's store by the settings, where there are any: a record can be read without them."""
    return team_store(load_config(PARAMS)) if PARAMS.is_file() else None


def show_record(record: Consent) -> str:
    """A record in a few lines."""
    targets = record.targets.photos if record.targets else {}
    shown = sorted({photo.shows for photo in targets.values()})
    lines = [
        f"{record.id}: {record.subject} ({record.kind}), scope {', '.join(record.scope)}",
        f"  adult: {record.adult.age_years} years, attested by {record.adult.attested_by}",
        f"  from {record.signed} to {record.expires or 'its revocation'}; evidence: {record.evidence.file}",
        f"  photographs listed: {len(record.photos)}; targets: {len(targets)}"
        + (f" ({', '.join(shown)})" if shown else ""),
    ]
    if record.floors:
        lines.append(f"  floors of its own, decided by {record.floors.decided_by}: {record.floors.why}")
    return "\n".join(lines) + "\n"


def export(persona: Persona) -> None:
    """Print a consent receipt as JSON-LD.

    ISO/IEC TS 27560 in the words of the Data Privacy Vocabulary (DPV).

    \b
    Example:
      likeness consent export jade
    """
    repository = RepositoryPaths.here()
    learn_from_git(repository.root)
    learn(repository.root, known(persona), _team())
    record = load_consent(repository.consent, persona)
    sys.stdout.write(json.dumps(receipt(record), indent=2, ensure_ascii=False) + "\n")


def bind(persona: Persona) -> None:
    """Print the `face:` lines of a record.

    They are the mean face of the photographs in data/PERSONA/raw/sources.

    \b
    Example:
      likeness consent bind jade
    """
    sys.stdout.write(dumped({"face": recorded_face(known(persona), sys.stderr.write)}))


def recorded_face(persona: str, say: Callable[[str], object]) -> dict[str, Any]:
    """The `face` of a record: the mean of the source faces by each embedder. `say` is told of every photograph.

    Raises:
        InputError: no photograph shows exactly one face.
    """
    config = load_config(PARAMS)
    analyzer, limits = face_analyzer(config.faces.embedder), limits_of(config.ingest)
    faces: list[Vectors] = []
    photos, strays = photographs(PersonaPaths(persona).raw_sources)
    for stray in strays:
        say(f"{stray.name}: {stray.kind}, {stray.detail}\n")
    for path in photos:
        try:
            rgb = decode_photo(path, limits).rgb
        except InputError as error:
            say(f"{path.name}: {error}\n")
            continue
        upright = make_upright(rgb, analyzer.faces(rgb), analyzer.faces, analyzer)
        said = "; ".join((*upright.notes, *([upright.fault] if upright.fault else [])))
        say(f"{path.name}: {len(upright.faces)} face(s)" + (f"; {said}\n" if said else "\n"))
        if len(upright.faces) == 1 and upright.fault is None:
            faces.append(vectors_of(analyzer.identified(upright.rgb, upright.faces[0])))
    if not faces:
        raise InputError(
            f"no source photo of {persona} shows exactly one face",
            reason="no-face",
            remedy=f"put photographs of {persona} alone, lit and not covered, into data/{persona}/raw/sources",
        )
    encoded = {name: RecordedFace.encode(vector) for name, vector in mean_of(faces).items()}
    return {"embedder": SFACE, "embedding": encoded.pop(SFACE), "others": encoded}


def artefacts(persona: Persona) -> None:
    """List every file made from a persona's likeness.

    With its sha256, for a revocation; a persona whose consent is revoked is listed too.

    \b
    Example:
      likeness consent artefacts jade
    """
    places = PersonaPaths(known(persona))
    for folder in (places.data, places.models):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                sys.stdout.write(f"{sha256_file(path)}  {path}\n")
    sys.stderr.write(
        f"`likeness consent purge {persona}` deletes these, and what the item store, DVC, MLflow, the team's store and the "
        "bucket hold.\n"
    )


def known(persona: str) -> str:
    """The name of a persona that has a folder or a record: artefacts are listed for one that left params.yaml, too.

    Raises:
        ConfigError: nobody has this name.
    """
    record = RepositoryPaths.here().consent / f"{persona}.yaml"
    if PersonaPaths(persona).data.is_dir() or record.is_file():
        return persona
    raise ConfigError(
        f"there is neither a folder data/{persona} nor a record consent/{persona}.yaml",
        reason="unknown-persona",
        remedy="name a persona of params.yaml",
    )
