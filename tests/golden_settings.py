"""Settings, a base, providers and inputs that the golden keys are made of, written down here."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from likeness.caption.attributes import AttributesCaptioner
from likeness.caption.openai import OpenAICaptioner
from likeness.comfy import ComfyConfig
from likeness.comfy.graph import Lora
from likeness.comfy.trial import _Trial
from likeness.config import Config
from likeness.diffusion.config import BaseModelConfig, ObjectiveConfig
from likeness.diffusion.families.sd import SDXL
from likeness.digests import sha256_bytes
from likeness.enhance.lanczos import LanczosEnhancer
from likeness.enhance.maxstudio import MaxStudioEnhancer
from likeness.evaluate import EvaluateConfig
from likeness.evaluate.draw import Renderer
from likeness.evaluate.identity import FaceEmbedding
from likeness.evaluate.samples import Planned
from likeness.faces import Face
from likeness.http.rate_limit import Limits
from likeness.lora.config import AdapterConfig
from likeness.pipeline.manifest import Entry, FaceEntry
from likeness.safety.rating import Rater
from likeness.store.s3_config import FROM_ENVIRONMENT
from likeness.swap.inputs import Photo
from likeness.swap.maxstudio import MaxStudioSwapper
from likeness.train.config import (
    CheckpointConfig,
    DataConfig,
    KohyaTrainerConfig,
    OptimizerConfig,
    ScheduleConfig,
    SelectionConfig,
    SystemConfig,
    TrainConfig,
)
from likeness.train.samples import Sampler

SOURCE, TARGET, RAW, FACE, PIXELS = (
    sha256_bytes(word) for word in (b"source", b"target", b"raw", b"face", b"pixels")
)
LIMITS = Limits(
    in_flight=4, requests_per_minute=60, tokens_per_minute=None, connect_s=5, write_s=30, read_s=60, attempts=4,
    backoff_s=1, backoff_max_s=30, max_response_mb=40,
)  # fmt: skip


def entry(name: str, sha256: str, **changes) -> Entry:
    face = FaceEntry(box_px=(10.5, 20.25, 300.0, 400.0), score=0.9, yaw_deg=1.0, pitch_deg=2.0, sharpness=3.0,
                     age_years=30.0)  # fmt: skip
    values = {
        "id": name, "file": f"{name}.png", "sha256": sha256, "width": 1024, "height": 768, "source": "s1", "target": None,
        "rating": "sfw", "faces": (face,), "provider": "none", "cost_usd": 0.0, "parents": (),
    }  # fmt: skip
    return Entry(**values | changes)


def face() -> Face:
    zeros = np.zeros(128, np.float32)
    return Face(
        box_px=(10.4, 20.6, 300.0, 400.0), score=0.9, points5=zeros[:10].reshape(5, 2), landmarks=np.zeros((468, 3)),
        embedding=zeros, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0, sharpness=1.0, mouth_open=0.0, eyes_open=0.3,
    )  # fmt: skip


def photo(name: str, sha256: str) -> Photo:
    return Photo(entry=entry(name, sha256), path=Path(f"{name}.png"), face=face(), face_sha256=FACE)


def base() -> SDXL:
    return SDXL(
        name="a base", digest="b" * 64, pipeline=None, device=torch.device("cpu"),
        dtype=torch.float32, quantized="nf4",
    )  # fmt: skip


def train_config() -> TrainConfig:
    return TrainConfig(
        seed=42, license="other", drawing=None, start_from=None, trainer="native",
        kohya=KohyaTrainerConfig(checkout=None, python=None),
        data=DataConfig(
            side_px=1024, bucket_step_px=64, face_fraction=None, face_weight=1.0, outside_weight=1.0, prior_images=0,
            prior_weight=1.0, caption_shuffles=0, keep_tokens=1, caption_dropout=0.0, batch_size=4,
        ),
        lora=AdapterConfig(
            kind="lora", rank=16, alpha=8, rank_stabilized=False, targets=("to_q", "to_k"), blocks=("mid_block",),
            dropout=0.0,
        ),
        optimizer=OptimizerConfig(
            target="torch.optim.AdamW", options={"fused": True},
            lr=1e-4, text_encoder_lr=None, betas=(0.9, 0.999), weight_decay=0.01, grad_clip_norm=1.0,
            lora_plus_ratio=1.0, ema=None,
        ),
        objective=ObjectiveConfig(
            weighting="min_snr", min_snr_gamma=5.0, timesteps="uniform", timestep_shift=None, noise_offset=0.0,
            huber_c=None, preservation_weight=0.0, preservation_images=1,
        ),
        schedule=ScheduleConfig(
            steps=1500, epochs=None, lr_schedule="cosine", lr_cycles=1, warmup_steps=75, gradient_accumulation=1
        ),
        selection=SelectionConfig(
            probe_draws=8, validation_share=0.0, validate_every_steps=100, sample_every_steps=None, keep_best=None,
            patience=None, divergence_factor=5.0,
        ),
        checkpoint=CheckpointConfig(
            every_steps=100, kept=2, share=False, weights_every_steps=250, weights_dtype="float16"
        ),
        system=SystemConfig(
            device="auto", processes=1, gradient_checkpointing="auto", compile=False, log_every_steps=25,
            usd_per_hour=None,
        ),
    )  # fmt: skip


def studio() -> Renderer:
    evaluate = EvaluateConfig(
        prompts=("{trigger} {class_word}",), negative_prompt="blurred", seeds=(1, 2), steps=24, guidance_scale=4.0,
        lora_scale=0.9, strengths=(), checkpoints=True, side_px=None, jpeg_quality=92, yaw_edges_deg=(15,), max_failure_ratio=0.5,
        cell_px=256, checkpoint_seeds=1, face_edges_px=(), false_accept_rate=0.01, arms=("base", "lora"), ip_adapter=None,
    )  # fmt: skip
    ingest = SimpleNamespace(review_explicit=0.2, max_explicit=0.5)
    cfg = Config.model_construct(evaluate=evaluate, ingest=ingest, train=train_config())
    return Renderer(cfg=cfg, base=base(), rater=Rater())


def sampler() -> Sampler:
    return Sampler(
        renderer=studio(), persona="jade", every_steps=100, planned=[PLANNED], named=["jade woman"], held_out=[],
        references=[FaceEmbedding(id="jade-s9", embedding=np.array([0.5, 0.25], np.float32), yaw_deg=3.0)],
        find=lambda rgb: [], items=None,
    )  # fmt: skip


def comfy_trial() -> _Trial:
    base = BaseModelConfig(
        architecture="sdxl", source="sd_xl_base_1.0.safetensors", revision=None, variant=None, config=None, seed=None,
        cpu_threads=None, quantize=None, prediction=None, name="a base",
    )  # fmt: skip
    comfy = ComfyConfig(
        base_url="http://127.0.0.1:8188", api_key_env=None, lora_folder=None, checkpoint=None, sampler="euler",
        scheduler="simple", max_agreement_loss_db=10, poll_s=1, job_limit_s=600, max_failure_ratio=0.5, limits=LIMITS,
    )  # fmt: skip
    return _Trial(
        cfg=studio().cfg.model_copy(update={"base": base, "comfy": comfy}), server=None, rate=lambda rgb: 0.0, ages=None,
        digest="w" * 64, lora=Lora(name="jade-v1.safetensors", strength=0.9), keys=frozenset(), known=frozenset(),
        version="0.3.75",
    )  # fmt: skip


PLANNED = Planned(id="jade-p1-seed1-with", prompt="jade woman", seed=1, lora=True)
SWAPPER = MaxStudioSwapper(
    base_url="https://api.maxstudio.ai", api_key_env="MAXSTUDIO_API_KEY", inputs_url="s3://bucket/inputs", inputs_expire_s=3600,
    s3=FROM_ENVIRONMENT, poll_s=2, job_limit_s=600, max_result_mb=30, seconds=20, limits=LIMITS,
)  # fmt: skip
ENHANCER = MaxStudioEnhancer(
    base_url="https://api.maxstudio.ai", api_key_env="MAXSTUDIO_API_KEY", poll_s=2, job_limit_s=600, seconds=20, limits=LIMITS
)  # fmt: skip
GROK = {
    "base_url": "https://api.x.ai/v1", "api_key_env": "XAI_API_KEY", "model": "grok-4", "prompt": "Describe.", "detail": "high",
    "side_px": 1024, "max_input_tokens": 3000, "max_output_tokens": 400, "seconds": 6, "limits": LIMITS,
}  # fmt: skip
OPENAI = OpenAICaptioner(
    base_url="https://api.openai.com/v1", api_key_env="OPENAI_API_KEY", model="gpt-5", priced_as="gpt-5", prompt="Describe.",
    side_px=1024, max_input_tokens=3000, max_output_tokens=400, temperature=0.0, seconds=6, limits=LIMITS,
)  # fmt: skip
LANCZOS = LanczosEnhancer(scale=2, unsharp_radius_px=1.5, unsharp_percent=60, unsharp_threshold=2)
ATTRIBUTES = AttributesCaptioner(describe_always=("framing", "pose"), describe_swapped=("hair",))
