"""`likeness photos`: decisions about single photographs and pictures, by the functions that the desk also uses."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from likeness.caption.refused import accept_image, refuse_image
from likeness.caption.write import write_caption
from likeness.cli.arguments import Json, Persona, print_json
from likeness.cli.tables import show, table
from likeness.disk import write_atomic
from likeness.ingest.standing import Standing, accept, refuse, standings
from likeness.run import run_at
from likeness.swap.preview import pairs_of, preview

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        show_default=False,
        help="sources/IMG_1.jpg, targets/IMG_2.jpg, or a made image: jade-s1-t1",
    ),
]


def list_command(persona: Persona, as_json: Json = False) -> None:
    """List each photograph with ingest's verdict and its reason.

    The verdict is of the photographs as they are now; the command measures those that are new.

    \b
    Examples:
      likeness photos list jade
      likeness photos list jade --json
    """
    found, others = standings(run_at("ingest", persona))
    if as_json:
        rows = [
            {
                "file": one.file,
                "sha256": one.sha256,
                "id": one.entry and one.entry.id,
                "held_out": bool(one.entry and one.entry.held_out),
                **_why(one),
            }
            for one in found
        ]
        rest = [failure.model_dump(mode="json", exclude_defaults=True) for failure in others]
        print_json({"photographs": rows, "others": rest})
        return
    view = table(f"{persona}: the photographs", left=["file", "number", "left out for", "detail"], right=())
    for one in found:
        number = one.entry.source or one.entry.target if one.entry else "out"
        held_out = ", held out" if one.entry and one.entry.held_out else ""
        view.add_row(one.file, f"{number}{held_out}", *_why(one).values())
    for failure in others:
        view.add_row(failure.origin or failure.id, failure.kind, failure.reason, failure.detail)
    show(view)


def _why(one: Standing) -> dict[str, str]:
    failure = one.failure
    return {"reason": failure.reason if failure else "", "detail": failure.detail if failure else ""}


def refuse_command(
    persona: Persona, file: File, why: Annotated[str, typer.Option(help="What is wrong with it.")]
) -> None:
    """Leave a photograph out, or an image out of the training set.

    Writes the sha256 of the photograph's bytes to data/PERSONA/raw/refused.yaml, or that of the image's pixels to
    data/PERSONA/captions_override/refused.yaml. Commit the file.

    \b
    Examples:
      likeness photos refuse jade sources/jade_03.jpg --why "eyes closed"
      likeness photos refuse jade jade-s1-t1 --why "two thumbs"
    """
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


def accept_command(persona: Persona, file: File) -> None:
    """Take back your refusal.

    The gates still judge the picture: what they refuse stays refused.

    \b
    Examples:
      likeness photos accept jade sources/jade_03.jpg
      likeness photos accept jade jade-s1-t1
    """
    if is_image(file):
        accept_image(run_at("caption", persona), file)
        sys.stdout.write(f"{file} is taken; next: dvc repro\n")
        return
    run = run_at("ingest", persona)
    accept(run, file)
    left = next(one.failure for one in standings(run)[0] if one.file == file)
    said = f"left out all the same: {left.detail}" if left else "taken; next: dvc repro"
    sys.stdout.write(f"{file} is {said}\n")


def caption_command(
    persona: Persona,
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", show_default=False, help="An image's id: jade-s1-t1.")
    ],
    words: Annotated[
        str, typer.Argument(metavar="WORDS", help="The caption; without it, your file is deleted.")
    ] = "",
) -> None:
    """Write a caption of your own to captions_override/.

    The gates judge it first, as in the stage: it needs the trigger word, and a refused caption is not written.

    \b
    Examples:
      likeness photos caption jade jade-s1-t1 "jade woman, in a garden, smiling"
      likeness photos caption jade jade-s1-t1
    """
    path = write_caption(run_at("caption", persona), image, words)
    sys.stdout.write(f"{path} {'is written' if words.strip() else 'is deleted'}; next: dvc repro\n")


def swap_command(
    persona: Persona,
    source: Annotated[str, typer.Argument(metavar="SOURCE", show_default=False, help="A source: s1.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", show_default=False, help="A target: t1.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the PNG goes.")] = Path("preview.png"),
    pay: Annotated[float, typer.Option(min=0, metavar="USD", help="Agree to this price.")] = 0.0,
) -> int:
    """Swap one pair, as a preview.

    Uses the settings, thresholds and gates of the stage. The item store keeps the result, so a run does not make or buy it
    again. Exit status 1 when it is refused.

    \b
    Examples:
      likeness photos swap jade s1 t1
      likeness photos swap jade s1 t1 --out look.png --pay 0.1
    """
    run = run_at("swap", persona)
    made = preview(run, pairs_of(run), source, target, pay_usd=pay)
    if made.picture is None:
        assert made.failure is not None
        sys.stderr.write(
            f"photos: {made.failure.reason}: {made.failure.detail}. Remedy: {made.failure.remedy}\n"
        )
        return 1
    write_atomic(out, made.picture.read_bytes())
    sys.stdout.write(f"{out}\n")
    return 0
