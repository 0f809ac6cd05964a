"""Training's door: what lies in lora_training/ is what the dataset stage wrote, and each picture passes the gates again."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from itertools import zip_longest
from operator import attrgetter
from pathlib import Path

from likeness.dataset.door import untraced
from likeness.dataset.layout import archived, changed, metadata_line
from likeness.dataset.select import caption_subject
from likeness.dvc_files import links_to_cache
from likeness.lazy import Index
from likeness.pipeline.manifest import FAILURES, MANIFEST, Entry
from likeness.pipeline.verified import read_verified, verified_bytes
from likeness.run import Run
from likeness.safety.gates import refuse
from likeness.safety.pictures import PictureGate

# Pictures that wait for a thread: each with its line, which takes 10 kB when it is read.
AT_ONCE = 256


def admit(run: Run, gate: PictureGate | None = None) -> None:
    """Let the training set pass, or refuse it whole: a picture that should not be there says that somebody put it there.

    Raises:
        InputError: `dataset-changed`, or a gate's reason; names the file.
    """
    folder = run.paths.lora_training
    manifest = read_verified(folder)
    _compare_metadata(folder, manifest.entries)
    photographs = Index(read_verified(run.paths.ingested).entries, attrgetter("parents"))
    measures = run.measurements(gate)

    def pass_or_refuse(entry: Entry) -> None:
        refuse("caption", caption_subject(entry), what=f"the caption of {entry.file}")
        seen = measures.of(verified_bytes(folder / entry.file, entry.sha256), name=entry.file)
        wrong = untraced(entry, photographs, run.consent)
        run.refuse_picture("training image", seen, what=entry.file, untraced=wrong)

    with ThreadPoolExecutor(max_workers=run.config.items.workers) as pool:
        for begin in range(0, len(manifest.entries), AT_ONCE):
            for _ in pool.map(pass_or_refuse, manifest.entries[begin : begin + AT_ONCE]):
                pass


def _compare_metadata(folder: Path, entries: Sequence[Entry]) -> None:
    """metadata.jsonl says of each image what the manifest says, and the folder holds nothing that is not of the training set:
    trainers read pictures of any suffix, and cached latents beside them."""
    metadata = folder / "train" / "metadata.jsonl"
    with metadata.open(encoding="utf-8", newline="\n") if metadata.is_file() else StringIO() as written:
        expected = (f"{metadata_line(entry)}\n" for entry in entries)
        if any(line != right for line, right in zip_longest(written, expected)):
            known = set(map(metadata_line, entries))
            written.seek(0)
            lines = (line.removesuffix("\n") for line in written)
            wrong = next((line for line in lines if line not in known), "a line is missing")
            raise changed(f"{metadata} is not what the dataset stage wrote: {wrong[:200]}")
    named = archived(entries) | {MANIFEST, FAILURES}

    def is_wrong(path: Path) -> bool:
        stray = not path.is_dir() and path.relative_to(folder).as_posix() not in named
        return stray or (path.is_symlink() and not links_to_cache(path))

    if wrong := min(filter(is_wrong, folder.rglob("*")), default=None):
        raise changed(f"{wrong} is not a file of the training set")
    for entry in entries:
        caption = (folder / entry.file).with_suffix(".txt")
        if not caption.is_file() or caption.read_text(encoding="utf-8") != f"{entry.text}\n":
            raise changed(f"{caption} is not the caption of the manifest")
