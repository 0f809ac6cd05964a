"""Prior preservation: the base's own pictures of the class are learned beside the persona's, so that the class goes on
looking as it did. Source: Ruiz et al., arXiv 2208.12242, section 3.3.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from likeness.train.native.data import TrainingExample


def class_text(text: str, *, trigger: str, class_word: str) -> str:
    """A caption without the trigger: `jade woman, smiling` tells `woman, smiling`; where the class word does not follow
    the trigger, it takes its place."""
    named = rf"(?<!\w){re.escape(trigger)}(?:\s+{re.escape(class_word)})?(?!\w)"
    return re.sub(named, class_word, text, flags=re.IGNORECASE)


def spread(texts: Sequence[str], count: int) -> list[str]:
    """`count` of the texts, as evenly from all of them as can be."""
    return [texts[number * len(texts) // count] for number in range(count)]


def prior_examples(
    pictures: Sequence[tuple[Path, str, str]], examples: Sequence[TrainingExample], side_px: int
) -> list[TrainingExample]:
    """Pictures (file, caption, sha256) of the class as examples, repeated so that together they are shown as often as
    `samples` are: Kohya's trainers do so, too (sd-scripts, DreamBoothDataset)."""
    each, more = divmod(sum(example.repeats for example in examples), len(pictures))
    return [
        TrainingExample(
            path=path,
            text=text,
            sha256=sha256,
            repeats=each + (number < more),
            width=side_px,
            height=side_px,
            prior=True,
        )
        for number, (path, text, sha256) in enumerate(pictures)
    ]
