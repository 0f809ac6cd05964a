"""A face as a manifest line has it."""

from likeness.faces import Face, to_json
from likeness.faces.landmarks import marks_px, outline_px
from likeness.pipeline.manifest import FaceEntry


def face_entry(face: Face, *, age_years: float | None = None) -> FaceEntry:
    """The face that is meant, as the stages after swap need it: nothing looks for it again."""
    told = {key: value for key, value in to_json(face).items() if key in FaceEntry.model_fields}
    return FaceEntry(**told, age_years=age_years, marks_px=marks_px(face), outline_px=outline_px(face))
