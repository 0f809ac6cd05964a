"""The keys of everything that stands for money or hours, pinned: a renamed operation would buy and train all again.

Each key is made by the product's own function from inputs that are written down here. Who moves a module changes an
import; who moves a digest reads `MOVED` first.
"""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from likeness.caption.attributes import AttributesCaptioner
from likeness.caption.grok import GrokCaptioner
from likeness.caption.grok_batch import GrokBatchCaptioner
from likeness.caption.items import caption_key, override_key
from likeness.caption.openai import OpenAICaptioner
from likeness.caption.text import Override
from likeness.caption.vlm import VlmCaptioner
from likeness.comfy import ComfyConfig
from likeness.comfy.graph import Lora
from likeness.comfy.trial import _Trial
from likeness.config import Config
from likeness.dataset import DatasetConfig, KohyaConfig
from likeness.dataset.build import Planned as PlannedImage
from likeness.dataset.build import image_work
from likeness.dataset.select import Chosen
from likeness.diffusion.config import BaseModelConfig, ObjectiveConfig
from likeness.diffusion.families.sd import SDXL
from likeness.diffusion.generate import GenerationRequest
from likeness.digests import sha256_bytes
from likeness.enhance import EnhanceConfig
from likeness.enhance.items import enhance_key
from likeness.enhance.lanczos import LanczosEnhancer
from likeness.enhance.maxstudio import MaxStudioEnhancer
from likeness.enhance.superres import SuperresEnhancer
from likeness.evaluate import EvaluateConfig
from likeness.evaluate.draw import Renderer
from likeness.evaluate.face_embeddings import Finder, face_work
from likeness.evaluate.identity import FaceEmbedding
from likeness.evaluate.samples import Limits as SampleLimits
from likeness.evaluate.samples import Planned
from likeness.faces import Face, FaceAnalyzer
from likeness.http.rate_limit import Limits
from likeness.ingest.analyse import photo_key
from likeness.ingest.decode import Limits as ReadLimits
from likeness.ingest.models import local_instruments
from likeness.lora.config import AdapterConfig
from likeness.lora.export import LoraSlot
from likeness.marks.xmp import SourceType
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import Entry, FaceEntry
from likeness.resize import ResizeConfig
from likeness.resize.items import resize_key
from likeness.safety.pictures import PictureGate, models
from likeness.safety.rating import Rater
from likeness.store.s3_config import FROM_ENVIRONMENT
from likeness.swap.inputs import Photo, traits_key
from likeness.swap.items import keep_key, swap_key
from likeness.swap.local import LocalSwapper
from likeness.swap.maxstudio import MaxStudioSwapper
from likeness.swap.onnx import OnnxSwapper
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
from likeness.train.native.cache import latents_work, prompt_work
from likeness.train.native.data import TrainingExample
from likeness.train.native.loop import run_key
from likeness.train.samples import Sampler, prior_work

ROOT = Path(__file__).parents[1]
MOVED = """the key of {name!r} moved.
Whoever bought or made it before does not find it any more, and pays for it or waits for it once more.
 - Was a class, a module or a setting renamed, or a setting added that changes nothing as it is by default? Then leave
   operation, settings and inputs in the key as they were.
 - Do equal inputs give another result now? Then raise the operation's version, tell in CHANGELOG.md what is made again
   and what that costs, and pin the new digest here.
"""
# Operations whose items cost neither money nor hours, and why each need not be pinned.
FREE = {
    "evaluate.look": "what is measured of a drawn picture, in a fraction of a second",
    "enhance.own": "a crop with pixels enough, encoded in a moment",
    "gate.picture": "what the gates measure of a training image, in a fraction of a second",
    "plan.memory": "a prediction of some seconds, which `plan` remembers",
    "plan.pace": "how fast training went, which `plan` remembers",
    "publish.copy": "a marked and signed copy, made in a moment; a copy made again is sent again",
}

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
        lora_scale=0.9, checkpoints=True, side_px=None, jpeg_quality=92, yaw_edges_deg=(15,), max_failure_ratio=0.5,
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


