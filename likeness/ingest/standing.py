"""The present verdict on each photograph: accepted, or left out and why; and a person's own decisions about it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from likeness.digests import sha256_file
from likeness.errors import InputError
from likeness.images import RGB, load_rgb
from likeness.ingest.analyse import PHOTO
from likeness.ingest.checks import Candidate, gate_refusal
from likeness.ingest.choice import choose, read
from likeness.ingest.decode import decode_photo
from likeness.ingest.entries import Hashed, file_id, measured_of
from likeness.ingest.limits import limits_of
from likeness.paths import same_name
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import Entry, Failure
from likeness.run import Run
from likeness.safety.by_hand import BY_HAND, read_refused, refuse_changed, take_back, write_refusal
from likeness.safety.consent import Role


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One photograph: its file and the sha256 of it, its manifest line or why it has none, and where its measured picture lies.
    `shown`: it was measured, and no gate refuses it; what a gate refuses is told in words and shown to nobody."""

    role: Role
    path: Path
    sha256: str
    shown: bool
    entry: Entry | None = None
    failure: Failure | None = None
    picture: Path | None = None

    @property
    def file(self) -> str:
        """`sources/IMG_1.jpg`: how a person names it."""
        return f"{self.role}s/{self.path.name}"

    @property
    def quoted(self) -> str:
        """Its file as a shell reads it."""
        return shlex.quote(self.file)

    @property
    def by_hand(self) -> bool:
        """Whether a person's refusal keeps it out."""
        return self.failure is not None and self.failure.reason == BY_HAND

    def rgb(self, run: Run) -> RGB:
        """Its pixels.

        Raises:
            InputError: it is not to be shown, does not read, or its bytes are others by now.
        """
        if not self.shown:
            raise InputError(
                f"{self.file} is not shown",
                reason="not-shown",
                remedy="`likeness photos list` gives the reason",
            )
        if self.picture is not None:
            return load_rgb(self.picture)
        return decode_photo(self.path, limits_of(run.config.ingest), self.sha256).rgb


def standings(run: Run) -> tuple[list[Standing], list[Failure]]:
    """Every photograph, measured where it is not yet, and lines about files that are none or do not read.

    Raises:
        ConfigError: there are none.
    """
    reading = read(run)
    outcomes = run.batch(reading.works)
    chosen = choose(run, reading, outcomes)
    entries: dict[str, Entry] = {}
    for accepted in chosen.accepted:
        assert accepted.item is not None
        assert accepted.work.line is not None
        entries[accepted.work.id] = accepted.work.line(accepted.item)[0]
    failures = {failure.id: failure for failure in chosen.failures}
    found: list[Standing] = []
    for file, outcome in zip(reading.files, outcomes, strict=True):
        name = file_id(run.persona.name, file.raw.role, file.raw.name)
        picture = outcome.item.files[PHOTO].path if outcome.item and PHOTO in outcome.item.files else None
        found.append(
            Standing(
                role=file.raw.role,
                path=file.raw.path,
                sha256=file.sha256,
                shown=_passes_gates(run, file, outcome),
                entry=entries.get(name),
                failure=failures.pop(name, None),
                picture=picture,
            )
        )
    return found, list(failures.values())


def _passes_gates(run: Run, file: Hashed, outcome: Outcome) -> bool:
    item = outcome.item or run.items.get(outcome.work.key)
    if item is None or "explicit" not in item.record:
        return False
    measured = measured_of(item.record)
    photo = Candidate(raw=file.raw, sha256=file.sha256, look=lambda: measured)
    return gate_refusal(photo, run.config.ingest, run.consent) is None


def refuse(run: Run, file: str, why: str, sha256: str | None = None) -> None:
    """Keep a photograph out, whatever the gates say of it; `sha256`: only if it has these bytes still.

    Raises:
        InputError: there is no such photograph, it has other bytes, or no reason is given.
    """
    write_refusal(run.paths.refused, _digest(run, file, sha256), file, why)


def accept(run: Run, file: str, sha256: str | None = None) -> None:
    """Take back a person's refusal; the gates judge the photograph as they judge any.

    Raises:
        InputError: as `refuse`; or no person refused it.
    """
    digest = _digest(run, file, sha256)
    if digest not in read_refused(run.paths.refused) and (why := _refusal(run, file)):
        raise InputError(
            f"{file} is refused by ingest, not by a person: {why.detail}",
            reason="not-refused-by-hand",
            remedy=why.remedy,
        )
    take_back(run.paths.refused, digest, file)


def _digest(run: Run, file: str, sha256: str | None) -> str:
    known = {f"{raw.role}s/{same_name(raw.name)}": raw.path for raw in read(run).raws}
    path = known.get(same_name(file))
    if path is None:
        raise InputError(
            f"{file} is not a photograph of {run.persona.name}",
            reason="unknown-photograph",
            remedy="name it as `likeness photos list` does: sources/IMG_1.jpg",
        )
    digest = sha256_file(path)
    refuse_changed(file, digest, sha256)
    return digest


def _refusal(run: Run, file: str) -> Failure | None:
    found: Sequence[Standing] = standings(run)[0]
    return next((one.failure for one in found if same_name(one.file) == same_name(file)), None)
