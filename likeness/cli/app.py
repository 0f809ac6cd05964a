"""The command `likeness`: what a person runs beside `dvc repro`, and where each of its commands is."""

import typer

from likeness.cli.arguments import PLAIN
from likeness.cli.commands import Commands, add_commands
from likeness.program import prepare_outputs

app = typer.Typer(
    cls=Commands,
    help="Photographs of a person become a LoRA. `dvc repro` runs the graph; these commands come before, beside and after "
    "it. Begin with `likeness persona new` (docs/personas.md), then `likeness plan`.",
    pretty_exceptions_enable=False,
    **PLAIN,
)
COMMANDS = {
    "params": "params.params_command",
    "plan": "plan.plan_command",
    "summary": "spending.summary_command",
    "spending": "spending.spending_command",
    "desk": "desk.serve.desk_command",
    "draw": "draw.draw_command",
    "compare": "compare.compare_command",
    "diff": "diff.diff_command",
    "lineage": "diff.lineage_command",
    "verify": "marks.verify_command",
    "detect": "marks.detect_command",
    "inspect": "inspect.inspect_command",
    "convert": "inspect.convert_command",
    "publish": "publish.publish_command",
    "launch": "launch.launch_command",
}
GROUPS = {
    ("persona", "Add a person."): {"new": "persona.new_persona"},
    ("consent", "Write, sign, show, revoke and purge consent records."): {
        "keygen": "keys.keygen",
        "allow": "keys.allow_signer",
        "new": "consent_records.new",
        "sign": "consent_sign.sign_record",
        "show": "consent.show",
        "revoke": "revoke.revoke_command",
        "renew": "consent_records.renew",
        "export": "consent.export",
        "bind": "consent.bind",
        "artefacts": "consent.artefacts",
        "purge": "purge.purge_command",
    },
    ("photos", "Look at a person's photographs and pictures one by one, and decide."): {
        "list": "photos.list_command",
        "refuse": "photos.refuse_command",
        "accept": "photos.accept_command",
        "caption": "photos.caption_command",
        "swap": "photos.swap_command",
    },
    ("versions", "Number the weights that are good enough, and list them."): {
        "accept": "versions.accept_command",
        "list": "versions.list_command",
    },
    ("items", "Look after the store of finished items."): {
        "list": "items.list_items",
        "verify": "items.verify_items",
        "prune": "items.prune_items",
        "share": "items.share_items",
    },
    ("keys", "Keys of your team, and the key that signs what you publish."): {
        "team": "keys.team_command",
        "dev-ca": "marks.dev_ca_command",
    },
    ("comfy", "Try a persona's LoRA in ComfyUI."): {
        "test": "comfy.trial_command",
        "workflow": "comfy.workflow_command",
    },
    ("cloud", "Look after what runs on rented machines."): {
        "status": "cloud.status_command",
        "logs": "cloud.logs_command",
        "stop": "cloud.stop_command",
        "cost": "cloud.cost_command",
        "fetch": "cloud_fetch.fetch_command",
    },
}
add_commands(app, "likeness.cli", COMMANDS)
for (name, purpose), places in GROUPS.items():
    group = typer.Typer(help=purpose, **PLAIN)
    add_commands(group, "likeness.cli", places)
    app.add_typer(group, name=name)


def main() -> None:
    """The console script."""
    prepare_outputs()
    app(prog_name="likeness")