def swap(provider) -> str:
    photos = photo("jade-s1", SOURCE), photo("t1", TARGET)
    return swap_key(*photos, identity=provider.identity(), max_explicit=0.5)


def enhance(provider) -> str:
    cfg = EnhanceConfig(provider={}, jpeg_quality=92, max_failure_ratio=0.1)
    return enhance_key(entry("jade-s1", PIXELS), provider, cfg, enlarged=True)


def caption(provider, target: str | None = None) -> str:
    return caption_key(entry("jade-s1", PIXELS, target=target), provider, trigger="jade", class_word="woman")


def onnx_swapper() -> OnnxSwapper:
    for name in ("swapper", "recogniser"):
        Path(f"{name}.onnx").write_bytes(name.encode())
    return OnnxSwapper(
        swapper=Path("swapper.onnx"), swapper_sha256=sha256_bytes(b"swapper"), recogniser=Path("recogniser.onnx"),
        recogniser_sha256=sha256_bytes(b"recogniser"), licence="made up", feather=0.1,
    )  # fmt: skip


def superres_enhancer() -> SuperresEnhancer:
    Path("network.pth").write_bytes(b"network")
    return SuperresEnhancer(
        weights="network.pth", sha256=sha256_bytes(b"network"), licence="made up", scale=2, tile_px=256, overlap_px=16,
        device="cpu", half_on_gpu=False,
    )  # fmt: skip


def vlm_captioner() -> VlmCaptioner:
    return VlmCaptioner(
        model="someone/model", revision="a" * 40, licence="made up", prompt="Describe.", max_new_tokens=60, side_px=512,
        device="cpu",
    )  # fmt: skip


def latents(cut_px: tuple[float, float, float, float] | None) -> str:
    sample = TrainingExample(
        path=Path("x.jpg"), text="jade", sha256=PIXELS, repeats=3, width=900, height=700, cut_px=cut_px
    )
    return latents_work(sample, (1152, 896), base()).key


def training_image() -> str:
    options = DatasetConfig(
        side_px=1024, jpeg_quality=95, repeats="balanced", allow_review=False, license="other", max_failure_ratio=0.1,
        kohya=KohyaConfig(resolution_px=1024, batch_size=4, bucket_reso_steps=64, shuffle_caption=False, keep_tokens=1),
    )  # fmt: skip
    image = entry("jade-s1", PIXELS)
    planned = PlannedImage(
        chosen=Chosen(image=image, caption=image),
        code=SourceType.COMPOSITE_CAPTURE,
        repeats=3,
        directory="train",
    )
    return image_work(
        lambda: planned, PersonaPaths("jade"), options, SimpleNamespace(), models(None), lambda *_: None
    ).key


def resize() -> str:
    cfg = ResizeConfig(side_px=1024, step_px=64, max_aspect=2, face_fraction_min=0.2, max_upscale=2, headroom=0.3,
                       max_failure_ratio=0.1)  # fmt: skip
    return resize_key(entry("jade-s1", PIXELS), cfg)


def ingest() -> str:
    limits = ReadLimits(max_file_mb=50, max_megapixels=100, max_side_px=4096, background_rgb=(255, 255, 255))
    return photo_key(RAW, limits, local_instruments())


def prior() -> str:
    shot = GenerationRequest(
        prompt="a woman", negative_prompt="", seed=7, steps=24, guidance_scale=4.0, side_px=1024
    )
    return prior_work(
        1, shot, base(), Rater(), PictureGate(), SampleLimits(review_explicit=0.2, max_explicit=0.5)
    ).key


