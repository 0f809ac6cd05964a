"""`likeness consent bind`: a newcomer's first command, on a folder as people have it."""

import shutil
from pathlib import Path

from likeness.cli.consent import bind
from likeness.paths import PersonaPaths

ROOT = Path(__file__).parents[2]


def test_bind_names_what_it_leaves_out_and_goes_on(in_tmp: Path, capsys) -> None:
    shutil.copy(ROOT / "params.yaml", in_tmp)
    folder = PersonaPaths("mia").raw_sources
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "tests/photos/sources/jade_04.jpg", folder / "IMG_1.jpg")
    (folder / "IMG_2.jpg").write_bytes((ROOT / "tests/photos/sources/jade_04.jpg").read_bytes()[:30_000])
    for name in (".DS_Store", "IMG_1.MOV", "IMG_1.AAE"):
        (folder / name).write_bytes(b"\0\0\0\1Bud1")
    bind("mia")
    told = capsys.readouterr()
    assert "embedding: " in told.out
    lines = {line.split(":")[0]: line for line in told.err.splitlines() if not line.startswith(" ")}
    assert "1 face" in lines["IMG_1.jpg"]
    assert "ends early" in lines["IMG_2.jpg"]
    assert all("skipped" in lines[name] for name in (".DS_Store", "IMG_1.MOV", "IMG_1.AAE"))
