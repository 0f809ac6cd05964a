"""The table of measures, one line each: the value, its source, the bounds of green and red, and the advice.

The bounds are ours; 8 to 30 photographs and varied light, poses and clothes are what trainers of such LoRAs agree on.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from likeness.dataset.quality import Reading, TrainingSet, captions, pictures
from likeness.formatting import percent


@dataclass(frozen=True)
class Measure:
    """`green` is the value up to which all is well and `red` that from which on it is bad, or the other way round where more is
    better; `unit`: `%` of a share, empty for a number."""

    words: str
    read: Callable[[TrainingSet], float | None]
    green: float
    red: float
    unit: str
    advice: str

    def reading(self, of: TrainingSet) -> Reading:
        """The measure of a set."""
        value = self.read(of)
        if value is None:
            return Reading(words=self.words, value="not known", light="unknown", advice="")
        sign, advice = 1 if self.green < self.red else -1, self.advice
        light = "red" if sign * value >= sign * self.red else "amber"
        if sign * value <= sign * self.green:
            light, advice = "green", ""
        shown = percent(value) if self.unit == "%" else f"{value:.2g}"
        return Reading(words=self.words, value=shown, light=light, advice=advice)


SHARE, NUMBER = "%", ""
NEVER = math.inf  # a set is for any base, and only some are harmed

MEASURES = (
    Measure("images", pictures.count, 15, 7, NUMBER, "add photographs; with targets, raise swap.sources_per_target"),
    Measure("photographs of the person", pictures.own, 8, 2, NUMBER, "add own photographs: a swap has another's body"),
    Measure("swapped images", pictures.swapped, 0.6, 0.95, SHARE, "add own photographs, or lower swap.sources_per_target"),
    Measure("enlarged images", pictures.enlarged, 0.2, 0.7, SHARE, "use photographs with more pixels on the face"),
    Measure("faces that are not sharp", pictures.soft, 0.05, 0.3, SHARE, "replace blurred photographs"),
    Measure("views of the head (of left, front, right)", pictures.views, 3, 1, NUMBER, "add photographs from other sides"),
    Measure("framings (of close-up, shoulders, body, figure)", pictures.framings, 3, 1, NUMBER, "add closer or wider photographs"),
    Measure("spread of the mouth's opening", pictures.expressions, 0.02, 0.003, NUMBER, "add expressions: smiling, speaking, at rest"),
    Measure("images of one source photograph", pictures.one_face, 0.3, 0.8, SHARE, "use more photographs: near-duplicates"),
    Measure("images of one target photograph", pictures.one_scene, 0.2, 0.6, SHARE, "use more targets: near-duplicates"),
    Measure("images that look like another one", pictures.repeats, 0.1, 0.5, SHARE, "use other targets: near-duplicates"),
    Measure("commonest background in captions", captions.same_background, 0.5, 0.9, SHARE, "vary it: it is learned, too"),
    Measure("commonest light in captions", captions.same_light, 0.6, 0.95, SHARE, "vary the light"),
    Measure("commonest opening of captions", captions.same_opening, 0.5, 0.95, SHARE, "vary it, or caption by a vision model"),
    Measure("captions without the trigger", captions.without_trigger, 0, 0.1, SHARE, "write it into them: they teach the class"),
    Measure("captions with a fused trigger", captions.fused, 0, 0.1, SHARE, "write the trigger as a word of its own"),
    Measure("captions that contradict themselves", captions.contradictory, 0, 0.2, SHARE, "correct them in captions_override/"),
    Measure("captions of more than 75 words and marks", captions.too_long, 0, NEVER, SHARE, "for SD 1.5 and SDXL shorten them"),
    Measure("bodies that the class word contradicts", captions.other_body, 0, 0.1, SHARE, "leave these targets out"),
)  # fmt: skip

CUT_TO_FACE = Reading(
    words="framings",
    value="one: training cuts to the face",
    light="unknown",
    advice="captions that name another framing are not true of what it sees (train.data.face_fraction)",
)


def readings(of: TrainingSet) -> list[Reading]:
    """All measures, in the order of the table."""
    return [
        CUT_TO_FACE if of.cut_to_face and measure.read is pictures.framings else measure.reading(of)
        for measure in MEASURES
    ]


def worst(found: Sequence[Reading]) -> str:
    """The light of the whole: red where one is red, amber where one is, green else."""
    lights = {one.light for one in found}
    return next((light for light in ("red", "amber", "green") if light in lights), "unknown")


def to_mend(found: Sequence[Reading]) -> list[Reading]:
    """What is red, then what is amber."""
    return [one for light in ("red", "amber") for one in found if one.light == light]
