"""Attacks on where marks are looked for: other names and formats, other places in a file, registries and locks of strangers."""

import json
import re
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from publications import ARCHIVE, elsewhere, faults

from likeness.cli.marks import detect_command
from likeness.errors import InputError
from likeness.images import JPEG, PNG_SIGNATURE, encode_jpeg
from likeness.marks import claims, registry
from likeness.marks.claims import Claim
from likeness.marks.detect import detect
from likeness.marks.keys import development_key
from likeness.marks.registry import Registry, publication_of, read_registries, read_registry
from likeness.marks.xmp import XMP_MARK, SourceType, find_code, mark_jpeg
from likeness.publish import archives, artefacts
from likeness.publish.verify import verify
from likeness.versions.revision import stages_of

ROOT = Path(__file__).parents[2]
GREY = encode_jpeg(np.full((64, 64, 3), 90, np.uint8))
CODE = SourceType.TRAINED
SAID = CODE.uri.encode()


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + bytes(4)


def webp(name: bytes, body: bytes) -> bytes:
    part = name + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(part) + 4) + b"WEBP" + part


MARKED = mark_jpeg(GREY, CODE)
XMP = segment(0xE1, XMP_MARK + SAID)
ELEMENT = segment(
    0xE1, XMP_MARK + b"<Iptc4xmpExt:DigitalSourceType>" + SAID + b"</Iptc4xmpExt:DigitalSourceType>"
)
FOUND = {
    "behind 1.3 MB": GREY[:2] + segment(0xE2, bytes(65533)) * 20 + MARKED[2:],
    "behind a comment": GREY[:2] + segment(0xFE, b"x") + MARKED[2:],
    "behind a table": GREY[:2] + segment(0xDB, bytes(65)) + MARKED[2:],
    "behind fill bytes": GREY[:2] + b"\xff\xff\xff" + XMP + GREY[2:],
    "as an element": GREY[:2] + ELEMENT + GREY[2:],
    "beside another code": GREY[:2] + segment(0xE1, XMP_MARK + SourceType.ALGORITHMICALLY_ENHANCED.uri.encode()) + XMP + GREY[2:],
    "behind a PNG's pixels": PNG_SIGNATURE + chunk(b"IDAT", bytes(9)) + chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + SAID),
    "in a WebP": webp(b"XMP ", SAID),
}  # fmt: skip
NO_XMP = {
    "in a comment": GREY[:2] + segment(0xFE, SAID) + GREY[2:],
    "in Exif": GREY[:2] + segment(0xE1, b"Exif\0\0" + SAID) + GREY[2:],
    "in the pixels": GREY + SAID,
    "in another text of a PNG": PNG_SIGNATURE + chunk(b"tEXt", b"Comment\0" + SAID),
    "in another chunk of a WebP": webp(b"EXIF", SAID),
    "cut off": XMP[:-20],
    "an empty segment": b"\xff\xd8\xff\xe1\0\0" + SAID,
}  # fmt: skip


@pytest.mark.parametrize("data", FOUND.values(), ids=FOUND)
def test_xmp_is_found_wherever_a_program_puts_it(data: bytes):
    assert find_code(data) == CODE


@pytest.mark.parametrize("data", NO_XMP.values(), ids=NO_XMP)
def test_a_code_that_stands_outside_of_xmp_is_none(data: bytes):
    assert find_code(data) is None


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs the page's script")
def test_the_page_finds_xmp_where_the_library_does_and_shows_a_strangers_words_as_words(tmp_path: Path):
    hostile = {"persona": "\u202egpj\x1b[2J<script>" + "x" * 10_000} | dict.fromkeys(map(str, range(99)), "")
    said = {"likeness.statement": json.dumps(hostile)}
    header = json.dumps({"__metadata__": said}).encode()
    files = [*FOUND.values(), *NO_XMP.values(), len(header).to_bytes(8, "little") + header]
    for number, data in enumerate(files):
        (tmp_path / str(number)).write_bytes(data)
    script = re.search(r"<script>(.*)</script>", (ROOT / "docs/detect.html").read_text(), re.S)
    assert script is not None
    (tmp_path / "page.js").write_text(
        script[1]
        + """
      const told = (list) => list.map((one) => one.textContent);
      globalThis.document = { createElement: () => ({ textContent: "" }) };
      console.log(JSON.stringify([...Array(COUNT).keys()].map((number) => {
        const list = []; list.append = (...more) => list.push(...more);
        describe(new Uint8Array(require("fs").readFileSync(String(number))), list);
        return told(list);
      })));""".replace("COUNT", str(len(files)))
    )
    done = subprocess.run(["node", "page.js"], cwd=tmp_path, capture_output=True, text=True, check=True)
    *pictures, weights = json.loads(done.stdout)
    in_xmp = [CODE.value in dict(zip(one[::2], one[1::2], strict=True)).get("XMP", "") for one in pictures]
    assert in_xmp == [True] * len(FOUND) + [False] * len(NO_XMP)
    assert all(len(text) <= 500 and text.isprintable() for text in weights)
    assert len(weights) < 110