# How each key is made; the first word is the operation, as it stands in the key.
KEYS: dict[str, Callable[[], str]] = {
    "maxstudio-swap": lambda: SWAPPER.purchase_key(SOURCE, TARGET, face()),
    "maxstudio-detect": lambda: SWAPPER.detect_key(TARGET),
    "maxstudio-enhance": lambda: ENHANCER.purchase_key(PIXELS),
    "grok-caption": lambda: GrokCaptioner(**GROK).purchase_key(PIXELS),
    "grok-caption in a batch": lambda: GrokBatchCaptioner(**GROK, poll_s=60, job_limit_s=90_000).purchase_key(
        PIXELS
    ),
    "openai-caption": lambda: OPENAI.purchase_key(PIXELS),
    "ingest": ingest,
    "swap-traits": lambda: traits_key(photo("jade-s1", SOURCE)),
    "swap by local": lambda: swap(LocalSwapper(outline_falloff=0.5, erode=0.05, feather=0.1)),
    "swap by onnx": lambda: swap(onnx_swapper()),
    "swap by maxstudio": lambda: swap(SWAPPER),
    "keep": lambda: keep_key(photo("jade-s1", SOURCE)),
    "resize": resize,
    "enhance by lanczos": lambda: enhance(LANCZOS),
    "enhance by superres": lambda: enhance(superres_enhancer()),
    "enhance by maxstudio": lambda: enhance(ENHANCER),
    "caption by attributes": lambda: caption(ATTRIBUTES),
    "caption by attributes of a swap": lambda: caption(ATTRIBUTES, target="t1"),
    "caption by vlm": lambda: caption(vlm_captioner()),
    "caption by grok": lambda: caption(GrokCaptioner(**GROK)),
    "caption by openai": lambda: caption(OPENAI),
    "caption-override": lambda: override_key(Override(b"a woman"), trigger="jade"),
    "dataset.image": training_image,
    "lora.latents": lambda: latents(None),
    "lora.latents of a cut": lambda: latents((10.0, 20.0, 600.0, 700.0)),
    "lora.prompt": lambda: prompt_work("jade woman, smiling", base()).key,
    "lora.train": lambda: run_key(base(), train_config(), "d" * 64),
    "train.prior": prior,
    "train.sample": lambda: studio().live(PLANNED, "r" * 64, 250).key,
    "train.sampler": lambda: sampler().digest,
    "evaluate.sample": lambda: (
        studio().work(PLANNED, Path("jade-v1.safetensors"), "w" * 64, LoraSlot(base())).key
    ),
    "evaluate.sample without": lambda: studio().work(PLANNED, None, "w" * 64, LoraSlot(base())).key,
    "comfy.sample": lambda: comfy_trial().work(PLANNED).key,
    "comfy.sample without": lambda: comfy_trial().work(replace(PLANNED, lora=False)).key,
    "metrics.face": lambda: face_work("x", PIXELS, Path("x.jpg"), Finder(analyzer=FaceAnalyzer())).key,
}

