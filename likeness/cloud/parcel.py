"""What goes up by SkyPilot: one folder with the revision (one commit, no history), who is trusted, the versions, and what
the job is to do. Photographs and images go by the DVC remote; secrets are sealed.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import distributions
from pathlib import Path

from likeness.cloud.task import CONSTRAINTS, PARCEL, REVISION
from likeness.disk import write_atomic, write_private
from likeness.errors import ConfigError
from likeness.git import COPY_WITHIN_S, git
from likeness.key_files import base64_text, new_private_key, public_text, settings_folder
from likeness.paths import PARAMS
from likeness.safety.consent.revocations import LIST, state_folder
from likeness.safety.consent.signing import ALLOWED
from likeness.team_keys import MEMBERS, TeamKeys

HOME, SEALED = "home", "sealed"
BUILD_TOOLS = {"likeness", "pip", "setuptools", "wheel", "uv"}


@dataclass(frozen=True, kw_only=True)
class Rented:
    """A machine that it may be: enough to know its price from inside."""

    infra: str
    gpu: str | None
    spot: bool
    own: bool
    usd: float


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """What the machine is to do, and how long it may."""

    job: str
    persona: str
    experiment: str
    pull: Sequence[str]
    store: str
    max_s: float
    silence_s: float
    lease_s: float
    probe_steps: int
    machines: Sequence[Rented]

    @staticmethod
    def read(path: Path) -> "Parcel":
        """The parcel of a file."""
        values = json.loads(path.read_bytes())
        values["machines"] = [Rented(**one) for one in values["machines"]]
        return Parcel(**values)


def job_key(job: str) -> tuple[str, str]:
    """Both halves of a key for this job's machines, which counts here from now on: checkpoints of one machine are read by the next."""
    with tempfile.TemporaryDirectory() as folder:
        key = new_private_key(Path(folder) / "key")
    TeamKeys("launch").allow(public_text(key), f"machines of {job}")
    return base64_text(key.private_bytes_raw()), public_text(key)


def seal(values: Mapping[str, str]) -> tuple[bytes, str]:
    """Secrets for the folder, and what alone opens them: made anew for each job, and never in one place with them on the way."""
    from cryptography.fernet import Fernet

    key = Fernet.generate_key()
    return Fernet(key).encrypt(json.dumps(dict(values)).encode()), key.decode()


def unseal(path: Path, key: str) -> dict[str, str]:
    """The secrets of a file, which goes with it.

    Raises:
        ConfigError: it is not there, or another one.
    """
    from cryptography.fernet import Fernet, InvalidToken

    try:
        values = json.loads(Fernet(key).decrypt(path.read_bytes()))
    except (OSError, ValueError, InvalidToken):
        raise ConfigError(
            f"{path.name}: the job's keys cannot be opened", reason="no-key", remedy="launch it again"
        ) from None
    path.unlink()
    return values


def write_parcel(folder: Path, repository: Path, parcel: Parcel, params: str, sealed: bytes) -> None:
    """Write the folder anew; `params` is what the machine is to have for params.yaml.

    Raises:
        ConfigError: git cannot copy the revision.
    """
    if folder.exists():
        shutil.rmtree(folder)
    (folder / HOME).mkdir(parents=True)
    source, target = repository.absolute().as_uri(), str(folder / REVISION)
    if git("clone", "--quiet", "--bare", "--depth", "1", source, target, within_s=COPY_WITHIN_S) is None:
        raise ConfigError(
            f"git could not copy the revision of {repository}",
            reason="no-revision",
            remedy="`git fsck` says whether the repository is whole",
        )
    signers = settings_folder() / ALLOWED
    if signers.is_file():
        shutil.copyfile(signers, folder / HOME / ALLOWED)
    team = "".join(f"{key} {name}\n" for key, name in TeamKeys("launch").members.items())
    write_atomic(folder / HOME / MEMBERS, team.encode())
    revoked = state_folder(repository) / LIST
    if revoked.is_file():
        shutil.copyfile(revoked, folder / HOME / LIST)
    write_atomic(folder / CONSTRAINTS, "".join(f"{one}\n" for one in versions()).encode())
    write_atomic(folder / PARAMS.name, params.encode())
    write_private(folder / SEALED, sealed)
    write_atomic(folder / PARCEL, json.dumps(asdict(parcel), indent=2).encode())


def versions() -> list[str]:
    """`name==version` of everything that is installed here; the builds (`+cpu`) are each machine's own."""
    found = {one.metadata["Name"].lower(): one.version.partition("+")[0] for one in distributions()}
    return sorted(f"{name}=={version}" for name, version in found.items() if name not in BUILD_TOOLS)
