"""The command `likeness`: what a person runs beside `dvc repro`. A command imports its work when it runs."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from likeness.cli.arguments import PLAIN, Json, Persona, Personas, complete_persona
from likeness.cli.cloud_app import cloud, launch
from likeness.cli.consent_app import consent
from likeness.cli.persona_app import persona
from likeness.cli.photos_app import desk, photos
from likeness.errors import ConfigError, end_program
from likeness.paths import RepositoryPaths
from likeness.program import interruptible


class Commands(TyperGroup):
    """Ends every command alike: errors in one form, a broken pipe (`| head`) in silence."""

    def invoke(self, ctx: Any) -> Any:
        interruptible()
        try:
            if os.name != "posix":
                raise ConfigError("likeness runs on Linux and macOS", remedy="on Windows, run it in WSL 2")
            result = super().invoke(ctx)
            sys.stdout.flush()  # a pipe that nobody reads breaks here, where typer ends quietly
        except (Exception, KeyboardInterrupt) as error:
            end_program(ctx.invoked_subcommand or "likeness", error)
        return result


app = typer.Typer(
    cls=Commands, help="What a person runs beside `dvc repro`.", pretty_exceptions_enable=False, **PLAIN
)
items = typer.Typer(help="Look after the store of finished items.", **PLAIN)
keys = typer.Typer(help="Keys: who belongs to the team, and what signs what leaves.", **PLAIN)
comfy = typer.Typer(help="Try a persona's LoRA in ComfyUI.", **PLAIN)
versions = typer.Typer(help="Number the weights that are good enough, and list them.", **PLAIN)
app.add_typer(versions, name="versions")
app.add_typer(keys, name="keys")
app.add_typer(items, name="items")
app.add_typer(comfy, name="comfy")
app.add_typer(consent, name="consent")
app.add_typer(persona, name="persona")
app.add_typer(photos, name="photos")
app.add_typer(cloud, name="cloud")
app.command()(launch)
app.command()(desk)


def main() -> None:
    """The console script."""
    app(prog_name="likeness")


@app.command()
def plan(personas: Personas = None, as_json: Json = False) -> None:
    """Show what a run would make, buy and cost.

    Also how long it takes and the memory that training needs. Nothing is made or bought, and no key is needed.
    Exit status 1 when the plan exceeds the budget.

    \b
    Examples:
      likeness plan
      likeness plan jade --json
    """
    from likeness.cli.plan import plan_command

    raise typer.Exit(plan_command(personas or (), as_json=as_json))


@app.command()
def summary(as_json: Json = False) -> None:
    """Show what the last run made and what it cost.

    Items made, reused, failed and refused by stage, seconds, cost, and where the results are.

    \b
    Examples:
      likeness summary
      likeness summary --json
    """
    from likeness.cli.summary import summary_command

    summary_command(as_json=as_json)


@app.command()
def spending(as_json: Json = False) -> None:
    """Show what was bought and what is left of the budget.

    By day, stage and provider; requests that cost nothing are not listed.

    \b
    Examples:
      likeness spending
      likeness spending --json
    """
    from likeness.cli.spending import spending_command

    spending_command(as_json=as_json)


@app.command()
def draw(
    persona: Persona,
    words: Annotated[
        str, typer.Argument(metavar="WORDS", show_default=False, help="What the picture shows.")
    ],
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=64, help="How many pictures.")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, max=2**62, help="Of the first picture; the others count on.")
    ] = 1,
    strength: Annotated[
        float | None,
        typer.Option(min=0, max=2, show_default=False, help="Of the LoRA; evaluate.lora_scale by default."),
    ] = None,
) -> None:
    """Draw a persona with its LoRA.

    Words and pictures pass the gates of the samples; each picture is marked as generated. They are written to
    models/PERSONA/drawn/ in place of those of the last call.

    \b
    Examples:
      likeness draw jade "head and shoulders photo, smiling"
      likeness draw jade "in a library, smiling" -n 4 --seed 7 --strength 0.8
    """
    from likeness.cli.draw import draw_command

    raise typer.Exit(draw_command(persona, words, number=number, seed=seed, strength=strength))


@items.command("list")
def items_list(as_json: Json = False) -> None:
    """List what is stored.

    \b
    Examples:
      likeness items list
      likeness items list --json
    """
    from likeness.cli.items import list_items

    list_items(as_json=as_json)


@items.command("verify")
def items_verify() -> None:
    """Check every file against its sha256.

    Exit status 1 when a file is damaged; the item is made again when it is needed.

    \b
    Example:
      likeness items verify
    """
    from likeness.cli.items import verify_items

    raise typer.Exit(verify_items())


@items.command("prune")
def items_prune(
    unused_days: Annotated[float, typer.Option(help="Remove what no run has used for so many days.")],
) -> None:
    """Remove what no run has used for some days.

    Items and working checkpoints; purchases stay.

    \b
    Example:
      likeness items prune --unused-days 30
    """
    from likeness.cli.items import prune_items

    prune_items(unused_days)


@keys.command("team")
def keys_team(
    allow: Annotated[
        str | None, typer.Option(metavar="KEY", help="Let what this key signed count on this machine.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Whose key that is.")] = None,
) -> None:
    """Show this machine's key for the team's store, and whose signatures count here.

    The key is made when it is first needed. What no member signed is not taken from items.remote, and no checkpoint of
    training/ is gone on from.

    \b
    Examples:
      likeness keys team
      likeness keys team --allow KEY --name "Ann's laptop"
    """
    from likeness.cli.keys import team_command

    team_command(allow, name)


@app.command()
def publish(
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
    from likeness.cli.publish import publish_command

    if gallery and dry_run:
        raise typer.BadParameter("--gallery uploads nothing, so that --dry-run has nothing to show")
    publish_command(persona, dry_run=dry_run, gallery=RepositoryPaths.here().gallery if gallery else None)


@comfy.command("test")
def comfy_test(persona: Persona, as_json: Json = False) -> None:
    """Draw with a running ComfyUI server, and compare.

    The prompts and seeds of evaluate, without and with the LoRA, through the same gates and scores. Exit status 1 when the
    LoRA was not loaded whole. Settings: conf/comfy/.

    \b
    Examples:
      likeness comfy test jade
      likeness comfy test jade --json
    """
    from likeness.cli.comfy import trial_command

    raise typer.Exit(trial_command(persona, as_json=as_json))


@comfy.command("workflow")
def comfy_workflow(persona: Persona) -> None:
    """Write a workflow to drop on ComfyUI's canvas.

    As JSON, and inside a PNG, to models/PERSONA/comfy/: the base, the LoRA and the prompts of evaluate.

    \b
    Example:
      likeness comfy workflow jade
    """
    from likeness.cli.comfy import workflow_command

    workflow_command(persona)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="REV")],
    new: Annotated[
        str | None, typer.Argument(metavar="REV", help="the files as they lie here by default")
    ] = None,
    persona: Annotated[
        str | None, typer.Option(autocompletion=complete_persona, help="all by default")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the pictures, before and after.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which pictures of a training set differ between two versions, and what did it.

    A version is a commit, branch, tag or experiment at which dvc.lock was committed.

    \b
    Examples:
      likeness diff HEAD~1
      likeness diff v1 v2 --html diff.html
    """
    from likeness.cli.diff import diff_command

    diff_command(old, new, persona=persona, html=html, as_json=as_json)


