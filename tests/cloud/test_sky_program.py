"""What our program in SkyPilot's environment makes of SkyPilot's answers; a stand-in of its module."""

import sys
from types import SimpleNamespace

import pytest

from likeness.cloud import sky_program


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
    parts = {
        "get": lambda request: request,
        "exceptions": SimpleNamespace(ClusterNotUpError=ClusterNotUpError),
    }
    jobs = SimpleNamespace(queue_v2=lambda **_: ([record],))
    monkeypatch.setitem(sys.modules, "sky", SimpleNamespace(**parts, jobs=jobs))
    (told,) = sky_program.jobs({})
    assert (told["ended"], told["left"]) == (True, left)
