"""What LoRA files of any trainer are and say about themselves; one of them under other names, or in a smaller type."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from likeness.cli.arguments import Json, print_json
from likeness.cli.tables import PlainTable, show
from likeness.disk import write_atomic
from likeness.errors import DiskError, InputError, LikenessError, on_terminal
from likeness.formatting import format_bytes
from likeness.lora.door import refuse_revoked
from likeness.lora.inspect import LoraFile, read_lora
from likeness.lora.safetensors_io import find_weights, of_file, read_header
from likeness.lora.said import BASE, BASE_QUANTIZED, CONSENT_ID, DATASET
from likeness.paths import RepositoryPaths
from likeness.safety.consent.history import learn_from_git

# What a person asks first, and the keys of sd-scripts, ModelSpec and likeness that answer it.
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "title": ("modelspec.title", "ss_output_name"),
    "trigger": ("modelspec.trigger_phrase",),
    "author": ("modelspec.author",),
    "licence": ("modelspec.license",),
    "trained on": ("ss_sd_model_name",),
    "module": ("ss_network_module",),
    "images x repeats": ("ss_num_train_images",),
    "steps": ("ss_steps",),
    "epochs": ("ss_epoch", "ss_num_epochs"),
    "batch": ("ss_total_batch_size", "ss_batch_size_per_device"),
    "resolution": ("modelspec.resolution", "ss_resolution"),
    "learning rate": ("ss_unet_lr", "ss_learning_rate"),
    "optimizer": ("ss_optimizer",),
    "schedule": ("ss_lr_scheduler",),
    "seed": ("ss_seed",),
    "dataset sha256": (DATASET,),
    "base sha256": (BASE, "ss_new_sd_model_hash"),
    "base quantised": (BASE_QUANTIZED,),
    "consent": (CONSENT_ID,),
}
MAX_WORDS = 200  # characters of a stranger's text that are shown
COMMON_TAGS = 8
WHOSE = {"kohya": "Kohya's", "diffusers": "diffusers'"}


def inspect_command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", show_default=False, help="A .safetensors file, or PEFT's folder."),
    ],
    as_json: Json = False,
) -> int:
    """Show what LoRA files contain and say about themselves.

    Reads files of any trainer: headers and numbers. It executes nothing from a file. Exit status 1 when one is broken.

    \b
    Examples:
      likeness inspect models/jade/jade-v1.safetensors
      likeness inspect one.safetensors two.safetensors --json
    """
    found: list[LoraFile] = []
    for path in files:
        try:
            found.append(read_lora(path))
        except LikenessError as error:
            sys.stderr.write(f"\ninspect: {error}\n")
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        for one in found:
            show(table(one))
    return int(len(found) < len(files))


def table(one: LoraFile) -> PlainTable:
    """A file's answers, with what is wrong in red."""
    view = PlainTable(title=Text(on_terminal(str(one.path))), title_justify="left", show_header=False)
    view.add_column(no_wrap=True)
    view.add_column(overflow="fold")
    rows: dict[str, str] = {
        "kind": f"{one.variant}, {one.naming} names",
        "for": one.family or "not said",
        **({"metadata say": one.says} if one.says and one.says != one.family else {}),
        "layers": _counted(one.layers),
        "rank": _counted(one.ranks) if len(one.ranks) > 1 else ", ".join(map(str, one.ranks)) or "-",
        "scale (alpha / rank)": ", ".join(f"{scale:g}" for scale in sorted(one.scales)) or "-",
        "numbers": f"{one.parameters:,} in {', '.join(sorted(one.types))}, {format_bytes(one.size_bytes)}",
        "sha256": one.sha256,
    }
    rows |= {
        question: answer for question, keys in QUESTIONS.items() if (answer := _said(one.metadata, keys))
    }
    if tags := common_tags(one.metadata.get("ss_tag_frequency", "")):
        rows["common tags"] = ", ".join(f"{tag} ({count})" for tag, count in tags)
    for question, answer in rows.items():
        view.add_row(question, answer[:MAX_WORDS])
    if not one.metadata:
        view.add_row("", "The file says nothing about itself.")
    for problem in one.problems:
        view.add_row("note", problem, style="red")
    return view


def common_tags(text: str) -> list[tuple[str, int]]:
    """The most frequent tags of `ss_tag_frequency`; nothing if it is not in Kohya's form."""
    try:
        folders = json.loads(text)
        counts = [(str(tag).strip(), int(count)) for tags in folders.values() for tag, count in tags.items()]
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        return []
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:COMMON_TAGS]


def _said(metadata: Mapping[str, str], keys: Iterable[str]) -> str | None:
    return next((metadata[key] for key in keys if metadata.get(key) not in (None, "", "None")), None)


def _counted(counts: Mapping[str, int] | Mapping[int, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items()) or "-"


def convert_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A LoRA of any trainer: a file, or PEFT's folder.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.")],
    to: Annotated[
        Literal["kohya", "diffusers"] | None,
        typer.Option(help="Whose key names; by default they do not change."),
    ] = None,
    dtype: Annotated[
        Literal["float32", "float16", "bfloat16"] | None,
        typer.Option(help="The numbers' type; by default it does not change."),
    ] = None,
) -> None:
    """Convert a LoRA file to other key names or a smaller type.

    Metadata (consent, dataset ...) stay; hashes are those of the new weights.

    \b
    Examples:
      likeness convert jade-v1.safetensors diffusers.safetensors --to diffusers
      likeness convert jade-v1.safetensors small.safetensors --dtype bfloat16
    """
    try:
        said, root = read_header(find_weights(file)[0]).metadata, RepositoryPaths.here().root
        if CONSENT_ID in said:
            learn_from_git(root)
        refuse_revoked(said, root, what=str(file))
        with of_file(str(file)):
            if to:
                from likeness.lora.file import read_file, refuse_broken

                # before the libraries are loaded that know the bases: they take seconds
                refuse_broken(read_file(file))
            from likeness.lora.convert import convert
            from likeness.lora.export import DTYPES

            converted = convert(file, to=to, dtype=DTYPES[dtype] if dtype else None)
        write_atomic(out, converted.data)
    except OSError as error:
        raise DiskError.of(error) or InputError(
            f"{error.filename}: {error.strerror}",
            remedy="name a file that is there, and a folder for the new one",
        ) from error
    named = f" of {converted.base} under {WHOSE[to]} names, loaded and compared" if to else ""
    sys.stderr.write(
        f"convert: {out}, {format_bytes(len(converted.data))}: {converted.layers} layers{named}\n"
    )
    sys.stderr.writelines(f"convert: {note}\n" for note in converted.notes)
