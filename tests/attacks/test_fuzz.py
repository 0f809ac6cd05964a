"""Damaged and random bytes for the readers of strangers' files: each answers or refuses in time, and never crashes.

Few inputs here; `python tests/fuzz.py READER --seconds 60` goes on for so long. tests/fuzz.py says what bounds memory and time.
"""

import json
import subprocess
import sys
from pathlib import Path

import fuzz
import pytest

from likeness.paths import RepositoryPaths
from likeness.publish.verify import verify
from likeness.train.native.checkpoint import RunFolder

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
INPUTS = {"claim": 12, "picture": 60, "yaml": 60}


@pytest.mark.parametrize("reader", fuzz.READERS)
def test_a_reader_of_damaged_bytes_answers_or_refuses(reader):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", fuzz.__file__, reader, "--inputs", str(INPUTS.get(reader, 300))],
        capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout[:2]) == (0, "ok"), done.stderr[-3000:]


def test_a_checkpoint_whose_metadata_are_null_is_none(tmp_path):
    header = b'{"__metadata__":null,"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    header += b" " * (-len(header) % 8)
    (tmp_path / "step-00000001.safetensors").write_bytes(
        len(header).to_bytes(8, "little") + header + bytes(4)
    )
    assert RunFolder(tmp_path, key="a" * 64, kept=1).newest() is None


@pytest.mark.parametrize("name", ["a\x00.jpg", "../a.jpg", "/etc/passwd", "\x1b[2J", ""])
def test_a_publications_manifest_names_files_below_it_only(tmp_path, name):
    file = {"file": name, "sha256": "0" * 64, "size": 1, "type": "x"}
    said = {"persona": "jade", "consent": "jade-1", "files": [file], "key": "0" * 64, "signature": "0" * 128}
    (tmp_path / "manifest.json").write_text(json.dumps(said))
    checks = verify(tmp_path, RepositoryPaths(tmp_path / "nowhere"))
    assert [(check.state, check.why) for check in checks] == [("changed", "it is not a manifest of likeness")]
