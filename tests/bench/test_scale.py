"""Files that grew with pairs once. How time and memory grow is measured by `python -m bench.scale`, never in a test."""

from bench import scale
from likeness.config import load_config


def test_lines_about_pairs_grow_with_targets_and_not_with_pairs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = scale.pairs(60, load_config(scale.REPOSITORY / "params.yaml"))()
    assert told["lines"] <= 3 * 60 < 60 * 60 - told["pairs"]
