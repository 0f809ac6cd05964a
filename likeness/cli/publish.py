"""Upload a persona's finished files to S3, or lay its weights out for a gallery."""

import sys
from typing import Annotated

import typer

from likeness.cli.arguments import Persona
from likeness.config import load_config
from likeness.paths import PARAMS, RepositoryPaths
from likeness.publish import lay_out, publish
from likeness.safety.consent import load_consent
from likeness.safety.consent.history import learn_from_git


def publish_command(
    persona: Persona,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be uploaded, and write nothing.")
    ] = False,
    gallery: Annotated[
        bool,
        typer.Option("--gallery", help="Lay the weights out in .cache/gallery instead (docs/gallery.md)."),
    ] = False,
) -> None:
    """Upload a persona's finished files to S3.

    Images, captions, archive, weights, cards and report, only what changed. Reads what `dvc repro` made and
    publish.url, and needs a consent in force for every use.

    \b
    Examples:
      likeness publish jade --dry-run
      likeness publish jade
      likeness publish jade --gallery
    """
    if gallery and dry_run:
        raise typer.BadParameter("--gallery uploads nothing, so that --dry-run has nothing to show")
    cfg = load_config(PARAMS)
    repository = RepositoryPaths.here()
    learn_from_git(repository.root)
    record = load_consent(repository.consent, cfg.persona(persona).name)
    if gallery:
        sys.stdout.write(f"{lay_out(cfg, record, repository.gallery)}\n")
        return
    sys.stdout.write(publish(cfg, record, dry_run=dry_run))
