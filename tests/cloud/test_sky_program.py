"""What our program in SkyPilot's environment makes of SkyPilot's answers; a stand-in of its module."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from likeness.cloud import sky_program
from likeness.cloud.engine import EngineJob
from likeness.cloud.task import job_name


class ClusterNotUpError(Exception):
    """As SkyPilot's: `cluster_status` is that of the controller of jobs, None where there is none."""

    def __init__(self, cluster_status: str | None) -> None:
        super().__init__("No in-progress managed jobs.")
        self.cluster_status = cluster_status


@pytest.fixture
def controller(monkeypatch):
    """Set the status of the controller, which does not answer."""

    def set_status(status: str | None) -> None:
        def queue(**_: object) -> None:
            raise ClusterNotUpError(status)

        parts = {
            "get": lambda request: request,
            "exceptions": SimpleNamespace(ClusterNotUpError=ClusterNotUpError),
            "jobs": SimpleNamespace(queue_v2=queue),
        }
        sky = SimpleNamespace(**parts, ClusterStatus=SimpleNamespace(STOPPED="STOPPED"))
        monkeypatch.setitem(sys.modules, "sky", sky)

    return set_status


@pytest.mark.parametrize("status", [None, "STOPPED"])
def test_where_no_controller_runs_there_are_no_jobs(controller, status):
    controller(status)
    assert sky_program.jobs({}) == []


def test_a_controller_that_may_run_and_does_not_answer_is_no_empty_list(controller):
    controller("INIT")
    with pytest.raises(ClusterNotUpError):
        sky_program.jobs({})


@pytest.mark.parametrize(
    ("reason", "left"),
    [
        ("Controller process is dead. For more details, run: sky jobs logs --controller 1", False),
        ("Controller process is dead. Also, cleanup failed: no network.", True),
        ("Failed to clean up, resources may have leaked: no network", True),
        (None, False),
    ],
)
def test_a_machine_that_was_left_behind_is_told(monkeypatch, reason, left):
    status = SimpleNamespace(value="FAILED_CONTROLLER", is_terminal=lambda: True)
    record = {"job_id": 1, "job_name": "likeness-jade-1", "status": status, "job_duration": 60.0, "recovery_count": 0,
              "resources": "1x[RTX4090]", "failure_reason": reason}  # fmt: skip
    stand_in(monkeypatch, record, [])
    (told,) = sky_program.jobs({})
    assert (told["ended"], told["left"], told.get("there", False)) == (True, left, False)


def stand_in(monkeypatch, record: dict[str, Any], clusters: list[dict[str, Any]]) -> None:
    parts = {
        "get": lambda request: request,
        "exceptions": SimpleNamespace(ClusterNotUpError=ClusterNotUpError),
        "cost_report": lambda days: clusters,
    }
    jobs = SimpleNamespace(queue_v2=lambda **_: ([record],))
    monkeypatch.setitem(sys.modules, "sky", SimpleNamespace(**parts, jobs=jobs))


@pytest.mark.parametrize(
    ("last", "held_s", "there"), [((1000, 1100), 150.0, False), ((1000, None), 350.0, True)]
)
def test_a_machine_counts_from_when_it_is_rented_until_it_is_taken_away(monkeypatch, last, held_s, there):
    status = SimpleNamespace(value="SUCCEEDED", is_terminal=lambda: True)
    name = job_name("margaret_of_york")
    record = {"job_id": 12, "job_name": name, "status": status, "job_duration": 20.0, "recovery_count": 1,
              "resources": "1x[RTX4090]", "failure_reason": None}  # fmt: skip
    clusters = [
        {"name": f"{name}-12", "usage_intervals": [(500, 550)]},
        {"name": f"{name}-1", "usage_intervals": [(1, None)]},
        {"name": "of somebody else", "usage_intervals": None},
        {"name": f"{name}-12", "usage_intervals": [last]},
    ]
    stand_in(monkeypatch, record, clusters)
    monkeypatch.setattr(sky_program.time, "time", lambda: 1300.0)
    (told,) = sky_program.jobs({})
    assert (told["held_s"], told["there"]) == (held_s, there)
    assert EngineJob(**told).held_s == held_s
