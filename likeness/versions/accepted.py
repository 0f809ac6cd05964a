"""The next version of a persona's weights: chosen by the floors of conf/choice/, numbered, recorded, copied."""

import json
from collections.abc import Sequence

from likeness.digests import md5_file, sha256_file
from likeness.disk import alone_in, copy_atomic, write_atomic
from likeness.errors import InputError
from likeness.evaluate import ChoiceConfig
from likeness.evaluate.choice import Verdict, verdict
from likeness.formatting import markdown
from likeness.lora.safetensors_io import read_header
from likeness.lora.said import TRAINING_SET
from likeness.paths import PersonaPaths
from likeness.versions.comparison import summary
from likeness.versions.record import Version, read_versions
from likeness.versions.sides import Side

TRAINED_WITH = (
    "ss_network_dim",
    "ss_network_alpha",
    "ss_learning_rate",
    "ss_steps",
    "ss_seed",
    "ss_sd_model_name",
)


def choose(sides: Sequence[Side], choice: ChoiceConfig) -> list[tuple[Side, Verdict | None]]:
    """The candidates with their verdicts, the accepted with the largest share of the ceiling first; None: not evaluated."""
    judged = [(side, verdict(side.details["measures"], choice) if side.details else None) for side in sides]
    return sorted(
        judged, key=lambda one: (one[1].accepted, one[1].share) if one[1] else (False, -1.0), reverse=True
    )


def accept(paths: PersonaPaths, side: Side, judged: Verdict) -> tuple[Version, bool]:
    """Give weights the next number, unless they have one; (the version, whether it is new). A call that was killed left no
    number without its copy; what else it did not write is written now."""
    with alone_in(paths.models):
        known = read_versions(paths)
        found = next((one for one in known if one.sha256 == side.sha256), None)
        if found is None:
            known = [*known, _numbered(paths, side, judged, len(known) + 1)]
            values = [one.model_dump(mode="json") for one in known]
            write_atomic(
                paths.versions_file, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()
            )
        write_atomic(paths.versions_changelog, changelog(known).encode())
        return found or known[-1], found is None


def _numbered(paths: PersonaPaths, side: Side, judged: Verdict, number: int) -> Version:
    """The weights as the version of this number, with their copy."""
    source = side.weights()
    said = read_header(source).metadata
    new = Version(
        version=number,
        name=f"{paths.persona}-v{number}",
        of=side.name,
        sha256=sha256_file(source),
        md5=md5_file(source),
        dataset=said.get(TRAINING_SET),
        trained_with={key: said[key] for key in TRAINED_WITH if key in said},
        scores=summary(side.details or {}),
        rule=judged.values(),
        why="; ".join(one.sentence for one in judged.floors),
    )
    if new.sha256 != side.sha256:
        raise InputError(
            f"{source} is not what was evaluated", reason="not-evaluated", remedy="run `dvc repro`"
        )
    copy_atomic(source, paths.version(number))
    return new


def changelog(versions: Sequence[Version]) -> str:
    """A line a version, the last first."""
    lines: list[str] = []
    for one in reversed(versions):
        said = ", ".join(f"{key.removeprefix('ss_')} {value}" for key, value in one.trained_with.items())
        dataset = (one.dataset or "unknown")[:12]
        words = f"{one.why}. Training set {dataset}; {said or 'settings unknown'}; sha256 {one.sha256[:12]}."
        lines.append(f"- **{markdown(one.name)}**: {markdown(words)}")
    return "# Versions\n" + "\n".join(lines) + "\n"
