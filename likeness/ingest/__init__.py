"""Ingest: anyone's photographs become upright sRGB PNGs with everything measured, or reasons why not.

listing.py     what lies in a folder               (or not-a-photograph, undecodable-name, not-downloaded, ...)
raw.py         which photographs there are, and which are held out
numbers.py     the numbers they keep               (or number-disputed)
decode.py      one file -> pixels                  (or empty-file, truncated, camera-raw, not-an-image, ...)
upright.py     turned by what its faces say
analyse.py     one photo -> an item: photo.png, face.json and a record of measurements
checks.py      what one photo's record decides     (no-face, blurred, explicit, apparent-minor, ...)
refused.py     what a person refused              (refused-by-hand)
select.py      what only the whole set decides     (duplicates, not-the-persona) and the persona's face
standing.py    how each photograph stands today, for whoever looks at them
"""

from pydantic import Field, model_validator

from likeness.settings import Section


class NearDuplicateConfig(Section):
    """Two photos are near duplicates when both hold: hashes this close and faces this alike."""

    max_hash_bits: int = Field(ge=0, le=64)
    min_similarity: float = Field(ge=-1, le=1)


class IngestConfig(Section):
    """Limits of reading, which are part of an item's key, and of judging, which are not."""

    max_file_mb: float = Field(gt=0)
    max_megapixels: float = Field(gt=0)
    max_side_px: int = Field(ge=256)
    background_rgb: tuple[int, int, int]

    min_side_px: int = Field(ge=1)
    min_face_px: float = Field(ge=1)
    background_face_ratio: float = Field(gt=0, le=1)
    min_sharpness: float = Field(ge=0)
    min_face_light: float = Field(ge=0, le=255)
    max_face_light: float = Field(ge=0, le=255)
    review_explicit: float = Field(ge=0, le=1)
    max_explicit: float = Field(ge=0, le=1)
    near_duplicate: NearDuplicateConfig
    max_failure_ratio: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _review_comes_first(self) -> "IngestConfig":
        if self.review_explicit > self.max_explicit:
            raise ValueError(
                f"review_explicit {self.review_explicit} must not be above max_explicit {self.max_explicit}"
            )
        if not all(0 <= value <= 255 for value in self.background_rgb):
            raise ValueError(
                f"background_rgb: {[*self.background_rgb]} stands there; expected: three numbers of 0 to 255"
            )
        return self
