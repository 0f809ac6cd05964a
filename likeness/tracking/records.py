"""MLflow's records of finished runs and versions: registered, deleted and merged."""

import contextlib
import shutil
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from likeness.disk import leads_nowhere
from likeness.errors import ProviderError
from likeness.tracking.cause import (
    address_problem,
    cause_of,
    database_path,
    database_uri,
    full_address,
    tracking_uri,
)
from likeness.tracking.client import ARTIFACTS, experiment_id, log_metrics, make_database, quiet

COPY_OF = "likeness.copy_of"


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A version as MLflow's registry has it; `source` is None where its file is not on this machine."""

    number: int
    sha256: str
    source: Path | None
    tags: Mapping[str, str]
    words: str


def register(
    uri: str, experiment: str, root: Path, persona: str, versions: Sequence[Registered]
) -> str | None:
    """Register the versions that MLflow's registry lacks, in their order, so that its numbers are ours; what is the matter, or
    None."""
    name = registered_name(experiment, persona)
    try:
        with _client(tracking_uri(uri, root)) as client:
            if not client.search_registered_models(f"name = '{name}'"):
                client.create_registered_model(name, tags={"likeness.persona": persona})
            found = client.search_model_versions(f"name = '{name}'")
            there = {int(one.version): one.tags.get("sha256") for one in found}
            for one in versions:
                if one.number in there:
                    if there[one.number] != one.sha256:
                        return f"its {name} {one.number} has other bytes than ours"
                    continue
                source = (one.source or Path(f"{persona}-v{one.number}.safetensors")).resolve().as_uri()
                tags = {"sha256": one.sha256, **one.tags}
                made = client.create_model_version(name, source, tags=tags, description=one.words)
                if int(made.version) != one.number:
                    return f"it calls {persona}-v{one.number} version {made.version} of {name}: one was deleted there"
    except ProviderError as error:  # must not cost the version, which is made
        return error.message
    return None


def registered_name(experiment: str, persona: str) -> str:
    """What a persona's weights are called in MLflow's registry."""
    return f"{experiment}-{persona}"


@contextlib.contextmanager
def _client(address: str) -> Generator[Any]:
    """MLflow at an address.

    Raises:
        ProviderError: an address that is none, and whatever MLflow or its client raises: it is one place that did not answer,
            and the caller has others.
    """
    if wrong := address_problem(address):
        raise ProviderError(wrong, reason="mlflow")
    quiet()
    try:
        from mlflow import MlflowClient

        make_database(address)
        yield MlflowClient(tracking_uri=address, registry_uri=address)
    except Exception as error:
        raise ProviderError(cause_of(error, address).words, reason="mlflow") from error


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """The names of the runs and models that went, and how many runs of that persona lie in experiments that may be others'."""

    names: list[str]
    elsewhere: int = 0


def delete_runs(uri: str, experiment: str, root: Path, persona: str, *, dry_run: bool) -> Deleted:
    """Delete a persona's runs at an address, with all that was logged to them: of whatever experiment, in a database of this
    repository; elsewhere those of the `experiment`. A local database loses them for good, a server keeps them as deleted until its
    `mlflow gc`.

    Raises:
        ProviderError: MLflow does not do it; what it has done stays done.
    """
    address = full_address(uri, root)
    database = database_path(address)
    # A link to nothing is another matter: the database lies on a disk that is not mounted, and keeps her runs.
    if database is not None and not database.is_file() and not leads_nowhere(database):
        return Deleted(names=[])
    ours = database is not None and database.resolve().is_relative_to(root.resolve())
    names: list[str] = []
    with _client(address) as client:
        from mlflow.entities import ViewType

        mine, model = f"tags.`likeness.persona` = '{persona}'", registered_name(experiment, persona)
        for one in client.search_registered_models(mine):
            if ours or one.name == model:
                names.append(f"registered model {one.name}")
                if not dry_run:
                    client.delete_registered_model(one.name)
        known = {one.experiment_id: one.name for one in client.search_experiments(view_type=ViewType.ALL)}
        view = ViewType.ALL if database else ViewType.ACTIVE_ONLY
        found = client.search_runs([*known], mine, run_view_type=view, max_results=50_000)
        own = [run for run in found if ours or known[run.info.experiment_id] == experiment]
        for run in own:
            names.append(f"{run.info.run_name} {run.info.run_id}")
            if dry_run:
                continue
            shutil.rmtree(_artifacts(run.info, root), ignore_errors=True)
            if run.info.lifecycle_stage == "active":
                client.delete_run(run.info.run_id)
            if database:
                client._tracking_client.store._hard_delete_run(run.info.run_id)
    return Deleted(names=names, elsewhere=len(found) - len(own))


def merge_runs(database: Path, uri: str, experiment: str, root: Path) -> int:
    """Copy the runs of another machine's database: parameters, tags and every measured value, no files. Returns how many
    were new; a run that was copied before is not copied again.

    Raises:
        ProviderError: MLflow does not take them; what it has stays.
    """
    target, new = tracking_uri(uri, root), 0
    with _client(target) as client:
        from mlflow import MlflowClient
        from mlflow.entities import Param, RunTag

        source: Any = MlflowClient(tracking_uri=database_uri(database.resolve()))
        if (theirs := source.get_experiment_by_name(experiment)) is None:
            return 0
        number = experiment_id(client, experiment, target, root)
        for run in source.search_runs([theirs.experiment_id], max_results=50_000):
            if client.search_runs([number], f"tags.`{COPY_OF}` = '{run.info.run_id}'", max_results=1):
                continue
            info, data = run.info, run.data
            copy = client.create_run(number, start_time=info.start_time, run_name=info.run_name).info.run_id
            metrics = [one for name in data.metrics for one in source.get_metric_history(info.run_id, name)]
            params = [Param(key, value) for key, value in data.params.items()]
            tags = [RunTag(key, value) for key, value in data.tags.items()]
            client.log_batch(copy, params=params, tags=tags)
            log_metrics(client, copy, metrics)
            client.set_terminated(copy, info.status, end_time=info.end_time)
            client.set_tag(copy, COPY_OF, info.run_id)  # last: what was copied in part is copied anew
            new += 1
    return new


def _artifacts(run: Any, root: Path) -> Path:
    """The folder of a run's files: in this repository where they lie here, whatever place the database names. It names the
    place where the run was made, and this may be a copy of that repository, or it was moved."""
    here = root / ARTIFACTS / str(run.run_id)
    named = urlsplit(str(run.artifact_uri))
    elsewhere = Path(unquote(named.path)).parent if named.scheme in ("", "file") else here
    return here if here.exists() or elsewhere.parent.name == ARTIFACTS else elsewhere
