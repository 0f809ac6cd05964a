"""What the evaluation measures on samples whose faces lie where they are said to."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from conf_sections import section
from known_faces import embedded

from likeness.evaluate import EvaluateConfig
from likeness.evaluate.evaluation import Faces
from likeness.evaluate.looks import Look
from likeness.evaluate.measures import Seen, measured
from likeness.evaluate.samples import Planned

NAMED, PLAIN = "jade woman, a portrait", "a woman in a library"


def measures_of(samples: Sequence[Mapping[str, Any]], *, faces: bool = True) -> dict[str, Any]:
    """The measures of samples drawn by these two prompts, with and without the LoRA; `faces`: whether one is found in each."""
    planned = [
        Planned(id=one["id"], prompt=one["prompt"], seed=one["seed"], lora=one["lora"]) for one in samples
    ]

    def group(angles: Mapping[str, float]) -> Faces:
        return Faces(
            images=len(angles), embeddings=[embedded(name, angle) for name, angle in angles.items() if faces],
            counts=dict.fromkeys(angles, int(faces)),
        )  # fmt: skip

    def drawn(prompt: str, *, lora: bool) -> Faces:
        chosen = [one for one in planned if one.prompt == prompt and one.lora == lora]
        return group({one.id: 50.0 if lora else 80.0 for one in chosen})

    own = dict(zip([f"s{n}" for n in range(6)], np.linspace(-15, 15, 6), strict=True))
    seen = Seen(
        sets={
            "held_out": Faces(images=2, embeddings=[embedded("h1", -2.0), embedded("h2", 2.0)]),
            "sources": Faces(images=6, embeddings=[embedded(name, angle) for name, angle in own.items()]),
            "photographs": Faces(images=1, embeddings=[embedded("jade-s3", 10.0)]),
            "swaps": Faces(images=1, embeddings=[embedded("jade-s1-t1", 30.0)]),
            "targets": Faces(images=3, embeddings=[embedded(f"t{n}", 80.0 + n) for n in range(3)]),
            "samples_with": drawn(NAMED, lora=True), "samples_without": drawn(NAMED, lora=False),
            "unnamed_with": drawn(PLAIN, lora=True), "unnamed_without": drawn(PLAIN, lora=False),
        },
        looks={
            one.id: Look(id=one.id, text="smiling", pdq=f"{index:064x}", turned_pdqs=(), stretched_pdqs=())
            for index, one in enumerate(planned)
        },
        trained={name: Look(id=name, text="", pdq="0f" * 32, turned_pdqs=(), stretched_pdqs=()) for name in ("jade-s3", "jade-s1-t1")},
        planned=planned, named=[NAMED], twins=[(NAMED, PLAIN)],
    )  # fmt: skip
    return measured(EvaluateConfig.model_validate(section("evaluate/default.yaml")), seen)
