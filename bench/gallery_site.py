"""A whole gallery of programs on this machine, for what is measured on it: PostgreSQL out of its wheel, nanio's S3, the fake
ComfyUI that shows jade's photographs, the API and a worker. Each can be killed and comes again, as under a supervisor."""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
import psutil
import yaml
from safetensors.numpy import save_file
from sqlalchemy import select

from fakes.comfyui import LORA_KEY
from fakes.ports import free_port
from fakes.s3 import S3Server
from fakes.server import FakeServers
from gallery.accounts.sessions import begin_session, csrf_token
from gallery.accounts.sign_up import add_user
from gallery.context import Gallery
from gallery.embedded import EmbeddedServer
from gallery.money.ledger import GIVEN, book, user_account
from gallery.opening import open_gallery
from gallery.people.granting import grant
from gallery.people.layout import Laid, take_in
from gallery.settings import Settings
from gallery.tables import Version
from likeness.cli.compose import composed
from likeness.lora.said import CONSENT_ID
from likeness.safety.consent import load_consent

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "tests" / "photos" / "sources"
GIVEN_CENTS = 1_000_000
COMFY_SETTINGS = (
    "evaluate.side_px=256",
    "comfy.poll_s=0.2",
    "comfy.limits.attempts=2",
    "comfy.limits.connect_s=2",
)


class Program:
    """A program that is started again a second after it ended, unless it is kept down."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self._command, self._environment, self._log = command, environment, log
        self._down, self._over = threading.Event(), threading.Event()
        self.start()
        threading.Thread(target=self._keep, daemon=True).start()

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )
        self._down.clear()

    def _keep(self) -> None:
        while not self._over.wait(1):
            if self._process.poll() is not None and not self._down.is_set():
                self.start()

    def kill(self) -> None:
        """Kill it with -9 and keep it down."""
        self._down.set()
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Kill it for good."""
        self._over.set()
        self.kill()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid


class Site:
    """The programs, and the gallery as they have it. `worker` is the command of its worker, after the interpreter."""

    def __init__(self, folder: Path, worker: Sequence[str], *, s3: bool) -> None:
        self.folder, self._worker, self._on_s3 = folder, worker, s3
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        folder = self.folder
        folder.chmod(0o755)  # the embedded server is another user's where this one is root
        self.postgres = EmbeddedServer(folder / "postgres")
        self._stack.callback(self.postgres.close)
        repository, loras = folder / "repository", folder / "loras"
        shutil.copytree(ROOT / "consent", repository / "consent")
        loras.mkdir()
        values = composed(ROOT, *COMFY_SETTINGS, f"comfy.lora_folder={loras}")
        (repository / "params.yaml").write_text(yaml.safe_dump(values))
        self.comfy = FakeServers(port=free_port(), comfy_pictures=str(PHOTOS), comfy_loras=str(loras))
        self.comfy.__enter__()
        self._stack.callback(lambda: self.comfy.__exit__(None, None, None))
        environment = {
            "GALLERY_FOLDER": str(folder / "gallery"),
            "GALLERY_DATABASE_URL": self.postgres.url(),
            "GALLERY_REPOSITORY": str(repository),
            "GALLERY_SECRET": "s" * 40,
            "GALLERY_MONEY": "true",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        if self._on_s3:
            self.s3 = self._stack.enter_context(S3Server(folder / "s3"))
            environment |= {
                "GALLERY_STORE_URL": f"s3://{self.s3.new_bucket()}/pictures",
                **self.s3.environment(),
            }
        os.environ.update(environment)
        self.gallery: Gallery = open_gallery(Settings())
        self.version = self._version()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        api = [sys.executable, "-m", "gallery", "serve", "--no-worker", "--port", str(port)]
        self.api = self._program(api, "api")
        self.worker = self._program([sys.executable, *self._worker], "worker")
        wait_for(self.answers, 240)
        return self

    def __exit__(self, *_: object) -> None:
        self.gallery.engine.dispose()
        self._stack.close()

    def _program(self, command: Sequence[str], name: str) -> Program:
        command = [part.replace("COMFYUI", self.comfy.comfyui_url) for part in command]
        made = Program(command, dict(os.environ), self.folder / f"{name}.log")
        self._stack.callback(made.end)
        return made

    def _version(self) -> Version:
        versions, consent = self.gallery.settings.folder / "versions", load_consent(ROOT / "consent", "jade")
        versions.mkdir(parents=True)
        part = versions / "part"
        save_file({LORA_KEY: np.ones((2, 2), np.float32)}, part, {CONSENT_ID: consent.id})
        digest = hashlib.sha256(part.read_bytes()).hexdigest()
        part.rename(versions / f"{digest}.safetensors")
        laid = Laid(
            persona="jade",
            name="v1",
            consent_id=consent.id,
            consent_sha256="c" * 64,
            weights_sha256=digest,
            trigger="jade",
            class_word="woman",
        )
        (versions / f"{digest}.json").write_text(laid.model_dump_json())
        take_in(self.gallery)
        with self.gallery.transaction() as db:
            return db.scalars(select(Version)).one()

    def user(self, name: str) -> httpx.Client:
        """A browser with a new user signed in, who may draw jade and has credits."""
        gallery = self.gallery
        with gallery.transaction() as db:
            user = add_user(db, gallery, f"{name}@example.org", name, "no password", "member")
            cookie = begin_session(db, gallery, user, "bench")
            book(db, f"given:{name}", GIVEN, user_account(user.id), GIVEN_CENTS, gallery.clock())
        grant(gallery, "bench", user.id, self.version.id, per_day=10_000)
        headers = {"x-csrf": csrf_token(gallery.key, cookie), "cookie": f"session={cookie}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def answers(self) -> bool:
        """Whether the API answers."""
        try:
            return httpx.get(f"{self.url}/session", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def start_api(self) -> None:
        """Start the API again, and wait until it answers."""
        self.api.start()
        wait_for(self.answers, 240)

    def kill_database(self) -> None:
        """Kill the server's first process with -9; its children end with it."""
        pid = int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0])
        parent = psutil.Process(pid)
        family = [parent, *parent.children()]
        parent.kill()
        psutil.wait_procs(family, timeout=20)

    def start_database(self) -> None:
        """Wait until it is started again on its files."""
        wait_for(self.postgres.runs, 60)

    def kill_comfy(self) -> None:
        """Kill the fake ComfyUI: its queue and pictures are gone."""
        psutil.Process(self.comfy.pid).kill()

    def start_comfy(self) -> None:
        """Start it again on its port."""
        self.comfy.__exit__(None, None, None)
        self.comfy.__enter__()


def wait_for(what: Callable[[], Any], seconds: float = 120) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} took more than {seconds:g} s")
        time.sleep(0.05)
