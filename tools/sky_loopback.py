"""SkyPilot on the Slurm of tools/slurm_loopback.py, with managed jobs: `make sky` first, then

    python -m tools.sky_loopback FOLDER       # stays until Ctrl-C; says what to export

SkyPilot's server and its controller of managed jobs run on this machine (consolidation mode), with FOLDER/home as their home.
On a node SkyPilot installs itself by uv, which it fetches from astral.sh: that a machine without this network can take part,
a stand-in gives each node the environment of `make sky` instead. Before it takes a machine for lost it asks 8.8.8.8 or 1.1.1.1
whether the network is there; here it asks its own server. It looks at a job every 3 seconds instead of every 15. Nothing else of
SkyPilot is replaced.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from fakes.ports import free_port
from tools.slurm_loopback import SlurmLoopback

ROOT = Path(__file__).parents[1]
PYTHON = Path(os.environ.get("LIKENESS_SKY") or ROOT / ".cache" / "sky" / "bin" / "python")
CONFIG = """\
jobs: {{controller: {{consolidation_mode: true}}}}
slurm: {{cluster_configs: {{loopback: {{tmpdir: {home}/tmp}}}}}}
"""
# What SkyPilot writes on a node under the home that the password file names, whatever HOME says.
WRITTEN_IN_HOME = (
    ".bashrc",
    ".sky_ssh_rc",
    ".ssh/authorized_keys",
    ".ssh/skypilot_host_key",
    ".ssh/skypilot_host_key.pub",
)
CURL = """\
#!/bin/sh
case "$*" in
  *astral.sh/uv/install.sh) echo 'mkdir -p "$UV_INSTALL_DIR" && cp {uv} "$UV_INSTALL_DIR/uv"' ;;
  *) exit 6 ;;
esac
"""
UV = """\
#!/bin/sh
case "$1 $2 $3" in
  "venv --seed --relocatable") exit 1 ;;
  "venv --seed "*) {python} -m venv --without-pip "$3" && echo {site} > "$(echo "$3"/lib/python3.*/site-packages)/sky.pth" ;;
esac
"""

# Found by PYTHONPATH, in SkyPilot's processes on this machine.
CUSTOMIZE = """\
import importlib.abc, importlib.util, os, sys

OTHER = {
    "sky.backends.backend_utils": ("_TEST_IP_LIST", ["http://127.0.0.1:" + os.environ.get("SKYPILOT_API_SERVER_LOCAL_PORT", "46580")]),
    "sky.jobs.utils": ("JOB_STATUS_CHECK_GAP_SECONDS", int(os.environ.get("SKY_LOOK_S", "3"))),
}

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name not in OTHER:
            return None
        (attribute, value), spec = OTHER.pop(name), importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            setattr(module, attribute, value)

        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""


class SkyLoopback:
    """Runs inside the `with`: `slurm` is the cluster, `env` the environment in which SkyPilot is to be called."""

    def __init__(self, folder: Path, nodes: int = 2) -> None:
        self.slurm = SlurmLoopback(folder, nodes)
        self.env = {
            **self.slurm.env,
            "SKYPILOT_DISABLE_USAGE_COLLECTION": "1",
            "LIKENESS_SKY": str(PYTHON),
            "PYTHONPATH": str(self.slurm.folder / "hook"),
            # Its controllers are as many as the memory allows: this is enough for two.
            "SKYPILOT_POD_MEMORY_GB_LIMIT": "4",
            # Not 46580: a server of this user's may be there.
            "SKYPILOT_API_SERVER_LOCAL_PORT": str(free_port()),
        }
        self._home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        self._before: dict[Path, bytes | None] = {}
        self._folders: list[Path] = []

    def __enter__(self) -> Self:
        if shutil.which("rsync") is None:
            raise RuntimeError("rsync: not installed; apt-get install rsync")
        folder, home = self.slurm.folder, self.slurm.home
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "hook").mkdir(exist_ok=True)
        (folder / "hook" / "sitecustomize.py").write_text(CUSTOMIZE)
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        (home / ".sky").mkdir(exist_ok=True)
        (home / ".sky" / "config.yaml").write_text(CONFIG.format(home=home))
        (site,) = PYTHON.parents[1].glob("lib/python3.*/site-packages")
        words = {"uv": folder / "bin" / "uv", "python": PYTHON, "site": site}
        for name, text in (("curl", CURL), ("uv", UV)):
            path = folder / "bin" / name
            path.write_text(text.format(**words))
            path.chmod(0o755)
        for path in (self._home / name for name in WRITTEN_IN_HOME):
            self._before[path] = path.read_bytes() if path.is_file() else None
        self._folders = [self._home / name for name in (".ssh", ".sky") if not (self._home / name).exists()]
        self.slurm.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sky("api", "stop", check=False)
        for number in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.slurm.__exit__(kind, error, trace)
        for path, data in self._before.items():
            if data is not None:
                path.write_bytes(data)
            else:
                path.unlink(missing_ok=True)
        for path in self._folders:
            with contextlib.suppress(OSError):
                path.rmdir()

    def processes(self) -> set[int]:
        """SkyPilot's own and its jobs'. An executor writes its name over its environment: its log tells whose it is."""
        found = self.slurm.processes(HOME=str(self.slurm.home))
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                named = (path / "cmdline").read_bytes().startswith(b"SkyPilot:")
                if named and (path / "fd" / "1").readlink().is_relative_to(self.slurm.home):
                    found.add(int(path.name))
        return found

    def sky(self, *command: str, check: bool = True) -> str:
        """What `sky COMMAND` says."""
        done = subprocess.run(
            [PYTHON.with_name("sky"), *command], env=self.env, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise RuntimeError(f"sky {' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout


def main(folder: Path) -> None:
    """Run until Ctrl-C."""
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: end.set())
    with SkyLoopback(folder) as there:
        names = (
            "HOME",
            "SLURM_CONF",
            "LIKENESS_SKY",
            "SKYPILOT_DISABLE_USAGE_COLLECTION",
            "PYTHONPATH",
            "SKYPILOT_POD_MEMORY_GB_LIMIT",
            "SKYPILOT_API_SERVER_LOCAL_PORT",
        )
        sys.stdout.write(f"export {' '.join(f'{name}={there.env[name]}' for name in names)}\n")
        sys.stdout.flush()
        end.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
