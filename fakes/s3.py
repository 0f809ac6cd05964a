"""A real S3 server on loopback: nanio, which checks every SigV4 signature and keeps a folder of files.

`with S3Server(folder) as server:` gives `server.environment()` to whoever is to use it. tools/s3_demo.py runs it too.
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from fakes.ports import free_port

ACCESS_KEY = "AKIALIKENESSTEST"
SECRET_KEY = "planted-s3-secret-of-the-tests"
REGION = "eu-central-1"
READY_WITHIN_S = 30.0


class S3Server:
    """nanio in a process of its own on a free port; buckets are folders of `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._no_profile = folder.with_name(f"{folder.name}.aws")  # DVC wants a file, not /dev/null

    def __enter__(self) -> Self:
        self.port = free_port()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._no_profile.unlink(missing_ok=True)

    def start(self) -> None:
        """Start it, or start it again on its port with its files."""
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "nanio",
                "serve",
                "--data-dir",
                self.folder,
                "--host",
                "127.0.0.1",
                "--port",
                str(self.port),
                "--region",
                REGION,
                "--log-level",
                "error",
                "--no-access-log",
            ],
            stderr=subprocess.DEVNULL,  # it prints a traceback when a test damages its files
            env={**os.environ, "NANIO_ACCESS_KEY": ACCESS_KEY, "NANIO_SECRET_KEY": SECRET_KEY},
        )
        self._wait()

    def kill(self) -> None:
        """Kill it: what it was at is lost."""
        self._process.kill()
        self._process.wait()

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """What a client of it needs, and nothing of the user's own AWS settings."""
        self._no_profile.touch()
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": str(self._no_profile),
            "AWS_SHARED_CREDENTIALS_FILE": str(self._no_profile),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def new_bucket(self) -> str:
        """The name of an empty bucket, which this server keeps as a folder."""
        name = f"bucket{sum(1 for _ in self.folder.iterdir())}"
        (self.folder / name).mkdir()
        return name

    def path(self, url: str) -> Path:
        """Where this server keeps an object `s3://bucket/name`."""
        return self.folder / url.removeprefix("s3://")

    def _wait(self) -> None:
        until = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
