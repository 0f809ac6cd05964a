"""Readers of pictures and weights for tests/fuzz_readers.py, and the files that all readers are given."""

import contextlib
import json
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np

from likeness.errors import LikenessError
from likeness.images import JPEG, decode_rgb, encode_jpeg, encode_png

ROOT = Path(__file__).parents[1]
FOLDER = Path(tempfile.mkdtemp())
PICTURE = encode_jpeg(np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8))


def written(data: bytes, name: str) -> Path:
    (path := FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def picture():
    photograph = (ROOT / "data/jade/raw/targets/01_hana.jpg").read_bytes()[:60_000]
    return lambda data: decode_rgb(data), photograph, bytes


def png():
    """A PNG as ComfyUI writes it, with a workflow in its text."""
    from likeness.marks import claims, xmp
    from likeness.marks.detect import open_rgb

    plain = encode_png(np.zeros((8, 8, 3), np.uint8))

    def pack(text):
        chunk = b"tEXt" + b"workflow\x00" + text
        return (
            plain[:33]
            + struct.pack(">I", len(chunk) - 4)
            + chunk
            + struct.pack(">I", zlib.crc32(chunk))
            + plain[33:]
        )

    def read(data):
        claims.read(data, "image/png")
        xmp.find_code(data)
        open_rgb(data)
        decode_rgb(data)

    return read, encoded({"nodes": [{"id": 1, "widgets_values": ["jade"]}]}), pack


def key():
    from likeness.marks.keys import development_key

    return development_key(FOLDER / "keys")


def c2pa():
    from likeness.marks import claims
    from likeness.marks.xmp import SourceType

    claim = claims.Claim(
        title="x", code=SourceType.TRAINED, ingredients=(), publication={"mark": "0" * 8}, mark="0" * 8
    )
    return lambda data: claims.read(data, JPEG), claims.sign(PICTURE, JPEG, claim, key()), bytes


def claim():
    """A statement that a stranger signs: it is valid, and says odd things."""
    from likeness.marks import claims
    from likeness.marks.xmp import SourceType

    own = key()

    def read(text):
        try:
            publication = json.loads(text)
            said = claims.Claim(
                title="x", code=SourceType.TRAINED, publication=publication, mark=publication.get("mark")
            )
            path = written(claims.sign(PICTURE, JPEG, said, own), "claim.jpg")
        except (AttributeError, ValueError, RecursionError, LikenessError):  # nothing that C2PA signs
            return
        list(verifier().file(path, "x"))

    return (
        read,
        encoded({"mark": "0" * 8, "of": "0" * 64, "consent": "jade-1", "no_mark_in_pixels": "too small"}),
        bytes,
    )


def header():
    """The header of weights, its length kept right: what it says reaches every reader of it."""
    from safetensors.numpy import save_file

    from likeness.lora.inspect import read_lora
    from likeness.lora.signature import read_statement, sign_weights

    save_file(
        {"lora.up.weight": np.ones((4, 2), np.float32)}, FOLDER / "plain.safetensors", {"ss_network_dim": "2"}
    )
    sign_weights(FOLDER / "plain.safetensors", FOLDER / "signed.safetensors", {"persona": "jade"}, key())
    whole = (FOLDER / "signed.safetensors").read_bytes()
    end = 8 + int.from_bytes(whole[:8], "little")

    def read(data):
        path = written(data, "x.safetensors")
        for reader in (read_statement, read_lora):
            with contextlib.suppress(LikenessError):
                reader(path)

    return read, whole[8:end].strip(), lambda text: len(text).to_bytes(8, "little") + text + whole[end:]


def checkpoint():
    import torch

    from likeness.lora.safetensors_io import weights_bytes
    from likeness.train.native.checkpoint import RunFolder

    said = {"run": "a" * 64, "step": "1", "weights": "{}", "sha256": "0", "signature": "{}"}
    whole = weights_bytes({"x": torch.ones(4, 4)}, said)
    end = 8 + int.from_bytes(whole[:8], "little")

    def read(data):
        path = written(data, "run/step-00000001.safetensors")
        assert RunFolder(path.parent, key="a" * 64, kept=1).newest() is None

    return read, whole[8:end].strip(), lambda text: len(text).to_bytes(8, "little") + text + whole[end:]


def verifier():
    from likeness.marks.registry import Registry
    from likeness.paths import RepositoryPaths
    from likeness.publish.artefacts import Verifier
    from likeness.publish.origins import Origins

    return Verifier(Origins(RepositoryPaths(FOLDER / "nowhere")), Registry())
