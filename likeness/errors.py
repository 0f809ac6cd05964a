"""Every error likeness raises on purpose.

    LikenessError
    ├── ConfigError          a setting is wrong; nothing has run yet
    ├── DiskError            a disk is full or fails, or a place may not be written to
    ├── ConsentError         a likeness may not be used
    ├── InputError           this photo, pair or image cannot be used; the others go on
    └── ProviderError        whoever does the work could not
        ├── TransientError   may go through when tried again
        │   ├── InDoubtError     sent, and the answer never came whole: perhaps carried out and billed
        │   ├── JobLostError     a bought job failed, vanished or never ends at the provider
        │   └── UnreachableError nobody has answered at the provider's address yet: stop the stage
        ├── RejectedError    the provider will never take this input
        ├── AuthError        the key is missing or wrong: stop the stage
        └── QuotaError       the account is empty: stop the stage

A message says what happened to which item, `reason` is a slug for machines, `remedy` says what to do.
"""

import contextlib
import errno
import re
import sys
from collections.abc import Generator, Mapping
from typing import Any, Literal, NoReturn

from likeness.program import interruptible

FailureKind = Literal["refused", "skipped", "failed"]

# C0 and C1 but for line ends and tabs; marks of direction (bidi), of which a file name can make another one.
CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]")
MAX_MESSAGE = 20_000


