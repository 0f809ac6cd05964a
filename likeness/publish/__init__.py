"""What is published, and how it gets to the bucket: only what a manifest names and rates `sfw`, marked and signed, only what
changed.

Layout at `publish.url`/PERSONA: images/, captions/, evaluation/samples/, lora_training/README.md, report/index.html,
PERSONA_lora_dataset.zip, PERSONA-v1.safetensors, README.md, marks.jsonl, and last manifest.json.

Layout for a gallery, in FOLDER/versions: SHA256.safetensors, and last PERSONA-SHA256.json, which names it. The gallery reads it by
itself (gallery/people/layout.py); nothing here knows the gallery.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from likeness.config import Config
from likeness.digests import sha256_file
from likeness.disk import copy_atomic, write_atomic
from likeness.errors import ConfigError, InputError
from likeness.formatting import format_bytes
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.pipeline.stage import ALL_USES
from likeness.publish.choose import ALL_OF_THE_SET, Chosen, choose, published_name
from likeness.publish.door import PublicationDoor
from likeness.publish.origins import refuse_changed
from likeness.publish.prepare import prepare
from likeness.publish.send import MANIFEST, Summary, foresee, send
from likeness.safety.consent import Consent, in_force
from likeness.safety.consent.standing import refuse_exchanged
from likeness.safety.measurements import Measurements
from likeness.safety.pictures import PictureGate
from likeness.store import team_store
from likeness.store.items import ItemStore
from likeness.store.s3 import Remote


def publish(cfg: Config, record: Consent, *, dry_run: bool) -> str:
    """Publish what `dvc repro` made of the persona of this record; returns in words what was done.

    Publishing is a person's decision and no part of the graph.

    Raises:
        ConsentError: the record is not in force for every use, or another one is by now.
        ConfigError, AuthError: publish.url is not set or can't be used.
        InputError: see `choose` and `prepare`.
        TransientError, RejectedError: see `send`. Nothing has been sent before any of the others.
    """
    # Whoever gets the files can do all of it with them.
    repository, place = RepositoryPaths.here(), team_store(cfg)

    def permit() -> None:
        refuse_exchanged(in_force(repository.root, record.persona, ALL_USES, place=place), record)

    permit()
    if cfg.publish.url is None:
        raise ConfigError(
            "publish.url is not set",
            reason="no-publish-url",
            remedy="set it to s3://bucket/prefix in conf/publish/default.yaml and run `make params`",
        )
    chosen = choose(PersonaPaths(record.persona), record.id)
    refuse_changed(chosen.files, repository)
    store = ItemStore(repository.root / cfg.items.root, persona=record.persona)
    measures = Measurements(PictureGate(cfg.faces.embedder), store, cfg.faces.embedder)
    chosen = PublicationDoor(cfg, record, measures).admit(chosen)
    Remote(cfg.publish.url, cfg.s3).check(write=not dry_run, public=True)
    remote = Remote(f"{cfg.publish.url.rstrip('/')}/{record.persona}", cfg.s3)
    if dry_run:
        return _words(chosen, foresee(chosen, remote), remote.url, dry_run=True)
    prepared = prepare(cfg, record, chosen, repository)
    summary = send(prepared, remote, permit=permit)
    return _words(chosen, summary, remote.url, dry_run=False, unmarked=prepared.without_pixel_mark)


SET_REMEDY = (
    f"  remedy: for the {ALL_OF_THE_SET} to leave, take such images out of the training set: "
    "`likeness photos refuse PERSONA IMAGE --why ...` (jade-s1-t1), then `dvc repro`, which trains anew"
)


def _words(chosen: Chosen, summary: Summary, url: str, *, dry_run: bool, unmarked: Sequence[str] = ()) -> str:
    """What went where, what did not and why."""
    would = "would be " if dry_run else ""
    without = [f"{len(unmarked)} without a mark in their pixels (too small, or too smooth for it):"]
    without = [*without, *(f"  {name}" for name in unmarked)] if unmarked else []
    lines = [
        f"{len(summary.uploaded)} files {would}uploaded ({format_bytes(sum(one.size for one in summary.uploaded))}), "
        f"{summary.unchanged} unchanged",
        *(f"  {one.file} ({one.type}, {one.size} bytes)" for one in summary.uploaded if dry_run),
        *without,
        f"{len(chosen.withheld)} withheld" + (":" if chosen.withheld else ""),
        *(f"  {one.what}: {one.why}" for one in chosen.withheld),
        *([SET_REMEDY] if any(one.what == ALL_OF_THE_SET for one in chosen.withheld) else []),
        f"{len(summary.removed)} removed from the manifest"
        + (" (they stay in the bucket until you delete them):" if summary.removed else ""),
        *(f"  {one.file}" for one in summary.removed),
        f"{url}/{MANIFEST}",
    ]
    return "\n".join(lines) + "\n"


def lay_out(cfg: Config, record: Consent, folder: Path) -> Path:
    """Lay the persona's weights out below `folder`, through the door of `choose`; gives the file that names them.

    Raises:
        ConsentError: the record is not in force for drawing.
        InputError: `withheld`: the training set lets no weights leave; also as `choose` and `refuse_changed`.
    """
    repository, paths = RepositoryPaths.here(), PersonaPaths(record.persona)
    in_force(repository.root, record.persona, ("generate",), place=team_store(cfg))
    chosen = choose(paths, record.id)
    if paths.weights not in chosen.files.values():
        raise InputError(
            f"{paths.weights} stays here: {'; '.join(one.why for one in chosen.withheld)}",
            reason="withheld",
            remedy="remove what the training set's manifest does not rate sfw, then `dvc repro`",
        )
    refuse_changed({paths.weights.name: paths.weights}, repository)
    digest, persona, versions = sha256_file(paths.weights), cfg.persona(record.persona), folder / "versions"
    weights = versions / f"{digest}.safetensors"
    if not weights.is_file() or sha256_file(weights) != digest:
        copy_atomic(paths.weights, weights)
    says = {
        "persona": record.persona,
        "name": f"{Path(published_name(paths)).stem} {digest[:8]}",
        "consent_id": record.id,
        "consent_sha256": sha256_file(repository.consent / f"{record.persona}.yaml"),
        "weights_sha256": digest,
        "trigger": persona.trigger,
        "class_word": persona.class_word,
    }
    named = versions / f"{record.persona}-{digest}.json"
    write_atomic(named, (json.dumps(says, indent=1, sort_keys=True) + "\n").encode())
    return named
