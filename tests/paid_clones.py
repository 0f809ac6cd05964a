"""Clones whose providers are the fake servers', and what these have sold."""

from collections import Counter
from pathlib import Path

from fakes.s3 import S3Server
from fakes.server import FakeServers
from tools.repository_clone import RepositoryClone, clone_repository

PLANTED = {"MAXSTUDIO_API_KEY": "planted-maxstudio-key-7Qx", "XAI_API_KEY": "planted-xai-key-9Lm"}
# The fake lays the face over the target's: what the gates take for a swap, and no minutes of drawing.
ECHO = {
    "swap": "paste",
    "swap_s": 0.3,
    "enhance_s": 0.3,
    "keys": {"maxstudio": PLANTED["MAXSTUDIO_API_KEY"], "xai": PLANTED["XAI_API_KEY"]},
}
# 5 of her photographs in front of the camera x 5 targets, and her own 6: about the mission's 32 images.
SOURCES = tuple(f"jade_0{n}.{'png' if n == 8 else 'jpg'}" for n in range(1, 9))
TARGETS = ("01_hana.jpg", "02_clara.jpg", "04_adaeze.jpg", "06_ingrid.jpg", "08_greta.jpg")
ALL_PAIRS = (
    "swap.pairs=all", "swap.limits.max_yaw_difference_deg=180", "swap.limits.max_pitch_difference_deg=180",
    "swap.limits.max_mouth_difference=9", "swap.limits.max_bridge_line=9", "swap.max_failure_ratio=1",
    "resize.side_px=448", "dataset.side_px=896", "budget.max_usd=100",
)  # fmt: skip


def outfit(
    clone: RepositoryClone, services: FakeServers, s3: S3Server, name: str, *overrides: str
) -> RepositoryClone:
    """Point a clone at the fake servers and at a bucket."""
    clone.env |= {**s3.environment(), **services.environment(), "OMP_NUM_THREADS": "1"}
    clone.params(
        "+experiment=fakes", *ALL_PAIRS, f"swap.provider.base_url={services.maxstudio_url}",
        f"swap.provider.inputs_url=s3://{name}/inputs", f"enhance.provider.base_url={services.maxstudio_url}",
        f"caption.provider.base_url={services.xai_url}",
        *(f"{stage}.provider.limits.in_flight=4" for stage in ("swap", "enhance", "caption")), *overrides,
    )  # fmt: skip
    return clone


def new_clone(folder: Path, *, small: bool = False) -> RepositoryClone:
    folder.mkdir()
    return clone_repository(folder) if small else clone_repository(folder, SOURCES, TARGETS)


def bills(services: FakeServers) -> Counter[str]:
    return Counter(purchase.what for purchase in services.purchases())
