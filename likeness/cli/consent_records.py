"""Write, sign and renew consent records. No digest is copied by hand."""

import contextlib
import datetime
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from likeness.cli import consent_answers as option
from likeness.cli.arguments import Persona
from likeness.cli.consent import recorded_face
from likeness.cli.consent_answers import Answers, Asker, asked, file, with_answers
from likeness.digests import sha256_file
from likeness.disk import write_atomic
from likeness.errors import ConsentError
from likeness.ingest.listing import photographs
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.safety.consent.evidence import take_evidence
from likeness.safety.consent.history import learn_from_git
from likeness.safety.consent.load import read_consent
from likeness.safety.consent.record import Consent, months_later
from likeness.safety.consent.revocations import check_not_revoked, revocations, today
from likeness.safety.consent.write import dumped, set_field

USUAL_TERM_MONTHS = 12
# People of one head mesh come nearer to each other than photographs of strangers do (docs/synthetic-people.md).
ONE_MESH_FLOORS = {
    "why": "synthetic people of one mesh are more alike than strangers are",
    "sface": {"source_min": 0.70, "swap_min": 0.65, "target_max": 0.82},
    "resnet": {"source_max": 0.42, "swap_max": 0.55, "target_min": 0.20},
}


@with_answers
def new(persona: Persona, answers: Answers) -> None:
    """Write a record from the photographs in data/PERSONA/raw/sources.

    Evidence, photographs and the face are entered with their digests; sign it next.

    \b
    Example:
      likeness consent new mia --kind release --evidence release.pdf
    """
    folder = RepositoryPaths.here().consent
    if (folder / f"{persona}.yaml").exists():
        raise ConsentError(
            f"consent/{persona}.yaml is there already",
            reason="consent-exists",
            remedy=f"`likeness consent renew {persona}` for a new term, or move the old record away",
        )
    asker = Asker()
    ask_all = asked(asker, answers)
    asker.end()
    write_record(persona, ask_all)
    sys.stderr.write(
        f"consent/{persona}.yaml is written; read it, then sign it: likeness consent sign {persona}\n"
    )


def write_record(persona: str, answers: Answers, *, say: Callable[[str], object] = sys.stderr.write) -> None:
    """Write the record, unsigned: its face and the digests of photographs and evidence are read from the files.

    Raises:
        ConsentError: an answer is not what a record takes; nothing is left.
        InputError: no photograph shows one face.
    """
    repository = RepositoryPaths.here()
    folder, day = repository.consent, today(repository.root)
    signed = answers.signed or day.isoformat()
    assert answers.evidence is not None, "asked for"
    fields: dict[str, Any] = {
        "id": free_id(repository.root, persona, signed),
        "persona": persona,
        "kind": answers.kind,
        "subject": answers.subject,
        "adult": {"attested_by": answers.attested_by, "age_years": answers.age_years},
        "scope": answers.scope,
        "signed": signed,
        "expires": answers.expires or usual_end(signed, answers.kind),
    }
    if answers.kind == "synthetic":
        fields["floors"] = {"decided_by": answers.attested_by, **ONE_MESH_FLOORS}
    path = folder / f"{persona}.yaml"
    evidence = take_evidence(folder, persona, answers.evidence)
    fields["evidence"] = evidence.model_dump()
    try:
        fields["face"] = recorded_face(persona, say)
        fields["photos"] = listed_photographs(persona)
        text = (
            f"# The record under which {persona}'s likeness is used; docs/consent.md explains every field.\n"
        )
        write_atomic(path, (text + dumped(fields)).encode())
        check_not_revoked(_in_force(folder, persona, day), repository.root)
    except BaseException:
        path.unlink(missing_ok=True)
        if (copied := folder / evidence.file) != answers.evidence.absolute():
            copied.unlink(missing_ok=True)
        raise


def _in_force(folder: Path, persona: str, day: datetime.date) -> Consent:
    """The record that the answers make, if it is one, and of this day.

    Raises:
        ConsentError: it is not.
    """
    try:
        record = read_consent(folder, persona)
        record.require((), today=day)
    except ConsentError as error:
        anew = "give that answer anew: nothing was written; docs/consent.md shows a whole record"
        raise ConsentError(error.message, reason=error.reason, remedy=anew) from error
    return record


@contextlib.contextmanager
def as_it_was(path: Path) -> Generator[None]:
    """A record that is not changed to the end keeps its bytes, and with them the signature that it had."""
    before = path.read_bytes() if path.is_file() else None
    try:
        yield
    except BaseException:
        if before is not None and path.read_bytes() != before:
            write_atomic(path, before)
        raise


def usual_end(signed: str, kind: str | None) -> str | None:
    """A year after the signature; a synthetic person's record stays open."""
    if kind == "synthetic":
        return None
    with contextlib.suppress(ValueError):
        return months_later(datetime.date.fromisoformat(signed), USUAL_TERM_MONTHS).isoformat()
    return None  # the record's own check says what is wrong with `signed`


def free_id(repository: Path, persona: str, signed: str) -> str:
    """An id that no revoked record had."""
    taken = {one.id for one in revocations(repository)}
    first = f"{persona}-{signed}"
    return next(name for name in (first, *(f"{first}-{n}" for n in range(2, 1000))) if name not in taken)


def listed_photographs(persona: str) -> dict[str, dict[str, Any]]:
    """The `photos` of a record: every photograph of the raw folder."""
    photos, _ = photographs(PersonaPaths(persona).raw_sources)
    return {path.name: {"sha256": sha256_file(path)} for path in photos if path.is_file()}


def renew(
    persona: Persona,
    evidence: option.Evidence = None,
    signed: option.Signed = None,
    expires: option.Expires = None,
) -> None:
    """Write the record of a new term, with a new id; sign it next.

    \b
    Example:
      likeness consent renew mia --evidence release-2027.pdf --expires 2028-11-22
    """
    repository = RepositoryPaths.here()
    folder = repository.consent
    learn_from_git(repository.root)
    old = read_consent(folder, persona)
    check_not_revoked(old, repository.root)
    asker = Asker()
    given = asker.ask("--evidence", evidence, "The new signed release (a file)", file)
    asker.end()
    day = signed or today(repository.root).isoformat()
    new_evidence = take_evidence(folder, persona, given)
    if new_evidence.sha256 == old.evidence.sha256 and old.kind != "synthetic":
        raise ConsentError(
            f"{persona}: {given} is the release of the term before, {old.id}",
            reason="consent-evidence",
            remedy="a new term rests on a new release, signed for it",
        )
    with as_it_was(folder / f"{persona}.yaml"):
        for field, value in {
            "id": free_id(repository.root, persona, day) if day != old.signed.isoformat() else f"{old.id}-2",
            "renews": old.id,
            "signed": day,
            "expires": expires or usual_end(day, old.kind),
            "evidence": new_evidence.model_dump(),
            "signature": None,
        }.items():
            # `expires: null` is a value; only the signature is taken away.
            set_field(folder, persona, field, value, keep_null=field == "expires")
        fresh = read_consent(folder, persona)
        check_not_revoked(fresh, repository.root)
    sys.stderr.write(
        f"consent/{persona}.yaml is now {fresh.id}, until {fresh.expires}; sign it: "
        f"likeness consent sign {persona}\n"
    )
