"""How each golden key is made, by the product's own functions; the first word of a name is the operation, as it stands in the key."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from golden_settings import (
    ATTRIBUTES,
    ENHANCER,
    GROK,
    LANCZOS,
    OPENAI,
    PIXELS,
    PLANNED,
    RAW,
    SOURCE,
    SWAPPER,
    TARGET,
    base,
    comfy_trial,
    entry,
    face,
    photo,
    sampler,
    studio,
    train_config,
)

from likeness.caption.grok import GrokCaptioner
from likeness.caption.grok_batch import GrokBatchCaptioner
from likeness.caption.items import caption_key, override_key
from likeness.caption.text import Override
from likeness.caption.vlm import VlmCaptioner
from likeness.dataset import DatasetConfig, KohyaConfig
from likeness.dataset.build import Planned as PlannedImage
from likeness.dataset.build import image_work
from likeness.dataset.select import Chosen
from likeness.diffusion.generate import GenerationRequest
from likeness.digests import sha256_bytes
from likeness.enhance import EnhanceConfig
from likeness.enhance.items import enhance_key
from likeness.enhance.superres import SuperresEnhancer
from likeness.evaluate.face_embeddings import Finder, face_work
from likeness.evaluate.samples import Limits as SampleLimits
from likeness.faces import FaceAnalyzer
from likeness.ingest.analyse import photo_key
from likeness.ingest.decode import Limits as ReadLimits
from likeness.ingest.models import local_instruments
from likeness.lora.load import LoraSlot
from likeness.marks.xmp import SourceType
from likeness.resize import ResizeConfig
from likeness.resize.items import resize_key
from likeness.safety.pictures import PictureGate, models
from likeness.safety.rating import Rater
from likeness.swap.inputs import traits_key
from likeness.swap.items import keep_key, swap_key
from likeness.swap.local import LocalSwapper
from likeness.swap.onnx import OnnxSwapper
from likeness.train.native.cache import latents_work, prompt_work
from likeness.train.native.data import TrainingExample
from likeness.train.native.loop import run_key
from likeness.train.samples import prior_work


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
    run = SimpleNamespace(config=SimpleNamespace(dataset=options))
    return image_work(run, lambda: planned, SimpleNamespace(), models(None), lambda *_: None).key


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
