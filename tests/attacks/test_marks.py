"""Attacks on what leaves: weights, archives, registries, signatures and keys; each is found and named, or refused."""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from publications import ARCHIVE, PICTURE, faults

from likeness.errors import ConfigError, InputError
from likeness.images import encode_jpeg
from likeness.marks import claims
from likeness.marks.claims import Claim
from likeness.marks.config import MarksConfig
from likeness.marks.detect import detect, detect_all
from likeness.marks.keys import development_key, make_development_ca, signing_key
from likeness.marks.pictures import Origin, check_marks, mark_picture
from likeness.marks.registry import Registry, read_registry
from likeness.marks.xmp import SourceType, mark_jpeg
from likeness.publish.prepare import check


@pytest.mark.parametrize("field", ["name", "sha256", "of", "pdq", "persona", "consent", "mark"])
def test_a_line_of_the_registry_that_was_edited_is_named(published: Path, field: str):
    path = published / "marks.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    line = next(one for one in lines if field in one)
    line[field] = ["0" * 64] if field == "pdq" else "0" * len(line[field])
    path.write_text("".join(json.dumps(one, sort_keys=True, separators=(",", ":")) + "\n" for one in lines))
    assert any(one.what.endswith("marks.jsonl") and one.state == "changed" for one in faults(published))


