"""A worker whose pictures take 300 ms, all of it spent asleep: what is measured beside it is the gallery, not the drawing."""

import asyncio
import time
import uuid

import numpy as np

from gallery.generation.drawing import Finished, Shot
from gallery.generation.finish import thumbnail
from gallery.generation.jobs import run_worker
from gallery.generation.work import Worker
from gallery.opening import open_gallery
from gallery.settings import Settings
from likeness.images import RGB, encode_png
from likeness.safety.consent import Consent

PICTURE_SECONDS = 0.3
SIDE_PX = 64


class Asleep:
    """Draws noise of the seed after a while, and passes everything."""

    def draw(self, shot: Shot) -> RGB:
        time.sleep(PICTURE_SECONDS)
        return np.random.default_rng(shot.seed).integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8)

    def enlarge(self, rgb: RGB) -> RGB:
        return rgb

    def finish(self, rgb: RGB, consent: Consent, picture_id: uuid.UUID, weights_sha256: str) -> Finished:
        pdq = f"{int.from_bytes(rgb.tobytes()[:32], 'big'):0256b}"
        return Finished(
            png=encode_png(rgb),
            thumbnail=thumbnail(rgb),
            width=SIDE_PX,
            height=SIDE_PX,
            likeness=1.0,
            pdq=pdq,
        )


def main() -> None:
    gallery, asleep = open_gallery(Settings()), Asleep()
    url = gallery.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    asyncio.run(run_worker(Worker(gallery=gallery, drawer=asleep, finisher=asleep), url))


if __name__ == "__main__":
    main()
