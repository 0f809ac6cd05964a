"""What can be set at start and at run time (`POST /control/settings`)."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal

SERVICES = {
    "maxstudio": "MAXSTUDIO_API_KEY",
    "xai": "XAI_API_KEY",
    "openai": "OPENAI_API_KEY",
    "runpod": "RUNPOD_API_KEY",
}
"""Service and the variable its key comes from."""


@dataclass
class Settings:
    """Times are seconds; a service missing in `keys` takes any key."""

    keys: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    # local: LocalSwapper on the faces FaceAnalyzer finds; paste: the source's face laid over the target's, in a moment; echo:
    # the target with a tint of the source's colour.
    swap: Literal["local", "paste", "echo"] = "local"
    # real: FaceAnalyzer; middle: one box in the middle, for runs of thousands of targets.
    detect: Literal["real", "middle"] = "real"
    # The vendor's documentation says `faces`, its server `detectedFaces`.
    detect_answers: Literal["detectedFaces", "faces"] = "detectedFaces"
    swap_s: float = 0.0
    enhance_s: float = 0.0
    batch_s: float = 0.0
    swap_format: Literal["png", "jpeg"] = "png"
    enhance_format: Literal["png", "jpeg"] = "jpeg"
    jpeg_quality: int = 95
    results_expire_s: float = 600.0
    # How a result that is gone is answered for, and a job nobody knows.
    expired_status: int = 404
    unknown_job_status: int = 200
    rating: str = "sfw"
    # Empty: any model is served.
    openai_models: list[str] = field(default_factory=list)
    # ComfyUI: its folder models/loras (empty: it has jade-v1.safetensors), a folder whose pictures it shows in turn of the seed
    # where a LoRA loads (empty: colours), whether a LoRA's keys load (it answers `success`
    # either way), whether it shows its log, what becomes of the websocket, how many prompts may wait, how often it restarts
    # while it draws, and what it answers.
    comfy_loras: str = ""
    comfy_pictures: str = ""
    comfy_lora_loads: bool = True
    comfy_shows_log: bool = True
    comfy_ws: Literal["fine", "lost"] = "fine"
    comfy_queue_limit: int = 100
    comfy_restarts: int = 0
    comfy_draw_s: float = 0.0
    comfy_missing_nodes: list[str] = field(default_factory=list)
    comfy_answers: Literal["pictures", "bomb", "odd_name", "huge_json", "node_fails"] = "pictures"
    # RunPod: its machines (id, name, status, cost), how many a page lists, the bills and by which buckets they can be asked for,
    # cards without stock, and whether it says yes to an end and does nothing.
    runpod_pods: list[dict[str, Any]] = field(default_factory=list)
    runpod_page: int = 100
    runpod_bills: list[dict[str, Any]] = field(default_factory=list)
    runpod_buckets: list[str] = field(default_factory=lambda: ["hour", "day", "week", "month", "year"])
    runpod_no_stock: list[str] = field(default_factory=list)
    runpod_does_nothing: bool = False
    # Processes that swap and detect.
    workers: int = 1

    def update(self, changes: dict[str, Any]) -> None:
        """Set some.

        Raises:
            ValueError: there is no such setting, or it is of another type.
        """
        known = {entry.name for entry in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no setting {name!r}; there are {', '.join(sorted(known))}")
            now = getattr(self, name)
            if not isinstance(value, int | float if isinstance(now, float) else type(now)):
                raise ValueError(f"{name} is {type(now).__name__}, not {value!r}")
            setattr(self, name, value)