def swapped_in_archive(published: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    path = published / ARCHIVE
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def first_picture(files: dict[str, bytes]) -> str:
    return next(name for name in files if name.endswith(".jpg"))


@pytest.mark.parametrize(
    "attack",
    [
        lambda files: files.update({first_picture(files): encode_jpeg(np.full((64, 64, 3), 90, np.uint8))}),
        lambda files: files.pop(first_picture(files)),
        lambda files: files.update({"train/extra.jpg": files[first_picture(files)]}),
        lambda files: files.update({"train/metadata.jsonl": b"{}\n"}),
        lambda files: files.update({"marks.json": b"[" * 100_000}),
    ],
    ids=[
        "another picture",
        "a picture taken out",
        "a picture put in",
        "another list",
        "a list that recurses",
    ],
)
def test_an_archive_that_was_packed_again_does_not_hold(published: Path, attack: Callable, tmp_path: Path):
    swapped_in_archive(published, attack)
    alone = Path(shutil.copy(published / ARCHIVE, tmp_path))
    assert any(one.state in ("changed", "missing") for one in faults(alone))


def test_a_picture_exchanged_between_signature_and_archive_does_not_leave(root: Path, monkeypatch):
    """The archive is signed whole, but one picture in it has no marks."""
    from likeness.publish.prepare import Prepared

    monkeypatch.chdir(root)
    key = development_key(root / ".cache/keys")
    registry = read_registry(root / "marks/jade.jsonl")
    path = root / "out/jade" / ARCHIVE
    swapped_in_archive(root / "out/jade", lambda files: (
        files.pop("META-INF/content_credential.c2pa"), files.pop("META-INF/", None),
        files.update({first_picture(files): encode_jpeg(np.full((64, 64, 3), 90, np.uint8))}),
    ))  # fmt: skip
    claim = Claim(title="zip", code=SourceType.COMPOSITE_CAPTURE, publication={})
    path.write_bytes(claims.sign(path.read_bytes(), claims.ZIP, claim, key))
    prepared = Prepared(
        files={ARCHIVE: path},
        of={ARCHIVE: "0" * 64},
        publication=next(iter(registry.publications.values())),
        key=key,
    )
    with pytest.raises(InputError) as caught:
        check(prepared, {})
    assert caught.value.reason == "unmarked"


@pytest.mark.parametrize("drop", range(3))
def test_a_line_taken_out_of_the_registry_is_named(published: Path, drop: int):
    path = published / "marks.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[drop]
    path.write_bytes(b"".join(lines))
    with pytest.raises(InputError) as caught:
        read_registry(path)
    assert caught.value.reason == "bad-registry"


@pytest.mark.parametrize(
    "line",
    [b"{}", b"[" * 200_000, b"\xff\xfe", b'{"kind": "publication"}', b"null", b""],
    ids=["empty", "deep", "no text", "incomplete", "null", "blank"],
)
def test_a_hostile_registry_is_an_error_of_ours(tmp_path: Path, line: bytes):
    (tmp_path / "r.jsonl").write_bytes(line + b"\n")
    with pytest.raises(InputError) as caught:
        read_registry(tmp_path / "r.jsonl")
    assert caught.value.reason == "bad-registry"


@pytest.mark.parametrize(
    "make", [lambda p: p.symlink_to("/dev/zero"), os.mkfifo, Path.mkdir], ids=["device", "pipe", "folder"]
)
def test_a_registry_that_is_no_file_keeps_nobody_waiting(tmp_path: Path, make: Callable):
    make(tmp_path / "marks.jsonl")
    with pytest.raises(InputError, match="no file"):
        read_registry(tmp_path / "marks.jsonl")


def test_another_key_cannot_add_copies_under_a_mark(published: Path, tmp_path: Path):
    from likeness.marks.registry import FIRST, Copy, add_copies

    path = published / "marks.jsonl"
    mark = next(iter(read_registry(path).publications))
    key = development_key(tmp_path / "k")
    forged = Copy(
        mark=mark, previous=FIRST, key=key.public.hex(), name="x", sha256="1" * 64, of="2" * 64, pdq=()
    )
    add_copies(path, key, [forged])
    with pytest.raises(InputError, match="belongs to another key"):
        read_registry(path)


def test_a_picture_signed_by_a_stranger_under_our_mark_is_told(published: Path, tmp_path: Path):
    mark = next(iter(read_registry(published / "marks.jsonl").publications))
    origin = Origin(code=SourceType.TRAINED, statement={"persona": "jade"})
    forged = mark_picture(encode_jpeg(np.full((64, 64, 3), 90, np.uint8)), "x.jpg", origin, mark=mark,
                          key=development_key(tmp_path / "k"))  # fmt: skip
    out = published / "forged.jpg"
    out.write_bytes(forged)
    assert any("another key signed them" in one.why for one in faults(out))
    with pytest.raises(InputError, match="another key's"):
        check_marks(forged, "x.jpg", mark=mark, key=development_key(published.parents[1] / ".cache/keys"))


@pytest.mark.parametrize(
    "strip",
    [
        lambda data: encode_jpeg(np.asarray(Image.open(io.BytesIO(data)))),
        lambda data: mark_jpeg(encode_jpeg(np.asarray(Image.open(io.BytesIO(data)))), SourceType.TRAINED),
        lambda data: data[: len(data) // 2],
        lambda data: mark_jpeg(data, SourceType.ALGORITHMICALLY_ENHANCED),
        lambda data: b"",
        lambda data: b"\xff\xd8\xff",
    ],
    ids=["saved again", "XMP alone", "cut off", "XMP changed after signing", "empty", "three bytes"],
)
def test_a_picture_without_whole_marks_does_not_leave(published: Path, strip: Callable[[bytes], bytes]):
    key = development_key(published.parents[1] / ".cache/keys")
    mark = next(iter(read_registry(published / "marks.jsonl").publications))
    data = (published / PICTURE).read_bytes()
    check_marks(data, "x.jpg", mark=mark, key=key)
    with pytest.raises(InputError) as caught:
        check_marks(strip(data), "x.jpg", mark=mark, key=key)
    assert caught.value.reason == "unmarked"


@pytest.mark.parametrize("size", [0, 1, 3, 100, 2000, 4000])
def test_a_truncated_statement_is_no_crash(published: Path, tmp_path: Path, size: int):
    path = tmp_path / "x.jpg"
    path.write_bytes((published / PICTURE).read_bytes()[:size])
    assert detect(path, Registry()).outcome != "made by likeness"


def test_hostile_metadata_does_not_reach_the_terminal(tmp_path: Path, capsys, monkeypatch):
    from likeness.cli.marks import detect_command

    monkeypatch.chdir(tmp_path)
    origin = Origin(code=SourceType.TRAINED, statement={"persona": "\x1b[2J\u202egnp"})
    data = mark_picture(encode_jpeg(np.full((64, 64, 3), 90, np.uint8)), "\x1b[31m.jpg", origin, mark="00" * 4,
                        key=development_key(tmp_path / "k"))  # fmt: skip
    (tmp_path / "\x1b[31mx.jpg").write_bytes(data)
    assert detect_command(tmp_path, [], as_json=False) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said and "\u202e" not in said  # noqa: PT018


def test_a_folder_of_rubbish_is_told_file_by_file(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff" + b"\0" * 1000)
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\xff" * 50)
    (tmp_path / "c.webp").write_bytes(b"RIFF")
    os.mkfifo(tmp_path / "d.jpg")
    found = list(detect_all(tmp_path, Registry()))
    assert [Path(one.file).name for one in found] == ["a.jpg", "b.png", "c.webp", "d.jpg"]
    assert {one.outcome for one in found} == {"no mark found"}


def test_a_key_is_never_overwritten_and_nobody_else_may_read_it(tmp_path: Path):
    make_development_ca(tmp_path / "k")
    assert (tmp_path / "k/signing.pem").stat().st_mode & 0o777 == 0o600
    before = (tmp_path / "k/signing.pem").read_bytes()
    with pytest.raises(ConfigError):
        make_development_ca(tmp_path / "k")
    assert (tmp_path / "k/signing.pem").read_bytes() == before


@pytest.mark.parametrize(
    "pem", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_key_that_is_none_is_told_without_its_text(tmp_path: Path, pem: str):
    make_development_ca(tmp_path / "k")
    cfg = MarksConfig(
        key_file=None, key_env="MY_KEY", certificate_file=str(tmp_path / "k/chain.pem"), label=None
    )
    with pytest.raises(ConfigError) as caught:
        signing_key(cfg, tmp_path / "none", {"MY_KEY": pem})
    assert caught.value.reason == "signing-key"
    assert "AAAA" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"\$MY_KEY cannot be used: the variable is not set"):
        signing_key(cfg, tmp_path / "none", {})


def test_a_certificate_of_another_key_is_refused(tmp_path: Path):
    make_development_ca(tmp_path / "a")
    make_development_ca(tmp_path / "b")
    cfg = MarksConfig(key_file=str(tmp_path / "a/signing.pem"), key_env=None,
                      certificate_file=str(tmp_path / "b/chain.pem"), label=None)  # fmt: skip
    with pytest.raises(ConfigError, match="another key's"):
        signing_key(cfg, tmp_path / "none")
