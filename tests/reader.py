"""A reader of the pages: types command lines into bash in a clone that looks as one does after `make demo` installed it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from doc_commands import IN_CI, NOT_RUN, SERVES, TYPED
from doc_pages import HERE, lines

from tools.repository_clone import RepositoryClone

MARKERS = ("installed", "dev", "fakes", "bitsandbytes")
READY_WITHIN_S = 120.0


LINES = {line for page in HERE for line, _ in lines(page)}
IN_BLOCKS = {line for page in HERE for line, in_block in lines(page) if in_block}


def to_type(page: Path) -> list[str]:
    """The lines of a page's blocks, and the pieces of its sentences that no other line types: most are mentions."""
    typed: list[str] = []
    for line, in_block in lines(page):
        if line not in NOT_RUN and line not in IN_CI and (in_block or not (mention(line) or line in typed)):
            typed.append(line)
    return typed


def mention(piece: str) -> bool:
    """Whether a block types this, or a longer line does."""
    longer = LINES - {piece} | IN_BLOCKS & {piece}
    return any(part.startswith(piece) for line in longer for part in line.split(" && "))


class Reader:
    """Types into bash in `folder`; a line that fails fails the test."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env
        self.typed: set[str] = set()

    def follows(self, page: Path, **instead: str) -> dict[str, str]:
        """Types a page from top to bottom; what each line printed. `instead` fills in names as the page goes on."""
        said: dict[str, str] = {}
        with contextlib.ExitStack() as servers:
            for line in to_type(page):
                if line == "make fakes":  # what follows needs them
                    said[line] = servers.enter_context(self.serves(line))
                elif line in SERVES:
                    with self.serves(line) as said[line]:
                        pass
                else:
                    said[line] = self.types(line, **instead)
                if names := re.findall(r"Queued experiment '([a-z-]+)'", said[line]):
                    instead = {"NAME": names[0], "acold-skip": names[0], "BRANCH": "steady"} | instead
        return said

    def types(self, line: str, **instead: str) -> str:
        """A line of a page, with other words for some of it; what bash printed."""
        self.typed.add(line)
        line = TYPED.get(line, line)
        for word, other in instead.items():
            line = line.replace(word, other)
        return self.bash(line)

    def bash(self, line: str) -> str:
        # Into a file: what goes on in the background (`dvc queue start`) would hold a pipe open.
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(
                ["bash", "-ec", line],
                cwd=self.folder,
                env=self.env,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
            out.seek(0)
            said = out.read()
        assert done.returncode == 0, f"{line}\n{said[-4000:]}"
        assert "Traceback" not in said, f"{line}\n{said[-4000:]}"
        return said

    @contextlib.contextmanager
    def serves(self, line: str) -> Iterator[str]:
        """A program that runs until Ctrl-C: what it printed until it served."""
        log = self.folder.with_name("served.log")
        with log.open("w") as out, subprocess.Popen(
            ["bash", "-ec", f"exec {TYPED.get(line, line)}"], cwd=self.folder, env=self.env, stdout=out,
            stderr=subprocess.STDOUT, start_new_session=True,
        ) as server:  # fmt: skip
            try:
                until = time.monotonic() + READY_WITHIN_S
                while SERVES[line] not in (said := log.read_text()):
                    assert server.poll() is None, f"it ended:\n{said}"
                    assert time.monotonic() < until, f"it does not serve:\n{said}"
                    time.sleep(0.1)  # polling another process
                self.env |= dict(re.findall(r"export (\w+)=(\S+)", said))
                yield said
            finally:
                for sign in (signal.SIGINT, signal.SIGKILL):
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(server.pid, sign)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        server.wait(20)


def reader_of(clone: RepositoryClone) -> Reader:
    """The environment of tests stands for the clone's own .venv: its files are links, its marks say that all is there."""
    venv = clone.folder / ".venv"
    venv.mkdir(exist_ok=True)
    for path in Path(sys.prefix).iterdir():
        if path.name not in MARKERS and not (venv / path.name).exists():
            (venv / path.name).symlink_to(path)
    for name in MARKERS:
        (venv / name).touch()
    env = {
        **clone.env,
        "PATH": f"{venv / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(clone.folder),  # the console scripts stand beside the tests' own checkout
        "COLUMNS": "200",
        **{
            f"GIT_{who}_{what}": "reader@example.org"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    return Reader(clone.folder, env)
