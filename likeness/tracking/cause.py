"""Why MLflow does not accept data, at which address, and what helps."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from likeness.errors import DiskError

# `//user:password@` of a tracking URI: a message must not repeat it.
USER_INFO = re.compile(r"//[^/@\s]+@")
# What MLflow's client and the tools before it name a status by.
STATUS = re.compile(r"(?:error code |too many |^HTTPError: )(\d{3})\b")
ROOM = "free some space there, or make it writable; what was measured is in the stage's own files, too"
AWAY = "move that file away, and the next run makes a new one"
# What SQLite says of a database, what that means, what helps, and whether no repetition changes it.
DATABASE = {
    # Another version of likeness, or MLflow itself, was killed while making it.
    r"table \w+ already exists|duplicate column name|no such (?:table|column)|has no column named|file is not a database": (
        "was made in part",
        AWAY,
        True,
    ),
    "malformed": ("is damaged", f"{AWAY}; `sqlite3 FILE .recover` saves what is left", True),
    "Can't locate revision": (
        "was written by a newer MLflow",
        "install that version, or move that file away",
        True,
    ),
    "disk is full|readonly database|disk I/O error": ("cannot be written to", ROOM, False),
    "unable to open database file": (
        "cannot be opened",
        "see that its folder is there and is this user's",
        False,
    ),
}
# MLflow's error codes (mlflow.protos.databricks_pb2.ErrorCode) of what no repetition changes.
REFUSED = {
    "BAD_REQUEST", "CUSTOMER_UNAUTHORIZED", "ENDPOINT_NOT_FOUND", "INVALID_PARAMETER_VALUE", "INVALID_STATE",
    "MALFORMED_REQUEST", "NOT_FOUND", "NOT_IMPLEMENTED", "PERMISSION_DENIED", "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST", "UNAUTHENTICATED",
}  # fmt: skip
CREDENTIALS = {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}
SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
VARIABLE = "MLFLOW_TRACKING_URI"
# What MLflow's client sends to whatever server it is given, and the file that it reads where the variables are not set.
KEYS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")
KEYS_FILE = "~/.mlflow/credentials"
SWITCH_OFF = "or set tracking.enabled: false in conf/tracking/mlflow.yaml"
# Of what urllib3, requests and the databases' drivers say: whether nothing was reached, and what that means.
UNREACHED = {
    "Failed to resolve": "no machine of that name is known here",
    "name resolution": "no machine of that name is known here",
    "Connection refused": "nothing listens there",
    "SSLError": "it does not speak https as this address asks for",
    "timed out": "it does not answer in time",
    "Connection aborted": "it breaks off the connection",
    "RemoteDisconnected": "it breaks off the connection",
}


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What is the matter and what helps; `final`: no repetition changes it; `answered`: there is somebody who says so."""

    words: str
    final: bool
    answered: bool = True


class DeletedExperiment(Exception):
    """MLflow keeps a deleted experiment's name, and takes no run for it."""

    def __init__(self, name: str, number: str) -> None:
        super().__init__(f"the experiment {name!r} was deleted (its id is {number})")
        self.number = number


def address_problem(uri: str) -> str | None:
    """What is wrong with an address before anybody is asked; None where nothing is."""
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    # Three slashes and a file: two are a server's, and `sqlite://` alone keeps everything in memory and loses it.
    whole = (
        parts.hostname
        if scheme.startswith("http")
        else ":///" in uri and parts.path.strip("/")
        if scheme == "sqlite"
        else True
    )
    if (scheme in SCHEMES and ":" in uri and whole) or uri == "databricks":
        return _key_problem(uri) if scheme.startswith("http") else None
    guess = f"http://{uri}" if re.fullmatch(r"[\w.-]+:\d+(/.*)?", uri) else "http://HOST:PORT"
    return (
        f"{USER_INFO.sub('//***@', uri)} is no address of an MLflow server or database\n"
        f"  remedy: write {guess} for a server, sqlite:///mlflow.db for a file, in MLFLOW_TRACKING_URI or tracking.uri, "
        f"{SWITCH_OFF}"
    )


def _key_problem(uri: str) -> str | None:
    """What is wrong with giving this user's key to a server: a pulled conf/ may name any, so one that only settings name gets none."""
    key = next((name for name in KEYS if os.environ.get(name)), None)
    if key is None and Path(KEYS_FILE).expanduser().exists():
        key = KEYS_FILE
    if key is None or uri == os.environ.get(VARIABLE):
        return None
    from likeness.http.sockets import is_loopback  # here: it loads httpcore

    if is_loopback(urlsplit(uri).hostname):
        return None
    shown = USER_INFO.sub("//***@", uri)
    return (
        f"{shown} is named by tracking.uri alone, and the key in {key} would be sent there\n"
        f"  remedy: if you trust that server with it: export {VARIABLE}={shown}; otherwise correct tracking.uri in "
        f"conf/tracking/mlflow.yaml, {SWITCH_OFF}"
    )


