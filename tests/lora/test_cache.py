"""Latents and embeddings are computed once per pixels, caption, base and size."""

import json

import pytest
import torch
from lora_runs import make_folder, train_config
from PIL import Image

from likeness.items import sha256_file
from likeness.lora.cache import encode_samples
from likeness.lora.data import read_samples


@pytest.fixture
def encode(store, fresh):
    base = fresh()

    def run(folder, base=base, **changes):
        return encode_samples(read_samples(folder), base, train_config(**changes), store)

    return run


def counts(data):
    return data.computed, data.reused


def test_a_second_run_computes_nothing_and_reads_the_same(folder, encode):
    first, second = encode(folder), encode(folder)
    assert counts(first) == (6, 0)
    assert counts(second) == (0, 6)
    (a,), (b,) = first.shelves.values(), second.shelves.values()
    assert torch.equal(a.latents, b.latents)
    assert a.condition.keys() == b.condition.keys() == {"embeds", "pooled", "time_ids"}
    assert all(torch.equal(a.condition[name], b.condition[name]) for name in a.condition)


def test_only_what_changed_is_computed(folder, encode, fresh):
    encode(folder)
    metadata = folder / "metadata.jsonl"
    lines = [json.loads(line) for line in metadata.read_text().splitlines()]
    lines[0]["text"] = "jade woman, laughing"
    image = folder / lines[1]["file_name"]
    Image.open(image).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(image)
    lines[1]["sha256"] = sha256_file(image)
    metadata.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert counts(encode(folder)) == (2, 4)
    assert counts(encode(folder, lr=0.5, rank=2, seed=1)) == (0, 6)
    assert counts(encode(folder, side_px=128)) == (3, 3)
    assert counts(encode(folder, fresh("sd15"))) == (6, 0)


def test_the_same_picture_under_two_names_is_one_item(tmp_path, encode):
    folder = make_folder(tmp_path / "set", ((96, 96),) * 2)
    encode(folder)
    for path in folder.rglob("*.png"):
        path.rename(path.with_name(f"other-{path.name}"))
    metadata = folder / "metadata.jsonl"
    metadata.write_text(metadata.read_text().replace("jade-s", "other-jade-s"))
    assert counts(encode(folder)) == (0, 4)


def test_sizes_condition_sdxl_on_original_crop_and_target(tmp_path, encode):
    (shelf,) = encode(make_folder(tmp_path / "set", ((160, 96),))).shelves.values()
    assert shelf.condition["time_ids"].tolist() == [[96, 160, 0, 21, 64, 64]]
    assert shelf.latents.shape == (1, 4, 8, 8)


def test_captions_longer_than_the_encoder_reads_are_counted(folder, encode):
    metadata = folder / "metadata.jsonl"
    metadata.write_text(metadata.read_text().replace("picture 2", "picture " + 80 * "x"))
    assert encode(folder).cut == 1
