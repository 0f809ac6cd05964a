"""Is a training set worth training on? Measures as a traffic light with advice, from what manifests hold: nothing is decoded."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from likeness.lazy import Index
from likeness.pipeline.manifest import Entry, Manifest
from likeness.safety.consent import Consent


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """What is looked at: the images with their captions, how many times each was enlarged whose crop is known, the persona's
    words, and what the record says is shown on each target photograph by its label. `cut_to_face`: training sees squares around the
    faces alone, whatever the captions say of framing; where training is not known yet, as in the dataset's card, it is False."""

    images: Sequence[Entry]
    enlarged: Sequence[float]
    trigger: str
    class_word: str
    shows: Mapping[str, str]
    cut_to_face: bool = False

    @staticmethod
    def of(
        images: Sequence[Entry],
        before: Mapping[str, Manifest],
        consent: Consent,
        trigger: str,
        class_word: str,
        *,
        cut_to_face: bool = False,
    ) -> "TrainingSet":
        """`before`: the manifests of the folders `ingested` and `resized`."""
        photos = consent.targets.photos if consent.targets else {}
        shown = {
            photo.target: photos[photo.origin].shows
            for photo in before["ingested"].entries
            if photo.target and photo.origin in photos
        }
        return TrainingSet(
            images=images,
            enlarged=array("d", enlargements(images, before["resized"].entries)),
            trigger=trigger,
            class_word=class_word,
            shows={target: words or "" for target, words in shown.items()},
            cut_to_face=cut_to_face,
        )

    @property
    def captions(self) -> Iterator[str]:
        """Captions in small letters, one an image."""
        return ((image.text or "").casefold() for image in self.images)


def enlargements(trained: Sequence[Entry], crops: Sequence[Entry]) -> Iterator[float]:
    """How many times the crop of each training image that has one was enlarged along a side; at most 1: its own pixels."""
    by_id = Index(crops, attrgetter("id"))
    return (entry.width / crop.width for entry in trained if (crop := by_id.get(entry.id)) is not None)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One measure of a set: what it is called, its value in words, its light (`green`, `amber`, `red`, or `unknown`), and what
    would make it better, empty where it is green."""

    words: str
    value: str
    light: str
    advice: str
