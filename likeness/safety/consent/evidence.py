"""The file that proves a record: in consent/ itself, no link, not empty, of the type that the record states."""

import os
import stat
from pathlib import Path, PurePosixPath

from likeness.digests import sha256_file
from likeness.disk import copy_atomic
from likeness.errors import ConsentError
from likeness.safety.consent.parts import Evidence, EvidenceType

# The longest name that Linux's and macOS' disks take.
NAME_BYTES = 255
MAX_BYTES = 64 * 2**20
HEAD_BYTES = 16
NO_EVIDENCE = (".yaml", ".yml", ".jsonl")  # the records themselves

_MAGIC: dict[EvidenceType, tuple[bytes, ...]] = {
    "pdf": (b"%PDF-",),
    "jpeg": (b"\xff\xd8\xff",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "tiff": (b"II*\x00", b"MM\x00*"),
}
_HEIC_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"hevc")


def take_evidence(folder: Path, persona: str, given: Path) -> Evidence:
    """The evidence in consent/ as a record names it; a file from elsewhere is copied there, under a name with the persona's.

    Raises:
        ConsentError: `consent-evidence`: it is none, or another file of that name is there; nothing is left.
    """
    given = given.expanduser().absolute()
    if given.parent == folder:
        return _described(folder, persona, given.name)
    if not given.exists():
        raise _refused(persona, f"the evidence {given} is not a file", "name the signed file")
    _kind(persona, given, str(given))
    path = folder / (given.name if given.name.startswith(persona) else f"{persona}-{given.name}")
    if path.exists() and sha256_file(path) != sha256_file(given):
        raise _refused(persona, f"{_shown(path)} is there already, with another content", "rename the file")
    copy_atomic(given, path)
    try:
        return _described(folder, persona, path.name)
    except ConsentError:
        path.unlink()
        raise


def _described(folder: Path, persona: str, name: str) -> Evidence:
    path = evidence_path(folder, persona, "evidence", name)
    return Evidence(file=name, type=_kind(persona, path, _shown(path)), sha256=sha256_file(path))


def _kind(persona: str, path: Path, shown: str) -> EvidenceType:
    """What a file is that may be evidence; a message calls it `shown`."""
    _check_size(persona, path, shown)
    kind = type_of(path)
    if kind is None:
        raise _refused(
            persona,
            f"{shown} is neither PDF, JPEG, PNG, TIFF, HEIC nor text",
            "scan or print the release as PDF",
        )
    return kind


def _check_size(persona: str, path: Path, shown: str) -> None:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise _refused(persona, f"the evidence {shown} is not a file", "name the signed file itself")
    if not 0 < status.st_size <= MAX_BYTES:
        raise _refused(
            persona,
            f"the evidence {shown} has {status.st_size} bytes; 1 to {MAX_BYTES} are expected",
            "put the signed file there",
        )


def check_evidence(folder: Path, persona: str, field: str, evidence: Evidence) -> None:
    """Refuse evidence that is not exactly the recorded file.

    Raises:
        ConsentError: `consent-evidence`: missing, elsewhere, a link, empty, too large, changed, or of another type.
    """
    path = evidence_path(folder, persona, field, evidence.file)
    if (found := type_of(path)) != evidence.type:
        raise _refused(
            persona,
            f"{_shown(path)} is {found or 'of no type we know'}, {field}.type says {evidence.type}",
            "state the type of the file that was signed",
        )
    if (digest := sha256_file(path)) != evidence.sha256:
        raise _refused(
            persona,
            f"{_shown(path)} has sha256 {digest}, {field}.sha256 says {evidence.sha256}",
            "restore the file that was signed, or record the new one: `likeness consent renew`",
        )


def evidence_path(folder: Path, persona: str, field: str, name: str) -> Path:
    """Where a file of evidence lies.

    Raises:
        ConsentError: `consent-evidence`: missing, elsewhere, a link, empty or too large.
    """
    parts = PurePosixPath(name)
    outside = parts.is_absolute() or ".." in parts.parts or "\\" in name
    too_long = any(len(os.fsencode(one)) > NAME_BYTES for one in parts.parts)
    if outside or too_long or parts.suffix.lower() in NO_EVIDENCE:
        raise _refused(
            persona,
            f"{field}.file is {name[:80]!r}, which is not a file of evidence in consent/",
            "copy the signed file into consent/ and name it: mia-release.pdf",
        )
    path = folder / parts
    steps = [path, *(one for one in path.parents if one.is_relative_to(folder) and one != folder)]
    if any(step.is_symlink() for step in steps):
        raise _refused(persona, f"{_shown(path)} is a link", "copy the file itself into consent/")
    try:
        _check_size(persona, path, _shown(path))
    except OSError as error:
        raise _refused(
            persona,
            f"the evidence {_shown(path)} is missing",
            "put the signed file back, or revoke the record",
        ) from error
    return path


def type_of(path: Path) -> EvidenceType | None:
    """What the first bytes say that a file is; text is UTF-8 with something on it."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        for name, magic in _MAGIC.items():
            if head.startswith(magic):
                return name
        if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
            return "heic"
        try:
            text = (head + file.read()).decode("utf-8")
        except UnicodeDecodeError:
            return None
    return "text" if text.strip() and "\0" not in text else None


def _shown(path: Path) -> str:
    """`consent/mia.pdf`, wherever the repository lies."""
    parts = path.parts
    first = len(parts) - 1 - parts[::-1].index("consent") if "consent" in parts else -1
    return "/".join(parts[first:])


def _refused(persona: str, what: str, remedy: str) -> ConsentError:
    return ConsentError(f"{persona}: {what}", reason="consent-evidence", remedy=remedy)
