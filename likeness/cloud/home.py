"""A job's results beside DVC's push: the experiment's commit, and the measured speed of the card."""

from collections.abc import Sequence

from likeness.cloud import Machine
from likeness.cloud.parcel import Rented
from likeness.cloud.records import RUNS, JobRecords, pace_file
from likeness.config import Config
from likeness.digests import sha256_file
from likeness.errors import ProviderError
from likeness.git import COPY_WITHIN_S, git, require_git
from likeness.paths import RepositoryPaths
from likeness.store.s3 import Remote
from likeness.train.pace import pace_name, parse_pace


def bring_home(records: JobRecords, name: str, repository: RepositoryPaths) -> None:
    """Put the experiment's commit into the store, as a bundle that a clone of the same revision can fetch; and what MLflow
    wrote into a database here, which ends with the machine."""
    root, runs = repository.root, repository.root / RUNS
    if runs.is_file():
        records.remote.upload(records.runs, runs, sha256_file(runs))
    listed = require_git("for-each-ref", "--format=%(refname)", "refs/exps/", root=root).split()
    refs = [ref for ref in listed if ref.rpartition("/")[2] == name]
    bundle = root / ".cache" / f"{name}.bundle"
    bundle.parent.mkdir(exist_ok=True)
    words = ("bundle", "create", "--quiet", str(bundle), *refs, "^HEAD")
    if not refs or git(*words, root=root, within_s=COPY_WITHIN_S) is None:
        raise ProviderError(
            f"git could not pack the experiment {name}",
            reason="no-bundle",
            remedy="the files are in the DVC remote: `dvc pull` after the same `dvc exp run` here",
        )
    records.sign_results(bundle.read_bytes(), runs.read_bytes() if runs.is_file() else None)
    records.remote.upload(records.results, bundle, sha256_file(bundle))


def share_paces(remote: Remote, cfg: Config, repository: RepositoryPaths, machines: Sequence[Rented]) -> None:
    """Tell how fast training went on this card, so that the next launch knows its hours."""
    name = pace_name(cfg, "cuda")
    path = repository.history / "pace" / name
    if not path.is_file():
        return
    device = parse_pace(path.read_bytes()).device
    for one in machines:
        if one.gpu is not None and Machine(infra=one.infra, gpu=one.gpu).is_card(device):
            remote.write(pace_file(one.gpu, name), path.read_bytes())
