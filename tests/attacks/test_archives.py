"""A stranger's archives and pictures that would fill memory or never end: `verify` and `detect` say why they do not look."""

import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from publications import elsewhere, faults

from likeness.errors import InputError
from likeness.marks import detect as detection
from likeness.marks.detect import MAX_PARTS, detect
from likeness.marks.registry import Registry
from likeness.publish import archives
from likeness.publish.verify import verify

ENTRY = struct.Struct("<4s4B4HL2L5H2L")
END = struct.Struct("<4s4H2LH")


def zip_of(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def list_of(names: int) -> bytes:
    """The list of so many empty files, all at the archive's begin, and its end, which names one."""
    listed = b"".join(
        ENTRY.pack(b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0) + b"%08x" % number
        for number in range(names)
    )
    return listed + END.pack(b"PK\x05\x06", 0, 0, 1, 1, len(listed), 0, 0)


def of_seventeen_gibibytes(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(17 * 2**30)


def with_hundreds_of_thousands_of_files(path: Path) -> None:
    path.write_bytes(list_of(400_000))


def with_too_many_files(path: Path) -> None:
    path.write_bytes(list_of(101_000))


def with_an_end_of_64_bits(path: Path) -> None:
    """The first end says little, the second, which zipfile believes, much."""
    tail = b"PK\x06\x06" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, 1, 1, 2**40, 0)
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, 0, 1)
    path.write_bytes(tail + locator + END.pack(b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0))


def a_bomb(path: Path) -> None:
    zip_of(path, {"train/a.jpg": bytes(2**24)})


def a_bomb_of_bzip2(path: Path) -> None:
    zip_of(path, {"train/a.jpg": bytes(2**24)}, zipfile.ZIP_BZIP2)


def with_a_size_that_lies(path: Path) -> None:
    """It says 10 bytes, and unpacks to 64 MiB."""
    zip_of(path, {"train/a.jpg": bytes(2**26), "train/b.jpg": os.urandom(2**20)})
    data = path.read_bytes()
    packed = struct.pack("<L", 2**26)
    path.write_bytes(data.replace(packed, struct.pack("<L", 10)))


def with_files_that_overlap(path: Path) -> None:
    """One body under ten names."""
    zip_of(path, {"a": os.urandom(2**10)}, zipfile.ZIP_STORED)
    data = path.read_bytes()
    body, entry = (
        data[: data.index(b"PK\x01\x02")],
        data[data.index(b"PK\x01\x02") : data.index(b"PK\x05\x06")],
    )
    listed = b"".join(entry[:-1] + name for name in (b"a", b"b", b"c"))
    path.write_bytes(body + listed + END.pack(b"PK\x05\x06", 0, 0, 3, 3, len(listed), len(body), 0))


def with_a_name_twice(path: Path) -> None:
    zip_of(path, {"train/a.jpg": b"one", "train/b.jpg": b"two"})
    path.write_bytes(path.read_bytes().replace(b"train/b.jpg", b"train/a.jpg"))


def with_a_list_that_fills_memory(path: Path) -> None:
    zip_of(path, {"train/metadata.jsonl": os.urandom(2**20) * 40, "x": os.urandom(2**20)}, zipfile.ZIP_STORED)


def with_lists_in_each_folder(path: Path) -> None:
    """Only one of them is asked for."""
    zip_of(path, {f"{number}/metadata.jsonl": os.urandom(2**10) for number in range(50)})


def that_is_empty(path: Path) -> None:
    path.write_bytes(b"")


def that_ends_nowhere(path: Path) -> None:
    path.write_bytes(os.urandom(2**20))


def of_itself(path: Path) -> None:
    """An end that stands in a comment of an end."""
    end = END.pack(b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 22)
    path.write_bytes(end + END.pack(b"PK\x05\x06", 0, 0, 9, 9, 2**31, 2**31, 0))


