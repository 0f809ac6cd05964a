"""A zip whose bytes depend on the names and bytes in it, and on nothing else."""

import os
import shutil
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

from likeness.disk import discard, writing
from likeness.lazy import Spool

# Zip knows no time before it; a fixed one keeps a second build's bytes the same.
EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3  # "version made by", else Python writes the machine's own
FILE_MODE = 0o100644  # regular file, rw-r--r--


def write_zip(path: Path, root: Path, names: Collection[str]) -> None:
    """Write the files `names` (relative to `root`, "/" between folders) to a zip at `path`, atomically.

    Everything is stored, nothing deflated: JPEGs don't shrink, and deflate's output changes with
    zlib's version.
    """
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        size = sum((root / name).stat().st_size for name in names)
        with writing(path, size), zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            # What stands at the archive's end waits in a file: in memory it would be 500 bytes a name.
            archive.filelist = cast(Any, Spool[zipfile.ZipInfo]())
            for name in sorted(names):
                info = zipfile.ZipInfo(name, EPOCH)
                info.create_system = UNIX
                info.external_attr = FILE_MODE << 16
                # Known beforehand, so that the header is final and files above 2 GiB get the 64-bit form.
                info.file_size = (root / name).stat().st_size
                with (root / name).open("rb") as source, archive.open(info, "w") as target:
                    shutil.copyfileobj(source, target)
                archive.NameToInfo.clear()
        os.replace(partial, path)
    finally:
        discard(partial)
