"""A LoRA file under other names or in a smaller type."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from likeness.disk import write_atomic
from likeness.errors import DiskError, InputError
from likeness.formatting import format_bytes

if TYPE_CHECKING:
    pass


def convert_command(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    to: Annotated[
        Literal["kohya", "diffusers"] | None, typer.Option(help="Whose names; unchanged by default.")
    ] = None,
    dtype: Annotated[
        Literal["float32", "float16", "bfloat16"] | None, typer.Option(help="Unchanged by default.")
    ] = None,
) -> None:
    """Write a LoRA file under other names or in a smaller type.

    What the file says about itself (consent, dataset ...) is kept; its hashes are those of the new weights.

    \b
    Examples:
      likeness convert jade-v1.safetensors diffusers.safetensors --to diffusers
      likeness convert jade-v1.safetensors small.safetensors --dtype bfloat16
    """
    try:
        if to:
            from likeness.lora.file import read_file, refuse_broken

            refuse_broken(
                read_file(file)
            )  # before the libraries are loaded that know the bases: they take seconds
        from likeness.lora.convert import convert
        from likeness.lora.export import DTYPES

        converted = convert(file, to=to, dtype=DTYPES[dtype] if dtype else None)
        write_atomic(out, converted.data)
    except OSError as error:
        raise DiskError.of(error) or InputError(f"{error.filename}: {error.strerror}") from error
    named = f" of {converted.base} under {to.capitalize()}'s names, loaded and compared" if to else ""
    sys.stderr.write(
        f"convert: {out}, {format_bytes(len(converted.data))}: {converted.layers} layers{named}\n"
    )
    for note in converted.notes:
        sys.stderr.write(f"convert: {note}\n")
