"""Files that are no LoRA, or broken ones: refused by name, soon, and without a traceback."""

import json
import os
import subprocess
import sys

import pytest
import torch
from lora_files import (
    LDM,
    TO_K,
    TRAINERS,
    pair,
    write,
)
from safetensors.torch import save_file
from typer.testing import CliRunner

from likeness.cli.app import app
from likeness.errors import InputError
from likeness.lora.convert import convert
from likeness.lora.inspect import read_lora
from likeness.lora.safetensors_io import weights_bytes


def hostile():
    """Files by what is wrong with them."""
    layer = f"lora_unet_{LDM[TO_K]}"
    down, up = pair(TO_K)
    whole = {f"{layer}.lora_down.weight": down, f"{layer}.lora_up.weight": up}
    return {
        "alpha alone": {f"{layer}.alpha": torch.tensor(1.0)},
        "alpha of 8 numbers": whole | {f"{layer}.alpha": torch.ones(8)},
        "alpha is NaN": whole | {f"{layer}.alpha": torch.tensor(torch.nan)},
        "scalar down": whole | {f"{layer}.lora_down.weight": torch.tensor(1.0)},
        "whole numbers": {name: tensor.to(torch.int8) for name, tensor in whole.items()},
        "no up": {f"{layer}.lora_down.weight": down},
        "no down": {f"{layer}.lora_up.weight": up},
        "rank 0": {f"{layer}.lora_down.weight": down[:0], f"{layer}.lora_up.weight": up[:, :0]},
        "no outputs": whole | {f"{layer}.lora_up.weight": up[:0]},
        "true and false": {name: tensor > 0 for name, tensor in whole.items()},
        "complex numbers": {name: tensor.to(torch.complex64) for name, tensor in whole.items()},
        "no common rank": whole | {f"{layer}.lora_up.weight": torch.ones(5, 7)},
        "fp8 with NaN": {
            name: (tensor * torch.nan).to(torch.float8_e4m3fn) for name, tensor in whole.items()
        },
        "five dimensions": whole | {f"{layer}.lora_down.weight": torch.ones(2, 6, 1, 1, 1)},
        "empty name": whole | {"": torch.ones(2), ".alpha": torch.ones(1)},
        "a model": {"model.weight": torch.ones(2)},
        "no tensors": {},
    }


@pytest.mark.parametrize("name", hostile())
def test_a_broken_lora_is_told_and_not_converted(tmp_path, name):
    file = write(tmp_path, hostile()[name])
    with pytest.raises(InputError):
        convert(file, to="kohya", dtype=None)
    if name in ("alpha alone", "a model", "no tensors"):
        with pytest.raises(InputError, match="none of a LoRA"):
            read_lora(file)
    elif name != "five dimensions":
        assert name == "empty name" or read_lora(file).problems


def with_header(entries, data=b""):
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + data


OVERLAP = with_header(
    {f"lora_unet_x.lora_{side}.weight": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}
     for side in ("up", "down")}, bytes(4))  # fmt: skip


BYTES = {
    "empty": b"",
    "truncated": weights_bytes(TRAINERS["diffusers"][0], {})[:-5],
    "overlapping": OVERLAP,
    "header of 100 MB": (100_000_000).to_bytes(8, "little") + b" " * 100_000_000,
    "two entries of one name, of which one lies": with_header(
        {
            "x.lora_A.weight": {"dtype": "F32", "shape": [9], "data_offsets": [0, 99]},
            "y.lora_A.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        },
        bytes(4),
    ).replace(b"y.", b"x."),
    "a name that rewrites the terminal": with_header(
        {"\x1b[2J.lora_A.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)
    ),
    "a name of 300,000 characters": with_header(
        {"x" * 300_000 + ".lora_A.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)
    ),
    "half bytes": with_header(
        {
            f"lora_unet_x.lora_{side}.weight": {"dtype": "F4", "shape": [2, 2], "data_offsets": [at, at + 2]}
            for at, side in ((0, "up"), (2, "down"))
        },
        bytes(4),
    ),
    "metadata of numbers": with_header({"__metadata__": {"a": 1}}),
    "a list": with_header([]),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_file_are_refused(tmp_path, name):
    file = tmp_path / "x.safetensors"
    file.write_bytes(BYTES[name])
    uses = [
        lambda path: convert(path, to="kohya", dtype=None),
        lambda path: convert(path, to=None, dtype=None),
    ]
    if name == "half bytes":  # which NumPy does not know, and torch cannot compute with
        assert "packed ones" in read_lora(file).problems[0]
    else:
        uses.append(read_lora)
    for use in uses:
        with pytest.raises(
            InputError,
            match=r"x\.safetensors (is not a safetensors file|holds a tensor)|none of a LoRA|no layer",
        ) as caught:
            use(file)
        assert len(str(caught.value)) < 600
        assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("name", [["a"], {"a": 1}, "\x1b[2J" * 999])
def test_a_folder_of_a_class_that_is_none_is_refused(tmp_path, name):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"auto_mapping": {"base_model_class": name}}))
    save_file({"base_model.model.x.lora_A.weight": torch.ones(2, 2), "base_model.model.x.lora_B.weight": torch.ones(2, 2)},
              tmp_path / "adapter_model.safetensors")  # fmt: skip
    with pytest.raises(InputError, match="the folder is of a ") as caught:
        convert(tmp_path, to="kohya", dtype=None)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo.safetensors")
    (tmp_path / "zero.safetensors").symlink_to("/dev/zero")
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    (tmp_path / "pipe.safetensors").mkdir()
    os.mkfifo(tmp_path / "pipe.safetensors" / "adapter_config.json")
    (tmp_path / "endless.safetensors").mkdir()
    (tmp_path / "endless.safetensors" / "adapter_config.json").symlink_to("/dev/zero")
    (tmp_path / "list.safetensors").mkdir()
    (tmp_path / "list.safetensors" / "adapter_config.json").write_text("[1]")
    for name in ("fifo", "zero", "folder", "loop", "missing", "pipe", "endless", "list", "x" * 300):
        for use in (read_lora, lambda path: convert(path, to="kohya", dtype=None)):
            with pytest.raises(InputError, match=f"{name}.safetensors cannot be read"):
                use(tmp_path / f"{name}.safetensors")


def test_the_command_refuses_without_a_traceback(tmp_path):
    file = write(tmp_path, hostile()["alpha of 8 numbers"])
    done = CliRunner().invoke(app, ["convert", str(file), str(tmp_path / "out.safetensors"), "--to", "kohya"])
    assert done.exit_code == 1
    assert f"{file}: " in done.stderr
    assert "not one finite number" in done.stderr
    assert isinstance(done.exception, SystemExit)  # anything else would be printed with its traceback
    assert not (tmp_path / "out.safetensors").exists()


def test_a_broken_file_is_refused_before_the_libraries_that_know_the_bases(tmp_path):
    file = write(tmp_path, hostile()["alpha of 8 numbers"])
    program = (
        "import sys\nfrom pathlib import Path\nfrom likeness.cli.inspect import convert_command\n"
        f"try: convert_command(Path({str(file)!r}), Path('x'), to='kohya', dtype=None)\n"
        "finally: print([name for name in ('diffusers', 'peft', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "not one finite number" in done.stderr
    assert done.stdout.strip() == "[]"
