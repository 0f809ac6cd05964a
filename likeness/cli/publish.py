"""Upload a persona's finished files to S3."""

import sys

from likeness.config import load_config
from likeness.publish import publish
from likeness.run import CONSENT, PARAMS
from likeness.safety.consent import load_consent


def publish_command(persona: str, *, dry_run: bool) -> None:
    """Publish, and print what was done."""
    cfg = load_config(PARAMS)
    record = load_consent(CONSENT, cfg.persona(persona).name)
    sys.stdout.write(publish(cfg, record, dry_run=dry_run))
