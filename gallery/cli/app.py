"""The command `likeness-gallery`. It stands beside `likeness`, which never imports the gallery (docs/decisions/0022)."""

import typer

from likeness.cli.arguments import PLAIN
from likeness.cli.commands import Commands, add_commands

app = typer.Typer(
    cls=Commands, help="Look after a gallery (docs/gallery.md).", pretty_exceptions_enable=False, **PLAIN
)
COMMANDS = {
    "serve": "serve.serve_command",
    "worker": "serve.worker_command",
    "sync": "desk.sync_command",
    "invite": "desk.invite_command",
    "user": "desk.user_command",
    "grant": "desk.grant_command",
    "revoke": "desk.revoke_command",
    "link": "desk.link_command",
    "audit": "desk.audit_command",
    "sweep": "desk.sweep_command",
    "backup": "desk.backup_command",
    "restore": "desk.restore_command",
}
add_commands(app, "gallery.cli", COMMANDS)


def main() -> None:
    """The console script."""
    app(prog_name="likeness-gallery")
