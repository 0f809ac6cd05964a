"""A real Slurm of two nodes and its login node on this machine, for SkyPilot to rent from: munged, slurmctld, two slurmd, an sshd.
`python -m tools.sky_loopback` starts it with SkyPilot; `python -m tools.slurm_loopback` tries whether this machine can start it.

Everything lies in FOLDER, its `home` is what SkyPilot takes for the user's (`HOME=FOLDER/home`), so the user's own ~/.slurm,
~/.sky and ~/.ssh are neither read nor written. Nothing listens but on 127.0.0.1; nothing stays running after it.
"""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from fakes.ports import free_ports

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sshd", "ssh-keygen")
PACKAGES = "munge slurmctld slurmd slurm-client openssh-server"
CLUSTER = "loopback"
# Slurm takes a node for lost when it has not answered for so long.
LOST_AFTER_S = 10
UP_WITHIN_S = 30.0
PRIVILEGE_SEPARATION = Path("/run/sshd")
SLURM = """\
ClusterName={cluster}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdTimeout={lost}
ReturnToService=2
KillWait=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=1-00:00:00 State=UP
"""
SSHD = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile {folder}/sshd.pid
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
AllowUsers {user}
SetEnv HOME={folder}/home SLURM_CONF={folder}/slurm.conf BASH_ENV={folder}/home/.profile
"""
# A login shell begins with the PATH of /etc/profile.
PROFILE = "case :$PATH: in *:{folder}/bin:*) ;; *) export PATH={folder}/bin:{path} ;; esac\n"
LOGIN = """\
Host {cluster}
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
"""


def missing() -> list[str]:
    """The programs that this machine lacks."""
    return [one for one in PROGRAMS if shutil.which(one, path=_path()) is None]


class SlurmLoopback:
    """Runs inside the `with`; `home` is the home folder for SkyPilot, `env` the environment for Slurm's own commands.

    Raises:
        RuntimeError: Slurm is not installed, or did not come up.
    """

    def __init__(self, folder: Path, nodes: int = 2) -> None:
        self.folder = folder.absolute()
        # SkyPilot looks their addresses up by their names: these need no name service.
        self.nodes = [f"127.0.0.{number + 2}" for number in range(nodes)]
        self.home = self.folder / "home"
        self.env = {
            **os.environ,
            "HOME": str(self.home),
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": _path(),
        }
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._separated = PRIVILEGE_SEPARATION.exists()

    def __enter__(self) -> Self:
        if absent := missing():
            raise RuntimeError(f"{', '.join(absent)}: not installed; apt-get install {PACKAGES}")
        self._write()
        try:
            files = [f"--{kind}-file={self.folder}/munge.{kind}" for kind in ("key", "pid", "seed", "log")]
            self._start("munged", "--foreground", "--force", f"--socket={self.folder}/munge.socket", *files)
            _until("munged", (self.folder / "munge.socket").exists)
            self._start("slurmctld", "-D", "-i")
            for node in self.nodes:
                self.start_node(node)
            self._start(
                shutil.which("sshd", path=_path()) or "sshd",
                "-D",
                "-e",
                "-f",
                str(self.folder / "sshd_config"),
            )
            _until("Slurm", lambda: self.slurm("sinfo", "-h", "-o", "%T", check=False).split() == ["idle"])
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What logged in lives on without sshd, and does not show its environment.
        self._end({int(one) for one in self._children("sshd")})
        for process in reversed(self._daemons.values()):
            process.terminate()
        for process in self._daemons.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            process.kill()
            process.wait()
        self._end(self.processes(SLURM_CONF=f"{self.folder}/slurm.conf"))
        if not self._separated and PRIVILEGE_SEPARATION.is_dir():
            PRIVILEGE_SEPARATION.rmdir()

    def slurm(self, *command: str, check: bool = True) -> str:
        """What a command of Slurm says."""
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False, timeout=60)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def start_node(self, node: str) -> None:
        """Start a node, or one that was lost again."""
        self._start("slurmd", "-D", "-N", node, name=node, LOOPBACK_NODE=str(self.folder / node))

    def lose_node(self, node: str) -> None:
        """kill -9 of the node's daemon and of all that runs on it, as when its power fails: Slurm is told nothing."""
        daemon = self._daemons.pop(node)
        daemon.kill()
        daemon.wait()
        # First the watchers, which would report that the job ended.
        self._end(self.processes(LOOPBACK_NODE=str(self.folder / node)))
        self._end(self.processes(SLURM_CONF=f"{self.folder}/slurm.conf", SLURMD_NODENAME=node))

    def part_node(self, node: str) -> None:
        """The node's daemon answers nobody, until `rejoin_node`; what runs on it runs on, as when its network fails."""
        self._daemons[node].send_signal(signal.SIGSTOP)

    def rejoin_node(self, node: str) -> None:
        """The node's daemon answers again."""
        self._daemons[node].send_signal(signal.SIGCONT)

    def part_login(self) -> None:
        """The login node answers nobody, in sessions that are open neither, until `rejoin_login`."""
        self._signal_login(signal.SIGSTOP)

    def rejoin_login(self) -> None:
        """The login node answers again."""
        self._signal_login(signal.SIGCONT)

    def _signal_login(self, number: signal.Signals) -> None:
        for process in (self._daemons["sshd"].pid, *(int(one) for one in self._children("sshd"))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def busy(self) -> list[str]:
        """The nodes that run something."""
        return sorted(set(self.slurm("squeue", "-h", "-t", "running", "-o", "%N").split()))

    def _write(self) -> None:
        for name in ("state", "bin", "home/.slurm", *(f"spool-{node}" for node in self.nodes)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        for name in ("host_key", "user_key"):
            (self.folder / name).unlink(missing_ok=True)
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True
            )
        control, login, *nodes = free_ports(2 + len(self.nodes))
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 - 512
        words = {
            "folder": self.folder,
            "user": getpass.getuser(),
            "host": socket.gethostname(),
            "cluster": CLUSTER,
            "path": _path(),
            "lost": LOST_AFTER_S,
        }
        lines = "\n".join(
            f"NodeName={node} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={port} CPUs={os.cpu_count()} "
            f"RealMemory={memory} State=UNKNOWN"
            for node, port in zip(self.nodes, nodes, strict=True)
        )
        for path, text, port in (
            ("slurm.conf", SLURM, control),
            ("sshd_config", SSHD, login),
            ("home/.slurm/config", LOGIN, login),
            ("home/.profile", PROFILE, 0),
        ):
            (self.folder / path).write_text(text.format(**words, port=port, nodes=lines))
        if not self._separated and os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir()

    def _start(self, *command: str, name: str = "", **variables: str) -> None:
        name = name or Path(command[0]).name
        with (self.folder / f"{name}.log").open("ab") as log:
            self._daemons[name] = subprocess.Popen(command, env=self.env | variables, stdout=log, stderr=log)

    def processes(self, **variables: str) -> set[int]:
        """Processes with these variables in their environment, but for the daemons that this started."""
        marks = {f"{name}={value}".encode() for name, value in variables.items()}
        own = {os.getpid(), *(process.pid for process in self._daemons.values())}
        found: set[int] = set()
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if marks <= set((path / "environ").read_bytes().split(b"\0")):
                    found.add(int(path.name))
        return found - own

    def _children(self, name: str) -> list[str]:
        number = self._daemons[name].pid if name in self._daemons else 0
        path = Path(f"/proc/{number}/task/{number}/children")
        return path.read_text().split() if path.exists() else []

    def _end(self, processes: set[int]) -> None:
        for number in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


def _path() -> str:
    # Debian keeps daemons where a user's PATH does not look.
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _until(what: str, there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + UP_WITHIN_S
    while not there():
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"{what} did not come up within {UP_WITHIN_S:.0f} s; its log lies in the folder"
            )
        time.sleep(0.2)


def main() -> None:
    """Start it and end it."""
    try:
        with tempfile.TemporaryDirectory() as folder, SlurmLoopback(Path(folder)):
            pass
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