ARCHIVES = {
    of_seventeen_gibibytes: "more than 17,179,869,184 bytes",
    with_hundreds_of_thousands_of_files: "the list of its files has 21,600,000 bytes",
    with_too_many_files: "it has 101,000 files, more than 100,000",
    with_an_end_of_64_bits: "the list of its files has 1,099,511,627,776",
    a_bomb: "it unpacks to 16,777,216 bytes",
    a_bomb_of_bzip2: "it unpacks to 16,777,216 bytes",
    with_a_size_that_lies: "do not have the checksum",
    with_files_that_overlap: "overlap",
    with_a_name_twice: "two files of one name",
    with_a_list_that_fills_memory: "metadata.jsonl in it has more than",
    with_lists_in_each_folder: "no C2PA statement",
    that_is_empty: "does not end as an archive does",
    that_ends_nowhere: "does not end as an archive does",
    of_itself: "the list of its files has 2,147,483,648 bytes",
}


@pytest.mark.parametrize(("lay", "why"), ARCHIVES.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_an_archive_that_would_take_too_much_is_told(tmp_path: Path, lay, why):
    lay(tmp_path / "a.zip")
    found = faults(tmp_path / "a.zip")
    assert found
    assert any(why in one.why for one in found), found


@pytest.mark.slow
def test_what_they_take_is_bounded(tmp_path: Path):
    """384 MiB beyond what the imports take, and 60 s of a processor for all of them."""
    for lay in ARCHIVES:
        lay(tmp_path / f"{lay.__name__}.zip")
    program = """
import resource
from pathlib import Path
from likeness.paths import RepositoryPaths
from likeness.publish.verify import verify
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 3 * 2**27,) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for path in sorted(Path(".").glob("*.zip")):
    print(len([one for one in verify(path, RepositoryPaths(Path("."))) if one.state in ("changed", "missing")]))
"""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [int(line) > 0 for line in done.stdout.split()] == [True] * len(ARCHIVES)


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(file, "JPEG")
    return file.getvalue()


def of_segments(path: Path) -> None:
    data = jpeg()
    path.write_bytes(data[:2] + b"\xff\xe5\x00\x02" * 2**20 + data[2:])


def of_chunks(path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(file, "PNG")
    chunk = b"\0\0\0\0teSt" + zlib.crc32(b"teSt").to_bytes(4, "big")
    path.write_bytes(file.getvalue()[:33] + chunk * 2**20 + file.getvalue()[33:])


def of_riff_chunks(path: Path) -> None:
    body = b"WEBP" + b"JUNK\0\0\0\0" * 2**20
    path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)


@pytest.mark.parametrize("lay", [of_segments, of_chunks, of_riff_chunks], ids=lambda one: one.__name__)
def test_a_picture_of_millions_of_parts_is_not_read(tmp_path: Path, lay, monkeypatch):
    path = tmp_path / "a.jpg"
    lay(path)
    for reader in (detection.Image, detection.claims.c2pa):
        monkeypatch.setattr(reader, "open" if reader is detection.Image else "Reader", None)
    assert detect(path, Registry()).notes == (f"the file has more than {MAX_PARTS:,} parts",)
    assert f"more than {MAX_PARTS:,} parts" in faults(path)[0].why


def test_a_page_of_millions_of_pictures_is_not_read(tmp_path: Path):
    (tmp_path / "a.html").write_bytes(b"data:image/jpeg;base64,AA==," * 20_000)
    assert "more than 10,000 pictures" in faults(tmp_path / "a.html")[0].why


@pytest.mark.parametrize("name", ["a.jpg", "a.zip", "a.txt", "a.safetensors", "a.html", "manifest.json"])
@pytest.mark.parametrize("what", ["a pipe", "a device"])
def test_what_is_no_file_keeps_nobody_waiting(tmp_path: Path, name: str, what: str):
    path = tmp_path / name
    os.mkfifo(path) if what == "a pipe" else path.symlink_to("/dev/zero")
    with pytest.raises(InputError, match="a pipe, a socket or a device"):
        verify(path, elsewhere(tmp_path))
    with pytest.raises(InputError, match="neither a file nor a folder"):
        list(detection.detect_all(path, Registry()))


def test_a_text_without_end_is_not_read(tmp_path: Path):
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(2**42)
    assert "not looked at" in faults(tmp_path / "a.txt")[0].why


def test_the_bounds_leave_room_for_an_archive_of_ours():
    """10,000 pictures with captions, of 1.5 MB."""
    assert archives.MAX_FILES > 2 * 10_000
    assert archives.MAX_LIST_BYTES > 2 * 10_000 * (46 + 100)
    assert archives.MAX_BYTES > 10_000 * 1_500_000
