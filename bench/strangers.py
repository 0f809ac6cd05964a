"""Whom the floors take for a persona who is not: `python -m bench.strangers FACES_ZIP [PERSONA] [IDENTITIES]`.

FACES_ZIP holds portraits of strangers and metadata.jsonl with `file_name` and `identity` (README.md of the synthetic people); one
portrait of each identity is looked at. Printed: how many pass as the persona to each embedder and to both, how many of
all pairs of strangers do, how many portraits the gates would refuse, and the seconds of processor time.
"""

import io
import json
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from likeness.faces import FaceAnalyzer
from likeness.faces.age import AgeEstimator
from likeness.safety.consent import load_consent
from likeness.safety.floors import ADULT_YEARS, SETTINGS, record_limits
from likeness.safety.gates import CHILD_YEARS
from likeness.safety.identity import RESNET, SFACE, vectors_of
from likeness.safety.rating import Rater


def first_of_each(archive: zipfile.ZipFile) -> list[str]:
    """The name of the first portrait of each identity."""
    (metadata,) = (name for name in archive.namelist() if name.endswith("metadata.jsonl"))
    folder, first = metadata.removesuffix("metadata.jsonl"), {}
    for line in archive.read(metadata).decode().splitlines():
        one = json.loads(line)
        first.setdefault(one["identity"], folder + one["file_name"])
    return list(first.values())


def portraits(archive: zipfile.ZipFile, most: int) -> dict[str, np.ndarray]:
    """These portraits, uint8 [H, W, 3] RGB, by their files' names."""
    names = first_of_each(archive)[:most]
    return {n: np.asarray(Image.open(io.BytesIO(archive.read(n))).convert("RGB")) for n in names}


def main(archive: str, persona: str = "jade", most: str = "1500") -> None:
    """Measure and print."""
    consent = load_consent(Path("consent"), persona)
    limits, analyzer, ages, rater = record_limits(consent), FaceAnalyzer(), AgeEstimator(), Rater()
    found, years, explicit, started = [], [], [], time.process_time()
    with zipfile.ZipFile(archive) as zipped:
        for rgb in portraits(zipped, int(most)).values():
            explicit.append(rater.explicit(rgb))
            if faces := analyzer.faces(rgb):
                face = analyzer.identified(rgb, faces[0])
                found.append(vectors_of(face))
                years.append(ages.years(rgb, face))
    seconds = (time.process_time() - started) / len(explicit)
    sface, resnet = (np.stack([one[name] for one in found]) for name in (SFACE, RESNET))
    near = sface @ consent.face_vectors[SFACE], np.linalg.norm(resnet - consent.face_vectors[RESNET], axis=1)
    pair = np.triu_indices(len(found), 1)
    distances = np.concatenate(
        [np.linalg.norm(resnet[i + 1 :] - resnet[i], axis=1) for i in range(len(found))]
    )
    pairs = (sface @ sface.T)[pair], distances
    print(f"{len(explicit)} portraits, a face in {len(found)}, {seconds:.2f} s of processor time each")
    print(f"nearest to {persona}: SFace {near[0].max():.3f}, resnet {near[1].min():.3f}")
    for word, least, most_far in (
        ("source", limits.sface.source_min, limits.resnet.source_max),
        ("swap", limits.sface.swap_min, limits.resnet.swap_max),
    ):
        for whom, (cosines, far) in ((f"as {persona}", near), ("pairs", pairs)):
            one, two = cosines >= least, far <= most_far
            print(
                f"{word} floors {least:g} / {most_far:g}, {whom}: SFace {one.sum()}, resnet {two.sum()}, "
                f"both {(one & two).sum()} of {len(one)}"
            )
    seen, limit = np.array(years), SETTINGS["ingest.max_explicit"].at_most
    print(
        f"refused: explicit {sum(score >= limit for score in explicit)}, child {(seen < CHILD_YEARS).sum()}, "
        f"minor without a record {(seen < ADULT_YEARS).sum()}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
