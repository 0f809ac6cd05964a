"""models/PERSONA/README.md: a model card in Hugging Face's form.

Source: huggingface.co/docs/hub/model-cards and the front matter of diffusers' LoRA scripts, read 2026-11.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from likeness.diffusion.config import TINY, TINY_RANDOM, ZERO_SNR
from likeness.diffusion.families import bases
from likeness.errors import ConfigError
from likeness.formatting import card, hub_licence
from likeness.report.collect import Collected
from likeness.report.metrics import figures
from likeness.report.words import GROUP_WORDS
from likeness.run import Run

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData


HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")


def model_card(run: Run, got: Collected) -> str:
    """The card's Markdown, front matter first."""
    source, family = run.config.base.source, bases()[run.config.base.architecture]
    hub_id, images = _hub_id(run), got.steps["lora_training"].entries
    return card(
        _front_matter(run, got, hub_id, family.HUB_TAG),
        "likeness.report",
        "card.md.j2",
        run=run,
        got=got,
        family=family,
        hub_id=hub_id,
        config=_config(run) if source.endswith(".safetensors") else None,
        scheduler=_scheduler(run, got),
        ships=source in (TINY, TINY_RANDOM),
        # Of such a file diffusers' pipelines would drop a part; the network alone takes the converted one whole.
        converted=got.training.metadata.get("ss_network_module") == "lycoris.kohya",
        images=len(images),
        own=sum(entry.target is None for entry in images),
        training=figures(got, "training"),
        group_words=GROUP_WORDS,
        effects=figures(got, "samples") + figures(got, "likeness"),
    )


def _hub_id(run: Run) -> str | None:
    """owner/name on the model hub; a local folder, a file or a base that comes with likeness has none."""
    base = run.config.base
    try:
        on_hub = base.source not in (TINY, TINY_RANDOM) and base.local(run.repository.root) is None
    except ConfigError:  # a path of another machine
        return None
    return base.source if on_hub else None


def _config(run: Run) -> str | None:
    """The configuration of a single file: an id of the hub, or a folder's name without the way to it on this machine."""
    config = run.config.base.config
    if config is None or (HUB_ID.fullmatch(config) and not (run.repository.root / config).is_dir()):
        return config
    return Path(config).name


def _scheduler(run: Run, got: Collected) -> str:
    """What diffusers' scheduler has to be told: it reads no marker of a single file, and no setting of ours."""
    said, base = got.training.metadata, run.config.base
    by_file = base.source.endswith(".safetensors") and said.get("modelspec.prediction_type") == "v"
    options: dict[str, object] = {"prediction_type": base.prediction or ("v_prediction" if by_file else "")}
    if not options["prediction_type"]:
        return ""
    if said.get("ss_zero_terminal_snr") == "True":
        options |= ZERO_SNR
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def _front_matter(run: Run, got: Collected, hub_id: str | None, hub_tag: str) -> "ModelCardData":
    from huggingface_hub import ModelCardData  # here: it takes a while to load

    samples = [sample for sample in got.evaluation.samples if sample.lora and sample.rating == "sfw"]
    # The first seed of each prompt.
    shown = {sample.prompt: f"evaluation/samples/{sample.file}" for sample in reversed(samples)}
    prompts = dict.fromkeys(sample.prompt for sample in samples)
    return ModelCardData(
        **hub_licence(run.config.train.license, run.consent.id),
        library_name="diffusers",
        # A base that is on no hub has no id; an invented one would be a broken link.
        base_model=hub_id,
        base_model_relation="adapter" if hub_id else None,
        instance_prompt=run.persona.named,
        widget=[{"text": prompt, "output": {"url": shown[prompt]}} for prompt in prompts] or None,
        tags=["text-to-image", "diffusers", "lora", "template:sd-lora", hub_tag, "likeness"],
    )
