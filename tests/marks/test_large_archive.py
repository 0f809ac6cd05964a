"""A signed archive of any size is verified piece by piece: what it takes does not grow with the archive."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from likeness.marks import claims
from likeness.marks.claims import Claim
from likeness.marks.keys import development_key
from likeness.marks.xmp import SourceType

PART_BYTES, PARTS = 4 * 2**20, 10
# Of an archive of 40 MiB: one part of it, and what reading takes.
MOST_MORE_BYTES = 16 * 2**20
MEASURE = """
import resource
from pathlib import Path
from likeness.paths import RepositoryPaths
from likeness.publish.verify import verify
def checked(name):
    found = verify(Path(name), RepositoryPaths(Path(".")))
    assert [one.what for one in found if one.why.startswith("C2PA, signed by") and one.state == "holds"] == [name], found
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(checked("small.zip"), checked("large.zip"))
"""


def signed(path: Path, parts: int) -> None:
    """An archive whose files have the sizes of 64 bits that those above 4 GiB have."""
    plain = path.with_suffix(".plain")
    with zipfile.ZipFile(plain, "w") as archive:
        for number in range(parts):
            with archive.open(f"train/{number:03d}.bin", "w", force_zip64=True) as file:
                file.write(os.urandom(PART_BYTES))
    claim = Claim(title=path.name, code=SourceType.TRAINED, publication={"mark": "00000000"})
    with plain.open("rb") as source, path.open("w+b") as out:
        claims.sign_stream(source, out, claims.ZIP, claim, development_key(path.parent / "keys"))


@pytest.mark.slow
def test_a_large_signed_archive_takes_no_more_memory_than_a_small_one(tmp_path: Path):
    signed(tmp_path / "small.zip", 1)
    signed(tmp_path / "large.zip", PARTS)
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    small, large = map(int, done.stdout.split())
    assert large - small < MOST_MORE_BYTES
