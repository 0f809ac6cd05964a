"""The targets of a new person: who is shown on each, by which licence, and the record that says so."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likeness.cli.consent_answers import Asker, file
from likeness.digests import sha256_file
from likeness.disk import write_atomic
from likeness.errors import ConfigError
from likeness.ingest.listing import printable
from likeness.paths import same_name
from likeness.safety.consent.evidence import take_evidence
from likeness.safety.consent.licences import is_licence
from likeness.safety.consent.write import dumped

AGED = re.compile(r"(.*\S),\s*(\d+)\s*")


@dataclass(frozen=True, kw_only=True)
class TargetAnswers:
    """What a person says of the targets: `shows` is `FILE=NAME`, or a name for all; after a comma the attested age."""

    shows: Sequence[str]
    licence: str | None
    origin: str | None
    release: Path | None


def who_is_shown(asker: Asker, shown: Sequence[Path], given: TargetAnswers) -> dict[str, str]:
    """{file name: who is shown}."""
    named = dict(entry.split("=", 1) for entry in given.shows if "=" in entry)
    named = {same_name(file): who for file, who in named.items()}
    everyone = next((entry for entry in given.shows if "=" not in entry), None)
    if unknown := set(named) - {same_name(path.name) for path in shown}:
        raise ConfigError(
            f"--shows names {', '.join(sorted(unknown))}, which is not among the targets",
            reason="unknown-target",
            remedy="write FILE=NAME with the file's name",
        )
    return {
        path.name: asker.ask(
            f"--shows {path.name}=NAME",
            named.get(same_name(path.name), everyone),
            f"Who is shown on {printable(path.name)}?",
        )
        for path in shown
    }


def _licence(said: str) -> str:
    if not is_licence(said):
        raise ValueError(
            "an SPDX identifier that allows changed versions (CC0-1.0, CC-BY-4.0 ...), or the word release"
        )
    return said


def write_targets(
    folder: Path, name: str, shown: Sequence[Path], who: Mapping[str, str], given: TargetAnswers
) -> None:
    """Write the record of the targets, with their digests; what no option says is asked for."""
    asker = Asker()
    licence = asker.ask(
        "--licence", given.licence, "The targets' licence (CC0-1.0, CC-BY-4.0, or release)", _licence
    )
    origin = asker.ask("--origin", given.origin, "Where do the targets come from?")
    release = asker.ask("--release", given.release, "What those who are shown signed (a file)", file)
    asker.end()
    fields: dict[str, Any] = {
        "licence": licence,
        "origin": origin,
        "release": take_evidence(folder, name, release).model_dump(),
        "photos": {path.name: _target(sha256_file(path), who[path.name]) for path in shown},
    }
    head = f"# Who may be shown as a target of {name}'s swaps, from where, under which licence (docs/consent.md).\n"
    write_atomic(folder / f"{name}.targets.yaml", (head + dumped(fields)).encode())


def _target(sha256: str, said: str) -> dict[str, Any]:
    """A line of the list: `Ann Example, 34` is a name with the age at the time the photograph was taken."""
    match = AGED.fullmatch(said)
    fields: dict[str, Any] = {"sha256": sha256, "shows": match[1] if match else said}
    if match:
        fields["age_years"] = int(match[2])
    return fields
