"""Training's door: what lies in lora_training/ is what the dataset stage wrote, and each picture passes the gates again."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from likeness.dataset.door import refuse_image, untraced
from likeness.dataset.layout import archived, changed, metadata_line
from likeness.dataset.select import caption_subject
from likeness.dvc_files import links_to_cache
from likeness.pipeline.manifest import FAILURES, MANIFEST, Entry
from likeness.pipeline.verified import read_verified, verified_bytes
from likeness.run import Run
from likeness.safety.gates import refuse
from likeness.safety.pictures import PictureGate


def admit(run: Run, gate: PictureGate | None = None) -> None:
    """Let the training set pass, or refuse it whole: a picture that should not be there says that somebody put it there.

    Raises:
        InputError: `dataset-changed`, or a gate's reason; names the file.
    """
    folder = run.paths.lora_training
    manifest = read_verified(folder)
    _compare_metadata(folder, manifest.entries)
    photographs = {photo.parents: photo for photo in read_verified(run.paths.ingested, faces=False).entries}
    measures = run.measurements(gate)

    def pass_or_refuse(entry: Entry) -> None:
        refuse("caption", caption_subject(entry), what=f"the caption of {entry.file}")
        seen = measures.of(verified_bytes(folder / entry.file, entry.sha256), name=entry.file)
        refuse_image(seen, run, what=entry.file, untraced=untraced(entry, photographs, run.consent))

    with ThreadPoolExecutor(max_workers=run.config.items.workers) as pool:
        for _ in pool.map(pass_or_refuse, manifest.entries):
            pass


def _compare_metadata(folder: Path, entries: Sequence[Entry]) -> None:
    """metadata.jsonl says of each image what the manifest says, and the folder holds nothing that is not of the training set:
    trainers read pictures of any suffix, and cached latents beside them."""
    metadata = folder / "train" / "metadata.jsonl"
    written = metadata.read_text(encoding="utf-8").split("\n")[:-1] if metadata.is_file() else []
    expected = [metadata_line(entry) for entry in entries]
    if written != expected:
        known = set(expected)
        wrong = next((line for line in written if line not in known), "a line is missing")
        raise changed(f"{metadata} is not what the dataset stage wrote: {wrong[:200]}")
    named = {*archived(entries), MANIFEST, FAILURES}
    for path in sorted(folder.rglob("*")):
        stray = not path.is_dir() and path.relative_to(folder).as_posix() not in named
        if stray or (path.is_symlink() and not links_to_cache(path)):
            raise changed(f"{path} is not a file of the training set")
    for entry in entries:
        caption = (folder / entry.file).with_suffix(".txt")
        if not caption.is_file() or caption.read_text(encoding="utf-8") != f"{entry.text}\n":
            raise changed(f"{caption} is not the caption of the manifest")
