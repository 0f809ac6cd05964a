"""Jobs become photographs in a folder: only what is missing is rendered, only what passes the gate is written."""

import importlib.util
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from likeness.disk import write_atomic
from likeness.errors import ConfigError, LikenessError
from likeness.faces import Face
from tools.synthetic_people import finish
from tools.synthetic_people.gate import Gate
from tools.synthetic_people.makehuman import Data
from tools.synthetic_people.plan import Shot, digest
from tools.synthetic_people.traits import Person

INSTALL = "pip install --no-deps -r tools/synthetic_people/requirements.txt (Python 3.11)"
AGAIN = "run the same command again: finished photographs are kept"


@dataclass(frozen=True)
class Job:
    """One photograph to take of somebody; `retakes` stand in, one after the other, when the gate refuses it."""

    person: Person
    shot: Shot
    retakes: tuple[Shot, ...] = ()

    @property
    def file_name(self) -> str:
        return self.shot.file_name

    @property
    def digest(self) -> str:
        return digest(self.person, self.shot)

    @property
    def retake(self) -> "Job | None":
        """The same photograph, taken otherwise."""
        return replace(self, shot=self.retakes[0], retakes=self.retakes[1:]) if self.retakes else None


@dataclass(frozen=True, kw_only=True)
class Made:
    """A photograph that passed the gate; `reused` if it was there before."""

    job: Job
    jpeg: bytes
    face: Face
    reused: bool


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A photograph that is not there, and why."""

    job: Job
    error: LikenessError


class Camera(Protocol):
    """Renders jobs, in any order."""

    def take(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, np.ndarray | LikenessError]]:
        """(job, uint8 [H, W, 3] or why there is none)."""
        ...


@dataclass(frozen=True, kw_only=True)
class BlenderCamera:
    """Blender in `workers` processes, which share the cores."""

    data: Data
    workers: int = 1

    def __post_init__(self) -> None:
        if importlib.util.find_spec("bpy") is None:
            raise ConfigError(
                f"Blender's module bpy is not installed for {sys.executable}",
                reason="missing-bpy",
                remedy=INSTALL,
            )

    def take(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, np.ndarray | LikenessError]]:
        """Render all; a job that Blender refuses does not stop the others.

        Raises:
            LikenessError: `blender-died`: a process ended, as for want of memory.
        """
        threads = max(1, (os.cpu_count() or 1) // self.workers)
        with tempfile.TemporaryDirectory(prefix="synthetic-people-") as folder:
            log = Path(folder) / "blender.log"
            with ProcessPoolExecutor(
                self.workers, mp_context=get_context("spawn"), initializer=_start, initargs=(log,)
            ) as pool:
                futures: dict[Future[None], tuple[Job, Path]] = {}
                for number, job in enumerate(jobs):
                    out = Path(folder) / f"{number}.png"
                    futures[pool.submit(_render, self.data, job, out, threads)] = (job, out)
                try:
                    for future in as_completed(futures):
                        job, out = futures[future]
                        yield job, _picture(future, out)
                        out.unlink(missing_ok=True)
                except BrokenProcessPool as error:
                    said = log.read_text(errors="replace")[-800:]
                    raise LikenessError(
                        f"a Blender process ended: {said}",
                        reason="blender-died",
                        remedy=f"{AGAIN}; --workers 1 needs the least memory",
                    ) from error
                finally:
                    pool.shutdown(cancel_futures=True)


def produce(jobs: Sequence[Job], out: Path, camera: Camera, gate: Gate) -> Iterator[Made | Failed]:
    """Photographs of all jobs in `out`, as they are ready; each is written whole or not at all.

    A file is reused when its digest is that of the job or of a retake; it passes the gate again.

    Raises:
        ConfigError: `not-ours`: a file of that name was not made here.
    """
    out.mkdir(parents=True, exist_ok=True)
    missing: list[Job] = []
    for job in jobs:
        take, jpeg = _finished_take(job, out)
        if jpeg is None:
            missing.append(job)
            continue
        judged = _judged(take, jpeg, out, gate, reused=True)
        if isinstance(judged, Failed) and take.retake:
            missing.append(take.retake)
        else:
            yield judged
    while missing:
        again: list[Job] = []
        for job, picture in camera.take(missing):
            if isinstance(picture, LikenessError):
                yield Failed(job=job, error=picture)
                continue
            judged = _judged(job, finish.finish(picture, job.digest), out, gate, reused=False)
            if isinstance(judged, Failed) and job.retake:
                again.append(job.retake)
            else:
                yield judged
        missing = again


def _judged(job: Job, jpeg: bytes, out: Path, gate: Gate, *, reused: bool) -> Made | Failed:
    """Keep what passes; a refused picture, and an older one in its place, do not stay."""
    path = out / job.file_name
    try:
        face = gate.face(finish.decode(jpeg), yaw_deg=job.shot.yaw_deg)
    except LikenessError as error:
        path.unlink(missing_ok=True)
        return Failed(job=job, error=error)
    if not reused:
        write_atomic(path, jpeg)
    return Made(job=job, jpeg=jpeg, face=face, reused=reused)


def _finished_take(job: Job, out: Path) -> tuple[Job, bytes | None]:
    """The take of a job that is in the folder already, with its bytes; the job itself if none is."""
    take: Job | None = job
    while take:
        if jpeg := _finished(out / take.file_name, take.digest):
            return take, jpeg
        take = take.retake
    return job, None


def _finished(path: Path, of_digest: str) -> bytes | None:
    """The file's bytes if it was made for this digest."""
    if not path.is_file():
        return None
    jpeg = path.read_bytes()
    if not finish.is_ours(jpeg):
        raise ConfigError(
            f"{path} is there and was not made by tools.synthetic_people",
            reason="not-ours",
            remedy="give another OUT, or move the file away",
        )
    return jpeg if finish.is_of(jpeg, of_digest) else None


def _picture(future: "Future[None]", out: Path) -> np.ndarray | LikenessError:
    try:
        future.result()
        return np.asarray(Image.open(out).convert("RGB"))
    except LikenessError as error:
        return error
    except (RuntimeError, OSError) as error:
        if isinstance(error, BrokenProcessPool):
            raise
        return LikenessError(f"Blender could not render it: {error}", reason="not-rendered", remedy=AGAIN)


def _render(data: Data, job: Job, out: Path, threads: int) -> None:
    """Runs in a Blender process."""
    from tools.synthetic_people.photograph import photograph  # bpy is only in these processes

    photograph(data, job.person, job.shot, out, threads=threads)


def _start(log: Path) -> None:
    """First thing in a Blender process: its many lines go to a file, and it ends when its parent is gone."""
    to = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(to, 1)
    os.dup2(to, 2)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
