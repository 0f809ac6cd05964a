"""The fake servers as a test uses them: one process of their own, gone when the test is."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx

from fakes.faults import Spec
from fakes.settings import SERVICES, Settings

ROOT = Path(__file__).parents[1]
ANSWER_WITHIN_S = 60.0
END_WITHIN_S = 10.0


class Purchase(NamedTuple):
    """What was billed, the digest of its input, and whether the key was right."""

    what: str
    digest: str
    key_ok: bool


class FakeServers:
    """All services on one loopback port; settings as in `settings.Settings`, faults as in `faults`.

    with FakeServers(swap="echo", faults={"xai.*": {"rate_limit": 0.2}}) as services:
        ... services.maxstudio_url, services.counts(), services.purchases()
    """

    def __init__(self, *, port: int = 0, faults: Spec | None = None, **settings: Any) -> None:
        Settings().update(settings)
        self._start = {"port": port, "faults": faults or {}, "settings": settings}
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}  # wherever the test stands
        # Its own session: what kills the test's clients does not reach it; its standard input ends with the test.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fakes", "--lifeline"],
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._start) + "\n")
        self._process.stdin.flush()
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the fake servers did not start; their words are on standard error")
        self._client = httpx.Client(base_url=self.url, timeout=ANSWER_WITHIN_S, trust_env=False, verify=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._client.close()
        self._process.stdin.close()
        try:
            self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    @property
    def maxstudio_url(self) -> str:
        """`base_url` of MaxStudio."""
        return f"{self.url}/maxstudio"

    @property
    def xai_url(self) -> str:
        """`base_url` of xAI."""
        return f"{self.url}/xai/v1"

    @property
    def openai_url(self) -> str:
        """`base_url` of an OpenAI-compatible server."""
        return f"{self.url}/openai/v1"

    @property
    def comfyui_url(self) -> str:
        """`comfy.base_url` of ComfyUI."""
        return f"{self.url}/comfyui"

    @property
    def runpod_url(self) -> str:
        """`cloud.runpod.base_url` of RunPod's API v2."""
        return f"{self.url}/runpod/v2"

    @property
    def stripe_url(self) -> str:
        """`GALLERY_STRIPE_URL` of Stripe in test mode."""
        return f"{self.url}/stripe"

    @property
    def pid(self) -> int:
        """The process that serves."""
        assert self._process is not None
        return self._process.pid

    def environment(self) -> dict[str, str]:
        """The keys that are taken, by variable."""
        keys = self._start["settings"].get("keys", {})
        return {variable: keys.get(service, "fake-key") for service, variable in SERVICES.items()}

    def counts(self) -> dict[str, int]:
        """Requests by endpoint: maxstudio.detect, .swap, .swap_job, .enhance, .enhance_job, files.get, xai.models,
        .responses, .files, .batches, .batch, .batch_add, .batch_results, openai.models, .chat, comfyui.prompt, .history,
        .queue, .view, ..., echo, echo.post."""
        return self._get("state")["counts"]

    def most_in_flight(self) -> dict[str, int]:
        """The most requests at a time, by service and for `all`."""
        return self._get("state")["most_in_flight"]

    def faults_applied(self) -> dict[str, dict[str, int]]:
        """How often each fault struck, by endpoint."""
        return self._get("state")["faults_applied"]

    def purchases(self) -> list[Purchase]:
        """Everything billed, in order."""
        return [Purchase(it["what"], it["digest"], it["key_ok"]) for it in self.bookings()]

    def bookings(self) -> list[dict[str, Any]]:
        """Everything billed, with what became of it (`books.Booking`)."""
        return self._get("purchases")

    def log(self) -> list[dict[str, Any]]:
        """The requests (`books.Entry`), oldest first; no bodies, no keys."""
        return self._get("log")

    def set_faults(self, faults: Spec) -> None:
        """Replace all faults; {} for none."""
        self._post("faults", faults)

    def set(self, **settings: Any) -> None:
        """Change settings."""
        self._post("settings", settings)

    def reset(self) -> None:
        """Forget counts, purchases and log; jobs go on."""
        self._post("reset", {})

    def _get(self, what: str) -> Any:
        return self._client.get(f"/control/{what}").raise_for_status().json()

    def _post(self, what: str, body: Spec | dict[str, Any] | Sequence[Any]) -> None:
        answer = self._client.post(f"/control/{what}", json=body)
        if answer.status_code == 400:
            raise ValueError(answer.json()["error"])
        answer.raise_for_status()
