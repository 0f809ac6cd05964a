"""Latents and embeddings are computed once per pixels, caption, base and size."""

import json
import threading
from dataclasses import replace

import pytest
import torch
from lora_runs import make_folder, train_config
from PIL import Image

from likeness.aligned import ALIGNMENT
from likeness.digests import sha256_file
from likeness.errors import InputError
from likeness.store.items import ItemStore
from likeness.train.native import cache
from likeness.train.native.cache import encode_examples
from likeness.train.native.data import read_examples

ALL = range(3)


@pytest.fixture
def encode(store, fresh):
    base = fresh()

    def run(folder, base=base, **changes):
        return encode_examples(read_examples(folder), base, train_config(**changes), store)

    return run


def counts(data):
    return data.computed, data.reused


def test_a_second_run_computes_nothing_and_reads_the_same(folder, encode):
    first, second = encode(folder), encode(folder)
    assert counts(first) == (6, 0)
    assert counts(second) == (0, 6)
    (a,), (b,) = first.buckets.values(), second.buckets.values()
    assert torch.equal(a.latents[ALL], b.latents[ALL])
    conditions = first.first().condition, second.first().condition
    assert all(set(condition) == {"embeds", "pooled", "time_ids"} for condition in conditions)
    assert all(torch.equal(conditions[0][name], conditions[1][name]) for name in conditions[0])


def test_what_is_read_from_items_starts_where_torchs_own_tensors_do(folder, encode):
    encode(folder)
    batch = encode(folder, face_weight=3).first()
    read = [batch.latents, batch.weights, *batch.condition.values()]
    assert all(tensor.data_ptr() % ALIGNMENT == 0 for tensor in read)


def test_a_set_that_would_fill_the_gpu_stays_in_memory_and_only_its_batches_go_there(
    folder, encode, monkeypatch
):
    free = 10_000
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 2 * free))
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert cache.fits(gpu, int(free * cache.DEVICE_SHARE))
    assert not cache.fits(gpu, int(free * cache.DEVICE_SHARE) + 1)
    assert not cache.fits(cpu, 1)
    data = replace(encode(folder), device=torch.device("meta"))  # another device than it lies on
    members = data.order.epoch(0)[0]
    drawn = data.batch(members, torch.tensor(members.members, device="meta"))
    assert {drawn.latents.device.type, *(value.device.type for value in drawn.condition.values())} == {"meta"}
    assert drawn.latents.shape[0] == len(members.members)
    held = next(iter(data.buckets.values())).latents[ALL], *data.prompts[0].values()
    assert {tensor.device.type for tensor in held} == {"cpu"}


def test_a_set_on_the_device_gives_the_batches_of_one_that_is_read_from_files(folder, encode, monkeypatch):
    weighted = {"face_weight": 3, "prior_weight": 0.5, "caption_dropout": 0.1}
    data = [encode(folder, **weighted)]
    monkeypatch.setattr(cache, "fits", lambda device, size: True)
    data.append(encode(folder, **weighted))
    assert isinstance(next(iter(data[1].buckets.values())).latents, torch.Tensor)
    members = data[0].order.epoch(0)[0]
    in_files, held = (one.batch(members, torch.tensor(members.members), [None, 0]) for one in data)
    assert torch.equal(in_files.latents, held.latents)
    assert torch.equal(in_files.weights, held.weights)
    assert all(torch.equal(in_files.condition[name], held.condition[name]) for name in held.condition)


def test_memory_has_no_latents_and_no_prompts_and_says_when_an_item_is_deleted_in_mid_training(
    folder, encode, store
):
    data = encode(folder)
    for path in store.root.glob("objects/*/*"):
        path.unlink()
    for read in (next(iter(data.buckets.values())).latents.tensors, data.prompts):
        with pytest.raises(InputError, match="gone") as caught:
            read[0]
        assert "dvc repro" in caught.value.remedy


def test_tokens_of_text_encoders_that_learn_are_read_as_they_were(folder, encode, fresh):
    base = fresh()
    data = encode(folder, base, text_encoder_lr=1e-3)
    texts = sorted(example.text for example in read_examples(folder))
    expected = [base.tokenize(text) for text in texts]
    assert [{name: value.tolist() for name, value in prompt.items()} for prompt in data.prompts] == [
        {name: value.tolist() for name, value in tokens.items()} for tokens in expected
    ]


def test_only_what_changed_is_computed(folder, encode, fresh):
    encode(folder)
    metadata = folder / "train" / "metadata.jsonl"
    lines = [json.loads(line) for line in metadata.read_text().splitlines()]
    lines[0]["text"] = "jade woman, laughing"
    image = metadata.parent / lines[1]["file_name"]
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
    metadata = folder / "train" / "metadata.jsonl"
    metadata.write_text(metadata.read_text().replace("jade-s", "other-jade-s"))
    assert counts(encode(folder)) == (0, 4)


def test_sizes_condition_sdxl_on_original_crop_and_target(tmp_path, encode):
    (tensors,) = encode(make_folder(tmp_path / "set", ((160, 96),))).buckets.values()
    assert tensors.time_ids.tolist() == [[96, 160, 0, 21, 64, 64]]
    assert tensors.latents[0,].shape == (1, 4, 8, 8)


