"""Every path of a persona and of the repository, and every file name.

`jade-s1-t1-sfw-enhanced.jpg`: persona, source photo, target photo, rating, stage.
"""

import contextlib
import os
import re
import stat
import unicodedata
from pathlib import Path

from likeness.errors import ConfigError, InputError
from likeness.git import is_part_of

# What `likeness params` composes, in the repository and in every copy that DVC runs an experiment in.
PARAMS = Path("params.yaml")
PRICES = Path("conf/prices.yaml")
EXPERIMENTS = ".dvc/tmp/exps"

# A persona's name is part of file names, stage names and of ids joined with "-".
MAX_NAME = 1000
PERSONA_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
# What Windows takes for a device, whatever the ending (learn.microsoft.com, "Naming Files, Paths, and Namespaces"): no folder
# there can be called so, and a clone, an archive or a bucket of such a persona could not be laid out.
DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
)
NO_WORDS = frozenset(["yes", "no", "on", "off", "true", "false", "null"])  # to YAML
WHY_NOT = {DEVICES: ": Windows has no folder of that name", NO_WORDS: ": YAML does not read it as a word"}


def inside(name: str) -> str:
    """The name of a file below some folder, as a manifest or an archive has it.

    Raises:
        ValueError: it is empty, absolute, leads upwards, or has letters that cannot be printed.
    """
    parts = name.split("/")
    if (
        "\\" in name
        or not name.isprintable()
        or any(part in ("", ".", "..") for part in parts)
        or len(name) > MAX_NAME
    ):
        raise ValueError(f"{name[:80]!r} is not the name of a file below its folder")
    return name


def require_file(path: Path, *, remedy: str, reason: str = "missing-file") -> Path:
    """A path at which a file lies.

    Raises:
        InputError: `reason`: there is none, or what else lies there.
    """
    if path.is_file():
        return path
    what = "missing"
    if path.exists():
        what = "a folder, and no file" if path.is_dir() else "a pipe, a socket or a device"
    elif path.is_symlink():
        what = f"a link to {path.readlink()}, where nothing is"
    raise InputError(f"{path} is {what}", reason=reason, remedy=remedy)


def same_name(name: str) -> str:
    """A file name as names are compared: a Mac's decomposed é is the é that people type (Unicode NFC)."""
    return unicodedata.normalize("NFC", name)


def item_id(persona: str, source: str | None, target: str | None) -> str:
    """`jade-s1-t1`; without a source or a target the part is left out."""
    return "-".join(part for part in (persona, source, target) if part)


def image_name(
    persona: str, source: str | None, target: str | None, rating: str, stage: str, ext: str
) -> str:
    """`jade-s1-t1-sfw-swapped.png`."""
    return f"{item_id(persona, source, target)}-{rating}-{stage}.{ext}"


def persona_name(name: str) -> str:
    """The name, which leads out of no folder.

    Raises:
        ConfigError: it is no persona's.
    """
    if not is_persona_name(name):
        why = next((words for names, words in WHY_NOT.items() if name in names), "")
        raise ConfigError(
            f"{name[:80]!r} is not a valid name of a persona{why}",
            reason="persona-name",
            remedy="use a-z, 0-9 and _, at most 32, a letter first: mia",
        )
    return name


def is_persona_name(name: str) -> bool:
    """Whether a persona may be called so: the name of a folder on every system, and a word to YAML."""
    return PERSONA_NAME.fullmatch(name) is not None and name not in DEVICES | NO_WORDS


