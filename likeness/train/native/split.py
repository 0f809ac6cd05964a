"""Which images are kept out of training to measure the loss on: whole photographs, each with every picture made of it."""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.formatting import percent
from likeness.lazy import chosen
from likeness.pipeline.manifest import natural
from likeness.train.native.data import TrainingExample


@dataclass(frozen=True, kw_only=True)
class Split:
    """The examples that are learned and those that are `held_out`; no photograph of the person is in both."""

    trained: Sequence[TrainingExample]
    held_out: Sequence[TrainingExample]
    share: float

    @property
    def photographs(self) -> dict[str, int]:
        """How many images are held out of each photograph."""
        counts = Counter(example.photograph for example in self.held_out)
        return {name: counts[name] for name in sorted(counts, key=natural)}

    @property
    def words(self) -> str:
        """`6 of 41 images, all that is made of s3, s5`; empty where nothing is held out."""
        if not self.held_out:
            return ""
        every = len(self.trained) + len(self.held_out)
        return f"{len(self.held_out)} of {every} images, all that is made of {', '.join(self.photographs)}"

    def told(self) -> str:
        """What a person should know before it costs time, as lines; empty where nothing is held out."""
        if not self.held_out:
            return ""
        lines = [f"kept for validation: {self.words}"]
        scenes = {example.target for example in self.trained} - {None}
        if shared := sum(example.target in scenes for example in self.held_out):
            lines.append(
                f"{shared} of these are swaps onto a target that is trained on with another photograph's face"
            )
        number = len({example.photograph for example in (*self.trained, *self.held_out)})
        if number * self.share < 1:
            share = len(self.held_out) / (len(self.trained) + len(self.held_out))
            lines.append(
                f"{number} photographs are few for train.selection.validation_share {self.share:g}: a whole one is kept out, "
                f"{percent(share)} of the images"
            )
        return "".join(f"train: {line}\n" for line in lines)


def split(examples: Sequence[TrainingExample], share: float) -> Split:
    """Photographs are held out, chosen by their labels, until `share` of the images is. One of which more than twice as many
    images are made comes after all others: it would take away what is to be learned.

    Raises:
        InputError: nothing would be left to train on.
    """
    counts = Counter(example.photograph for example in examples)
    held, images = set[str](), 0
    most = max(2 * share * len(examples), min(counts.values(), default=0))
    for name in sorted(counts, key=lambda name: (counts[name] > most, sha256_bytes(name.encode()))):
        if images >= share * len(examples):
            break
        held.add(name)
        images += counts[name]
    if len(held) == len(counts):
        raise InputError(
            f"train.selection.validation_share {share:g} keeps whole photographs out, and these {len(examples)} images are made "
            f"of {len(counts)}: none would be left to train on",
            reason="empty-dataset",
            remedy="add photographs, or set train.selection.validation_share: 0",
        )
    numbers = array("q"), array("q")
    for number, example in enumerate(examples):
        numbers[example.photograph in held].append(number)
    trained, held_out = (chosen(examples, of_part) for of_part in numbers)
    return Split(trained=trained, held_out=held_out, share=share)