PINNED = {
    "maxstudio-swap": "b251bdb4521f945fb955268662ee818bf6ca6c94c816d3aaaa25e294733ebc9f",
    "maxstudio-detect": "aa828064545fe7dea655c8083f3ec1c82a13712433ed27170610322003c374fb",
    "maxstudio-enhance": "9289a19b49f85ce5e413846b8181f83c8130a65edb7e1a4e5012d282b8a93624",
    "grok-caption": "e92b8d946f6b0605a455bdb8d4e93943571621439158cc79070a00ef4965fed5",
    "grok-caption in a batch": "e92b8d946f6b0605a455bdb8d4e93943571621439158cc79070a00ef4965fed5",
    "openai-caption": "6f9513e9875cd133c52b29c28e209a50fe1946e31a738b38567626d8dbe0d78c",
    "ingest": "26b9e4ed7ec2444382ebe3022df98f91c837f366e4be95cc457c66c667b1acf9",
    "swap-traits": "73f533e8d332ab0cc746fc2a58e0e6ffd264a6ff98280865817ae42a009014b1",
    "swap by local": "de3cf7730a26f349706e7758f395da456006070848ba4347c8eb14382a07c8cf",
    "swap by onnx": "ac6c0ecbedeee8946916cc268ae6eae03bde563d1923a14d83bd6b3b135ecefa",
    "swap by maxstudio": "9024a406644240a8ceecffa3079cfa9bd0339aa751cd6d62d561c3fe435d53f2",
    "keep": "e5b5fafb1f6286d8f7a4498accd66b6f6594a3e54791c53cb68a30c7b385ae14",
    "resize": "027b9e006ebf9a26685950431ec7a3691ef942d1c064dfa36ef92e42bc93dce4",
    "enhance by lanczos": "17d4f8ecb6d52f0de9b92a91ffa31d36f85d87d3a71901288a237f97f22ca4c6",
    "enhance by superres": "3057f7bcdb3f8b9cdd7171f4cdc1838adfd8a037e9f16ba2b262619dc6a8cb35",
    "enhance by maxstudio": "9cf9f3b8d8ead8ee628d7552168428bb1dd6ef911833025493a4c80026744423",
    "caption by attributes": "5b6d87d8758481773f96deff7646e2b1e8a224a41daab0ed6e2a6b313f0e7753",
    "caption by attributes of a swap": "03b6d22f033b7ee79e64988aa6d378ccd08ad6c27222bb8e3595514f6deb221a",
    "caption by vlm": "eb7954f17147df00f513ea560d51a23c66f123f199897367891b340d073df464",
    "caption by grok": "cfcebf3d8fae7ddcba6df5b3ee514a25f75b4d2dbb559e059313553bffcee109",
    "caption by openai": "dd190712b58662c61e8f07b0bad1b2b2b4d106c077beb5b608dcc2798af45690",
    "caption-override": "8a696454c67611579f55718331ffdfc0d3bdc0e4590d99125af6a15dc9ce13a8",
    "dataset.image": "b4d3ad5e43539c662ff348eb2302233979f1f40558d02c794f3a84f81807ebb4",
    "lora.latents": "88bcf03a9ec285da9d29cc4916fcb26a9ff402b0903a3e0eee0d61218412803a",
    "lora.latents of a cut": "06a97e900a64debde061ae0a5d55dcd0299dc767e9f8dc9db0f49477c8c40ee4",
    "lora.prompt": "a3f8e6e1140d46c00b611f3b38190befda3807ee3bffc31bc6b777b15b9b2e98",
    "lora.train": "7cc9b2cc5a6ce8739c020b55c8ad4a6b89131958e18b209e591b5ae5ba856f1f",
    "train.prior": "862391fc09b236dd60924fee571bd1e6957c24796fa4899d4b0f753fa8666bac",
    "train.sample": "deef9da6310dba26cba953abe6fc61a34b4bfc497723b07c4f817526f484c12b",
    "train.sampler": "508be60dbb191d04ac44047b2df2b39867b7284fbddf37c669db62e65f91d9e5",
    "evaluate.sample": "c7fd3576c8c4c4b93219fdd76dc958e0784577d66a31a34be3e678c368441e35",
    "evaluate.sample without": "65178b5dc29d9e83dd06eac1843b534747bc3fb73406928a4d810f70bd3cb861",
    "comfy.sample": "dc1725f18bf9915e157ada3a171a597515012358192d1bc5123df9a02b4eac1f",
    "comfy.sample without": "2a870886c5f00de8f4c15675721ceaba68db8e45bd000b28b028b6db5f21e691",
    "metrics.face": "586e8e0fe9d69a7ce078951391bdc36dd80ef7c3b9656a78f24b9c610f91cb35",
}


@pytest.fixture(autouse=True)
def _one_machine(in_tmp, monkeypatch):
    """What keys hold of the machine."""
    monkeypatch.setattr(torch, "__version__", "2.9.0")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: SimpleNamespace(name=name))


@pytest.mark.parametrize("name", KEYS)
def test_what_was_paid_for_or_waited_for_is_found_again(name):
    assert KEYS[name]() == PINNED[name], MOVED.format(name=name)


def operations() -> set[str]:
    """The first argument of every call of `item_key` in the product."""
    found: set[str] = set()
    for path in [*(ROOT / "likeness").rglob("*.py"), *(ROOT / "stages").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "item_key":
                assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}: an operation is a word"
                found.add(node.args[0].value)
    return found


def test_every_operation_is_pinned():
    assert KEYS.keys() == PINNED.keys()
    assert {name.split()[0] for name in KEYS} | set(FREE) == operations()
