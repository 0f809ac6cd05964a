# pyright: basic, reportMissingImports=false
# (run by SkyPilot's own environment, which has no likeness and no types of ours)
"""Asks SkyPilot 0.14 one thing: a JSON line on standard input, a JSON line at the end of standard output.

What SkyPilot prints goes to standard error. A secret comes by the environment and goes into the request to SkyPilot's
server; it stands in no file of ours and on no command line.
"""

import contextlib
import datetime
import json
import os
import sys
import time

PREFIX = "likeness-"
# Of machines that are gone; longer than an estimate waits to be booked.
HISTORY_DAYS = 366
# FAILED_CONTROLLER says that a controller died, and its reason whether the job's machine is still there.
LEFT_BEHIND = ("cleanup failed", "may have leaked")


def prices(request: dict) -> dict:
    """{words: [(region, usd, day of the catalogue)]}; where a catalogue could not be read, {words: why}."""
    from sky import catalog
    from sky.catalog import common

    found: dict = {}
    for one in request["machines"]:
        cloud, _, region = one["infra"].partition("/")
        with contextlib.redirect_stdout(sys.stderr):
            try:
                offers = catalog.list_accelerators(
                    gpus_only=True,
                    name_filter=f"^{one['gpu']}$",
                    clouds=cloud,
                    all_regions=True,
                    quantity_filter=1,
                ).get(one["gpu"], [])
            except Exception as error:
                found[one["words"]] = f"{type(error).__name__}: {error}"
                continue
        path = common.get_catalog_path(f"{cloud}/vms.csv")
        day = datetime.datetime.fromtimestamp(os.path.getmtime(path), datetime.UTC).date().isoformat()
        prices = [
            (offer.region, offer.spot_price if one["spot"] else offer.price)
            for offer in offers
            if not region or offer.region == region.partition("/")[0]
        ]
        # A region without the machine has no number there.
        found[one["words"]] = [(where, usd, day) for where, usd in prices if usd == usd]
    return found


def controller(request: dict) -> dict | None:
    """The machine that SkyPilot's controller of jobs takes for itself beside the jobs' own; None where it takes none."""
    import sky
    from sky.utils import controller_utils

    with contextlib.redirect_stdout(sys.stderr):
        if controller_utils.is_jobs_consolidation_mode():
            return None
        where = [sky.Resources(infra=one["infra"]) for one in request["machines"]]
        found = controller_utils.get_controller_resources(controller_utils.Controllers.JOBS_CONTROLLER, where)
        # The optimizer takes the cheapest, and one without a price last.
        usd, machine, cheapest = min(
            (_hourly(one) for one in found), key=lambda one: float("inf") if one[0] is None else one[0]
        )
        stops = cheapest.autostop_config
        goes = stops is not None and stops.enabled and stops.down
        ends = stops is not None and stops.enabled and (goes or _can_stop(cheapest))
    return {
        "usd": usd,
        "machine": machine,
        "idle_minutes": stops.idle_minutes if stops is not None and ends else None,
        "goes": goes,
    }


def _can_stop(resources) -> bool:
    from sky import clouds, exceptions

    try:
        resources.cloud.check_features_are_supported(resources, {clouds.CloudImplementationFeatures.STOP})
    except exceptions.NotSupportedError:
        return False
    return True


def _hourly(resources) -> tuple:
    from sky import catalog

    cloud = resources.cloud
    try:
        kind = cloud.get_default_instance_type(cpus=resources.cpus, memory=resources.memory)
        usd = catalog.get_hourly_cost(kind, use_spot=False, region=None, zone=None, clouds=str(cloud).lower())
    except Exception as error:  # as in `prices`
        print(f"{cloud}: {error}", file=sys.stderr)
        return None, str(cloud), resources
    return float(usd), f"{cloud} {kind}", resources


def _task(request: dict):
    import sky

    values = [(name, os.environ[name]) for name in request.get("secrets", [])]
    return sky.Task.from_yaml_config(request["task"], secrets_overrides=values or None)


def check(request: dict) -> None:
    """Parse a task as `launch` would."""
    task = dict(request["task"])
    task.pop("secrets", None)  # whose values a check does not need
    _task({"task": task})


def launch(request: dict) -> None:
    """Submit a managed job, and wait until it is taken."""
    import sky
    from sky import jobs

    # SkyPilot takes the words out of the task that it reads.
    name = request["task"]["name"]
    sky.stream_and_get(jobs.launch(_task(request), name=name), output_stream=sys.stderr)


def jobs(_request: dict) -> list:
    """All jobs of ours."""
    import sky
    from sky import exceptions, jobs

    try:
        records = sky.get(jobs.queue_v2(refresh=False, fields=None))[0]
    except exceptions.ClusterNotUpError as error:
        # Its controller was never started, or stopped after the last job: nothing runs. Any other one may watch over jobs.
        if error.cluster_status not in (None, sky.ClusterStatus.STOPPED):
            raise
        return []
    held = _held()
    return [
        {
            "number": record["job_id"],
            "name": record["job_name"],
            "status": record["status"].value,
            "ended": record["status"].is_terminal(),
            "seconds": float(record["job_duration"] or 0),
            "recoveries": int(record["recovery_count"] or 0),
            "machine": str(record.get("cluster_resources") or record["resources"] or ""),
            "reason": str(record.get("failure_reason") or ""),
            "left": any(words in str(record.get("failure_reason")) for words in LEFT_BEHIND),
            # A machine is called JOB-NUMBER: names of jobs are short enough that SkyPilot changes nothing of them (task.py).
            **held.get(f"{record['job_name']}-{record['job_id']}", {}),
        }
        for record in (one.model_dump() if hasattr(one, "model_dump") else one for one in records)
        if record["job_name"].startswith(PREFIX)
    ]


def _held() -> dict:
    """By a machine's name, how long it was held in all, from when SkyPilot began to rent it until it was taken away, and whether it
    has not been yet. Where jobs have a controller on a machine of its own, that one knows it, and nobody can ask."""
    import sky

    found: dict = {}
    for cluster in sky.get(sky.cost_report(days=HISTORY_DAYS)):
        known = found.setdefault(cluster["name"], {"held_s": 0.0, "there": False})
        for began, end in cluster["usage_intervals"] or ():
            known["held_s"] += (time.time() if end is None else end) - began
            known["there"] = known["there"] or end is None
    return found


def cancel(request: dict) -> None:
    """Cancel a job and wait."""
    import sky
    from sky import jobs

    sky.get(jobs.cancel(job_ids=[request["number"]]))


def logs(request: dict) -> None:
    """Print what a job printed."""
    from sky import jobs

    jobs.tail_logs(job_id=request["number"], follow=request["follow"], output_stream=sys.stdout)


def main() -> None:
    """Answer the request."""
    request = json.loads(sys.stdin.readline())
    known = {one.__name__: one for one in (prices, controller, check, launch, jobs, cancel, logs)}
    if request["what"] == "logs":
        logs(request)
        return
    answer = {}
    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer["answer"] = known[request["what"]](request)
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
