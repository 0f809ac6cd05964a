"""Samples whose faces lie where they are said to on a circle, as the measures see them."""

import numpy as np
from conf_sections import settings
from known_faces import embedded

from likeness.evaluate import EvaluateConfig
from likeness.evaluate.evaluation import Faces
from likeness.evaluate.looks import Look
from likeness.evaluate.measures import Seen
from likeness.evaluate.samples import plan_samples

NAMED, PLAIN = "jade woman, smiling", "a woman, smiling"
SEEDS = (1, 2, 3, 4)
OPTIONS = settings(EvaluateConfig, "evaluate/default.yaml")
PLANNED = plan_samples("jade", [NAMED, PLAIN], SEEDS)
PERSON, STRANGERS = 0.0, 80.0
"""Where embeddings lie on a circle, in degrees: photographs of the person within 15, the target people around 80."""


def faces(prefix: str, angles) -> Faces:
    found = [embedded(f"{prefix}{n}", angle) for n, angle in enumerate(angles)]
    return Faces(images=len(found), embeddings=found, counts={face.id: 1 for face in found})


def photograph_sets(held_out: int = 2) -> dict[str, Faces]:
    own = np.linspace(-15, 15, 8)
    return {
        "held_out": faces("h", own[3 : 3 + held_out]),
        "sources": faces("s", np.delete(own, range(3, 3 + held_out))),
        "photographs": faces("trained", np.delete(own, range(3, 3 + held_out))),
        "swaps": faces("swap", [20.0, 30.0]),
        "targets": faces("t", STRANGERS + np.linspace(-10, 10, 10)),
    }


def look(name: str, hash_: str | None = None) -> Look:
    """A picture unlike any other, unless a hash is given."""
    bits = np.random.default_rng(sum(name.encode())).bytes(32).hex()
    return Look(id=name, text="smiling", pdq=hash_ or bits, turned_pdqs=(), stretched_pdqs=())


def seen(angles, *, held_out: int = 2, looks=(), others=None) -> Seen:
    """The samples as they are drawn: `angles(one)` says where a sample's face lies, None: no face."""
    found = {one.id: angle for one in PLANNED if (angle := angles(one)) is not None}

    def group(*, lora: bool, prompt: str) -> Faces:
        chosen = [one for one in PLANNED if one.lora == lora and one.prompt == prompt]
        embeddings = [
            embedded(one.id, found[one.id], (others or angles)(one)) for one in chosen if one.id in found
        ]
        counts = {one.id: int(one.id in found) for one in chosen}
        return Faces(images=len(chosen), embeddings=embeddings, counts=counts)

    sets = photograph_sets(held_out)
    trained = [face.id for name in ("photographs", "swaps") for face in sets[name].embeddings]
    return Seen(
        sets=sets | {
            "samples_with": group(lora=True, prompt=NAMED), "samples_without": group(lora=False, prompt=NAMED),
            "unnamed_with": group(lora=True, prompt=PLAIN), "unnamed_without": group(lora=False, prompt=PLAIN),
        },
        looks={one.id: look(one.id) for one in PLANNED} | {one.id: one for one in looks},
        trained={name: look(name) for name in trained},
        planned=PLANNED, named=[NAMED], twins=[(NAMED, PLAIN)],
    )  # fmt: skip


def drawn_at(with_lora: float, base: float = STRANGERS):
    return lambda one: (with_lora if one.lora else base) + one.seed
