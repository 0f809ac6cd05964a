"""What a set of accepted photographs lacks, said before it costs hours; nothing here refuses a photograph."""

from array import array
from collections.abc import Sequence

from likeness.errors import InputError
from likeness.ingest.checks import Candidate
from likeness.lazy import those
from likeness.paths import PersonaPaths

GOOD = "8 to 30 sharp photographs in different light, poses and clothes, with two or three more held out, draw a person well"
FEW = 8
# Faces that all look the same way within this angle teach one view.
ONE_VIEW_DEG = 12.0


def advice(persona: str, accepted: Sequence[Candidate]) -> list[str]:
    """Lines for a person who has few photographs, none held out, or one view of the face; none where all is well."""
    sources = those(accepted, lambda photo: photo.raw.role == "source")
    learned = those(sources, lambda photo: not photo.raw.held_out)
    lines: list[str] = []
    if 0 < len(learned) < FEW:
        lines.append(f"{len(learned)} photograph(s) of {persona} to learn from")
    if sources and len(learned) == len(sources):
        lines.append(
            f"nothing is held out: name two or three files under held_out in conf/persona/{persona}.yaml, or the"
            " identity score compares with photographs that were trained on"
        )
    yaws = array("d", (photo.face.yaw_deg for photo in learned))
    if len(yaws) > 2 and (within := max(yaws) - min(yaws)) < ONE_VIEW_DEG:
        lines.append(
            f"every face looks the same way, within {within:.0f} degrees: photographs from other sides teach more"
        )
    return [*lines, GOOD] if lines else []


def no_sources(persona: str, accepted: Sequence[Candidate], paths: PersonaPaths) -> InputError:
    """The end of a set of which no photograph is left to learn from."""
    held_out = sum(photo.raw.role == "source" for photo in accepted)
    return InputError(
        f"no photograph of {persona} is left to learn from: "
        + (f"the {held_out} that passed are all held out" if held_out else "none passed"),
        reason="no-sources",
        remedy=(f"take names out of `held_out` in conf/persona/{persona}.yaml, or " if held_out else "")
        + f"add photographs to {paths.raw_sources}; {paths.ingested}/failures.jsonl says why others were refused",
    )
