"""The pictures of the stages before. What a stage on this machine made lies in its item store, and was judged before; what
another machine, a checkout or a hand put there is measured now, before anything is made of it, shown, sent or kept."""

from array import array
from collections.abc import Sequence
from pathlib import Path

from likeness.errors import InputError
from likeness.images import RGB
from likeness.lazy import Spool, chosen, those
from likeness.pipeline.manifest import Failure
from likeness.pipeline.verified import Picture, read_pictures
from likeness.run import Run
from likeness.safety.gates import Door


def read_judged(run: Run, folder: Path) -> tuple[Sequence[Picture], Sequence[Failure]]:
    """The pictures that go on, and a line for each that the gates refuse.

    Raises:
        InputError: see `read_verified`.
    """
    pictures, passed, refused = read_pictures(folder), array("q"), Spool[Failure]()
    for number, one in enumerate(pictures):
        try:
            judge_picture(run, one)
            passed.append(number)
        except InputError as error:
            refused.append(one.entry.failure(**error.refusal))
    return chosen(pictures, passed), refused


def held_out_photographs(run: Run) -> Sequence[Picture]:
    """The photographs of the person that training never sees, and sheets show.

    Raises:
        InputError: see `read_pictures` and `judge_picture`.
    """
    found = those(read_pictures(run.paths.ingested), lambda one: one.entry.held_out)
    for one in found:
        judge_picture(run, one)
    return found


def judge_picture(run: Run, picture: Picture) -> None:
    """Let a finished picture pass that no stage here made, or not.

    Raises:
        InputError: refused, with the gate's reason.
    """
    if run.own_items.object_path(picture.entry.sha256).is_file():
        return
    seen = run.measurements().of(picture.data(), name=picture.entry.file)
    # Whose age the record attests in a photograph, ingest knows by the photograph's bytes.
    doors: dict[Path, Door] = {run.paths.ingested: "ingested photograph", run.paths.samples: "drawn picture"}
    door = doors.get(picture.path.parent, "stage input")
    run.refuse_picture(door, seen, what=str(picture.path))


def judge_photograph(run: Run, rgb: RGB, *, what: str) -> None:
    """Let a photograph pass as it lies in data/PERSONA/raw now, or not.

    Raises:
        InputError: refused, with the gate's reason.
    """
    run.refuse_picture("ingested photograph", run.gate.measure(rgb), what=what)
