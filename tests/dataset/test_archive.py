"""The zip's bytes depend on its content alone."""

import os
import zipfile
from pathlib import Path

from likeness.dataset.archive import write_zip

FILES = {"README.md": b"# x\n", "train/10_jade woman/a.jpg": b"\xff\xd8 pixels", "metadata.jsonl": b"{}\n"}


def lay_out(root: Path) -> list[str]:
    for name, data in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return list(FILES)


def test_times_modes_and_order_do_not_change_the_bytes(tmp_path):
    names = lay_out(tmp_path / "a")
    write_zip(tmp_path / "a.zip", tmp_path / "a", names)
    lay_out(tmp_path / "b")
    os.utime(tmp_path / "b" / "README.md", (1e9, 1e9))
    (tmp_path / "b" / "metadata.jsonl").chmod(0o600)
    write_zip(tmp_path / "b.zip", tmp_path / "b", names[::-1])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_it_unpacks_to_the_same_files_readable_by_all(tmp_path):
    write_zip(tmp_path / "set.zip", tmp_path / "a", lay_out(tmp_path / "a"))
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert archive.namelist() == sorted(FILES)
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.external_attr >> 16 == 0o100644
            assert info.compress_type == zipfile.ZIP_STORED


def test_a_changed_byte_changes_the_zip(tmp_path):
    names = lay_out(tmp_path / "a")
    write_zip(tmp_path / "one.zip", tmp_path / "a", names)
    (tmp_path / "a" / "README.md").write_bytes(b"# y\n")
    write_zip(tmp_path / "two.zip", tmp_path / "a", names)
    assert (tmp_path / "one.zip").read_bytes() != (tmp_path / "two.zip").read_bytes()
    assert not list(tmp_path.glob(".*.partial"))
