"""What the stage ingest reads, and what it accepts of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from likeness.ingest import entries
from likeness.ingest.models import local_instruments
from likeness.ingest.raw import RawPhoto, list_raw
from likeness.ingest.select import Selection, persona_json, select
from likeness.pipeline.batch import Outcome, Work
from likeness.pipeline.manifest import Failure
from likeness.run import Run
from likeness.store.items import write_atomic


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The raw files, those whose bytes could be read with the work of measuring each, and those that could not."""

    raws: Sequence[RawPhoto]
    files: Sequence[entries.Hashed]
    works: Sequence[Work]
    failures: Sequence[Failure]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is accepted, with the lines of the manifest; what is not, and why; and what the set says of the persona."""

    accepted: Sequence[Outcome]
    failures: Sequence[Failure]
    selection: Selection


def read(run: Run) -> Reading:
    """The raw photographs as they are now.

    Raises:
        ConfigError: there are none, or `held_out` names others.
    """
    persona = run.persona
    raws = list_raw(run.paths, persona.held_out)
    files, failures = entries.hash_files(persona.name, raws)
    limits = entries.limits_of(run.config.ingest)
    works = entries.works_for(persona.name, files, limits, local_instruments())
    return Reading(raws=raws, files=files, works=works, failures=failures)


def choose(run: Run, reading: Reading, outcomes: Sequence[Outcome]) -> Chosen:
    """Decide about the whole set."""
    cfg, persona = run.config.ingest, run.persona
    photos, unreadable = entries.candidates_of(reading.files, outcomes)
    selection = select(photos, cfg, run.consent, source_min=persona.similarity.source_min)
    refused = [
        entries.failure_of(persona.name, photo.raw, selection.refusals[photo.raw.label])
        for photo in photos
        if photo.raw.label in selection.refusals
    ]
    lines = {
        entries.photo_id(persona.name, photo.raw): partial(
            entries.entry_of, persona.name, photo, cfg=cfg, selection=selection
        )
        for photo in selection.accepted
    }
    return Chosen(
        accepted=[
            replace(outcome, work=replace(outcome.work, line=lines[outcome.work.id]))
            for outcome in outcomes
            if outcome.work.id in lines
        ],
        failures=[*reading.failures, *unreadable, *refused],
        selection=selection,
    )


def write_findings(run: Run, selection: Selection) -> None:
    """What was changed on reading, and the persona's face, if there is one."""
    run.paths.ingested.mkdir(parents=True, exist_ok=True)
    notes = entries.notes_of(run.persona.name, selection.accepted)
    write_atomic(run.paths.ingest_notes, "".join(json.dumps(line) + "\n" for line in notes).encode())
    if selection.centroid is not None:
        write_atomic(run.paths.persona_face, persona_json(selection))
