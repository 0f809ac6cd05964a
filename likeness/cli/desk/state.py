"""What the desk keeps between two requests; all of it can be made again from the files."""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from likeness.config import Config, load_config
from likeness.errors import LikenessError
from likeness.images import RGB, encode_jpeg, load_rgb
from likeness.ingest.standing import Standing, standings
from likeness.paths import PARAMS, PRICES, RepositoryPaths
from likeness.pipeline.manifest import Failure
from likeness.run import Run, run_at
from likeness.swap.preview import Preview

PATIENCE_S = 2.0
"""A page waits so long for photographs to be measured before it says that they are."""
PICTURE_PATIENCE_S = 60.0
"""A picture waits longer: a browser asks no second time, and who decides beside it has all photographs looked at anew."""
PICTURES = 600
"""Encoded pictures that are kept, of about 60 kB each."""


SIDE_PX = 640
QUALITY = 85


@dataclass(kw_only=True)
class Look:
    """One look at all photographs; `done` is set once there is a result or an error."""

    of: object
    done: threading.Event
    photographs: Sequence[Standing] = ()
    others: Sequence[Failure] = ()
    error: Exception | None = None


class Desk:
    """`form_token` stands in every form; `acting` lets one act at a time change files; `said` is the line that the next page of a
    persona begins with, `previews` her last swapped pair."""

    def __init__(self, *, form_token: str) -> None:
        self.form_token = form_token
        self.acting = threading.Lock()
        self.said: dict[str, str] = {}
        self.previews: dict[str, Preview] = {}
        self.encoded = lru_cache(PICTURES)(encoded)
        self._looks: dict[str, Look] = {}
        self._looking = threading.Lock()
        self._config: tuple[list[int], Config] | None = None

    def config(self) -> Config:
        """The settings as they are now."""
        changed = [path.stat().st_mtime_ns for path in (PARAMS, PRICES) if path.is_file()]
        if self._config is None or self._config[0] != changed:
            self._config = (changed, load_config(PARAMS))
        return self._config[1]

    def run_at(self, stage: str, persona: str) -> Run:
        """A run whose consent was read anew."""
        return run_at(stage, persona, self.config())

    def look(self, run: Run, patience_s: float | None = None) -> Look:
        """The photographs of a run as they are now; measured in the background, so that a page can say how it goes.

        Raises:
            LikenessError: they could not be looked at.
        """
        with self._looking:
            of, look = _state_of(run), self._looks.get(run.persona.name)
            if look is None or look.of != of or (look.error is not None and look.done.is_set()):
                look = self._looks[run.persona.name] = Look(of=of, done=threading.Event())
                threading.Thread(target=_measure, args=(run, look), daemon=True).start()
        look.done.wait(PATIENCE_S if patience_s is None else patience_s)
        if look.error is not None:
            raise look.error
        return look


def _measure(run: Run, look: Look) -> None:
    try:
        look.photographs, look.others = standings(run)
    except Exception as error:
        look.error = error if isinstance(error, LikenessError) else RuntimeError(str(error))
    finally:
        look.done.set()


def _state_of(run: Run) -> object:
    """Changes with every file that decides how photographs stand."""
    paths = [run.paths.raw, run.paths.raw_sources, run.paths.raw_targets, RepositoryPaths.here().consent]
    files = [entry for folder in paths if folder.is_dir() for entry in os.scandir(folder)]
    stats = sorted((one.path, one.stat().st_size, one.stat().st_mtime_ns) for one in files if one.is_file())
    return stats, PARAMS.stat().st_mtime_ns


def page_jpeg(rgb: RGB, side_px: int = SIDE_PX) -> bytes:
    """A smaller copy without metadata."""
    image = Image.fromarray(rgb)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    return encode_jpeg(np.asarray(image, np.uint8), QUALITY)


def encoded(picture: Path, sha256: str) -> bytes:
    """A picture that a stage wrote; `sha256` only tells one from another."""
    return page_jpeg(load_rgb(picture))
