"""Upload a persona's finished files to S3, or lay its weights out for a gallery."""

import sys
from pathlib import Path

from likeness.config import load_config
from likeness.paths import PARAMS, RepositoryPaths
from likeness.publish import publish
from likeness.publish.gallery import lay_out
from likeness.safety.consent import load_consent
from likeness.safety.consent.revocations import learn_from_git


def publish_command(persona: str, *, dry_run: bool, gallery: Path | None = None) -> None:
    """Publish, and print what was done; with the folder of a gallery, lay the weights out there instead."""
    cfg = load_config(PARAMS)
    repository = RepositoryPaths.here()
    learn_from_git(repository.root)
    record = load_consent(repository.consent, cfg.persona(persona).name)
    if gallery is not None:
        sys.stdout.write(f"{lay_out(cfg, record, gallery)}\n")
        return
    sys.stdout.write(publish(cfg, record, dry_run=dry_run))
