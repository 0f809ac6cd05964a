"""Signed weights that were saved again, edited, or signed by a stranger."""

import json
from pathlib import Path

import numpy as np
import pytest
from publications import WEIGHTS, elsewhere, faults
from safetensors import safe_open
from safetensors.numpy import save_file

from likeness.lora.safetensors_io import read_header
from likeness.lora.signature import STATEMENT, read_statement, sign_weights
from likeness.marks.keys import development_key
from likeness.publish.verify import verify


def saved_again(weights: Path, how: str) -> None:
    """As other programs save: metadata kept, the tensors written anew."""
    with safe_open(weights, framework="np") as file:
        tensors, said = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    if how == "in half precision":
        tensors = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    elif how == "a tensor more":
        tensors["b"] = np.zeros(1, np.float32)
    elif how == "under another name":
        tensors = {f"lora.{name}": tensor for name, tensor in tensors.items()}
    elif how == "without metadata":
        said = None
    elif how == "merged with others":
        tensors = {name: tensor * 0.5 for name, tensor in tensors.items()}
    save_file(tensors, weights, metadata=said)


@pytest.mark.parametrize(
    "how",
    ["in half precision", "a tensor more", "under another name", "without metadata", "merged with others"],
)
def test_weights_that_another_program_saved_again_are_named(published: Path, how: str):
    saved_again(published / WEIGHTS, how)
    assert any(one.what == WEIGHTS for one in faults(published))
    assert any(
        one.state in ("changed", "missing") for one in verify(published / WEIGHTS, elsewhere(published))
    )


@pytest.mark.parametrize(
    "edit", ["tensor", "metadata", "another entry", "signature of another key", "no signature"]
)
def test_weights_that_were_edited_do_not_hold(published: Path, edit: str, tmp_path: Path):
    path, out = published / WEIGHTS, tmp_path / "jade-v1.safetensors"
    said = dict(read_header(path).metadata)
    values = np.float32([4.0, 5.0])
    if edit == "tensor":
        values[0] = 4.5
    elif edit == "metadata":
        said["likeness.consent_id"] = "another-record"
    elif edit == "another entry":
        said["modelspec.license"] = "CC0"
    elif edit == "signature of another key":
        statement = json.loads(said[STATEMENT]) | {"key": development_key(tmp_path / "k").public.hex()}
        said[STATEMENT] = json.dumps(statement)
    else:
        said = {name: text for name, text in said.items() if "likeness.s" not in name}
    save_file({"a": values}, out, metadata=said)
    assert any(one.state in ("changed", "missing") for one in faults(out))


def test_weights_signed_by_a_stranger_are_told(published: Path, tmp_path: Path):
    out = published / WEIGHTS
    sign_weights(out, tmp_path / "again", {"of": "0" * 64}, development_key(tmp_path / "k"))
    (tmp_path / "again").replace(out)
    assert any(one.what == WEIGHTS for one in faults(published))
    assert any("no registry here names" in one.why for one in verify(out, elsewhere(tmp_path)))


def test_signed_weights_are_aligned_and_equal_each_time(published: Path, tmp_path: Path):
    key, source = development_key(tmp_path / "k"), published / WEIGHTS
    for name in ("one", "two"):
        sign_weights(source, tmp_path / name, {"of": "0" * 64}, key)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_header(tmp_path / "one").start % 8 == 0
    said = read_statement(tmp_path / "one")
    assert said is not None and said.problems == () and said.key == key.name  # noqa: PT018
