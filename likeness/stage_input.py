"""The pictures of the stage before. What a stage on this machine made lies in its item store, and was judged before; what
another machine, a checkout or a hand put there is measured now, before anything is made of it, sent or kept."""

from pathlib import Path

from likeness.errors import InputError
from likeness.pipeline.manifest import Failure
from likeness.pipeline.verified import Picture, read_pictures
from likeness.run import Run


def read_judged(run: Run, folder: Path) -> tuple[list[Picture], list[Failure]]:
    """The pictures that go on, and a line for each that the gates refuse.

    Raises:
        InputError: see `read_verified`.
    """
    passed: list[Picture] = []
    refused: list[Failure] = []
    for one in read_pictures(folder):
        try:
            _judge(run, one, photographs=folder == run.paths.ingested)
            passed.append(one)
        except InputError as error:
            refused.append(one.entry.failure(**error.refusal))
    return passed, refused


def _judge(run: Run, picture: Picture, *, photographs: bool) -> None:
    if run.items.object_path(picture.entry.sha256).is_file():
        return
    from likeness.safety.pictures import refuse_picture  # here: the networks' libraries

    seen = run.measurements().of(picture.data(), name=picture.entry.file)
    # Whose age the record attests in a photograph, ingest knows by the photograph's bytes.
    door = "delivery" if photographs else "stage input"
    refuse_picture(door, seen, run.consent, what=picture.entry.file, embedder=run.embedder)
