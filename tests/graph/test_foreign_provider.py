"""A paid provider of another package goes through the whole house: plan, budget, kill, history.

tests/test_registry.py has its report.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import acme
import pytest

from likeness.pipeline.manifest import read_manifest
from tools.repository_clone import PATIENCE_S, RepositoryClone

pytestmark = pytest.mark.slow

USD = 0.03
KEY = "planted-acme-key-3Zt"
ANSWER_S = 0.4


class Acme(ThreadingHTTPServer):
    """Acme's desk: bills every question, and takes its time to answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.bills: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/captions"


class _Desk(BaseHTTPRequestHandler):
    server: Acme

    def do_POST(self) -> None:
        digest = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.bills.append(digest)
        time.sleep(ANSWER_S)  # so that a kill falls between a bill and its answer
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"a photo known as {digest[:6]}".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def desk() -> Iterator[Acme]:
    with Acme() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def outfit(clone: RepositoryClone, folder: Path, desk: Acme) -> None:
    """Install the package, and give it its file in conf/ and its price."""
    folder.mkdir()
    acme.install(folder)
    clone.env |= {"PYTHONPATH": str(folder), "ACME_KEY": KEY}
    (clone.folder / "conf/caption/acme.yaml").write_text(acme.CONF)
    with (clone.folder / "conf/prices.yaml").open("a") as prices:
        prices.write(acme.PRICE)
    choose(clone, desk)


def choose(clone: RepositoryClone, desk: Acme, *overrides: str) -> None:
    clone.params("caption=acme", f"caption.provider.url={desk.url}", *overrides)


def told(clone: RepositoryClone, command: str) -> dict:
    return json.loads(clone.run(sys.executable, "-m", "likeness", command, "--json").stdout)


def kill_after(clone: RepositoryClone, desk: Acme, bills: int) -> None:
    """Start `dvc repro` and kill -9 its whole process group as soon as there are so many bills."""
    started = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "caption@jade"], cwd=clone.folder, env=clone.env,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + PATIENCE_S
    while len(desk.bills) < bills:
        assert started.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)  # polling another process
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def test_plan_budget_kill_and_history_know_a_paid_provider_of_another_package(enhanced, tmp_path, desk):
    outfit(enhanced, tmp_path / "site", desk)
    images = read_manifest(enhanced.folder / "data/jade/enhanced").entries
    del enhanced.env["ACME_KEY"]
    plan = told(enhanced, "plan")
    assert (plan["calls"], plan["usd"]) == (len(images), pytest.approx(USD * len(images)))
    assert plan["missing_keys"] == ["ACME_KEY"]
    enhanced.env["ACME_KEY"] = KEY

    choose(enhanced, desk, f"budget.max_usd={2 * USD}")
    said = enhanced.dvc("repro", "caption@jade", check=False)
    assert "of the budget of" in said
    assert len(desk.bills) == 2

    choose(enhanced, desk)
    kill_after(enhanced, desk, bills=5)
    enhanced.dvc("repro", "caption@jade")
    assert max(Counter(desk.bills).values()) == 1
    captions = read_manifest(enhanced.folder / "data/jade/captions")
    assert {entry.provider for entry in captions.entries} == {"acme"}
    assert len(captions.entries) == len(images) == len(desk.bills)
    assert all("a photo known as" in entry.text for entry in captions.entries)

    spending = told(enhanced, "spending")
    assert spending["spent_usd"] == pytest.approx(USD * len(images))
    rows = {(row["stage"], row["provider"], row["purchases"], row["in_doubt"]) for row in spending["rows"]}
    assert rows == {("caption", "acme", len(images), 0)}
    assert KEY not in "".join(
        path.read_text(errors="replace") for path in (enhanced.folder / ".cache").rglob("*") if path.is_file()
    )
