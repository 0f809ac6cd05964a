"""Read and bind consent records."""

import json
import sys

from likeness.config import load_config
from likeness.errors import ConfigError, ConsentError, InputError
from likeness.faces import FaceAnalyzer
from likeness.ingest.decode import decode_photo
from likeness.ingest.entries import limits_of
from likeness.ingest.listing import photographs
from likeness.ingest.upright import make_upright
from likeness.paths import PARAMS, PersonaPaths, RepositoryPaths
from likeness.pipeline.stage import ALL_USES
from likeness.safety.consent import RecordedFace, load_consent
from likeness.safety.consent.revocations import learn_from_git, today
from likeness.safety.identity import SFACE, Vectors, mean_of, vectors_of
from likeness.store.items import sha256_file


def show(persona: str, *, as_json: bool) -> int:
    """The record in a few lines and its standing today; the exit status is 1 when it is not in force.

    Raises:
        ConsentError: there is no whole record.
    """
    repository = RepositoryPaths.here()
    learn_from_git(repository.root)
    record = load_consent(repository.consent, known(persona))
    try:
        record.require(ALL_USES, today=today(repository.root))
        problem = None
    except ConsentError as error:
        problem = error
    if as_json:
        standing = {"in_force": problem is None, "problem": problem and problem.message}
        sys.stdout.write(json.dumps(record.model_dump(mode="json") | standing, indent=2) + "\n")
        return int(problem is not None)
    sys.stdout.write(f"{record.id}: {record.subject} ({record.kind}), scope {', '.join(record.scope)}\n")
    if problem is not None:
        raise problem
    sys.stdout.write(
        f"in force, until {record.expires or 'revoked'}; evidence {record.evidence.file} is as recorded\n"
    )
    return 0


def bind(persona: str) -> None:
    """The mean of the source faces by each embedder, to be recorded by whoever has checked that they show the subject."""
    analyzer, limits = FaceAnalyzer(), limits_of(load_config(PARAMS).ingest)
    faces: list[Vectors] = []
    photos, strays = photographs(PersonaPaths(known(persona)).raw_sources)
    for stray in strays:
        sys.stderr.write(f"{stray.name}: {stray.kind}, {stray.detail}\n")
    for path in photos:
        try:
            rgb = decode_photo(path, limits).rgb
        except InputError as error:
            sys.stderr.write(f"{path.name}: {error}\n")
            continue
        upright = make_upright(rgb, analyzer.faces(rgb), analyzer.faces, analyzer)
        said = "; ".join((*upright.notes, *([upright.fault] if upright.fault else [])))
        sys.stderr.write(f"{path.name}: {len(upright.faces)} face(s)" + (f"; {said}\n" if said else "\n"))
        if len(upright.faces) == 1 and upright.fault is None:
            faces.append(vectors_of(analyzer.identified(upright.rgb, upright.faces[0])))
    if not faces:
        raise InputError(f"no source photo of {persona} shows exactly one face", reason="no-face")
    encoded = {name: RecordedFace.encode(vector) for name, vector in mean_of(faces).items()}
    sys.stdout.write(f"face:\n  embedder: {SFACE}\n  embedding: {encoded.pop(SFACE)}\n  others:\n")
    sys.stdout.writelines(f"    {name}: {vector}\n" for name, vector in encoded.items())


def artefacts(persona: str) -> None:
    """Works for a revoked record too: that is when it is needed."""
    places = PersonaPaths(known(persona))
    for folder in (places.data, places.models):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                sys.stdout.write(f"{sha256_file(path)}  {path}\n")
    sys.stderr.write(
        "Also made from this likeness: the item store (.cache), DVC's cache and remotes (`dvc gc`, `dvc push`), "
        "MLflow runs tagged likeness.persona, and every copy of the files above.\n"
    )


def known(persona: str) -> str:
    """The name of a persona that has a folder or a record: artefacts are listed for one that left params.yaml, too.

    Raises:
        ConfigError: nobody has this name.
    """
    if (PersonaPaths(persona).data.is_dir()) or (
        RepositoryPaths.here().consent / f"{persona}.yaml"
    ).is_file():
        return persona
    raise ConfigError(
        f"there is neither a folder data/{persona} nor a record consent/{persona}.yaml",
        reason="unknown-persona",
        remedy="name a persona of params.yaml",
    )
