"""The stages of the graph, in its order: the only list of them.

dvc.yaml says the same to DVC, by hand (of check stages/dvc.yaml does); tests/test_dvc.py compares the two. A stage more
is a program in stages/, lines in dvc.yaml and a row here.
"""

from dataclasses import dataclass
from pathlib import Path

from likeness.paths import PersonaPaths
from likeness.safety.consent import Use


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """One stage: `name` is that of its program, its section of the settings and its package; `outputs` and `manifest`
    are names for `PersonaPaths.output`: what DVC keeps, and the folder whose manifest tells how the stage went; `uses`
    is what the consent has to cover; `provider` says whether its section names one; `what` becomes of a photograph in
    it, for reports and cards; `spreads` whether its items may be made on many machines: its program does nothing but read before
    its one batch."""

    name: str
    outputs: tuple[str, ...] = ()
    manifest: str | None = None
    uses: tuple[Use, ...] = ()
    per_persona: bool = True
    provider: bool = False
    spreads: bool = False
    what: str = ""

    @property
    def title(self) -> str:
        """Its name at the head of a table's row."""
        return self.name.capitalize()

    def folder(self, paths: PersonaPaths) -> Path | None:
        """Where its manifest lies."""
        return None if self.manifest is None else paths.output(self.manifest)


CHECK_TARGET = "stages/dvc.yaml:check"
"""check on DVC's command line."""
CHECKED = Path("data/checked.json")
"""What check writes, always the same: a clone may lack it, and no stage runs for that."""
STAGES = (
    StageSpec(name="check", per_persona=False),
    StageSpec(name="ingest", outputs=("ingested",), manifest="ingested", spreads=True,
              what="photographs decoded, turned upright, brought to sRGB, measured and rated"),
    StageSpec(name="swap", outputs=("swapped",), manifest="swapped", uses=("swap",), provider=True, spreads=True,
              what="the persona's face put on the target photographs; the persona's own pass unchanged"),
    StageSpec(name="resize", outputs=("resized",), manifest="resized", spreads=True,
              what="cropped around the face, in the photograph's own pixels"),
    StageSpec(name="enhance", outputs=("enhanced",), manifest="enhanced", provider=True, spreads=True,
              what="enlarged to twice its pixels where the photograph has no more of its own"),
    StageSpec(name="caption", outputs=("captions",), manifest="captions", provider=True, spreads=True,
              what="described in a sentence that starts with the trigger word"),
    StageSpec(name="dataset", outputs=("lora_training", "dataset_zip"), manifest="lora_training", uses=("train",), spreads=True,
              what="laid out for training"),
    StageSpec(name="train", outputs=("weights", "checkpoints", "training_samples", "training_metrics", "loss_csv"), uses=("train",)),
    StageSpec(name="evaluate", outputs=("samples", "contact_sheet", "evaluation_metrics"), manifest="samples", uses=("generate",),
              what="samples drawn with and without the LoRA"),
    StageSpec(name="report", outputs=("report", "model_card")),
)  # fmt: skip

BY_NAME = {spec.name: spec for spec in STAGES}

ALL_USES: tuple[Use, ...] = tuple(dict.fromkeys(use for spec in STAGES for use in spec.uses))
"""What the whole graph does with a likeness."""

BY_FOLDER = {spec.manifest: spec for spec in STAGES if spec.manifest}
"""The stages that write a manifest, by its folder's name."""


def folders_before(name: str, paths: PersonaPaths) -> dict[str, Path]:
    """The manifest folders of the stages before this one, by their names and in the graph's order."""
    earlier = STAGES[: STAGES.index(BY_NAME[name])]
    return {spec.manifest: paths.output(spec.manifest) for spec in earlier if spec.manifest}
