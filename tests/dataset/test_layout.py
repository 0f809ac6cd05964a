"""Kohya's layout: folders, repeats, TOML and metadata."""

import json
import tomllib

import pytest

from likeness.dataset import KohyaConfig
from likeness.dataset.layout import image_dir, kohya_toml, metadata_line, repeats_of
from likeness.pipeline.manifest import Entry

OPTIONS = KohyaConfig(
    resolution_px=1024, batch_size=2, bucket_reso_steps=64, shuffle_caption=False, keep_tokens=1
)


def entries(photographs: int, swaps: int) -> list[Entry]:
    common = {
        "file": "train/x.jpg",
        "sha256": "",
        "width": 1,
        "height": 1,
        "rating": "sfw",
        "faces": (),
        "provider": "",
        "cost_usd": 0.0,
        "parents": (),
    }
    own = [Entry(id=f"jade-s{n}", source=f"s{n}", target=None, **common) for n in range(photographs)]
    return own + [Entry(id=f"jade-s1-t{n}", source="s1", target=f"t{n}", **common) for n in range(swaps)]


def test_a_number_repeats_every_image_so_often():
    assert repeats_of(entries(2, 5), 7) == {"photographs": 7, "swaps": 7}


@pytest.mark.parametrize(("photographs", "swaps"), [(6, 32), (32, 6), (5, 5), (0, 9)])
def test_balanced_shows_photographs_and_swaps_equally_often(photographs, swaps):
    repeats = repeats_of(entries(photographs, swaps), "balanced")
    shown = {
        "photographs": photographs * repeats.get("photographs", 0),
        "swaps": swaps * repeats.get("swaps", 0),
    }
    present = [count for count in shown.values() if count]
    assert min(repeats.values()) == 10
    assert max(present) - min(present) <= max(photographs, swaps) / 2


def test_the_toml_says_what_kohya_reads():
    dirs = {'train/10_the "x" woman': 10, "train/53_b": 53}
    parsed = tomllib.loads(kohya_toml(dirs, class_tokens='the "x" woman', options=OPTIONS))
    assert parsed["general"] == {"caption_extension": ".txt", "shuffle_caption": False, "keep_tokens": 1}
    (dataset,) = parsed["datasets"]
    subsets = dataset.pop("subsets")
    assert dataset == {
        "resolution": [1024, 1024],
        "batch_size": 2,
        "enable_bucket": True,
        "bucket_reso_steps": 64,
    }
    assert [subset["num_repeats"] for subset in subsets] == [10, 53]
    assert subsets[0] == {
        "image_dir": 'train/10_the "x" woman',
        "class_tokens": 'the "x" woman',
        "num_repeats": 10,
    }


def test_the_folder_name_is_repeats_and_class():
    assert image_dir(10, "jade", "woman") == "train/10_jade woman"


def test_metadata_is_one_json_line_an_image():
    (image,) = entries(1, 0)
    line = metadata_line(
        image.model_copy(update={"file": "train/10_a/x.jpg", "text": 'says "hé"', "parents": ("cd", "ef")}),
    )
    assert "\n" not in line
    assert json.loads(line) == {
        "file_name": "10_a/x.jpg",
        "text": 'says "hé"',
        "sha256": "",
        "id": "jade-s0",
        "source": "s0",
        "target": None,
        "rating": "sfw",
        "repeats": 10,
        "face_box_px": None,
        "parents": ["cd", "ef"],
    }
