"""publish: put a persona's finished images, captions, archive, weights, cards and report on S3, only what changed.

python -m likeness.cli.publish PERSONA [--dry-run]     --dry-run tells what would be done and writes nothing

Reads what `dvc repro` made, and publish.url. Not a part of the graph: to publish is a person's decision, and it needs
a consent in force for every use.
"""

import sys
from functools import partial

from likeness.errors import ConfigError
from likeness.pipeline.stage import ALL_USES
from likeness.publish import MANIFEST, Chosen, Summary, choose, publish
from likeness.run import Run, run
from likeness.store.s3 import Remote

DRY_RUN = "--dry-run"
MEGABYTE = 1e6


def main(run: Run, *, dry_run: bool) -> None:
    """Refuse what may not leave, look at the place, send, and tell."""
    cfg, persona, record = run.config, run.persona, run.consent
    run.require(*ALL_USES)  # whoever gets the files can do all of it with them
    if cfg.publish.url is None:
        raise ConfigError("publish.url is not set", reason="no-publish-url",
                          remedy="set it to s3://bucket/prefix in conf/publish/default.yaml and run `make params`")  # fmt: skip
    chosen = choose(run.paths, record.id)
    Remote(cfg.publish.url, cfg.s3).check(write=not dry_run)
    there = Remote(f"{cfg.publish.url.rstrip('/')}/{persona.name}", cfg.s3)
    done = publish(chosen, there, persona.name, record.id, dry_run=dry_run)
    sys.stdout.write(told(chosen, done, there.url, dry_run=dry_run))


def told(chosen: Chosen, done: Summary, url: str, *, dry_run: bool) -> str:
    """The summary: what went where, what did not and why."""
    would = "would be " if dry_run else ""
    lines = [
        f"{len(done.uploaded)} files {would}uploaded ({done.uploaded_bytes / MEGABYTE:.1f} MB), {done.unchanged} unchanged",
        *(f"  {one.file} ({one.type}, {one.size} bytes)" for one in done.uploaded if dry_run),
        f"{len(chosen.held)} held back" + (":" if chosen.held else ""),
        *(f"  {one.what}: {one.why}" for one in chosen.held),
        f"{len(done.removed)} removed from the manifest"
        + (" (they stay in the bucket until you delete them):" if done.removed else ""),
        *(f"  {one.file}" for one in done.removed),
        f"{url}/{MANIFEST}",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    dry_run = DRY_RUN in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != DRY_RUN]
    run("publish", partial(main, dry_run=dry_run))
