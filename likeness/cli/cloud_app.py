"""The commands `likeness launch` and `likeness cloud`."""

from typing import Annotated

import typer

from likeness.cli.arguments import PLAIN, Json, Persona

cloud = typer.Typer(help="Look after what runs on rented machines.", **PLAIN)

Job = Annotated[str, typer.Argument(metavar="JOB")]


def launch(
    persona: Persona,
    overrides: Annotated[
        list[str] | None,
        typer.Option("-S", metavar="OVERRIDE", help="A setting for this launch; may be given again."),
    ] = None,
    queue: Annotated[
        bool,
        typer.Option(
            "--queue", help="A job for every experiment in DVC's queue; -S then says how it is launched."
        ),
    ] = False,
    experiments: Annotated[
        bool,
        typer.Option("--experiments", help="A job for each combination of values that -S lists: KEY=A,B."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, and send nothing.")] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Stay until it has ended; where this computer goes, the machine ends itself."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Train on a rented machine.

    Shows machines, prices with their dates, hours, the most it can cost and what goes up and down; asks once; then SkyPilot
    rents the first machine that can be had. Train, evaluate and report run there. Settings: conf/cloud/.

    \b
    Examples:
      likeness launch jade --dry-run
      likeness launch jade -S cloud=runpod_h100 -S +experiment=sdxl --yes
      likeness launch jade --experiments -S train.optimizer.lr=1e-4,3e-4
      likeness launch jade --queue
    """
    from likeness.cli.launch import launch_command

    if queue and experiments:
        raise typer.BadParameter("--queue has experiments of its own: say --queue or --experiments")
    launch_command(
        persona, overrides or [], queue=queue, yes=yes, dry_run=dry_run, wait=wait, as_json=as_json,
        experiments=experiments,
    )  # fmt: skip


@cloud.command("status")
def cloud_status(as_json: Json = False) -> None:
    """Show every job, why its machines ended, and what bills.

    From the engine, the provider and the team's store. Exit status 1 when a machine bills for a job that has ended.

    \b
    Examples:
      likeness cloud status
      likeness cloud status --json
    """
    from likeness.cli.cloud import status_command

    raise typer.Exit(status_command(as_json=as_json))


@cloud.command("logs")
def cloud_logs(
    job: Job, follow: Annotated[bool, typer.Option("--follow", help="Stay until it has ended.")] = False
) -> None:
    """Print what a job printed.

    \b
    Example:
      likeness cloud logs JOB --follow
    """
    from likeness.cli.cloud import logs_command

    logs_command(job, follow=follow)


@cloud.command("stop")
def cloud_stop(job: Annotated[str, typer.Argument(metavar="JOB|POD")]) -> None:
    """End a job or a pod, and see that it is gone.

    \b
    Example:
      likeness cloud stop JOB
    """
    from likeness.cli.cloud import stop_command

    stop_command(job)


@cloud.command("cost")
def cloud_cost(as_json: Json = False) -> None:
    """Show what each job cost, and book it.

    \b
    Examples:
      likeness cloud cost
      likeness cloud cost --json
    """
    from likeness.cli.cloud import cost_command

    cost_command(as_json=as_json)


@cloud.command("fetch")
def cloud_fetch(
    job: Annotated[str | None, typer.Argument(metavar="[JOB]")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that have finished and are not here.")] = False,
) -> None:
    """Bring a finished job's experiment into this clone.

    With it come its MLflow runs, unless a tracking server took them; a queued experiment leaves DVC's queue.

    \b
    Examples:
      likeness cloud fetch JOB
      likeness cloud fetch --all
    """
    from likeness.cli.cloud_fetch import fetch_command

    if (job is None) != every:
        raise typer.BadParameter("name a job, or say --all")
    fetch_command(job)
