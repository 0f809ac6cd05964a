"""The gates on a drawn picture, whose face it is, and last its marks."""

import io
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gallery.generation.drawing import Finished
from gallery.pictures.looks import bits
from likeness.config import Config
from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.faces import similarity
from likeness.images import RGB, decode_rgb, encode_png
from likeness.marks.keys import SigningKey, signing_key
from likeness.marks.pdq import pdq
from likeness.marks.pictures import Origin, check_marks, mark_picture
from likeness.marks.pixels import MIN_SIDE_PX
from likeness.marks.registry import publication_of
from likeness.marks.xmp import SourceType, mark_jpeg
from likeness.safety.consent import Consent
from likeness.safety.identity import SFACE, read_vectors_of
from likeness.safety.pictures import PictureGate, refuse_picture

THUMBNAIL_PX = 384
THUMBNAIL_QUALITY = 82


@dataclass(frozen=True, kw_only=True)
class LikenessFinisher:
    """Judges and marks as `likeness draw` and `likeness publish` do: every face must be the person's. `folder` keeps the
    registry of marks; `least` asks for more likeness (SFace's cosine) than the floors do."""

    config: Config
    folder: Path
    keys: Path
    least: float = 0.0

    @cached_property
    def gate(self) -> PictureGate:
        """What measures pictures."""
        return PictureGate(self.config.faces.embedder)

    @cached_property
    def key(self) -> SigningKey:
        """The key that signs."""
        return signing_key(self.config.marks, self.keys)

    def finish(self, rgb: RGB, consent: Consent, picture_id: uuid.UUID, weights_sha256: str) -> Finished:
        """See `Finisher`."""
        rgb = _large_enough(rgb)
        seen = self.gate.measure(rgb)
        refuse_picture(
            "drawn likeness",
            seen,
            consent,
            what="The picture",
            embedder=self.config.faces.embedder,
            max_explicit=self.config.ingest.max_explicit,
        )
        likeness = self._likeness(seen, consent)
        statement = {
            "consent": consent.id,
            "persona": consent.persona,
            "weights": [weights_sha256],
            "picture": str(picture_id),
        }
        png = self._marked(rgb, consent, statement, str(picture_id))
        return Finished(
            png=png,
            thumbnail=thumbnail(decode_rgb(png, name="the picture")),
            width=rgb.shape[1],
            height=rgb.shape[0],
            likeness=likeness,
            pdq=bits(pdq(rgb)),
        )

    def _likeness(self, seen: Mapping[str, Any], consent: Consent) -> float:
        """How like the person the likest face is, by SFace.

        Raises:
            InputError: less than was asked for.
        """
        faces = [read_vectors_of(face)[SFACE] for face in seen["faces"]]
        value = round(
            max(float(similarity(face, consent.face_vectors[SFACE])) for face in faces if face.size), 3
        )
        if not value >= self.least:
            raise InputError(
                f"The picture is less like the person than this gallery asks for: {value:.2f}, {self.least:g} needed.",
                reason="unlike",
                kind="refused",
                remedy="try another seed or a higher strength",
            )
        return value

    def _marked(self, rgb: RGB, consent: Consent, statement: Mapping[str, Any], title: str) -> bytes:
        content = sha256_bytes(consent.model_dump_json().encode())
        publication = publication_of(
            self.folder / f"{consent.persona}.jsonl", self.key, consent.persona, consent.id, content
        )
        origin = Origin(code=SourceType.TRAINED, statement=statement)
        name = f"{title}.png"
        png = mark_picture(
            encode_png(rgb), name, origin, mark=publication.mark, key=self.key, label=self.config.marks.label
        )
        check_marks(png, name, mark=publication.mark, key=self.key)
        return png


def _large_enough(rgb: RGB) -> RGB:
    """A picture too small for the mark in its pixels, enlarged by a whole factor."""
    factor = -(-MIN_SIDE_PX // min(rgb.shape[:2]))
    if factor == 1:
        return rgb
    size = (rgb.shape[1] * factor, rgb.shape[0] * factor)
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def thumbnail(rgb: RGB) -> bytes:
    """A small JPEG for grids; it shows what the marked picture shows, and says in XMP that it was generated."""
    small = Image.fromarray(rgb)
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY)
    return mark_jpeg(buffer.getvalue(), SourceType.TRAINED)
