"""The readers of strangers' files for tests/fuzz.py: each gives how it reads, what it is given whole, and how a part is packed."""

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from fuzz_files import (
    FOLDER,
    PICTURE,
    ROOT,
    c2pa,
    checkpoint,
    claim,
    encoded,
    header,
    key,
    picture,
    png,
    verifier,
    written,
)
from pydantic import ValidationError

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
