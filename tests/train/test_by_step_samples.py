"""Reading the training folder, fitting its images into buckets, and the order in which they are seen."""

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lora_runs import make_folder, train_config
from PIL import Image

from likeness.errors import InputError
from likeness.train.native.data import (
    Order,
    TrainingExample,
    bucket_for,
    captions,
    dataset_digest,
    face_cells,
    fit_image,
    polygon_cells,
    read_examples,
)


def edit_metadata(folder, change):
    path = folder / "train" / "metadata.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(change(line)) + "\n" for line in lines))


def test_samples_come_with_captions_repeats_and_sizes(tmp_path):
    samples = read_examples(make_folder(tmp_path, ((96, 64), (64, 96)), repeats=10))
    assert [(s.width, s.height, s.repeats) for s in samples] == [(96, 64, 10), (64, 96, 10)]
    assert samples[0].text == "jade woman, picture 1"


def test_repeats_of_the_metadata_win_over_the_folders_name(folder):
    edit_metadata(folder, lambda line: line | {"repeats": 7})
    assert {sample.repeats for sample in read_examples(folder)} == {7}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "train" / "metadata.jsonl").unlink(), "missing-file"),
        (lambda folder: (folder / "train" / "metadata.jsonl").write_text(""), "empty-dataset"),
        (lambda folder: edit_metadata(folder, lambda line: line | {"repeats": 0}), "empty-dataset"),
        (lambda folder: next(folder.rglob("*.png")).unlink(), "dataset-changed"),
        (lambda folder: next(folder.rglob("*.png")).write_bytes(b"other"), "dataset-changed"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(folder, damage, reason):
    damage(folder)
    with pytest.raises(InputError) as caught:
        read_examples(folder)
    assert caught.value.reason == reason
    assert caught.value.remedy


def test_the_digest_names_content_not_files_and_not_order(folder):
    samples = read_examples(folder)
    assert dataset_digest(samples[::-1]) == dataset_digest(samples)
    recaptioned = folder / "train" / "metadata.jsonl"
    recaptioned.write_text(recaptioned.read_text().replace("picture 2", "picture two"))
    assert dataset_digest(read_examples(folder)) != dataset_digest(samples)


@pytest.mark.parametrize(
    ("size", "bucket"),
    [
        ((1024, 1024), (1024, 1024)),
        ((2000, 2000), (1024, 1024)),
        ((1216, 832), (1216, 832)),
        ((832, 1216), (832, 1216)),
        ((4000, 1000), (2048, 512)),
    ],
)
def test_buckets_are_sdxls(size, bucket):
    assert bucket_for(*size, side_px=1024, step_px=64) == bucket


def test_an_image_is_scaled_to_cover_its_bucket_and_cut_in_the_middle(tmp_path):
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 100:200] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    fitted = fit_image(tmp_path / "wide.png", (50, 50))
    assert fitted.rgb.shape == (50, 50, 3)
    assert (fitted.crop_top, fitted.crop_left) == (0, 50)
    assert fitted.rgb.mean() > 250


def test_an_image_is_cut_around_its_face_where_the_metadata_knows_it(tmp_path):
    folder = make_folder(tmp_path, ((300, 200), (300, 200)), repeats=1)
    first = True

    def with_face(line):
        nonlocal first
        known, first = first, False
        return line | {"face_box_px": [240, 10, 40, 60] if known else None}

    edit_metadata(folder, with_face)
    whole, cut = read_examples(folder), read_examples(folder, face_fraction=0.5)
    assert [(s.width, s.height) for s in whole] == [(300, 200)] * 2
    assert [(s.width, s.height) for s in cut] == [(120, 120), (300, 200)]
    assert cut[0].cut_px == (180, 0, 300, 120)  # moved to lie in the image
    assert dataset_digest(cut) != dataset_digest(whole)


def test_only_the_cut_is_fitted(tmp_path):
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[20:60, 200:240] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    fitted = fit_image(tmp_path / "wide.png", (80, 80), (200.0, 20.0, 240.0, 60.0))
    assert fitted.rgb.mean() > 240
    assert (fitted.crop_top, fitted.crop_left) == (0, 0)


def test_a_face_covers_cells_of_the_fitted_image(tmp_path):
    # 300x200 covers 64x64 at .32: 96x64, cut in the middle. The face's 75..150 by 50..125 is 8..32 by 16..40 there.
    folder = make_folder(tmp_path, ((300, 200),), repeats=1)
    assert not face_cells(*read_examples(folder), (64, 64)).any()
    edit_metadata(folder, lambda line: line | {"face_box_px": [75, 50, 75, 75]})
    cells = face_cells(*read_examples(folder), (64, 64))
    assert cells.shape == (8, 8)
    wanted = np.zeros((8, 8))
    wanted[2:5, 1:4] = 1
    np.testing.assert_allclose(cells, wanted, atol=1e-6)


