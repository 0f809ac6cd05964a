"""The readers of strangers' files for tests/fuzz.py: each gives how it reads, what it is given whole, and how a part is packed."""

import contextlib
import io
import json
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from likeness.errors import LikenessError
from likeness.images import JPEG, decode_rgb, encode_jpeg, encode_png

ROOT = Path(__file__).parents[1]
FOLDER = Path(tempfile.mkdtemp())
PICTURE = encode_jpeg(np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8))
ENTRY = (
    b'{"id": "jade-s1", "file": "a.png", "sha256": "0", "width": 1, "height": 1, "source": "s1", "target": null, '
    b'"rating": "sfw", "faces": [], "provider": "x", "cost_usd": 0.0, "parents": []}\n'
)
COMFY = {
    "status": {"messages": [["execution_error", {"exception_type": "x", "exception_message": "y", "node_id": 1}]]},
    "outputs": {"9": {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}},
    "error": {"type": "prompt_outputs_failed", "message": "m", "details": "d"},
    "node_errors": {"3": {"errors": [{"type": "t", "message": "m", "extra_info": {"input_name": "seed"}}], "class_type": "K"}},
}  # fmt: skip
LAID = {"persona": "jade", "name": "v1", "consent_id": "jade-1", "consent_sha256": "0" * 64, "weights_sha256": "0" * 64,
        "trigger": "jade", "class_word": "woman"}  # fmt: skip


def written(data: bytes, name: str) -> Path:
    (path := FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def yaml_():
    from likeness.strict_yaml import read_yaml

    return (
        lambda data: read_yaml(written(data, "x.yaml"), remedy=""),
        (ROOT / "params.yaml").read_bytes(),
        bytes,
    )


def consent():
    from likeness.safety.consent.load import read_consent

    def read(data):
        read_consent(written(data, "consent/jade.yaml").parent, "jade")

    return read, (ROOT / "consent" / "jade.yaml").read_bytes(), bytes


def revocations():
    from likeness.safety.consent import revocations as module

    one = module.Revocation.model_validate(
        {"id": "a", "persona": "jade", "date": "2026-01-01", "previous": ""}
    )
    return lambda data: module._read(written(data, "revoked.jsonl")), one.model_dump_json().encode(), bytes


def manifest():
    from likeness.pipeline.manifest import read_manifest

    def read(data):
        written(b"", "m/failures.jsonl")
        read_manifest(written(data, "m/manifest.jsonl").parent)

    return read, ENTRY, bytes


def record():
    from likeness.store.record import parse_record

    def read(data):
        with contextlib.suppress(ValueError):  # what it says of a record that is none
            parse_record(data)

    return read, encoded({"files": {"a.png": "0" * 64}, "record": {"text": "x"}}), bytes


def answer():
    """What a vision model, MaxStudio and ComfyUI answer."""
    from likeness.caption.grok import GrokCaptioner
    from likeness.caption.openai import OpenAICaptioner
    from likeness.caption.vision_answer import is_answer
    from likeness.http.responses import Response, problem_of
    from likeness.vendors import comfyui_answers, maxstudio

    said = {
        "choices": [{"message": {"content": '{"caption": "x", "rating": "sfw"}'}}],
        "output": [{"content": [{"text": "x"}]}],
        **COMFY,
    }

    def read(data):
        is_answer(data.decode("utf-8", "replace"))
        response = Response(status=400, headers={"retry-after": data[:20].decode("latin-1")}, body=data)
        problem_of(response, "x", key=None)
        response.retry_after_s()
        comfyui_answers.translate(response)
        maxstudio._translate(response)
        try:
            value = response.parsed().json()
        except ValueError:
            return
        comfyui_answers.failure_of(value)
        comfyui_answers.node_errors(value)
        if isinstance(value, dict):
            for kind in (GrokCaptioner, OpenAICaptioner):
                kind.text(None, value)
        comfyui_answers.picture_of(value, "9")

    return read, encoded(said), bytes


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


def archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("train/metadata.jsonl", encoded({"file_name": "a.jpg", "sha256": "0" * 64}) + b"\n")
        made.writestr(
            "marks.json", encoded({"pictures": {"train/a.jpg": {"sha256": "0" * 64, "of": "0" * 64}}})
        )
        made.writestr("train/a.jpg", PICTURE)
    return lambda data: list(verifier().file(written(data, "x.zip"), "x")), out.getvalue(), bytes


def page():
    import base64

    html = b'<!doctype html><img src="data:image/jpeg;base64,' + base64.b64encode(PICTURE) + b'"><p>x</p>'
    return lambda data: list(verifier().file(written(data, "x.html"), "x")), html, bytes


def registry():
    from likeness.marks.registry import parse_lines, publication_of

    publication_of(FOLDER / "jade.jsonl", key(), "jade", "jade-1", "0" * 64)
    return lambda data: list(parse_lines(data, Path("x"))), (FOLDER / "jade.jsonl").read_bytes(), bytes


def publication():
    """The manifest of what somebody published."""
    from likeness.paths import RepositoryPaths
    from likeness.publish.send import MANIFEST
    from likeness.publish.verify import verify

    said = {"key": "0" * 64, "signature": "0" * 128, "mark": "0" * 8, "persona": "jade", "consent": "jade-1",
            "files": [{"file": "a.jpg", "sha256": "0" * 64, "size": 1, "type": "x", "of": ""}], "removed": []}  # fmt: skip
    return (
        lambda data: verify(written(data, f"pub/{MANIFEST}"), RepositoryPaths(FOLDER / "nowhere")),
        encoded(said),
        bytes,
    )


def bodies():
    """The JSON that the gallery takes: all its bodies, and what describes a version in its folder."""
    import gallery.api.app  # noqa: F401  (which loads every route)
    from gallery.api.bodies import Body
    from gallery.people.layout import Laid

    kinds = (*Body.__subclasses__(), Laid)
    seed = LAID | {"version_id": "0" * 8 + "-0000-4000-8000-" + "0" * 12, "prompt": "in a library", "count": 2, "email": "a@b.example",
                   "password": "x" * 20, "until": "2026-01-01T00:00:00Z", "ids": [], "seed": 1}  # fmt: skip

    def read(data):
        for kind in kinds:
            with contextlib.suppress(ValidationError):
                kind.model_validate_json(data)
            with contextlib.suppress(ValidationError, ValueError, AttributeError, RecursionError):
                fields = {name: one for name, one in json.loads(data).items() if name in kind.model_fields}
                kind.model_validate(fields)  # of those it knows, one at least is odd

    return read, encoded(seed), bytes


READERS: dict[str, Callable] = {
    one.__name__.strip("_"): one
    for one in (
        yaml_, consent, revocations, manifest, record, answer, picture, png, c2pa, claim, header, checkpoint, archive, page,
        registry, publication, bodies,
    )
}  # fmt: skip
