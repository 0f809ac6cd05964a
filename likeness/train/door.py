"""Training's door: what lies in lora_training/ is what the dataset stage wrote, and each picture passes the gates again."""

from pathlib import Path

from likeness.dataset.layout import metadata_line, repeats_in
from likeness.dataset.select import caption_subject
from likeness.errors import InputError
from likeness.images import load_rgb
from likeness.pipeline.batch import Made, Work
from likeness.pipeline.manifest import Entry, read_verified
from likeness.run import Run
from likeness.safety.gates import refuse
from likeness.safety.pictures import Gate, PictureGate, models, refuse_picture
from likeness.store.items import Json, item_key

REMEDY = "run `dvc repro`: the stage dataset writes this folder; edit captions in captions_override/"


def admit(run: Run, gate: Gate | None = None) -> None:
    """Let the training set pass, or refuse it whole: a picture that should not be there says that somebody put it there.

    Raises:
        InputError: `dataset-changed`, or a gate's reason; names the file.
    """
    folder, consent = run.paths.lora_training, run.consent
    manifest = read_verified(folder)
    _compare_metadata(folder, manifest.entries)
    gate, digests = gate or PictureGate(run.embedder), models(run.embedder)
    works = [_seen_work(entry, folder / entry.file, gate, digests) for entry in manifest.entries]
    for entry, outcome in zip(
        manifest.entries, run.batch(works, workers=run.config.items.workers), strict=True
    ):
        if outcome.item is None:
            failure = outcome.failure
            assert failure is not None
            raise InputError(f"{entry.file}: {failure.detail}", reason=failure.reason, remedy=failure.remedy)
        refuse("caption", caption_subject(entry), what=f"the caption of {entry.file}")
        refuse_picture(
            "training image", outcome.item.record, consent, what=entry.file, untraced=_not_covered(entry, run),
            embedder=run.embedder,
        )  # fmt: skip


def _seen_work(entry: Entry, path: Path, gate: Gate, digests: list[Json]) -> Work:
    def make() -> Made:
        return Made(files={}, record=gate.measure(load_rgb(path)))

    key = item_key("gate.picture", 1, {"models": digests}, [entry.sha256])
    return Work(id=entry.id, key=key, make=make)


def _not_covered(entry: Entry, run: Run) -> str | None:
    """What is wrong with the photographs that an image says it comes from."""
    if not entry.roots:
        return "names no photograph that it was made from"
    for role, sha256 in entry.roots.items():
        if not run.consent.covers_photo(role, "", sha256):
            return f"was made from a {role} (sha256 {sha256}) that the consent record does not cover"
    return None


def _compare_metadata(folder: Path, entries: tuple[Entry, ...]) -> None:
    """metadata.jsonl says of each image what the manifest says, and the folder holds no other picture."""
    metadata = folder / "train" / "metadata.jsonl"
    written = metadata.read_text(encoding="utf-8").split("\n")[:-1] if metadata.is_file() else []
    expected = [metadata_line(entry, repeats_in(entry.file)) for entry in entries]
    if written != expected:
        known = set(expected)
        wrong = next((line for line in written if line not in known), "a line is missing")
        raise InputError(
            f"{metadata} is not what the dataset stage wrote: {wrong[:200]}",
            reason="dataset-changed",
            remedy=REMEDY,
        )
    named = {folder / entry.file for entry in entries}
    others = sorted(
        p for p in (folder / "train").rglob("*") if p.suffix.lower() in (".jpg", ".png") and p not in named
    )
    if others:
        raise InputError(f"{others[0]} is no image of the manifest", reason="dataset-changed", remedy=REMEDY)
    for entry in entries:
        caption = (folder / entry.file).with_suffix(".txt")
        if not caption.is_file() or caption.read_text(encoding="utf-8") != f"{entry.text}\n":
            raise InputError(
                f"{caption} is not the caption of the manifest", reason="dataset-changed", remedy=REMEDY
            )
