"""`likeness photos`: a person's photographs and pictures one by one; what the desk does, by the same functions."""

import json
import sys
from pathlib import Path

from likeness.caption.refused import accept_image, refuse_image
from likeness.caption.write import write_caption
from likeness.cli.tables import console, table
from likeness.disk import write_atomic
from likeness.ingest.standing import Standing, accept, refuse, standings
from likeness.run import run_at
from likeness.swap.preview import pairs_of, preview


def list_command(persona: str, *, as_json: bool) -> None:
    """Print every photograph with its number or its reason."""
    found, others = standings(run_at("ingest", persona))
    if as_json:
        rows = [
            {"file": one.file, "sha256": one.sha256, "id": one.entry and one.entry.id, **_why(one)}
            for one in found
        ]
        rest = [failure.model_dump(mode="json", exclude_defaults=True) for failure in others]
        sys.stdout.write(json.dumps({"photographs": rows, "others": rest}, indent=2) + "\n")
        return
    view = table(f"{persona}: the photographs", left=["file", "", "reason", "detail"], right=())
    for one in found:
        number = one.entry.source or one.entry.target if one.entry else "out"
        view.add_row(one.file, number, *_why(one).values())
    for failure in others:
        view.add_row(failure.origin or failure.id, failure.kind, failure.reason, failure.detail)
    console().print(view)


def _why(one: Standing) -> dict[str, str]:
    failure = one.failure
    return {"reason": failure.reason if failure else "", "detail": failure.detail if failure else ""}


def refuse_command(persona: str, file: str, why: str) -> None:
    """Write the refusal of a photograph or a made image, and say where."""
    if is_image(file):
        run = run_at("caption", persona)
        refuse_image(run, file, why)
        place = run.paths.refused_images
    else:
        run = run_at("ingest", persona)
        refuse(run, file, why)
        place = run.paths.refused
    sys.stdout.write(f"{file} is refused in {place}; next: dvc repro\n")


def is_image(name: str) -> bool:
    """Whether a name is of a made image (jade-s1-t1), and of no photograph (sources/IMG_1.jpg)."""
    return "/" not in name


def accept_command(persona: str, file: str) -> None:
    """Take the refusal back, and say what the gates say now of a photograph."""
    if is_image(file):
        accept_image(run_at("caption", persona), file)
        sys.stdout.write(f"{file} is taken; next: dvc repro\n")
        return
    run = run_at("ingest", persona)
    accept(run, file)
    left = next(one.failure for one in standings(run)[0] if one.file == file)
    said = f"left out all the same: {left.detail}" if left else "taken; next: dvc repro"
    sys.stdout.write(f"{file} is {said}\n")


def caption_command(persona: str, image: str, words: str) -> None:
    """Write the caption, and say where."""
    path = write_caption(run_at("caption", persona), image, words)
    sys.stdout.write(f"{path} {'is written' if words.strip() else 'is deleted'}; next: dvc repro\n")


def swap_command(persona: str, source: str, target: str, out: Path, pay_usd: float) -> int:
    """Swap the pair, and write the picture or say why there is none; the exit status."""
    run = run_at("swap", persona)
    made = preview(run, pairs_of(run), source, target, pay_usd=pay_usd)
    if made.picture is None:
        assert made.failure is not None
        sys.stderr.write(
            f"photos: {made.failure.reason}: {made.failure.detail}. Remedy: {made.failure.remedy}\n"
        )
        return 1
    write_atomic(out, made.picture.read_bytes())
    sys.stdout.write(f"{out}\n")
    return 0
