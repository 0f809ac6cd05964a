"""The commands `likeness photos`, and the page that offers the same: `likeness desk`."""

from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import PLAIN, Json, Persona

photos = typer.Typer(help="Look at a person's photographs and pictures one by one, and decide.", **PLAIN)

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        show_default=False,
        help="sources/IMG_1.jpg, targets/IMG_2.jpg, or a made image: jade-s1-t1",
    ),
]


@photos.command("list")
def photos_list(persona: Persona, as_json: Json = False) -> None:
    """List each photograph, and why it is left out.

    As ingest would judge them now; what was never measured is measured.

    \b
    Examples:
      likeness photos list jade
      likeness photos list jade --json
    """
    from likeness.cli.photos import list_command

    list_command(persona, as_json=as_json)


@photos.command("refuse")
def photos_refuse(
    persona: Persona, file: File, why: Annotated[str, typer.Option(help="What is wrong with it.")]
) -> None:
    """Keep a photograph out of everything, or a made image out of the training set.

    A photograph by its bytes, in data/PERSONA/raw/refused.yaml, an image by its pixels, in captions_override/refused.yaml beside it;
    you commit the file.

    \b
    Examples:
      likeness photos refuse jade sources/jade_03.jpg --why "eyes closed"
      likeness photos refuse jade jade-s1-t1 --why "two thumbs"
    """
    from likeness.cli.photos import refuse_command

    refuse_command(persona, file, why)


@photos.command("accept")
def photos_accept(persona: Persona, file: File) -> None:
    """Take back your refusal.

    The gates judge it as they judge any: what they refuse stays refused.

    \b
    Examples:
      likeness photos accept jade sources/jade_03.jpg
      likeness photos accept jade jade-s1-t1
    """
    from likeness.cli.photos import accept_command

    accept_command(persona, file)


@photos.command("caption")
def photos_caption(
    persona: Persona,
    image: Annotated[str, typer.Argument(metavar="IMAGE", show_default=False, help="jade-s1-t1")],
    words: Annotated[
        str, typer.Argument(metavar="WORDS", help="Without any, the provider's caption counts again.")
    ] = "",
) -> None:
    """Write a caption of your own to captions_override/.

    It is judged first as the stage judges it: it needs the trigger word, and what a gate refuses is not written.

    \b
    Examples:
      likeness photos caption jade jade-s1-t1 "jade woman, in a garden, smiling"
      likeness photos caption jade jade-s1-t1
    """
    from likeness.cli.photos import caption_command

    caption_command(persona, image, words)


@photos.command("swap")
def photos_swap(
    persona: Persona,
    source: Annotated[str, typer.Argument(metavar="SOURCE", show_default=False, help="s1")],
    target: Annotated[str, typer.Argument(metavar="TARGET", show_default=False, help="t1")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the PNG goes.")] = Path("preview.png"),
    pay: Annotated[float, typer.Option(min=0, metavar="USD", help="Agree to this price.")] = 0.0,
) -> None:
    """Swap one pair before a whole run.

    With the settings, thresholds and gates of the stage; a run makes and buys it no second time. Exit status 1 when it is refused.

    \b
    Examples:
      likeness photos swap jade s1 t1
      likeness photos swap jade s1 t1 --out look.png --pay 0.1
    """
    from likeness.cli.photos import swap_command

    raise typer.Exit(swap_command(persona, source, target, out, pay))


def desk(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Any free one by default.")] = 0,
) -> None:
    """Open the operator's desk: a page on this machine (docs/desk.md).

    Photographs with their reasons, captions, one pair's swap, samples while training runs, plan and money. Prints a link, and
    serves until Ctrl-C.

    \b
    Examples:
      likeness desk
      likeness desk --port 8800
    """
    from likeness.cli.desk.serve import desk_command

    desk_command(port)
