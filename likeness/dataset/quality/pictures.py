"""What the pictures of a set show: how many, whose, how sharp, from where, and how much alike."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from likeness.dataset.quality import TrainingSet
from likeness.marks.pdq import BYTES, SAME_PICTURE_BITS
from likeness.pipeline.manifest import FaceEntry

SIDE_DEG = 12.0
"""From this turn on a head looks to a side."""
LEAST_SHARE = 0.1
"""A view or framing that fewer pictures have is not covered."""
FRAMINGS = (0.12, 0.25, 0.5)
"""Height of the face over the picture's: more than .5 is a close-up, less than .12 a full figure."""
SOFT = 0.4
"""A face less sharp than this (likeness.faces.measure.sharpness) blurs what is learned; ingest refuses below .35."""


def count(of: TrainingSet) -> float | None:
    """Images."""
    return float(len(of.images))


def own(of: TrainingSet) -> float | None:
    """Images that are photographs of the person, not swaps."""
    return float(sum(image.target is None for image in of.images))


def swapped(of: TrainingSet) -> float | None:
    """Share of the images whose body and scene are another person's."""
    return sum(image.target is not None for image in of.images) / len(of.images) if of.images else None


def enlarged(of: TrainingSet) -> float | None:
    """Share of the images that were enlarged."""
    return sum(factor > 1 for factor in of.enlarged) / len(of.enlarged) if of.enlarged else None


def one_scene(of: TrainingSet) -> float | None:
    """The largest share of images that are made of one target photograph: the same body, clothes and background."""
    scenes = Counter(image.target for image in of.images if image.target is not None)
    return max(scenes.values()) / len(of.images) if scenes else None


def one_face(of: TrainingSet) -> float | None:
    """The largest share of images whose face comes of one source photograph: near-duplicates of one expression and light."""
    sources = Counter(image.source for image in of.images if image.source is not None)
    return max(sources.values()) / len(of.images) if sources else None


def views(of: TrainingSet) -> float | None:
    """Of left, front and right: which are covered."""
    yaws = (face.yaw_deg for face in _faces(of))
    return _covered(0 if abs(yaw) < SIDE_DEG else int(np.sign(yaw)) for yaw in yaws)


def framings(of: TrainingSet) -> float | None:
    """Of close-up, head and shoulders, upper body and full figure: which are covered."""
    shares = (image.faces[0].box_px[3] / image.height for image in of.images if image.faces and image.height)
    return _covered(int(np.searchsorted(FRAMINGS, share)) for share in shares)


def expressions(of: TrainingSet) -> float | None:
    """Spread of the mouth's opening over its width (standard deviation)."""
    known = array("d", (face.mouth_open for face in _faces(of) if face.mouth_open is not None))
    return float(np.std(known)) if len(known) > 1 else None


def soft(of: TrainingSet) -> float | None:
    """Share of the faces that are not sharp."""
    known = array("d", (face.sharpness for face in _faces(of)))
    return sum(sharpness < SOFT for sharpness in known) / len(known) if known else None


def repeats(of: TrainingSet) -> float | None:
    """Share of the images whose whole picture is nearly that of an earlier one, whoever's face is in it."""
    known = b"".join(bytes.fromhex(image.pdq) for image in of.images if image.pdq)
    bits = np.frombuffer(known, np.uint64).reshape(-1, BYTES // 8)
    if len(bits) < 2:
        return None
    nearest = (np.bitwise_count(bits[:n] ^ bits[n]).sum(axis=1).min() for n in range(1, len(bits)))
    return sum(bool(apart <= SAME_PICTURE_BITS) for apart in nearest) / len(bits)


def _faces(of: TrainingSet) -> Iterator[FaceEntry]:
    return (image.faces[0] for image in of.images if image.faces)


def _covered(found: Iterable[int]) -> float | None:
    counts = Counter(found)
    least = LEAST_SHARE * counts.total()
    return float(sum(number >= least for number in counts.values())) if counts else None
