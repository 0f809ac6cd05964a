"""Prompts that are ready, each of a kind; whatever else a person writes is of the kind `free`."""

from dataclasses import dataclass

FREE = "free"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A prompt without the person's name, which goes before it."""

    id: str
    title: str
    prompt: str
    kind: str


PRESETS = (
    Preset(id="portrait", title="Portrait", kind="portrait",
           prompt="head and shoulders photo, facing the camera, neutral expression, plain grey background"),
    Preset(id="smile", title="A smile", kind="portrait", prompt="head and shoulders photo, smiling"),
    Preset(id="left", title="To the left", kind="portrait",
           prompt="head and shoulders photo, head turned to the left, smiling"),
    Preset(id="yellow", title="A yellow shirt", kind="everyday",
           prompt="head and shoulders photo, smiling, wearing a yellow shirt"),
    Preset(id="library", title="In a library", kind="everyday", prompt="in a library, reading, warm light"),
    Preset(id="stage", title="On a stage", kind="costume", prompt="on a stage in a long red coat, spotlight"),
)  # fmt: skip
BY_ID = {one.id: one for one in PRESETS}
KINDS = (*dict.fromkeys(one.kind for one in PRESETS), FREE)


def kind_of(preset: str | None, prompt: str, negative: str = "") -> str:
    """The kind of a wish: a preset's only where its words were left as they are; what is to be kept out is words, too."""
    known = BY_ID.get(preset or "")
    as_it_is = known is not None and prompt.strip() == known.prompt and not negative.strip()
    return known.kind if known and as_it_is else FREE
