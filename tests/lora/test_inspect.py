"""read_lora and `likeness inspect`: any trainer's file, and files that are none."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from typer.testing import CliRunner

from likeness.cli.app import app
from likeness.cli.inspect import common_tags, table
from likeness.errors import InputError
from likeness.lora.inspect import read_lora
from likeness.lora.safetensors_io import content_sha256, weights_bytes

KOHYA = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"


def kohya(rank=4, width=2048, alpha=2.0, dtype=torch.float16):
    return {
        f"{KOHYA}.lora_down.weight": torch.ones(rank, width, dtype=dtype),
        f"{KOHYA}.lora_up.weight": torch.ones(8, rank, dtype=dtype),
        f"{KOHYA}.alpha": torch.tensor(alpha, dtype=dtype),
    }


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_kohya_file_is_read_in_every_type(tmp_path, dtype):
    save_file(kohya(dtype=dtype), tmp_path / "a.safetensors", {"ss_steps": "7"})
    found = read_lora(tmp_path / "a.safetensors")
    assert (found.variant, found.family, found.layers, found.ranks) == ("LoRA", "SDXL", {"UNet": 1}, {4: 1})
    assert found.scales == {0.5: 1}
    assert found.parameters == 4 * 2048 + 8 * 4
    assert found.metadata["ss_steps"] == "7"
    assert found.problems == ()


@pytest.mark.parametrize(
    ("width", "family"), [(768, "SD 1.x"), (1024, "SD 2.x"), (2048, "SDXL"), (256, None)]
)
def test_the_family_is_what_the_cross_attention_reads(tmp_path, width, family):
    save_file(kohya(width=width), tmp_path / "a.safetensors")
    assert read_lora(tmp_path / "a.safetensors").family == family


@pytest.mark.parametrize(
    ("keys", "naming", "part", "variant"),
    [
        (
            ("unet.mid_block.to_q.lora_A.weight", "unet.mid_block.to_q.lora_B.weight"),
            "diffusers",
            "UNet",
            "LoRA",
        ),
        (("transformer.x.lora_A.weight", "transformer.x.lora_B.weight"), "diffusers", "transformer", "LoRA"),
        (
            ("text_encoder.q.lora.down.weight", "text_encoder.q.lora.up.weight"),
            "diffusers",
            "text encoder",
            "LoRA",
        ),
        (("base_model.model.q.lora_A.weight", "base_model.model.q.lora_B.weight"), "PEFT", "UNet", "LoRA"),
        (("lora_te2_q.lora_down.weight", "lora_te2_q.dora_scale"), "Kohya", "text encoder 2", "DoRA"),
        (("lora_unet_q.lokr_w1", "lora_unet_q.lokr_w2"), "Kohya", "UNet", "LoKr"),
        (("lora_unet_q.hada_w1_a", "lora_unet_q.hada_w1_b"), "Kohya", "UNet", "LoHa"),
    ],
)
def test_other_trainers_names_are_known(tmp_path, keys, naming, part, variant):
    save_file({key: torch.ones(4, 4) for key in keys}, tmp_path / "a.safetensors")
    found = read_lora(tmp_path / "a.safetensors")
    assert found.naming.startswith(naming)
    assert found.layers == {part: 1}
    assert found.variant == variant


def test_broken_numbers_a_changed_file_and_a_negative_alpha_are_told(tmp_path):
    tensors = kohya(alpha=-1.0)
    path = tmp_path / "a.safetensors"
    path.write_bytes(weights_bytes(tensors, {"sshs_model_hash": content_sha256(tensors)}))
    assert len(read_lora(path).problems) == 1
    data = bytearray(path.read_bytes())
    data[-2:] = np.float16(np.inf).tobytes()
    path.write_bytes(data)
    found = read_lora(path)
    assert (found.not_finite, found.hash_matches) == (1, False)
    assert len(found.problems) == 3


def test_a_file_without_lora_is_refused(tmp_path):
    save_file({"model.weight": torch.ones(2)}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="none of a LoRA") as caught:
        read_lora(tmp_path / "a.safetensors")
    assert caught.value.reason == "no-lora"


@given(st.binary(max_size=200) | st.integers(0, 2**63).map(lambda n: n.to_bytes(8, "little") + b"{}"))
def test_no_bytes_break_the_reader(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bytes") / "a.safetensors"
    path.write_bytes(data)
    with pytest.raises(InputError):
        read_lora(path)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [4], "data_offsets": [0, 999]},
        {"dtype": "F32", "shape": [4], "data_offsets": [8, 0]},
        {"dtype": "F32", "shape": [-4], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": "x", "data_offsets": [0, 4]},
        {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0.5, 4]},
        {"dtype": "F32"},
        7,
    ],
)
def test_a_lying_header_is_refused(tmp_path, entry):
    header = json.dumps({"lora_unet_x.lora_down.weight": entry}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    with pytest.raises(InputError) as caught:
        read_lora(path)
    assert caught.value.reason == "not-safetensors"


def test_a_strangers_text_is_shown_as_text(tmp_path):
    save_file(kohya(), tmp_path / "a.safetensors", {"modelspec.title": "[red]x\x1b[2J\n" + "y" * 999})
    view = table(read_lora(tmp_path / "a.safetensors"))
    title = next(cell for cell in view.columns[1].cells if "y" * 50 in str(cell))
    assert "\x1b" not in str(title)
    assert len(str(title)) < 250


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"a": 3}', '{"a": {"b": "c"}}', "null", '{"a": {"b": 1e999}}']
)
def test_tags_in_another_form_are_none(text):
    assert common_tags(text) == []


def test_the_program_names_what_it_cannot_read(tmp_path):
    save_file(kohya(), tmp_path / "good.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    files = [str(tmp_path / f"{name}.safetensors") for name in ("good", "bad")]
    done = CliRunner().invoke(app, ["inspect", *files, "--json"])
    assert done.exit_code == 1
    assert [row["ranks"] for row in json.loads(done.stdout)] == [{"4": 1}]
    assert "bad.safetensors is not a safetensors file" in done.stderr
