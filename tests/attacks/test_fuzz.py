"""Damaged and random bytes for the readers of strangers' files: each answers or refuses in time, and never crashes.

Seeded: the same mutations every time. RLIMIT_AS is the bound on memory, in a process of its own.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 120
MEMORY_BYTES = 8 * 2**30

PROGRAM = """
import random, resource, sys, tempfile
from pathlib import Path

from likeness.caption.vision_answer import is_answer
from likeness.errors import LikenessError
from likeness.images import decode_rgb
from likeness.pipeline.manifest import read_manifest
from likeness.safety.consent.load import read_consent
from likeness.store.record import parse_record
from likeness.strict_yaml import read_yaml

resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
root, folder = Path(sys.argv[1]), Path(tempfile.mkdtemp())
DEEP = (b"[" * 50_000, b"{" * 50_000, b"- " * 50_000, b"a: " * 50_000, b'{"a":' * 50_000, b"\\xff" * 1000, b"", b"\\x00" * 1000)


def yaml(data):
    (folder / "x.yaml").write_bytes(data)
    read_yaml(folder / "x.yaml", remedy="")


def consent(data):
    (folder / "consent").mkdir(exist_ok=True)
    (folder / "consent" / "jade.yaml").write_bytes(data)
    read_consent(folder / "consent", "jade")


def manifest(data):
    (folder / "manifest.jsonl").write_bytes(data)
    (folder / "failures.jsonl").write_bytes(b"")
    read_manifest(folder)


def checkpoint(data):
    from likeness.train.native.checkpoint import RunFolder

    (folder / "run").mkdir(exist_ok=True)
    (folder / "run" / "step-00000001.safetensors").write_bytes(data)
    assert RunFolder(folder / "run", key="a" * 64, kept=1).newest() is None


def a_checkpoint():
    import torch

    from likeness.lora.safetensors_io import weights_bytes

    said = {"run": "a" * 64, "step": "1", "weights": "{}", "sha256": "0", "signature": "{}"}
    return weights_bytes({"x": torch.ones(4, 4)}, said)


ENTRY = (
    b'{"id": "jade-s1", "file": "a.png", "sha256": "0", "width": 1, "height": 1, "source": "s1", "target": null, '
    b'"rating": "sfw", "faces": [], "provider": "x", "cost_usd": 0.0, "parents": []}\\n'
)
READERS = {
    "yaml": (yaml, (root / "params.yaml").read_bytes()),
    "consent": (consent, (root / "consent" / "jade.yaml").read_bytes()),
    "manifest": (manifest, ENTRY * 3),
    "record": (parse_record, b'{"files": {"a.png": "' + b"0" * 64 + b'"}, "record": {"text": "x"}}'),
    "answer": (lambda data: is_answer(data.decode("utf-8", "replace")), b'{"caption": "x", "rating": "sfw"}'),
    "picture": (decode_rgb, (root / "data/jade/raw/targets/01_hana.jpg").read_bytes()[:60_000]),
    "checkpoint": (checkpoint, a_checkpoint() if sys.argv[2] == "checkpoint" else b""),
}
SCRAPS = [b"{", b"[", b": ", b"&a ", b"*a", b"\\n", b"999999999999", b"-1", b"null", b"\\\\ud800"]
read, seed = READERS[sys.argv[2]]
rng = random.Random(2026)
for number in range(int(sys.argv[3])):
    data = bytearray(seed)
    if number < len(DEEP):
        data = bytearray(DEEP[number])
    else:
        for _ in range(rng.randint(1, 12)):
            at = rng.randrange(max(1, len(data)))
            match rng.randrange(4):
                case 0: data[at : at + 1] = bytes([rng.randrange(256)])
                case 1: del data[at : at + rng.randint(1, 40)]
                case 2: data[at:at] = data[: rng.randint(1, 200)]
                case 3: data[at:at] = rng.choice(SCRAPS)
    try:
        read(bytes(data))
    except (LikenessError, ValueError):  # YAMLError never comes out of read_yaml; ValueError is what parse_record says
        pass
print("ok")
"""


@pytest.mark.parametrize(
    ("reader", "times"),
    [
        ("yaml", 60),
        ("consent", 200),
        ("manifest", 300),
        ("record", 300),
        ("answer", 300),
        ("picture", 60),
        ("checkpoint", 150),
    ],
)
def test_a_reader_of_damaged_bytes_answers_or_refuses(reader, times):
    program = PROGRAM.replace("MEMORY", str(MEMORY_BYTES), 1).replace("MEMORY", str(MEMORY_BYTES))
    done = subprocess.run(
        [sys.executable, "-c", program, str(ROOT), reader, str(times)],
        capture_output=True, text=True, timeout=SECONDS, cwd=ROOT, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "ok"), done.stderr[-3000:]