def cause_of(error: Exception, uri: str) -> Cause:
    """The cause of what MLflow's client raised."""
    whole = USER_INFO.sub("//***@", f"{type(error).__name__}: {error}")
    said, shown = whole.partition("\n")[0][:300], USER_INFO.sub("//***@", uri)
    code = getattr(error, "error_code", "")
    found = STATUS.search(whole)
    status = int(found.group(1)) if found else getattr(getattr(error, "response", None), "status_code", None)

    def cause(words: str, remedy: str, *, final: bool, answered: bool = True) -> Cause:
        return Cause(words=f"{words}\n  remedy: {remedy}", final=final, answered=answered)

    if isinstance(error, DiskError):
        return cause(error.message, error.remedy, final=True)
    if isinstance(error, DeletedExperiment):
        again = f"`mlflow experiments restore -x {error.number}`, or name another in tracking.experiment"
        return cause(str(error), again, final=True)
    if "out-of-date database schema" in whole:
        upgrade = f"back it up, then `mlflow db upgrade {shown}`; if that locates no revision, install the newer MLflow that wrote it"
        return cause(f"{shown} was written by another version of MLflow", upgrade, final=True)
    if "database is locked" in whole:  # asked again and again it takes seconds each time
        wait = "end the program that writes to it, or wait until it is done"
        return cause(f"{shown} is held by another program", wait, final=False, answered=False)
    if (file := database_path(uri)) is not None and file.is_dir():
        return cause(
            f"{shown}: a folder lies in the database's place", AWAY.replace("file", "folder"), final=True
        )
    if file is not None and "readonly database" in whole and not file.exists():
        return cause(
            f"{shown} was deleted or moved while the run wrote to it",
            "the next run makes a new one",
            final=True,
        )
    if isinstance(error, ModuleNotFoundError):
        return cause(
            f"{shown} needs the package {error.name}, which is not installed",
            f"pip install {error.name}",
            final=True,
        )
    if "must be in the 'active' state" in whole:
        back = "`mlflow runs restore --run-id ID` brings it back; what was measured is in the stage's own files, too"
        return cause(f"somebody deleted this run there: {said}", back, final=True)
    for sign, (words, helps, final) in DATABASE.items():
        if line := next(
            (one for one in whole.splitlines() if re.search(rf"(?:Error\b).*(?:{sign})", one)), ""
        ):
            return cause(f"{shown} {words}: {line[:300]}", helps, final=final)
    if code in CREDENTIALS or status in (401, 403):
        check = "check MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN"
        return cause(f"it refused our credentials: {said}", check, final=True)
    if status is not None and (status >= 500 or status in (408, 429)):
        return cause(f"{shown} answers with error {status}", "look at that server's log", final=False)
    if status == 413:
        limit = "raise the limit of the proxy before it; nothing else of the run is lost"
        return cause(f"it refused a request as too large: {said}", limit, final=True)
    # Not MLflow's own words: a page, or a message without one of its codes. A proxy answers so while its server restarts.
    if "Response body:" in whole or "INTERNAL_ERROR: Response: " in whole:
        answer = " ".join(re.split(r"Response(?: body)?: ", whole)[-1][:100].split())
        address = (
            f"check that MLFLOW_TRACKING_URI is the address of MLflow, without a page's path, {SWITCH_OFF}"
        )
        return cause(f"{shown} answers, and not as MLflow does: {answer}", address, final=False)
    if code in REFUSED or (status is not None and 400 <= status < 500):
        return Cause(words=f"it refused a request: {said}", final=True)
    why = next((words for sign, words in UNREACHED.items() if sign in whole), said)
    where = f"check MLFLOW_TRACKING_URI, {SWITCH_OFF}"
    return cause(f"{shown} was not reached: {why}", where, final=False, answered=False)


def tracking_uri(configured: str, root: Path) -> str:
    """MLFLOW_TRACKING_URI if set, else the configured one, as `full_address` has it."""
    return full_address(os.environ.get(VARIABLE) or configured, root)


def full_address(uri: str, root: Path) -> str:
    """An address of MLflow; a relative sqlite path is below `root`."""
    scheme, separator, path = uri.partition(":///")
    if scheme == "sqlite" and separator and not path.startswith("/"):
        # A link stays one: whoever makes the database sees where it leads.
        return database_uri(Path(os.path.abspath(root / unquote(path))))
    return uri


def database_uri(path: Path) -> str:
    """MLflow's address of a database file, whatever its folders are called."""
    return f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F')}"


def database_path(uri: str) -> Path | None:
    """The file of such an address; None for any other."""
    scheme, _, place = uri.partition(":///")
    return Path(unquote(place)) if scheme == "sqlite" and place else None
