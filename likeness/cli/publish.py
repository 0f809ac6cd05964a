"""Upload a persona's finished files to S3."""

import sys

from likeness.config import load_config
from likeness.paths import PARAMS, RepositoryPaths
from likeness.publish import publish
from likeness.safety.consent import load_consent
from likeness.safety.consent.revocations import learn_from_git


def publish_command(persona: str, *, dry_run: bool) -> None:
    """Publish, and print what was done."""
    cfg = load_config(PARAMS)
    repository = RepositoryPaths.here()
    learn_from_git(repository.root)
    record = load_consent(repository.consent, cfg.persona(persona).name)
    sys.stdout.write(publish(cfg, record, dry_run=dry_run))
