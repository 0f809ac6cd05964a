"""ingest: a person's raw photographs, whatever their format, become upright, measured, judged PNGs.

Reads:  data/PERSONA/raw/sources/, data/PERSONA/raw/targets/, consent/
Writes: data/PERSONA/ingested/: PERSONA-s1-sfw-ingested.png, PERSONA-s1.face.json, persona.json (the face),
        notes.jsonl (what was changed on reading), manifest.jsonl, failures.jsonl
"""

import json
import shutil

from likeness.errors import InputError
from likeness.ingest import entries
from likeness.ingest.models import local_instruments
from likeness.ingest.raw import list_raw
from likeness.ingest.select import persona_json, select
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import Entry
from likeness.run import Run, run
from likeness.store.items import Item, write_atomic


def main(run: Run) -> None:
    """Read and measure every photo, decide about the set, lay out what is accepted, name what is not."""
    places, cfg, persona = run.paths, run.config, run.persona
    files, failures = entries.hash_files(persona.name, list_raw(places, persona.held_out))
    works = entries.works_for(persona.name, files, entries.limits_of(cfg.ingest), local_instruments())
    outcomes = run.batch(works)
    photos, unreadable = entries.candidates_of(files, outcomes)
    selection = select(photos, cfg.ingest, run.consent, source_min=persona.similarity.source_min)
    failures += unreadable
    failures += [
        entries.failure_of(persona.name, photo.raw, selection.refusals[photo.raw.label])
        for photo in photos
        if photo.raw.label in selection.refusals
    ]
    accepted = {entries.photo_id(persona.name, photo.raw): photo for photo in selection.accepted}

    def entry(outcome: Outcome, item: Item) -> tuple[Entry, dict[str, str]]:
        return entries.entry_of(persona.name, accepted[outcome.work.id], item, cfg.ingest, selection)

    shutil.rmtree(places.ingested, ignore_errors=True)
    places.ingested.mkdir(parents=True)
    notes = "".join(json.dumps(line) + "\n" for line in entries.notes_of(persona.name, selection.accepted))
    write_atomic(places.ingest_notes, notes.encode())
    if selection.centroid is not None:
        write_atomic(places.persona_face, persona_json(selection))
    chosen = [outcome for outcome in outcomes if outcome.work.id in accepted]
    run.finish(places.ingested, chosen, entry, failures=failures)
    if selection.centroid is None:
        raise InputError(
            f"ingest: no source photo of {persona.name} is left that is not held out",
            reason="no-sources",
            remedy=f"read {places.ingested}/failures.jsonl and add photos to {places.raw_sources}",
        )


if __name__ == "__main__":
    run("ingest", main)