class PersonaPaths:
    """Every folder and file of one persona, relative to the repository; images are called by `image_name`."""

    def __init__(self, persona: str) -> None:
        self.persona = persona_name(persona)

        self.data = Path("data") / persona
        self.raw = self.data / "raw"
        self.raw_sources = self.raw / "sources"
        self.raw_targets = self.raw / "targets"
        self.numbers = self.raw / "numbers.yaml"
        self.refused = self.raw / "refused.yaml"
        self.ingested = self.data / "ingested"
        self.persona_face = self.ingested / "persona.json"
        self.ingest_notes = self.ingested / "notes.jsonl"
        self.swapped = self.data / "swapped"
        self.resized = self.data / "resized"
        self.enhanced = self.data / "enhanced"
        self.captions = self.data / "captions"
        self.captions_override = self.data / "captions_override"
        self.refused_images = self.captions_override / "refused.yaml"
        self.captions_note = self.captions_override / "README"

        self.models = Path("models") / persona
        self.model_card = self.models / "README.md"
        self.lora_training = self.models / "lora_training"
        self.dataset_card = self.lora_training / "README.md"
        self.dataset_metadata = self.lora_training / "train" / "metadata.jsonl"
        self.dataset_toml = self.lora_training / "dataset.toml"
        self.dataset_zip = self.models / f"{persona}_lora_dataset.zip"

        self.weights = self.models / f"{persona}-v1.safetensors"
        self.training = self.models / "training"
        self.checkpoints = self.training / "checkpoints"
        self.checkpoints_note = self.checkpoints / "README.txt"
        self.training_samples = self.training / "samples"
        self.samples_note = self.training_samples / "README.txt"
        self.samples_by_step = self.training_samples / "by_step.png"
        self.loss_csv = self.training / "loss.csv"
        self.training_metrics = self.training / "metrics.json"

        self.evaluation = self.models / "evaluation"
        self.samples = self.evaluation / "samples"
        self.evaluation_details = self.samples / "details.json"
        self.xy_plot = self.samples / "xy_plot.png"
        self.contact_sheet = self.evaluation / "contact_sheet.png"
        self.evaluation_metrics = self.evaluation / "metrics.json"

        self.comfy = self.models / "comfy"
        self.comfy_samples = self.comfy / "samples"
        self.comfy_results = self.comfy / "results.json"
        self.comfy_sheet = self.comfy / "contact_sheet.png"
        self.comfy_workflow = self.comfy / f"{persona}-workflow.json"

        self.versions = self.models / "versions"
        self.versions_file = self.models / "versions.json"
        self.versions_changelog = self.models / "CHANGELOG.md"

        self.drawn = self.models / "drawn"
        self.drawn_sheet = self.drawn / "sheet.png"

        self.comparison = self.models / "comparison"
        self.comparison_page = self.comparison / "index.html"

        self.report = self.models / "report"
        self.report_page = self.report / "index.html"

    def output(self, name: str) -> Path:
        """What a stage's row calls an output: an attribute of this class, else that folder in data/PERSONA/."""
        return getattr(self, name, self.data / name)

    def checkpoint(self, step: int) -> Path:
        """The LoRA as it was after `step` steps."""
        return self.checkpoints / f"{self.weights.stem}-step-{step:06d}.safetensors"

    def version(self, number: int) -> Path:
        """The copy of an accepted version's weights."""
        return self.versions / f"{self.persona}-v{number}.safetensors"

    def compared(self, number: int, strength: float) -> Path:
        """Where the pictures of a side lie that were drawn for a comparison."""
        return self.comparison / f"{number}-strength-{strength:g}"

    def checkpoints_by_step(self) -> dict[int, Path]:
        """The kept checkpoints, in the order of steps."""
        steps = {step_of(path) for path in self.checkpoints.glob("*.safetensors")}
        return {step: self.checkpoint(step) for step in sorted(step for step in steps if step is not None)}


def face_file(photo_id: str) -> str:
    """`jade-s1.face.json`, beside an ingested photograph: the face that is meant."""
    return f"{photo_id}.face.json"


def step_of(path: Path) -> int | None:
    """The step that the name of a checkpoint or a strip of samples ends with; None where it ends with none."""
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdecimal() else None


def weights_persona(name: str) -> str:
    """Whose weights a file is called after: `jade` of `jade-v1.safetensors`."""
    return Path(name).name.rpartition("-v")[0]


class RepositoryPaths:
    """What all personas of a repository share: the folder `.cache`, which is no stage's output."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.consent = root / "consent"
        self.cache = root / ".cache"
        self.training = self.cache / "training"
        self.digests = self.cache / "digests"
        self.history = self.cache / "ledger"
        self.keys = self.cache / "keys"
        self.marks = root / "marks"
        self.gallery = self.cache / "gallery"
        self.spending = self.history / "spending.jsonl"
        self.plan = self.history / "plan.json"

    @staticmethod
    def here() -> "RepositoryPaths":
        """The repository that DVC was started in, whose consent and items its experiments' folders share: DVC exports DVC_ROOT.
        One around another clone, or elsewhere, is another repository's, and its consent is none here."""
        root, here = Path(os.environ.get("DVC_ROOT", ".")).absolute(), Path.cwd()
        root = root if is_part_of(here, root, but=EXPERIMENTS) else here
        inside, mark, _ = f"{root}/".partition(f"/{EXPERIMENTS}/")
        return RepositoryPaths(Path(inside) if mark else root)

    def keep_from_others(self) -> None:
        """Let nobody else look into the folders that hold faces and what is known of them: DVC writes what it keeps and lays
        out as this user's umask says. A cache that DVC shares with a group (its folders have the setgid bit) stays so."""
        for folder in (
            self.root / name for name in ("data", "models", "consent", ".cache", ".dvc/cache", ".dvc/tmp")
        ):
            with contextlib.suppress(OSError):  # not there, or another user's, who decides
                mode = folder.lstat().st_mode
                if stat.S_ISDIR(mode) and not mode & stat.S_ISGID and mode & 0o077:
                    folder.chmod(0o700)

    def registry(self, persona: str) -> Path:
        """What the marks of this persona's publications stand for: committed, append-only."""
        return self.marks / f"{persona}.jsonl"

    def publication(self, persona: str) -> Path:
        """The marked and signed copies that were published last."""
        return self.cache / "publications" / persona

    def counts(self, folder: Path) -> Path:
        """Where the counts of the stage that last wrote `folder` are kept."""
        return self.history / ("-".join(folder.parts) + ".json")

    def seconds(self, stage: str, persona: str) -> Path:
        """Where the time is kept that the stage last took."""
        return self.history / f"{stage}@{persona}.json"
