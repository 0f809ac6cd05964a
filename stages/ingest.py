"""ingest: a person's raw photographs, whatever their format, become upright, measured, judged PNGs.

Reads:  data/PERSONA/raw/sources/, data/PERSONA/raw/targets/, consent/
Writes: data/PERSONA/ingested/: PERSONA-s1-sfw-ingested.png, PERSONA-s1.face.json, persona.json (the face),
        notes.jsonl (what was changed on reading), manifest.jsonl, failures.jsonl;
        data/PERSONA/raw/numbers.yaml: the numbers of photographs that are accepted for the first time
"""

import shutil
import sys

from likeness.ingest.advice import advice, no_sources
from likeness.ingest.choice import choose, read, write_findings
from likeness.run import Run
from likeness.stage_program import run


def main(run: Run) -> None:
    """Read and measure every photo, decide about the set, lay out what is accepted, name what is not."""
    reading = read(run)
    chosen = choose(run, reading, run.batch(reading.works))
    shutil.rmtree(run.paths.ingested, ignore_errors=True)
    write_findings(run, chosen)
    run.finish(chosen.accepted, failures=chosen.failures)
    sys.stderr.writelines(f"ingest: {line}\n" for line in advice(run.persona.name, chosen.selection.accepted))
    if chosen.selection.centroid is None:
        raise no_sources(run.persona.name, chosen.selection.accepted, run.paths)


if __name__ == "__main__":
    run("ingest", main)