@app.command()
def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="LORA", help="A weights file, commit, tag or experiment, or `workspace`."),
    ] = None,
    persona: Annotated[
        str | None, typer.Option(autocompletion=complete_persona, help="needed where there are several")
    ] = None,
    experiments: Annotated[bool, typer.Option("--experiments", help="Also every experiment of DVC.")] = False,
    draw: Annotated[bool, typer.Option("--draw", help="Draw also where all were evaluated.")] = False,
    strength: Annotated[
        list[float] | None, typer.Option(min=0, max=2, help="Draw at this strength; may be given again.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Where the page goes: models/PERSONA/comparison/ by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare LoRAs: which one draws the person better, and is that sure?

    The same prompts, seeds and embedders; each is compared with the first, paired by seed. Revisions that were evaluated are
    compared from their evaluations; files are drawn, by the settings of evaluate.

    \b
    Examples:
      likeness compare HEAD~1 workspace
      likeness compare jade-v1.safetensors other.safetensors --strength 0.6 --strength 1
      likeness compare workspace --experiments --html experiments.html
    """
    from likeness.cli.compare import compare_command

    compare_command(
        names or [],
        experiments=experiments,
        persona=persona,
        draw=draw,
        strengths=strength or [],
        html=html,
        as_json=as_json,
    )


@versions.command("accept")
def versions_accept(
    persona: Persona,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="REV", help="Revisions to choose among; what lies here by default."),
    ] = None,
) -> None:
    """Give the weights the next version's name, if they keep the floors of conf/choice/.

    Of several the ones with the largest share of the ceiling. They are copied to models/PERSONA/versions/, the record goes
    into models/PERSONA/versions.json, which you commit, and MLflow's registry gets the same number. Exit status 1 when none passes.

    \b
    Examples:
      likeness versions accept jade
      likeness versions accept jade workspace bold-name
    """
    from likeness.cli.versions import accept_command

    raise typer.Exit(accept_command(persona, names or []))


@versions.command("list")
def versions_list(persona: Persona, as_json: Json = False) -> None:
    """List the accepted versions.

    \b
    Examples:
      likeness versions list jade
      likeness versions list jade --json
    """
    from likeness.cli.versions import list_command

    list_command(persona, as_json=as_json)


@app.command()
def lineage(file: Annotated[Path, typer.Argument(metavar="FILE")], as_json: Json = False) -> None:
    """Show which revision made a file, from which training set and photographs.

    Weights, archives, training images and samples; also one that was copied elsewhere: its bytes are looked up.

    \b
    Examples:
      likeness lineage models/jade/jade-v1.safetensors
      likeness lineage somewhere/else.safetensors --json
    """
    from likeness.cli.lineage import lineage_command

    lineage_command(file, as_json=as_json)


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(metavar="PATH", show_default=False)], as_json: Json = False
) -> None:
    """Check an artefact and its way back to the photographs.

    A picture, archive, weights file, report, folder, or a downloaded publication. Exit status 1 when something was
    changed or is missing.

    \b
    Examples:
      likeness verify models/jade/jade-v1.safetensors
      likeness verify data/jade/enhanced --json
    """
    from likeness.cli.marks import verify_command

    raise typer.Exit(verify_command(path, as_json=as_json))


@app.command()
def detect(
    path: Annotated[Path, typer.Argument(metavar="PATH", show_default=False)],
    registry: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A publication's marks.jsonl; may be given again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether pictures carry a mark.

    Reads C2PA, XMP and the mark in the pixels of a picture or of all in a folder. Needs no account, no download and no
    repository; a mark whose metadata were stripped is told from chance by a registry only. Exit status 1 when none has one.

    \b
    Examples:
      likeness detect picture.jpg
      likeness detect downloads --registry marks.jsonl --json
    """
    from likeness.cli.marks import detect_command

    raise typer.Exit(detect_command(path, registry or [], as_json=as_json))


@keys.command("dev-ca")
def keys_dev_ca(
    folder: Annotated[Path, typer.Option("--out", help="Where the files go; nothing is overwritten.")] = Path(
        ".cache/keys"
    ),
) -> None:
    """Make a development key and its certificates.

    For tests and trials: it is issued by itself and proves nobody's identity.

    \b
    Examples:
      likeness keys dev-ca
      likeness keys dev-ca --out ~/likeness-key
    """
    from likeness.cli.marks import dev_ca_command

    dev_ca_command(folder)


@app.command()
def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", show_default=False)], as_json: Json = False
) -> None:
    """Show what LoRA files say about themselves.

    Any trainer's. Headers and numbers are read, nothing in a file is executed. Exit status 1 when one is broken.

    \b
    Examples:
      likeness inspect models/jade/jade-v1.safetensors
      likeness inspect one.safetensors two.safetensors --json
    """
    from likeness.cli.inspect import inspect_command

    raise typer.Exit(inspect_command(files, as_json=as_json))


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    to: Annotated[
        Literal["kohya", "diffusers"] | None, typer.Option(help="Whose names; unchanged by default.")
    ] = None,
    dtype: Annotated[
        Literal["float32", "float16", "bfloat16"] | None, typer.Option(help="Unchanged by default.")
    ] = None,
) -> None:
    """Write a LoRA file under other names or in a smaller type.

    What the file says about itself (consent, dataset ...) is kept; its hashes are those of the new weights.

    \b
    Examples:
      likeness convert jade-v1.safetensors diffusers.safetensors --to diffusers
      likeness convert jade-v1.safetensors small.safetensors --dtype bfloat16
    """
    from likeness.cli.convert import convert_command

    convert_command(file, out, to=to, dtype=dtype)


@app.command()
def params(
    overrides: Annotated[list[str] | None, typer.Argument(metavar="OVERRIDE")] = None,
    keep: Annotated[
        str | None, typer.Option(metavar="NAME", help="write what differs from conf/ to conf/trial/NAME.yaml")
    ] = None,
) -> None:
    """Compose params.yaml from conf/.

    As `dvc exp run` does, with Hydra overrides for a trial; a permanent choice belongs in conf/config.yaml.

    \b
    Examples:
      likeness params
      likeness params enhance=superres +experiment=fakes
      likeness params --keep lower_lr
    """
    from likeness.cli.params import params_command

    params_command(overrides or [], keep=keep)
