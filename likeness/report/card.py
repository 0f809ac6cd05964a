"""models/PERSONA/README.md: a model card in Hugging Face's form.

Source: huggingface.co/docs/hub/model-cards and the front matter of diffusers' LoRA scripts, read 2026-11.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from likeness.diffusion.config import TINY, TINY_RANDOM
from likeness.diffusion.families import bases
from likeness.formatting import format_bytes
from likeness.report.collect import Collected
from likeness.report.page import Subject
from likeness.report.words import GROUP_WORDS, KIND_WORDS, verdict

if TYPE_CHECKING:
    from likeness.diffusion.bases import Base

# owner/name on the model hub; a local folder, a file or a base that comes with likeness is none.
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")

WARNINGS = {
    TINY: "\nThe base is a small model that comes with likeness. It draws 128 px portraits of synthetic people, "
    "and little else; the weights fit no other base.\n",
    TINY_RANDOM: "\nThe base is a model of a few million parameters built from a seed. It draws no people, so the samples "
    "show that the LoRA works, not what it could draw.\n",
}


def model_card(subject: Subject, got: Collected, *, architecture: str, source: str, license: str) -> str:
    """The card's Markdown, front matter first.

    Args:
        architecture: what `base.architecture` says.
        source: what `base.source` says: a hub id, a path, `tiny` or `random`.
        license: Hugging Face licence identifier of the weights.
    """
    hub_id = source if HUB_ID.fullmatch(source) and not source.endswith(".safetensors") else None
    base = bases()[architecture]
    parts = (
        _front_matter(subject, got, hub_id, base.HUB_TAG, license),
        _summary(subject, hub_id, source),
        _use(subject, got, base, hub_id),
        _training(got),
        _evaluation(got),
        _limits(subject),
        _files(got),
    )
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _front_matter(subject: Subject, got: Collected, hub_id: str | None, hub_tag: str, license: str) -> str:
    tags = ["text-to-image", "diffusers", "lora", "template:sd-lora", hub_tag, "likeness"]
    samples = [sample for sample in got.evaluation.samples if sample.lora and sample.rating == "sfw"]
    first_seed = {sample.prompt: sample for sample in reversed(samples)}
    lines = ["---", f"license: {license}", "library_name: diffusers"]
    # A base that is on no hub has no id; an invented one would be a broken link.
    lines += [f"base_model: {hub_id}", "base_model_relation: adapter"] if hub_id else []
    lines += [f"instance_prompt: {json.dumps(f'{subject.trigger} {subject.class_word}')}"]
    if first_seed:
        lines.append("widget:")
        for prompt in dict.fromkeys(sample.prompt for sample in samples):
            url = f"evaluation/samples/{first_seed[prompt].file}"
            lines += [f"  - text: {json.dumps(prompt)}", "    output:", f"      url: {json.dumps(url)}"]
    lines += ["tags:", *(f"  - {tag}" for tag in tags), "---"]
    return "\n".join(lines)


def _summary(subject: Subject, hub_id: str | None, source: str) -> str:
    base = f"[{subject.base}](https://huggingface.co/{hub_id})" if hub_id else subject.base
    warning = WARNINGS.get(source, "")
    return f"""
# {subject.persona}: LoRA for {subject.base}

A LoRA that teaches {base} to draw **{subject.trigger} {subject.class_word}**:
{KIND_WORDS[subject.consent.kind]}. Made with likeness, under consent record `{subject.consent.id}`.
{warning}"""


def _use(subject: Subject, got: Collected, base: type[Base], hub_id: str | None) -> str:
    pipeline, name = base.PIPELINE, got.places.weights.name
    load = f'pipe.load_lora_weights("{name}")'
    if got.training.metadata.get("ss_network_module") == "lycoris.kohya":
        part = base.NETWORK
        load = (
            f"# after: likeness convert {name} diffusers.safetensors --to diffusers\n"
            f'pipe.{part}.load_lora_adapter("diffusers.safetensors", prefix="{part}", use_safetensors=True)'
        )
    return f"""
## Use

```python
import torch
from diffusers import {pipeline}

pipe = {pipeline}.from_pretrained("{hub_id or "path/to/the/base"}", dtype=torch.float16).to("cuda")
{load}
image = pipe(prompt="{subject.trigger} {subject.class_word}, a portrait photograph, soft light").images[0]
```

ComfyUI, Forge and other tools that read Kohya's key names take the file as it is. The trigger is
`{subject.trigger} {subject.class_word}`.
"""


def _training(got: Collected) -> str:
    images = got.steps["lora_training"].entries
    own = sum(entry.target is None for entry in images)
    told: Mapping[str, str] = {
        "training images": f"{len(images)} ({own} photographs, {len(images) - own} swapped images)",
        "steps": got.training.metadata.get("ss_steps", ""),
        "rank / alpha": f"{got.training.metadata.get('ss_network_dim', '?')} / "
        f"{got.training.metadata.get('ss_network_alpha', '?')}",
        "learning rate": got.training.metadata.get("ss_learning_rate", ""),
        "resolution": got.training.metadata.get("ss_resolution", ""),
        "seed": got.training.metadata.get("ss_seed", ""),
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in told.items() if value)
    return f"""
## Training

| | |
|---|---|
{rows}

The training set, its sources and their licences are described in [its own card](lora_training/README.md).
"""


def _evaluation(got: Collected) -> str:
    rows = "\n".join(
        f"| {GROUP_WORDS[name][0]} | {group.images} | {group.faces} | "
        f"{'-' if group.mean is None else f'{group.mean:.2f}'} |"
        for name, group in got.evaluation.groups.items()
    )
    sentences = "\n".join(f"- {sentence}" for sentence in verdict(got.evaluation))
    effect = got.evaluation.lora_effect
    moved = "" if effect is None else f"\n\nThe LoRA moves a pixel by {effect:.1f} of 255 on average."
    return f"""
## Evaluation

Similarity (cosine of SFace embeddings) to photographs of the persona that training never saw:

| images | number | with a face | mean similarity |
|---|---|---|---|
{rows}

{sentences}{moved}
"""


def _limits(subject: Subject) -> str:
    until = f" It ends on {subject.consent.expires}." if subject.consent.expires else ""
    return f"""
## Allowed use and limits

The consent record covers: {", ".join(subject.consent.scope)}.{until} Not allowed: sexual content,
deception about real events or about who is shown, and any use outside the record. Mark pictures made with
this LoRA as generated (IPTC digital source type `trainedAlgorithmicMedia`), as the samples here are; the EU
AI Act (art. 50) asks for it. A LoRA repeats what it was shown: expect clothes, light and backgrounds of the
training set to come through.
"""


def _files(got: Collected) -> str:
    rows = "\n".join(
        f"| `{file.path}` | {format_bytes(file.size)} | `{file.sha256}` |" for file in got.deliverables
    )
    return f"""
## Files

| file | size | sha256 |
|---|---|---|
{rows}
"""
