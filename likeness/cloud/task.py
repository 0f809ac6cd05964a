"""The task that SkyPilot gets: written by this module only, never with a secret in it.

https://docs.skypilot.co/en/latest/reference/yaml-spec.html, read in version 0.14.1's schema.
"""

import math
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from likeness.cloud import CloudConfig, Machine
from likeness.cloud.dead_man import working_s
from likeness.secret_values import refuse_secrets

# The only secret that the engine gets: it opens PARCEL's file of secrets, and nothing else.
UNSEAL = "LIKENESS_UNSEAL"
JOB_KEY = "LIKENESS_JOB_KEY"
STORE_SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
STORE_SETTINGS = (
    "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
)  # fmt: skip
# SkyPilot shortens a longer name by a hash (JOBS_CLUSTER_NAME_PREFIX_LENGTH), and whose machine it is would be known no more.
MAX_NAME = 25
REVISION, PARCEL, CONSTRAINTS, BEGAN = "revision.git", "parcel.json", "constraints.txt", "began"

# Where nothing is installed yet: the versions of the machine that launches.
INSTALL = f"""\
command -v uv >/dev/null || python3 -m pip install --user --quiet uv
export PATH="$HOME/.local/bin:$PATH" PIP_CONSTRAINT="$PWD/{CONSTRAINTS}"
test -x likeness/.venv/bin/python || uv venv --quiet --seed --python 3.12 likeness/.venv
make --directory likeness install"""


def store_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What the machine has to know of the bucket, which is written down in plain words.

    Raises:
        ConfigError: `secret`: one of them has a key in it.
    """
    found = {name: environment[name] for name in STORE_SETTINGS if name in environment}
    refuse_secrets(found, where="the environment")
    return found


def job_name(persona: str) -> str:
    """A name that no other job has, for a job and for its machines."""
    ends = uuid.uuid4().hex[:8]
    return f"{f'likeness-{persona}'.replace('_', '-')[: MAX_NAME - len(ends) - 1].rstrip('-')}-{ends}"


def task(
    job: str,
    cloud: CloudConfig,
    machines: Sequence[Machine],
    parcel: Path,
    *,
    settings: Mapping[str, str],
) -> dict[str, Any]:
    """The managed job: `parcel` goes up as its work folder, with the secrets sealed in it; what opens them is named without its value.

    A machine that is lost is replaced; one whose job failed is not, since the same would fail again, and be paid again.
    """
    python = cloud.python or "likeness/.venv/bin/python"
    return {
        "name": job,
        "workdir": str(parcel),
        "resources": {
            "any_of": [_resources(one, cloud) for one in machines],
            "job_recovery": {"strategy": "EAGER_NEXT_REGION", "max_restarts_on_errors": 0},
        },
        "envs": dict(settings),
        "secrets": {UNSEAL: None},
        "setup": setup(install=cloud.python is None, within_s=working_s(cloud.max_hours * 3600)),
        "run": f"cd -P likeness\nexec {_absolute(python)} -m likeness.cloud.job ../{PARCEL}\n",
    }


def setup(*, install: bool, within_s: float) -> str:
    """Check the revision out and install it; no program of it gets a secret.

    A cluster's nodes share one home, and one that is taken for lost may still work there: each machine has a folder of its own.
    The job's own timer begins after it: an installation that hangs ends at the cap by this one.
    """
    steps = f"git clone --quiet {REVISION} likeness\n{INSTALL if install else ''}"
    return (
        f"set -e\nunset {UNSEAL}\ndate +%s > {BEGAN}\n"
        f'work="$(mktemp -d likeness.XXXXXX)" && ln -sfn "$work" likeness\n'
        f"timeout --kill-after=60 {math.ceil(within_s)} bash -e -c \"$(cat <<'STEPS'\n{steps}\nSTEPS\n)\"\n"
    )


def _absolute(python: str) -> str:
    return python if python.startswith("/") else f'"$PWD/../{python}"'


def _resources(machine: Machine, cloud: CloudConfig) -> dict[str, Any]:
    found: dict[str, Any] = {"infra": machine.infra}
    if machine.gpu is not None:
        found["accelerators"] = f"{machine.gpu}:1"
    if machine.own:
        return found
    return {
        **found,
        **({"use_spot": True} if machine.spot else {}),
        "disk_size": cloud.disk_gb,
        "max_hourly_cost": cloud.max_usd_per_hour,
    }