def on_terminal(text: str) -> str:
    """A stranger's words on one line: what is not printable (escape codes, marks of direction) becomes a space."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def without_control(text: str) -> str:
    """A text that does to a terminal or a page no more than it says: no escape sequences, no turned direction."""
    return CONTROL.sub(" ", text)


class LikenessError(Exception):
    """Base of the tree; `str(error)` reads `message. Remedy: ...`."""

    default_reason = "error"
    default_remedy = ""
    kind: FailureKind = "failed"

    def __init__(self, message: str, *, reason: str | None = None, remedy: str = "") -> None:
        # It names files and repeats what vendors and libraries say, and goes to terminals, manifests and pages.
        self.message = without_control(message[:MAX_MESSAGE])
        super().__init__(self.message)
        self.reason = reason or self.default_reason
        self.remedy = remedy or self.default_remedy

    @property
    def refusal(self) -> dict[str, Any]:
        """What the item store keeps of it, and a line of failures.jsonl has."""
        return {"kind": self.kind, "reason": self.reason, "detail": self.message, "remedy": self.remedy}

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message


class ConfigError(LikenessError):
    """A setting is wrong, missing or stale."""

    default_reason = "config"

    @classmethod
    def of(cls, error: RuntimeError) -> "ConfigError | None":
        """What pathlib says of a user and of links, in our words; None for any other RuntimeError."""
        if "home directory" in str(error):
            return cls("this user has no home folder", remedy="set HOME to a folder of this user's")
        if "Symlink loop" in str(error):
            return cls(f"links lead in a circle ({error})", remedy="delete one of them, then start again")
        return None


class ConsentError(LikenessError):
    """No valid consent covers this use of this likeness."""

    default_reason = "consent"


class DiskError(LikenessError):
    """A disk is full or fails, or a place may not be written to, or holds something else."""

    default_reason = "disk"
    MORE_SPACE = (
        "free some space (`likeness items prune --unused-days 30`, `dvc gc -w`; in a folder for temporary files, or name "
        "another by TMPDIR), then start again: what is finished stays"
    )

    @classmethod
    def of(cls, error: OSError, *, size: int | None = None) -> "DiskError | None":
        """The same in our words, `size` being the bytes that were to be written; None for any other OSError."""
        place = error.filename2 or error.filename or "the disk"
        what = "it" if size is None else f"its {size:,} bytes"
        known = {
            (errno.ENOSPC, errno.EDQUOT): (f"no space is left to write {what}", cls.MORE_SPACE),
            (errno.EFBIG,): (
                "the file would be larger than this disk, or `ulimit -f`, allows",
                "`ulimit -f unlimited`, or move the repository to a disk that takes larger files; then start again",
            ),
            (errno.EROFS, errno.EACCES, errno.EPERM): (
                (error.strerror or "it may not be written").lower(),
                "make it readable and writable for this user, or move the repository to a place that is; then start again",
            ),
            (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP): (
                (error.strerror or "it is in the way").lower(),
                "a file, a folder or a link lies where another of them belongs: move it away, then start again",
            ),
            (errno.EIO, errno.ESTALE): (
                f"the disk fails ({(error.strerror or 'input/output error').lower()})",
                "look at the disk or its connection; copy the repository to another one, then start again",
            ),
        }
        said = (told for numbers, told in known.items() if error.errno in numbers)
        return next((cls(f"{place}: {words}", remedy=remedy) for words, remedy in said), None)


class InputError(LikenessError):
    """One item cannot be used.

    Deterministic: the same bytes and settings fail again, so the item store remembers it.
    `kind` is `refused` (a rule of ours), `skipped` (outside a provider's range) or `failed` (broken). What may go through
    another time (no memory just now) says `repeats=False`, and is not remembered. `measured` holds the figures that a refusal
    rests on, to be kept beside it.
    """

    default_reason = "input"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        remedy: str = "",
        kind: FailureKind = "failed",
        repeats: bool = True,
        measured: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, remedy=remedy)
        self.kind = kind
        self.repeats = repeats
        self.measured: Mapping[str, Any] = measured or {}

    @classmethod
    def of(cls, error: OSError) -> "InputError | None":
        """A file that a stage writes, or the working folder, that is not there, in our words; None for any other OSError."""
        if "temporary directory" in (error.strerror or ""):  # tempfile's own words
            return cls("no folder takes temporary files", remedy="set TMPDIR to a folder that takes some")
        if error.errno == errno.ENOENT and error.filename is None:  # it was asked where we are
            return cls(
                "the folder that this was started in is gone",
                remedy="cd into the repository, then start again",
            )
        if error.errno != errno.ENOENT or not str(error.filename).startswith(("data/", "models/")):
            return None
        onward = "run `dvc repro`: it runs the stages in order, this one's before it"
        return cls(f"{error.filename} is missing", remedy=onward)


class ProviderError(LikenessError):
    """The provider of a step failed; nothing about the item itself is known to be wrong."""

    default_reason = "provider"
    default_remedy = "run it again; if it stays so, choose another provider in conf/"


class TransientError(ProviderError):
    """A fault that may pass."""

    default_reason = "provider-transient"
    default_remedy = "run it again: what is finished is kept"


class InDoubtError(TransientError):
    """A request that costs money was sent and no whole answer came back: it may have been carried out."""

    default_reason = "provider-in-doubt"


class JobLostError(TransientError):
    """A job that was ordered will not deliver; `billed` is False when the provider says that it failed."""

    default_reason = "provider-job-lost"
    default_remedy = "run it again: the provider gets the order once more"

    def __init__(
        self, message: str, *, reason: str | None = None, remedy: str = "", billed: bool = True
    ) -> None:
        super().__init__(message, reason=reason, remedy=remedy)
        self.billed = billed


class UnreachableError(TransientError):
    """Nobody answers at the provider's address, and nobody did before in this run: the next item would wait in vain, too."""

    default_reason = "no-connection"


class RejectedError(ProviderError):
    """The provider refuses this input for good."""

    default_reason = "provider-rejected"
    default_remedy = "use another photo for this item, or choose another provider in conf/"


class AuthError(ProviderError):
    """The key is missing, wrong or blocked."""

    default_reason = "provider-auth"


class QuotaError(ProviderError):
    """Credits or budget are used up."""

    default_reason = "provider-quota"


def together(*problems: LikenessError) -> LikenessError:
    """All of them as one, of the first's kind: who starts without keys is told of every one that is missing."""
    message, remedy = ("; ".join(getattr(one, name) for one in problems) for name in ("message", "remedy"))
    return type(problems[0])(message, reason=problems[0].reason, remedy=remedy)


def end_program(program: str, error: BaseException, onward: str = "") -> NoReturn:
    """End a program on an error in the form that all share; whatever nobody foresaw is raised again. `onward`: how one that was
    interrupted goes on.

    Raises:
        SystemExit: 1 after a LikenessError; 130 after Ctrl-C and what ends like it.
    """
    if isinstance(error, KeyboardInterrupt):
        sys.stderr.write(f"\n{program}: interrupted\n" + (f"  remedy: {onward}\n" if onward else ""))
        raise SystemExit(130) from error
    told = DiskError.of(error) or InputError.of(error) if isinstance(error, OSError) else error
    if isinstance(error, RuntimeError):
        told = ConfigError.of(error)
    if not isinstance(told, LikenessError):
        raise error
    sys.stderr.write(f"\n{program}: {str(told).removeprefix(f'{program}: ')}\n")
    raise SystemExit(1) from error


@contextlib.contextmanager
def exit_on_error(program: str, onward: str = "") -> Generator[None]:
    """`end_program` around a whole program, whose imports are done."""
    interruptible()
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        end_program(program, error, onward)
