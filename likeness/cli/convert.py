"""convert: a LoRA file under diffusers' names or Kohya's, or in a smaller type.

python -m likeness.cli.convert FILE OUT [--to kohya|diffusers] [--dtype float32|float16|bfloat16]

Consent, dataset and all else that the file says about itself is kept; its hashes are those of the new weights.
"""

import argparse
import sys
from pathlib import Path

from likeness.errors import LikenessError
from likeness.lora.convert import convert
from likeness.lora.export import DTYPES
from likeness.store.items import write_atomic


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m likeness.cli.convert",
        description="a LoRA file under other names or in a smaller type",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--to", choices=("kohya", "diffusers"), help="whose names; as they are without it")
    parser.add_argument("--dtype", choices=tuple(DTYPES), help="as it is without it")
    parsed = parser.parse_args(arguments)
    try:
        made = convert(
            parsed.file.read_bytes(), to=parsed.to, dtype=DTYPES[parsed.dtype] if parsed.dtype else None
        )
        write_atomic(parsed.out, made)
    except (LikenessError, OSError) as error:
        sys.stderr.write(f"convert: {parsed.file}: {error}\n")
        return 1
    sys.stderr.write(f"convert: {parsed.out}, {len(made) / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
