"""A LoRA file under other names or in a smaller type."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from likeness.disk import write_atomic
from likeness.errors import DiskError, InputError
from likeness.formatting import format_bytes

if TYPE_CHECKING:
    from likeness.lora.convert import Names


def convert_command(file: Path, out: Path, *, to: "Names | None", dtype: str | None) -> None:
    """Write `out`, and say on stderr what it holds."""
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