def test_a_face_that_covers_half_a_cell_counts_half(tmp_path):
    folder = make_folder(tmp_path, ((64, 64),), repeats=1)
    edit_metadata(folder, lambda line: line | {"face_box_px": [4, 0, 4, 8]})
    cells = face_cells(*read_examples(folder), (64, 64))
    assert (cells[0, 0], cells.sum()) == (0.5, 0.5)


def test_an_outline_counts_instead_of_the_box(tmp_path):
    # A triangle over the first two cells of the diagonal: half of each, and all of the one beside them.
    folder = make_folder(tmp_path, ((64, 64),), repeats=1)
    outline = [[0, 0], [16, 16], [0, 16]]
    edit_metadata(folder, lambda line: line | {"face_box_px": [0, 0, 64, 64], "face_outline_px": outline})
    cells = face_cells(*read_examples(folder), (64, 64))
    assert cells[:2, :2].tolist() == [[0.5, 0.0], [1.0, 0.5]]
    assert cells.sum() == 2


def test_a_polygon_covers_cells_as_a_fine_grid_says():
    # An ellipse, partly outside, against 64 x 64 points a cell.
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    corners = np.stack([3 + 4 * np.cos(angles), 4 + 3.3 * np.sin(angles)], 1)
    fine = np.zeros((8 * 64, 8 * 64), np.uint8)
    cv2.fillPoly(fine, [np.round(corners * 64 * 16 - 8).astype(np.int32)], 1, shift=4)
    wanted = fine.reshape(8, 64, 8, 64).mean((1, 3))
    np.testing.assert_allclose(polygon_cells(corners, 8, 8), wanted, atol=0.03)
    np.testing.assert_allclose(polygon_cells(corners[::-1], 8, 8), polygon_cells(corners, 8, 8))
    whole = polygon_cells(corners + 8, 24, 24)
    np.testing.assert_allclose(whole.sum(), 18 * 4 * 3.3 * np.sin(2 * np.pi / 36))  # the 36 triangles of it


def test_a_face_moves_with_the_cut(tmp_path):
    folder = make_folder(tmp_path, ((300, 200),), repeats=1)
    outline = [[240, 10], [280, 40], [250, 70]]
    edit_metadata(folder, lambda line: line | {"face_box_px": [240, 10, 40, 60]})
    boxed = read_examples(folder, face_fraction=0.5)
    edit_metadata(folder, lambda line: line | {"face_outline_px": outline})
    (sample,) = read_examples(folder, face_fraction=0.5)
    assert (sample.cut_px, sample.face_px) == ((180, 0, 300, 120), (60, 10, 100, 70))
    assert sample.outline_px == ((60, 10), (100, 40), (70, 70))
    assert dataset_digest([sample]) != dataset_digest(boxed)


@given(
    st.lists(st.text("abc ", min_size=1, max_size=4), min_size=1, max_size=6),
    st.integers(0, 3),
    st.integers(1, 5),
)
def test_shuffled_captions_keep_their_parts_and_their_front(parts, kept, orders):
    text = ", ".join(parts)
    sample = TrainingExample(path=Path("x"), text=text, sha256="", repeats=1, width=64, height=64)
    cfg = train_config(caption_shuffles=orders, keep_tokens=kept)
    shuffled = [
        [part.strip() for part in caption.split(",")] for caption in captions(sample, cfg.data, cfg.seed)
    ]
    plain = [part.strip() for part in parts]
    assert len(shuffled) == orders
    assert all(sorted(order) == sorted(plain) and order[:kept] == plain[:kept] for order in shuffled)
    assert captions(sample, cfg.data, cfg.seed) == captions(sample, cfg.data, cfg.seed)
    assert captions(sample, train_config().data, 42) == [text]


def test_an_epoch_shows_every_sample_as_often_as_it_repeats(tmp_path):
    samples = read_examples(make_folder(tmp_path, ((64, 64),) * 5 + ((128, 32),) * 3, repeats=2))
    order = Order(samples, train_config(side_px=64, bucket_step_px=32, batch_size=2).data, 42)
    assert order.batches_per_epoch == 5 + 3
    shown = Counter((batch.bucket, member) for batch in order.epoch(0) for member in batch.members)
    assert set(shown.values()) == {2}
    assert len(shown) == 8


def test_a_last_batch_is_filled_up_from_its_own_bucket(tmp_path):
    samples = read_examples(make_folder(tmp_path, ((64, 64),) * 3, repeats=1))
    order = Order(samples, train_config(batch_size=4).data, 42)
    assert [len(batch.members) for batch in order.epoch(0)] == [4]
    assert set(order.epoch(0)[0].members) == {0, 1, 2}


def test_order_depends_on_seed_and_epoch_alone(tmp_path):
    samples = read_examples(make_folder(tmp_path, ((64, 64),) * 6, repeats=3))
    order, again = (Order(samples, train_config().data, 42) for _ in range(2))
    again.epoch(5)
    assert order.epoch(1) == again.epoch(1)
    assert order.epoch(1) != order.epoch(2)
    assert order.epoch(1) != Order(samples, train_config().data, 43).epoch(1)