def signed(data: bytes, code: SourceType, folder: Path) -> Path:
    path = folder / "a.jpg"
    claim = Claim(title="x", code=code, publication={})
    path.write_bytes(claims.sign(data, JPEG, claim, development_key(folder / "keys")))
    return path


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (GREY, CODE),
        (MARKED, SourceType.ALGORITHMICALLY_ENHANCED),
        (mark_jpeg(GREY, SourceType.ALGORITHMICALLY_ENHANCED), CODE),
    ],
    ids=["no XMP", "XMP says more", "XMP says less"],
)
def test_c2pa_does_not_answer_for_xmp(data: bytes, code: SourceType, tmp_path: Path):
    path = signed(data, code, tmp_path)
    assert detect(path, Registry()).xmp == find_code(data)
    assert any("XMP and C2PA" in one.why for one in faults(path))


@pytest.mark.parametrize(
    "name",
    ["A.JPG", "a.Jpeg", "a.jpe", "a.jfif", "A.PNG", "a.webp", "A.WEBP", "A.ZIP", "A.SAFETENSORS", "A.HTML", "a.htm"],
)  # fmt: skip
def test_an_unmarked_file_is_named_whatever_its_name_ends_with(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(GREY)
    assert {one.what for one in faults(tmp_path)} == {str(tmp_path / name)}
    assert faults(tmp_path / name)


def test_what_nothing_knows_in_a_folder_is_told(tmp_path: Path):
    (tmp_path / "a.exe").write_bytes(b"x")
    assert str(tmp_path / "a.exe") in [one.what for one in verify(tmp_path, elsewhere(tmp_path))]


@pytest.mark.slow
def test_an_archive_behind_a_program_does_not_hold(published: Path, tmp_path: Path):
    (tmp_path / "a.zip").write_bytes(b"#!/bin/sh\n" + (published / ARCHIVE).read_bytes())
    assert zipfile.is_zipfile(tmp_path / "a.zip")
    assert "does not begin with its first file" in faults(tmp_path / "a.zip")[0].why


@pytest.mark.parametrize("name", ["a.jpg", "a.html", "manifest.json"])
def test_a_file_that_would_fill_memory_is_not_read(published: Path, name: str, monkeypatch):
    monkeypatch.setattr(artefacts, "MAX_FILE_BYTES", 2**20)
    monkeypatch.setattr("likeness.publish.verify.MAX_FILE_BYTES", 2**20)
    path = published / name
    with path.open("ab") as file:
        file.truncate(2**42)
    whole = published if name == "manifest.json" else path
    assert faults(whole)[0].what == str(path)


@pytest.mark.parametrize("name", ["train/metadata.jsonl", "marks.json", "train/a.JPG", "a.txt"])
def test_a_file_in_an_archive_that_would_fill_memory_is_not_read(tmp_path: Path, name: str, monkeypatch):
    monkeypatch.setattr(archives, "MAX_FILE_BYTES", 2**16)
    monkeypatch.setattr(archives, "MOST_UNPACKED", 10_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(2**17))
    assert "a file in it has more than" in faults(tmp_path / "a.zip")[0].why


def strangers(folder: Path, mark: str, monkeypatch) -> Path:
    monkeypatch.setattr(registry, "draw_mark", lambda: int(mark, 16))
    publication_of(folder / "theirs.jsonl", development_key(folder / "k"), "mia", "mia-1", "0" * 64)
    return folder / "theirs.jsonl"


def test_another_registry_cannot_take_a_mark_that_is_given(published: Path, tmp_path: Path, monkeypatch):
    marks = published.parents[1] / "marks"
    mark = next(iter(read_registry(published / "marks.jsonl").publications))
    theirs = strangers(tmp_path, mark, monkeypatch)
    assert read_registries(marks, [published / "marks.jsonl"]).publications[mark].persona == "jade"
    with pytest.raises(InputError, match="belongs to another key"):
        read_registries(marks, [theirs])
    shutil.copy(theirs, marks / "zz.jsonl")
    with pytest.raises(InputError, match=r"zz\.jsonl.*belongs to another key"):
        read_registries(marks)


def test_a_registry_that_is_not_there_is_told_and_not_taken_for_an_empty_one(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(GREY)
    with pytest.raises(InputError) as caught:
        detect_command(tmp_path / "a.jpg", [tmp_path / "none.jsonl"], as_json=False)
    assert caught.value.reason == "missing-file"


LOCKS = {
    "a number for an output": {"outs": [5]}, "a text for one": {"outs": ["x"]}, "no path": {"outs": [{"md5": "0" * 32}]},
    "a number for a path": {"outs": [{"path": 5}]}, "no list": {"outs": None}, "a digest that leads elsewhere":
    {"outs": [{"path": "x", "md5": "../../../etc/passwd.dir"}]}, "an absolute one": {"outs": [{"path": "x", "md5": "ab/etc/passwd"}]},
    "none": {"outs": [{"path": "x", "md5": None}]}, "of a dependency": {"deps": [{"path": "x", "md5": "../x"}]}, "no stage": None,
}  # fmt: skip


@pytest.mark.parametrize("stage", LOCKS.values(), ids=LOCKS)
def test_a_lock_of_another_shape_is_an_error_of_ours(stage: object):
    with pytest.raises(InputError, match=r"dvc\.lock cannot be read"):
        stages_of(yaml.safe_dump({"schema": "2.0", "stages": {"swap@jade": stage}}), "dvc.lock")


def test_what_is_too_large_for_a_picture_is_told_where_archives_are_read(tmp_path: Path):
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.truncate(2**32)
    found = detect(path, Registry())
    assert found.outcome == "no mark found"
    assert "`likeness verify` reads archives" in found.notes[0]
