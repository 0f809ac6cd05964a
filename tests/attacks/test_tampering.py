"""`likeness verify` of files of which only headers, segments or what lies behind were changed, and of what is no file."""

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from publications import ARCHIVE, PICTURE, WEIGHTS, elsewhere, faults

from likeness.publish.verify import verify


@pytest.mark.parametrize(
    "lay",
    [
        pytest.param(lambda path: path.symlink_to("/etc"), id="a link to a folder"),
        pytest.param(lambda path: path.symlink_to("/nowhere"), id="a link to nothing"),
        pytest.param(os.mkfifo, id="a pipe"),
    ],
)
def test_what_is_no_file_in_a_publication_is_named(published: Path, lay: Callable):
    lay(published / "images/more")
    assert [(one.what, one.state) for one in faults(published)] == [("images/more", "changed")]
    shutil.copytree(published / "report", published.parent / "folder")
    lay(published.parent / "folder/more")
    found = verify(published.parent / "folder", elsewhere(published))
    assert any(one.what.endswith("/more") and one.state == "unknown" for one in found)


def header_and_tensors(data: bytes) -> tuple[bytes, bytes]:
    size = struct.unpack_from("<Q", data)[0]
    return data[8 : 8 + size], data[8 + size :]


HEADERS: dict[str, Callable[[bytes], bytes]] = {
    "spaces": lambda header: header + b" " * 8,
    "order": lambda header: json.dumps(dict(reversed(json.loads(header).items()))).encode(),
    "one field more": lambda header: header.replace(b'"__metadata__":{', b'"__metadata__":{"x":"y",'),
    "metadata twice": lambda header: header.rstrip()[:-1] + b',"__metadata__":{"likeness.consent_id":"x"}}',
    "a tensor renamed": lambda header: header.replace(b'"a":', b'"b":'),
    "another type": lambda header: header.replace(b'"F32"', b'"I32"'),
    "another shape": lambda header: header.replace(b"[2]", b"[1,2]"),
    "an empty tensor": lambda header: (
        header.rstrip()[:-1] + b',"z":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}'
    ),
}


@pytest.mark.parametrize("change", HEADERS)
def test_weights_of_which_only_the_header_was_changed_are_found_alone(
    published: Path, tmp_path: Path, change: str
):
    shutil.copy(published / "marks.jsonl", tmp_path)
    before, tensors = header_and_tensors((published / WEIGHTS).read_bytes())
    header = HEADERS[change](before)
    assert header != before
    (tmp_path / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header + tensors)
    assert any(one.state == "changed" for one in faults(tmp_path / WEIGHTS))


def segments(data: bytes) -> tuple[list[bytes], bytes]:
    """Of a JPEG those before its picture, and the rest."""
    at, found = 2, list[bytes]()
    while data[at + 1] != 0xDA:
        size = 2 + struct.unpack_from(">H", data, at + 2)[0]
        found.append(data[at : at + size])
        at += size
    return found, data[at:]


def is_c2pa(segment: bytes) -> bool:
    return segment[1] == 0xEB


JPEGS: dict[str, Callable[[list[bytes], list[bytes]], list[bytes]]] = {
    "a comment": lambda own, other: [*own, b"\xff\xfe\x00\x04hi"],
    "a thumbnail's segment": lambda own, other: [own[0], b"\xff\xe1\x00\x0aExif\x00\x00II", *own[1:]],
    "another picture's statement": lambda own, other: [
        *(one for one in own if not is_c2pa(one)),
        *filter(is_c2pa, other),
    ],
    "a second statement": lambda own, other: [*own, *filter(is_c2pa, other)],
    "a second statement before it": lambda own, other: [*filter(is_c2pa, other), *own],
    "no XMP": lambda own, other: [one for one in own if b"http://ns.adobe.com" not in one],
    "no statement": lambda own, other: [one for one in own if not is_c2pa(one)],
}


@pytest.mark.parametrize("change", JPEGS)
def test_a_picture_of_which_only_segments_were_changed_is_found_alone(
    published: Path, tmp_path: Path, change: str
):
    shutil.copy(published / "marks.jsonl", tmp_path)
    own, rest = segments((published / PICTURE).read_bytes())
    other, _ = segments((published / "images/jade-s2-sfw-enhanced.jpg").read_bytes())
    laid = JPEGS[change](own, other)
    assert laid != own
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8" + b"".join(laid) + rest)
    assert faults(tmp_path / "a.jpg")


@pytest.mark.parametrize("behind", [b"\n", b"PK\x05\x06"])
def test_what_was_put_behind_a_file_is_found_alone(published: Path, tmp_path: Path, behind: bytes):
    shutil.copy(published / "marks.jsonl", tmp_path)
    for name in (PICTURE, ARCHIVE, WEIGHTS):
        path = tmp_path / Path(name).name
        path.write_bytes((published / name).read_bytes() + behind)
        assert any(one.state == "changed" for one in faults(path)), name
