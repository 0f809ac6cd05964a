"""The sides of a comparison: a weights file, or the result of a revision or experiment with its evaluation."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from likeness.digests import sha256_file
from likeness.errors import InputError
from likeness.evaluate.paired import Details, common
from likeness.lora.safetensors_io import read_header
from likeness.paths import PersonaPaths
from likeness.pipeline.stage import STAGES
from likeness.settings import flatten
from likeness.versions.record import read_versions, weights_of
from likeness.versions.revision import WORKSPACE, Revision, is_revision

NOISE = ("hash", "sha256", "session", "bucket", "tag_frequency", "dataset_dirs", "output_name")
"""Parts of metadata's names that tell nothing to choose by."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of what is compared. `weights` gives the file where its bytes are needed; `details` is its evaluation, None where
    there is none of these weights, and `picture` gives the files of that; `losses` are (step, loss), empty where not known;
    `version` is what the weights were accepted as."""

    name: str
    sha256: str
    weights: Callable[[], Path]
    settings: Mapping[str, Any]
    details: Details | None = None
    picture: Callable[[str], Path] = Path
    photographs: frozenset[str] = frozenset()
    losses: Sequence[tuple[int, float]] = ()
    version: str = ""


def sides(names: Sequence[str], persona: str) -> list[Side]:
    """The sides of these names, in their order: an accepted version (`jade-v2`), a path of a weights file, else a revision
    (`workspace`: the files here).
    Settings are of one kind: those of dvc.lock where all are revisions, else what each weights file says.

    Raises:
        InputError: a name is neither, or what it names is not on this machine.
    """
    paths = PersonaPaths(persona)
    versions = {one.name: one for one in read_versions(paths)}
    names = list(dict.fromkeys(names))
    for name in names:
        if not (name in versions or Path(name).is_file() or is_revision(name)):
            raise _unknown(name, persona, versions)
    files = {name: weights_of(versions[name], paths) if name in versions else Path(name) for name in names}
    found = [
        _file(name, path) if path.is_file() else _revision(name, persona) for name, path in files.items()
    ]
    if any(path.is_file() for path in files.values()):
        found = [_with_metadata(side) for side in found]
    shown = Counter(side.name for side in found)  # two folders may have a file of one name
    found = [
        replace(side, name=name) if shown[side.name] > 1 else side
        for name, side in zip(names, found, strict=True)
    ]
    by_digest = {one.sha256: name for name, one in versions.items()}
    return [replace(side, version=by_digest.get(side.sha256, "")) for side in found]


def incomparable(found: Sequence[Side]) -> str | None:
    """Why the evaluations that exist cannot be compared, in a sentence; None where they can."""
    first = found[0]
    for side in found:
        if side.details is None:
            return f"{side.name} has no evaluation of its weights"
        if side.photographs != first.photographs:
            return f"{first.name} and {side.name} were compared with other photographs"
        if not common(first.details or {}, side.details):
            return f"{first.name} and {side.name} have no prompt and seed in common"
    return None


def _unknown(name: str, persona: str, versions: Iterable[str]) -> InputError:
    known = ", ".join(versions) or "there are none yet"
    return InputError(
        f"{name!r} is no file, no revision that git knows, and no accepted version of {persona} ({known})",
        reason="no-version",
        remedy="name a version or a weights file, a commit or tag (`git log --oneline`) or an experiment (`dvc exp list --all`)",
    )


def _file(name: str, path: Path) -> Side:
    read_header(path)  # a file that is no weights file is told here
    return Side(name=Path(name).name, sha256=sha256_file(path), weights=lambda: path, settings={})


def _with_metadata(side: Side) -> Side:
    said = read_header(side.weights()).metadata
    shown = {
        name: value
        for name, value in said.items()
        if name.startswith(("ss_", "likeness.")) and not any(part in name for part in NOISE)
    }
    return replace(side, settings=shown)


def _revision(name: str, persona: str) -> Side:
    revision = Revision(name, persona)

    def weights() -> Path:
        return revision.trained(revision.paths.weights)

    recorded = _recorded(revision)
    digest = recorded[0] if recorded else sha256_file(weights())
    side = Side(name=name, sha256=digest, weights=weights, settings=_settings(revision))
    if recorded is None:
        return side
    _, details, picture = recorded
    known = {"photographs": _photographs(revision), "losses": _losses(revision)}
    return replace(side, details=details, picture=picture, **known)


def _recorded(revision: Revision) -> tuple[str, Details, Callable[[str], Path]] | None:
    """The digest of the evaluated weights, the evaluation, and where its pictures lie; None where it is not at hand, was not
    measured as today's are, or is of other weights than lie here."""
    try:
        folder = revision.folder("samples")
        details = orjson.loads(folder.file("details.json").read_bytes())
    except (InputError, OSError, ValueError):
        return None
    known = {entry.get("file") for entry in folder.entries.values()}
    digests = {digest for entry in folder.entries.values() for digest in entry.get("parents", ())}
    if len(digests) != 1 or not details.get("measures") or "named" not in details:
        return None
    if any(one["file"] and one["file"] not in known for one in details["samples"]):
        return None  # it names what its manifest does not
    (digest,) = digests
    if revision.name == WORKSPACE and sha256_file(revision.trained(revision.paths.weights)) != digest:
        return None
    return digest, details, folder.file


def _photographs(revision: Revision) -> frozenset[str]:
    """The digests of the photographs that an evaluation compares with: the held-out ones, else all of the person's."""
    own = [entry for entry in revision.folder("ingested").entries.values() if entry.get("source")]
    held_out = [entry for entry in own if entry.get("held_out")]
    return frozenset(entry["sha256"] for entry in held_out or own)


def _settings(revision: Revision) -> dict[str, Any]:
    before = [spec.name for spec in STAGES if spec.name not in ("check", "report")]
    return {name: value for stage in before for name, value in flatten(revision.settings(stage)).items()}


def _losses(revision: Revision) -> list[tuple[int, float]]:
    try:
        text = revision.trained(revision.paths.loss_csv).read_text(encoding="utf-8")
        return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(text.splitlines())]
    except (InputError, OSError, ValueError, KeyError):
        return []
