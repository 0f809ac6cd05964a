"""The real Ray: two nodes, one of which is killed; Ctrl-C; the data stages of the demo by both engines.

`make ray-test` lays Ray beside the environment and runs these.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cluster_stage import ITEMS, told, tried_run, works

from likeness.pipeline.stage import STAGES
from tools.repository_clone import RepositoryClone, clone_repository

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.network]  # Ray looks for this machine's address
TESTS = Path(__file__).parent
PATH = os.pathsep.join((str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")))
PATIENCE_S = 240.0
DATA = [spec.name for spec in STAGES if spec.spreads]


@pytest.fixture(autouse=True, scope="module")
def _ray() -> None:
    pytest.importorskip(
        "ray", reason="ray is not installed here: `make ray-test` lays it beside the environment"
    )


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of two nodes with a processor each, the first of which its driver is on."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", PATH)
    from ray.cluster_utils import Cluster

    # Ray takes a node that says nothing for lost after half a minute otherwise.
    quick = {
        "health_check_initial_delay_ms": 0,
        "health_check_period_ms": 500,
        "health_check_failure_threshold": 4,
    }
    two = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": quick})
    two.add_node(num_cpus=1)
    two.wait_for_nodes()
    yield two
    two.shutdown()


@pytest.fixture
def short_folder() -> Iterator[str]:
    """Ray's sockets lie in it, whose names are 107 letters at most."""
    with TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        yield folder


def until(reached: Callable[[], Any], driver: "subprocess.Popen[str] | None" = None) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := reached()):
        assert driver is None or driver.poll() is None, driver.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def attempts(folder: Path) -> list[tuple[str, str]]:
    """(item, process) of each try."""
    return [tuple(path.name.split(".")) for path in sorted((folder / "attempts").glob("*"))]  # pyright: ignore


def started(folder: Path, **environment: str) -> "subprocess.Popen[str]":
    """The stage of cluster_stage.py, as a program in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "cluster_stage"], cwd=folder, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": PATH, "RAY_USAGE_STATS_ENABLED": "0", **environment},
    )  # fmt: skip


def test_a_killed_node_s_item_runs_again_and_nothing_else_differs(cluster, in_tmp):
    here = told(tried_run().batch(works()))
    shutil.rmtree(".cache")
    shutil.rmtree("attempts")
    Path("hold").touch()
    with started(in_tmp, RAY_ADDRESS=cluster.address) as driver:
        before = until(lambda: found if len(found := attempts(in_tmp)) == 2 else None, driver)
        [other] = cluster.worker_nodes
        cluster.remove_node(other, allow_graceful=False)
        again = until(lambda: set(before) - {one for one in before if Path(f"/proc/{one[1]}").exists()})
        Path("hold").unlink()
        out, said = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 0, said
    assert [
        line for line in out.splitlines() if line.startswith("('jade-")
    ] == here  # Ray tells of the node between
    assert f"resize: {ITEMS}/{ITEMS}" in said
    items = [item for item, _ in attempts(in_tmp)]
    assert sorted(items) == sorted(
        [*map(str, range(ITEMS)), *(item for item, _ in again)]
    )  # each once, the lost ones twice


@pytest.mark.parametrize("own", [False, True], ids=["a cluster of others", "its own"])
def test_a_killed_stage_leaves_no_worker_and_costs_the_items_in_flight(request, in_tmp, short_folder, own):
    address = "local" if own else request.getfixturevalue("cluster").address
    environment = {"RAY_ADDRESS": address, **({"RAY_TMPDIR": short_folder} if own else {})}
    Path("hold").touch()
    with started(in_tmp, **environment) as driver:
        until(lambda: attempts(in_tmp), driver)
        driver.kill()
        driver.communicate()
    lost = attempts(in_tmp)
    until(lambda: not [one for _, one in lost if Path(f"/proc/{one}").exists()])
    Path("hold").unlink()
    if own:
        until(lambda: not [one for one in processes() if short_folder in one])
        return
    with started(in_tmp, **environment) as driver:
        _, said = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 0, said
    items = [item for item, _ in attempts(in_tmp)]
    assert sorted(items) == sorted([*map(str, range(ITEMS)), *(item for item, _ in lost)])


def test_ctrl_c_ends_the_stage_and_leaves_no_process(in_tmp, short_folder):
    Path("hold").touch()
    with started(in_tmp, RAY_TMPDIR=short_folder, RAY_ADDRESS="local") as driver:
        under_way = until(lambda: attempts(in_tmp), driver)
        assert "Unauthenticated" in stranger(short_folder)
        os.killpg(driver.pid, signal.SIGINT)
        time.sleep(0.5)  # no harm where it is too short: what the batch had begun is then one item more
        Path("hold").unlink()
        _, said = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 130, said
    assert len(attempts(in_tmp)) < ITEMS
    assert under_way[0] in attempts(in_tmp)
    until(lambda: not [one for one in processes() if short_folder in one])


def stranger(ray_folder: str) -> str:
    """What another program is told that has found the cluster, and not its token."""
    [address, *_] = re.findall(
        r"gcs-address=([\d.:]+)", "\n".join(one for one in processes() if ray_folder in one)
    )
    program = f"import ray; ray.init({address!r}, logging_level='error'); print(ray.cluster_resources())"
    unknown = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=unknown, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def processes() -> list[str]:
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found


def test_the_demo_s_data_stages_write_the_same_bytes_by_both_engines(cluster, tmp_path):
    clone = clone_repository(tmp_path)
    clone.env["RAY_ADDRESS"] = cluster.address
    local = made(clone)
    shutil.rmtree(tmp_path / ".cache" / "items")
    clone.params("items.engine=ray")
    assert made(clone) == local
    assert len(local) > 100


def made(clone: RepositoryClone) -> dict[str, str]:
    for stage in DATA:
        clone.run(sys.executable, "-m", f"stages.{stage}", "jade")
    return clone.tree("data/jade") | {
        f"models/{name}": one for name, one in clone.tree("models/jade").items()
    }
