"""The dataset's door: a training image comes from an ingested photograph, step by step, or it stays out."""

from collections.abc import Mapping
from itertools import pairwise
from operator import attrgetter

import numpy as np
from PIL import Image

from likeness.dataset.select import IN_REVIEW, Chosen
from likeness.images import load_rgb
from likeness.lazy import Index
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import Entry, Manifest
from likeness.run import Run
from likeness.safety.consent import Consent
from likeness.store.items import Json

STEPS = ("enhanced", "resized", "swapped", "ingested")
"""The folders from a chosen image back to its photographs."""

ALIKE_PX = 24
MAX_DIFFERENCE = 12.0
"""An enlarged picture shows what its crop shows: their mean difference of 0..255 at this size. The demo's 41: below 2."""


class Door:
    """What may go into the training set; `before` are the manifests of the stages before, by their folders' names."""

    def __init__(self, run: Run, before: Mapping[str, Manifest]) -> None:
        self._run = run
        self._known = {folder: Index(before[folder].entries, attrgetter("sha256")) for folder in STEPS[1:]}

    def admit(self, record: Mapping[str, Json], chosen: Chosen) -> None:
        """Let a measured training image pass, or not; its caption passed already (`select`).

        Raises:
            InputError: refused, with the gate's reason.
        """
        file, options = chosen.image.file, self._run.config
        self._run.refuse_picture("training image", record, what=file, untraced=self._untraced(chosen))
        rated = chosen.rating(record, options.ingest.review_explicit)
        if rated == "review" and not options.dataset.allow_review:
            raise IN_REVIEW.error(file)

    def _untraced(self, chosen: Chosen) -> str | None:
        """What is wrong with where an image comes from; None where each step is in the manifest of its stage, the
        photographs are ingested, and the consent record covers them."""
        entries = [chosen.image]
        for made, folder in pairwise(STEPS):
            known = self._known[folder]
            parents = [known.get(parent) for entry in entries for parent in entry.parents]
            if not parents or None in parents:
                return f"{entries[0].file} of {made}/ was made of what {folder}/manifest.jsonl does not name"
            entries = [entry for entry in parents if entry is not None]
            if made == "enhanced" and (wrong := _unlike_its_crop(chosen.image, entries[0], self._run.paths)):
                return wrong
        photographs = {entry.source or entry.target for entry in entries}
        if photographs != {chosen.image.source, chosen.image.target} - {None}:
            return "was made of other photographs than it says"
        return next((wrong for one in entries if (wrong := not_covered(one, self._run.consent))), None)


def untraced(entry: Entry, photographs: Index[Entry], consent: Consent) -> str | None:
    """What is wrong with the photographs that an image says it comes from: `photographs` are the ingested ones, by their parents,
    the sha256 of their files."""
    if not entry.roots:
        return "names no photograph that it was made from"
    for role, sha256 in entry.roots.items():
        photo = photographs.get((sha256,))
        if photo is None or role != ("target" if photo.target else "source"):
            return f"was made from a {role} (sha256 {sha256}) that ingested/manifest.jsonl does not name"
        if wrong := not_covered(photo, consent):
            return wrong
    return None


def not_covered(photo: Entry, consent: Consent) -> str | None:
    """Why nothing that is made of an ingested photograph may be trained on; None where it may."""
    if photo.held_out:
        return f"{photo.file} is held out"
    role = "target" if photo.target else "source"
    raw = (*photo.parents, "")[0]
    if not consent.covers_photo(role, photo.origin or "", raw):
        return f"consent does not cover the photograph {photo.origin} (sha256 {raw})"
    return None


def _unlike_its_crop(image: Entry, crop: Entry, paths: PersonaPaths) -> str | None:
    small = [
        np.asarray(Image.fromarray(load_rgb(path)).resize((ALIKE_PX, ALIKE_PX), Image.Resampling.BOX), float)
        for path in (paths.enhanced / image.file, paths.resized / crop.file)
    ]
    difference = float(np.abs(small[0] - small[1]).mean())
    if not difference <= MAX_DIFFERENCE:
        return f"does not show what its crop {crop.file} shows (difference {difference:.0f})"
    return None