def test_a_dropped_caption_is_the_empty_one(folder, encode, fresh):
    base = fresh()
    data = encode(folder, base, caption_dropout=0.1)
    (batch,) = data.order.epoch(0)[:1]
    members = torch.tensor(batch.members)
    condition = data.batch(batch, members, [None, 0]).condition
    assert torch.equal(condition["embeds"][0], base.encode_prompt("")["embeds"])
    assert torch.equal(condition["embeds"][1], data.batch(batch, members).condition["embeds"][1])
    assert not torch.equal(condition["pooled"][0], data.batch(batch, members).condition["pooled"][0])


def test_weights_of_the_face_have_mean_one(tmp_path, encode):
    folder = make_folder(tmp_path / "set", ((64, 64),))
    metadata = folder / "train" / "metadata.jsonl"
    metadata.write_text(metadata.read_text().replace("}", ', "face_box_px": [0, 0, 32, 64]}'))
    weights = encode(folder, face_weight=3).first().weights
    assert weights.shape == (1, 1, 8, 8)
    assert weights[0, 0, 0].tolist() == [1.5] * 4 + [0.5] * 4


def test_outside_of_the_face_nothing_counts_if_so_set(tmp_path, encode):
    folder = make_folder(tmp_path / "set", ((64, 64),) * 2)
    metadata = folder / "train" / "metadata.jsonl"
    first, second = metadata.read_text().splitlines()
    known = first.replace("}", ', "face_box_px": [0, 0, 32, 64]}')
    metadata.write_text(f"{known}\n{second}\n")
    (tensors,) = encode(folder, outside_weight=0).buckets.values()
    known, unknown = tensors.weights[0, 1]
    assert known[0, 0].tolist() == [2.0] * 4 + [0.0] * 4
    assert unknown.unique().tolist() == [1.0]  # no face is known


def test_pictures_of_the_class_count_as_much_as_they_are_to(folder, store, fresh):
    samples = read_examples(folder)
    prior = replace(samples[0], prior=True)
    cfg = train_config(prior_weight=0.25)
    (tensors,) = encode_examples([*samples, prior], fresh(), cfg, store).buckets.values()
    assert tensors.weights[range(4)].mean((1, 2, 3)).tolist() == [1, 1, 1, 0.25]
    (plain,) = encode_examples(samples, fresh(), cfg, store).buckets.values()
    assert plain.weights is None


def test_an_item_that_was_damaged_is_computed_again(folder, encode, store):
    (whole,) = encode(folder).buckets.values()
    damaged = next(path for path in sorted(store.root.glob("objects/*/*")) if path.stat().st_size > 1024)
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    again = encode(folder)
    assert counts(again) == (1, 5)
    assert torch.equal(again.buckets[64, 64].latents[ALL], whole.latents[ALL])


def test_captions_longer_than_the_encoder_reads_are_counted(folder, encode, fresh, store):
    metadata = folder / "train" / "metadata.jsonl"
    metadata.write_text(metadata.read_text().replace("picture 2", "picture " + 80 * "x"))
    assert encode(folder).cut == 1
    # However often it is shown in another order, and without the trigger.
    cfg = train_config(caption_shuffles=3)
    examples = read_examples(folder)
    assert encode_examples(examples, fresh(), cfg, store, lambda text: f"one {text}").cut == 1


def test_the_next_image_is_read_while_the_base_encodes_one(folder, encode, fresh, monkeypatch):
    base, real, second = fresh(), cache.fit_image, threading.Event()
    reads = []

    def read(*given):
        reads.append(given)
        if len(reads) == 2:
            second.set()
        return real(*given)

    encode_image = type(base).encode_image

    def wait_and_encode(own, rgb):
        assert second.wait(timeout=60)  # reads of one image after the other would end here
        return encode_image(own, rgb)

    monkeypatch.setattr(cache, "fit_image", read)
    monkeypatch.setattr(type(base), "encode_image", wait_and_encode)
    assert counts(encode(folder, base)) == (6, 0)
    assert len(reads) == 3


def test_cached_bytes_do_not_depend_on_how_many_items_are_under_way(tmp_path, folder, fresh, monkeypatch):
    def files(items_under_way):
        monkeypatch.setattr(cache, "IN_WORK", items_under_way)
        store = ItemStore(tmp_path / str(items_under_way))
        encode_examples(read_examples(folder), fresh(), train_config(), store)
        return {path.name: path.read_bytes() for path in store.root.rglob("objects/*/*")}

    assert files(1) == files(4)


def test_an_image_that_cannot_be_read_is_named(folder, encode, monkeypatch):
    def read(example):
        if example.path.stem == "jade-s2":
            raise OSError("truncated")
        return real(example)

    real = cache.picture_file
    monkeypatch.setattr(cache, "picture_file", read)
    with pytest.raises(InputError, match=r"jade-s2 could not be encoded.*truncated"):
        encode(folder)
