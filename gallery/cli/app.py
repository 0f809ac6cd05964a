"""The command `likeness-gallery`. It stands beside `likeness`, which never imports the gallery (docs/decisions/0022)."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import PLAIN
from likeness.cli.commands import Commands

app = typer.Typer(
    cls=Commands, help="Look after a gallery (docs/gallery.md).", pretty_exceptions_enable=False, **PLAIN
)
Email = Annotated[str, typer.Argument(metavar="EMAIL")]
Person = Annotated[str, typer.Argument(metavar="PERSON")]


def main() -> None:
    """The console script."""
    app(prog_name="likeness-gallery")


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8700,
    host: Annotated[
        str, typer.Option(help="Behind a proxy that ends TLS, still this machine alone.")
    ] = "127.0.0.1",
    worker: Annotated[bool, typer.Option(help="Draw here, too.")] = True,
    pages: Annotated[bool, typer.Option(help="Serve the pages of gallery/web, too.")] = False,
) -> None:
    """Run the gallery.

    The API, and beside it a worker and the pages. A gallery on this machine that has no user yet gets an owner, whose password is
    printed once.

    \b
    Examples:
      likeness-gallery serve
      likeness-gallery serve --no-worker --port 8701
      GALLERY_PUBLIC_URL=http://127.0.0.1:3000 likeness-gallery serve --pages
    """
    from gallery.cli.serve import serve_command

    serve_command(host, port, worker=worker, pages=pages)


@app.command()
def worker(
    comfyui: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Draw there instead; may be given again.")
    ] = None,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
) -> None:
    """Draw what waits in the queue.

    \b
    Examples:
      likeness-gallery worker
      likeness-gallery worker --comfyui http://127.0.0.1:8188
    """
    from gallery.cli.serve import worker_command

    worker_command(tuple(comfyui or ()), until_eof=until_eof)


@app.command()
def sync() -> None:
    """Take in what `likeness publish PERSON --gallery` laid out.

    \b
    Example:
      likeness-gallery sync
    """
    from gallery.cli.desk import sync_command

    sync_command()


@app.command()
def invite(
    email: Email, role: Annotated[str, typer.Option(help="owner, member or guest.")] = "member"
) -> None:
    """Print a link by which somebody may sign up.

    \b
    Example:
      likeness-gallery invite ann@example.org --role guest
    """
    from gallery.cli.desk import invite_command

    invite_command(email, role)


@app.command()
def user(email: Email, block: Annotated[bool, typer.Option(help="Out at once, or in again.")]) -> None:
    """Block a user, or let one in again.

    \b
    Examples:
      likeness-gallery user ann@example.org --block
      likeness-gallery user ann@example.org --no-block
    """
    from gallery.cli.desk import block_command

    block_command(email, block=block)


@app.command()
def grant(
    email: Email,
    person: Person,
    per_day: Annotated[int, typer.Option(min=0)] = 20,
    until: Annotated[
        datetime.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day, in UTC.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Of prompts; all by default; may be given again.")
    ] = None,
) -> None:
    """Let somebody draw a person, with the newest version.

    \b
    Examples:
      likeness-gallery grant ann@example.org jade
      likeness-gallery grant ann@example.org jade --per-day 5 --until 2027-01-31 --kind portrait
    """
    from gallery.cli.desk import grant_command

    grant_command(email, person, per_day=per_day, until=until, kinds=kind)


@app.command()
def revoke(email: Email, person: Person) -> None:
    """Take somebody's rights to a person away at once.

    \b
    Example:
      likeness-gallery revoke ann@example.org jade
    """
    from gallery.cli.desk import revoke_command

    revoke_command(email, person)


@app.command()
def link(person: Person) -> None:
    """Print the link to the page of the person portrayed, for that person and nobody else.

    \b
    Example:
      likeness-gallery link jade
    """
    from gallery.cli.desk import link_command

    link_command(person)


@app.command()
def audit() -> None:
    """Print the audit log as JSON lines; the exit status is 1 when a line was changed.

    \b
    Example:
      likeness-gallery audit
    """
    from gallery.cli.desk import audit_command

    raise typer.Exit(audit_command())


@app.command()
def sweep(
    all_of_it: Annotated[
        bool, typer.Option("--all", help="Delete files of no wish, and give lost pictures back.")
    ] = False,
) -> None:
    """Bring the pictures' files and the database together again.

    Files that belong to no picture of an ended wish go, and missing thumbnails are made anew; a worker does so every hour. Pictures
    without a file, and files of wishes that the database does not know, are named, and left alone without --all.

    \b
    Examples:
      likeness-gallery sweep
      likeness-gallery sweep --all
    """
    from gallery.cli.desk import sweep_command

    raise typer.Exit(sweep_command(all_of_it=all_of_it))


@app.command()
def backup(out: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Write the database and all pictures to a tar file.

    \b
    Example:
      likeness-gallery backup gallery.tar
    """
    from gallery.cli.desk import backup_command

    backup_command(out)


@app.command()
def restore(source: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Bring a backup into an empty gallery.

    \b
    Example:
      likeness-gallery restore gallery.tar
    """
    from gallery.cli.desk import restore_command

    restore_command(source)
