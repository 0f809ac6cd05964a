"""What the stage ingest reads, and which photographs it accepts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from likeness.disk import write_atomic, write_parts
from likeness.ingest import entries
from likeness.ingest.checks import NOT_THE_PERSONA, Candidate, Refusal, refusal_alone
from likeness.ingest.limits import limits_of
from likeness.ingest.models import local_instruments
from likeness.ingest.numbers import Numbered, Numbers, give, read_numbers, replaced, write_numbers
from likeness.ingest.raw import RawPhoto, list_raw, list_strays
from likeness.ingest.select import Selection, persona_json, select
from likeness.lazy import Lazy, Spool
from likeness.paths import same_name
from likeness.pipeline.batch import Outcome, Work
from likeness.pipeline.manifest import Failure
from likeness.run import Run
from likeness.safety.by_hand import AllRefused, read_refused
from likeness.safety.consent import Role
from likeness.store.cleaning import withhold


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The raw photographs, those whose bytes could be read with the work of measuring each, and lines about the rest."""

    raws: Sequence[RawPhoto]
    files: Sequence[entries.Hashed]
    works: Sequence[Work]
    failures: Sequence[Failure]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is accepted, with the lines of the manifest; what is not, and why; what the set says of the persona; and the keys
    of photographs that only the set shows to be somebody else's."""

    accepted: Sequence[Outcome]
    failures: Sequence[Failure]
    selection: Selection
    numbers: Numbers
    strangers: Sequence[str]


def read(run: Run) -> Reading:
    """The raw photographs as they are now.

    Raises:
        ConfigError: there are none, `held_out` names others, or refused.yaml does not read.
    """
    persona = run.persona
    raws = list_raw(run.paths, persona.held_out)
    files, failures = entries.hash_files(persona.name, raws)
    strays = [entries.stray_failure(persona.name, role, stray) for role, stray in list_strays(run.paths)]
    limits, instruments = limits_of(run.config.ingest), local_instruments(run.embedder)
    refusal_of = partial(_refusal, run, read_refused(run.paths.refused))
    works = entries.works_for(persona.name, files, limits, instruments, refusal_of)
    return Reading(raws=raws, files=files, works=works, failures=Spool(chain(strays, failures)))


def _refusal(run: Run, by_hand: AllRefused, photo: Candidate) -> Refusal | None:
    """The gates' word comes first: a person's refusal hides none of theirs."""
    refused = refusal_alone(photo, run.config.ingest, run.consent, run.identity_limits)
    return refused or (by_hand[photo.sha256].refusal if photo.sha256 in by_hand else None)


def choose(run: Run, reading: Reading, outcomes: Sequence[Outcome]) -> Chosen:
    """Decide about the whole set."""
    cfg, persona = run.config.ingest, run.persona
    finished, photos, unreadable = entries.candidates_of(persona.name, reading.files, outcomes)
    numbers = read_numbers(run.paths.numbers)
    selection = select(photos, cfg, run.consent, limits=run.identity_limits, numbers=numbers)
    failures, strangers = Spool(chain(reading.failures, unreadable)), list[str]()
    for at, photo in enumerate(photos if selection.refusals else ()):
        if (refusal := selection.refusals.get(photo.raw.label)) is not None:
            failures.append(entries.failure_of(persona.name, photo.raw, refusal))
            if refusal.reason == NOT_THE_PERSONA:
                strangers.append(outcomes[finished[at]].work.key)
    given = _given(numbers, reading.raws, selection.accepted)

    def numbered(at: int) -> Candidate:
        photo = selection.accepted[at]  # by the number that it had while the set was judged
        number = given.of(photo.raw.role)[same_name(photo.raw.name)].number
        return replace(photo, raw=replace(photo.raw, number=number))

    def accepted(at: int) -> Outcome:
        outcome, photo = outcomes[finished[selection.numbers[at]]], judged[at]
        was = replaced(given.of(photo.raw.role), photo.raw.name, photo.sha256)
        similarity = selection.similarity(photo)
        line = partial(entries.entry_of, persona.name, photo, cfg=cfg, similarity=similarity, replaced=was)
        return replace(outcome, work=replace(outcome.work, line=line))

    judged = Lazy(len(selection.accepted), numbered)
    return Chosen(
        accepted=Lazy(len(judged), accepted),
        failures=failures,
        selection=replace(selection, accepted=judged),
        numbers=given,
        strangers=strangers,
    )


def _given(numbers: Numbers, raws: Sequence[RawPhoto], accepted: Sequence[Candidate]) -> Numbers:
    """The numbers after this run: with those of photographs that are accepted for the first time."""

    def of(role: Role) -> dict[str, Numbered]:
        new = ((photo.raw.name, photo.sha256) for photo in accepted if photo.raw.role == role)
        return give(numbers.of(role), new, (raw.name for raw in raws if raw.role == role))

    return Numbers(sources=of("source"), targets=of("target"))


def write_findings(run: Run, chosen: Chosen) -> None:
    """What was changed on reading, the numbers of the photographs, and the persona's face, if there is one."""
    selection = chosen.selection
    for key in chosen.strangers:
        withhold(key, run.items)
    write_numbers(run.paths.numbers, chosen.numbers)
    notes = entries.notes_of(run.persona.name, selection.accepted)
    write_parts(run.paths.ingest_notes, (f"{json.dumps(line)}\n".encode() for line in notes))
    if selection.centroid is not None:
        write_atomic(run.paths.persona_face, persona_json(selection))
