# pyright: basic
# (dvc.lock is not typed)
"""What this repository knows of a file: its manifests, dvc.lock, the photographs and the consent behind it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from likeness.digests import md5_file, sha256_file
from likeness.dvc_files import LOCK, cache_folder, cached, listed
from likeness.errors import ConsentError, InputError
from likeness.paths import PersonaPaths, RepositoryPaths, is_persona_name
from likeness.pipeline.ancestry import PHOTOGRAPH, Ancestry
from likeness.pipeline.manifest import MANIFEST
from likeness.safety.consent import load_consent
from likeness.versions.revision import stages_of

State = Literal["holds", "changed", "missing", "unknown"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `unknown` is what cannot be told from here, and no fault."""

    what: str
    state: State
    why: str


def compared(what: str, same: bool, right: str, wrong: str) -> Check:
    """Holds, or was changed, with the words for either."""
    return Check(what, "holds", right) if same else Check(what, "changed", wrong)


@dataclass(frozen=True)
class Origins:
    """Looks up where files come from; reads manifests and dvc.lock once."""

    repository: RepositoryPaths
    _manifests: dict[Path, list[Check]] = field(
        default_factory=dict[Path, list[Check]], init=False, repr=False, compare=False
    )

    def locked(self, path: Path, name: str) -> Iterator[Check]:
        """A file that the graph wrote, against what dvc.lock says of it."""
        wanted = self._lock.get(path.absolute())
        if wanted is None and any(parent in self._lock for parent in path.absolute().parents):
            yield Check(name, "changed", "dvc.lock does not name it in this folder")
        if wanted is not None:
            same = md5_file(path) == wanted
            yield compared(name, same, "it is what dvc.lock names", "dvc.lock names other bytes")

    def gone(self, folder: Path) -> Iterator[Check]:
        """What dvc.lock names in a folder and is not there."""
        for path in self._lock:
            if path.is_relative_to(folder.absolute()) and not path.exists():
                yield Check(str(folder / path.relative_to(folder.absolute())), "missing", "dvc.lock names it")

    def locked_or_missing(self, path: Path, name: str, what: str) -> Iterator[Check]:
        """What dvc.lock says of a file that lacks `what`."""
        yield from list(self.locked(path, name)) or [
            Check(name, "missing", f"{what}, and dvc.lock does not name it")
        ]

    def source(self, digest: str, name: str) -> Iterator[Check]:
        """What a published copy was made from, where this repository has it."""
        known = list(self.way(digest, name))
        if self.personas and not known and digest not in self._outputs:
            why = f"what it was made from (sha256 {digest[:16]}) is not in this repository"
            yield Check(name, "unknown", why)
        yield from known

    def way(self, digest: str, name: str) -> Iterator[Check]:
        """The files back to the photographs, each against the digest by which the next one names it."""
        for persona, ancestry in self.personas.items():
            if digest not in ancestry.links:
                continue
            photographs = 0
            for link in ancestry.way(digest):
                if isinstance(link, str) and link in self._outputs:  # what drew a sample
                    yield Check(f"{name} <- {self._outputs[link]}", "holds", "it is the file that was named")
                    continue
                if isinstance(link, str):
                    why = "no manifest and no photograph has this sha256"
                    yield Check(f"{name} <- {link[:16]}", "missing", why)
                    continue
                photographs += link.stage in (PHOTOGRAPH, "ingest")
                if link.entry is not None:
                    folder = next(one for one in link.path.parents if (one / MANIFEST).is_file())
                    yield from self._manifest(folder / MANIFEST, name)
                if not link.path.is_file():
                    yield Check(f"{name} <- {link.path}", "missing", f"of {link.stage}")
                else:
                    same, stage = sha256_file(link.path) == link.sha256, link.stage
                    right, wrong = "it is the file that was named", "these are other bytes"
                    yield compared(f"{name} <- {link.path}", same, f"{stage}: {right}", f"{stage}: {wrong}")
            if photographs:
                yield from self.consent(persona, name, None)
            return

    def _manifest(self, path: Path, name: str) -> Iterator[Check]:
        """A manifest that names a file on the way, where dvc.lock names another one: it says what it likes."""
        if path not in self._manifests:
            self._manifests[path] = [one for one in self.locked(path, str(path)) if one.state == "changed"]
        yield from (Check(f"{name} <- {path}", one.state, one.why) for one in self._manifests[path])

    def consent(self, persona: str, name: str, wanted: str | None) -> Iterator[Check]:
        """Whether the persona's record holds, and is the one that a file was made under (None: any)."""
        what = f"{name} <- consent/{persona}.yaml"
        try:
            record = load_consent(self.repository.root / "consent", persona)
        except ConsentError as error:
            yield Check(what, "changed", error.message)
            return
        right = f"record {record.id}"
        yield compared(what, wanted in (None, record.id), right, f"{right}, made under {wanted}")

    @cached_property
    def personas(self) -> dict[str, Ancestry]:
        """The ancestry of each persona of which manifests are here."""
        folders = sorted((self.repository.root / "data").glob("*/"))
        found = {
            folder.name: Ancestry.of(PersonaPaths(folder.name))
            for folder in folders
            if folder.is_dir() and is_persona_name(folder.name)
        }
        return {name: ancestry for name, ancestry in found.items() if ancestry.links}

    @cached_property
    def _outputs(self) -> dict[str, Path]:
        """Weights, archives and pages that lie here, by their sha256."""
        files = [path for persona in self.personas for path in PersonaPaths(persona).models.glob("*.*")]
        return {sha256_file(path): path for path in files if path.is_file()}

    @cached_property
    def _lock(self) -> dict[Path, str]:
        """md5 of every file that dvc.lock names; those of a folder from DVC's list of it, and the list's own."""
        lock = self.repository.root / LOCK
        stages = stages_of(lock.read_text(encoding="utf-8"), LOCK) if lock.is_file() else {}
        known: dict[Path, str] = {}
        cache = cache_folder(self.repository.root)
        for stage in stages.values():
            for out in stage.get("outs", []):
                path, md5 = self.repository.root / out["path"], str(out.get("md5", ""))
                if not md5.endswith(".dir"):
                    known[path] = md5
                    continue
                folder = cached(cache, md5)
                if folder.is_file() and md5_file(folder) + ".dir" == md5:
                    known |= {path: md5} | {path / name: digest for name, digest in listed(folder).items()}
        return known


def refuse_changed(files: Mapping[str, Path], repository: RepositoryPaths) -> None:
    """Refuse what was edited after the graph wrote it, where dvc.lock knows the file.

    Raises:
        InputError: `changed-after-the-graph`.
    """
    origins = Origins(repository)
    for name, path in files.items():
        if any(one.state == "changed" for one in origins.locked(path, name)):
            raise InputError(
                f"{path} is not the file that dvc.lock names: it changed after the graph wrote it",
                reason="changed-after-the-graph",
                remedy="run `dvc repro`, which writes it again",
            )
