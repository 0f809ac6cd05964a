"""Does the name work? The same prompt and seeds with the trigger before the class word and without it.

A LoRA that draws its person for every "a woman" has not learned her name: whoever uses it beside another person gets two of
her. `gain` is how much liker her the picture gets by the name, paired by seed. `leak` is how much of what the LoRA adds comes
without the name: 0 where "a CLASS" draws as the base does, 1 where it draws her as well as "TRIGGER CLASS" does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from likeness.evaluate.ceiling import Scale
from likeness.evaluate.samples import Planned
from likeness.evaluate.statistics import Numbers, estimate


def name_test(
    scale: Scale, scores: Mapping[str, Numbers], planned: Sequence[Planned], twins: Sequence[tuple[str, str]]
) -> dict[str, Any] | None:
    """The figures of one embedder; None where no prompt has a twin without the name, or no seed drew a face in both.

    Args:
        scores: similarities to each reference, by image.
        twins: prompts with and without the name.
    """
    by_place = {(one.prompt, one.seed, one.lora): one.id for one in planned}
    trios: list[list[list[str]]] = []
    for seed in dict.fromkeys(one.seed for one in planned):
        places = [((named, seed, True), (plain, seed, True), (plain, seed, False)) for named, plain in twins]
        found = [[by_place.get(place, "") for place in three] for three in places]
        trios.append([images for images in found if all(image in scores for image in images)])
    if not (trios := [found for found in trios if found]):
        return None
    # Equal numbers of seeds are drawn alike: the means are paired.
    (with_name, units), (class_word, _), (untaught, _) = (
        scale.means(scores, [[trio[index] for trio in found] for found in trios]) for index in range(3)
    )
    added, leak = with_name - untaught, leaks(with_name, class_word, untaught)
    return {
        "seeds": len(trios),
        "named": asdict(estimate(with_name, units)),
        "class_word": asdict(estimate(class_word, units)),
        "base": asdict(estimate(untaught, units)),
        "gain": asdict(estimate(with_name - class_word, units)),
        "leak": asdict(estimate(leak, units)) if added[0] > 0 else {"value": None, "low": None, "high": None},
    }  # fmt: skip


def leaks(with_name: Numbers, class_word: Numbers, untaught: Numbers) -> Numbers:
    """The leak in each draw [B]; NaN where the LoRA adds nothing that could leak."""
    added = with_name - untaught
    return np.divide(class_word - untaught, added, out=np.full(len(added), np.nan), where=added > 0)
