"""The published copy of one file: marked, signed, and made again only when its source has changed.

A mark in the pixels of a training image would be learned, and a signature carries a random number: neither may be an
output of the graph. The copies lie in .cache/publications/PERSONA, so that publishing twice marks and sends nothing twice.
"""

import base64
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar

import likeness
from likeness.dataset.archive import write_zip
from likeness.digests import sha256_bytes, sha256_file
from likeness.disk import write_atomic, writing
from likeness.errors import InputError
from likeness.git import git
from likeness.images import PNG, mime_of
from likeness.lora.safetensors_io import read_header
from likeness.lora.said import BASE, CONSENT_ID, DATASET, TRAINING_SET
from likeness.lora.signature import sign_weights
from likeness.marks import claims, xmp
from likeness.marks.claims import Claim, Ingredient
from likeness.marks.keys import SigningKey
from likeness.marks.pictures import MARKS_VERSION, Origin, mark_picture
from likeness.marks.registry import Publication
from likeness.marks.xmp import SourceType, source_type
from likeness.pipeline.ancestry import Ancestry
from likeness.store.items import Json
from likeness.store.keys import item_key

PICTURES = (".jpg", ".png")

MARKS = "marks.json"
"""In a published archive: which published picture was made from which training image."""

INDEX = "index.json"
WEIGHTS_SAY = (DATASET, TRAINING_SET, BASE, CONSENT_ID)
PAGE_PICTURE = re.compile(rb"data:image/jpeg;base64,([A-Za-z0-9+/=]+)")


A = TypeVar("A")
B = TypeVar("B")


def in_threads(work: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """`work` on each item, a thread a core: the networks, hashes and codecs that take the time hold no lock."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            return list(pool.map(work, items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Makes the copies of one publication; `renamed` are names of files that leave under another one, which texts follow."""

    folder: Path
    publication: Publication
    key: SigningKey
    label: str | None
    statement: Mapping[str, str]
    synthetic: bool
    ancestry: Ancestry
    index: dict[str, dict[str, str]]
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    lock: Lock = field(default_factory=Lock)

    def copy(self, name: str, source: Path) -> tuple[Path, str]:
        """The copy of one file that leaves, and the sha256 of what it was made from."""
        digest = sha256_file(source)
        if source.suffix in PICTURES:
            return self.picture(name, source, digest), digest
        if source.suffix == ".safetensors":
            says = {**self.statement, "of": digest, "code": _revision(), **_of_weights(source)}
            sign = partial(sign_weights, source, says=says, key=self.key)
            return self._made(name, [digest], says, sign), digest
        if source.suffix == ".zip":
            return self._archive(name, source, digest), digest
        renamed = [f"{old} is {new}" for old, new in self.renamed.items()]
        if source.suffix == ".html":
            made = self._made(name, [digest, *renamed], self.statement, lambda out: self._page(source, out))
        elif source.suffix == ".md" and renamed:
            text = self._renamed(source.read_bytes())
            made = self._made(name, [digest, *renamed], self.statement, lambda out: out.write_bytes(text))
        else:
            made = source
        return made, digest

    def picture(self, name: str, source: Path, digest: str) -> Path:
        """A marked copy of a picture that a manifest names."""
        origin = self._origin(digest)

        def make(out: Path) -> None:
            data = source.read_bytes()
            if sha256_bytes(data) != digest:
                raise InputError(
                    f"{source} changed while it was marked",
                    reason="not-in-manifest",
                    remedy="run `dvc repro`, then publish again",
                )
            title = Path(name).name
            out.write_bytes(
                mark_picture(data, title, origin, mark=self.publication.mark, key=self.key, label=self.label)
            )

        return self._made(
            name, [digest, *(sha256_bytes(one.data) for one in origin.ingredients)], origin.statement, make
        )

    def _origin(self, digest: str) -> Origin:
        """How a picture came to be, by its manifest line: what was drawn has no ingredients."""
        entry = self.ancestry.required(digest).entry
        assert entry is not None
        statement = {**self.statement, "of": digest, "made_from": self.ancestry.photographs(digest)}
        if entry.source is None:
            drawn = {**self.statement, "of": digest, "weights": list(entry.parents)}
            return Origin(code=SourceType.TRAINED, statement=drawn)
        code = source_type(swapped=entry.target is not None, neural=entry.neural, synthetic=self.synthetic)
        ways = [
            one for one in self.ancestry.way(digest) if not isinstance(one, str) and one.stage == "ingest"
        ]
        # The picture that was edited is the target's; the persona's photograph gave the face.
        ordered = sorted(ways, key=lambda one: one.entry is None or one.entry.target is None)
        parts = [(one.path.name, one.path.read_bytes()) for one in ordered]
        ingredients = [
            Ingredient(title=title, mime=mime_of(data) or PNG, data=data, parent=number == 0)
            for number, (title, data) in enumerate(parts)
        ]
        return Origin(code=code, ingredients=ingredients, statement=statement)

    def _archive(self, name: str, source: Path, digest: str) -> Path:
        """The archive with marked pictures, MARKS beside them, signed as a whole."""

        def make(out: Path) -> None:
            inner = out.with_suffix(".files")
            shutil.rmtree(inner, ignore_errors=True)
            with zipfile.ZipFile(source) as archive:
                archive.extractall(inner)
            names = sorted(path.relative_to(inner).as_posix() for path in inner.rglob("*") if path.is_file())

            def mark(one: str) -> dict[str, str]:
                of = sha256_file(inner / one)
                shutil.copyfile(self.picture(f"{name}.pictures/{one}", inner / one, of), inner / one)
                return {"of": of, "sha256": sha256_file(inner / one)}

            inside = [one for one in names if Path(one).suffix in PICTURES]
            pictures = dict(zip(inside, in_threads(mark, inside), strict=True))
            described = {**self.statement, "of": digest, "pictures": pictures}
            (inner / MARKS).write_text(json.dumps(described, indent=1, sort_keys=True) + "\n")
            unsigned = out.with_suffix(".unsigned")
            write_zip(unsigned, inner, [*names, MARKS])
            shutil.rmtree(inner)
            claim = Claim(
                title=name,
                code=self._widest(pictures.values()),
                publication={**self.statement, "of": digest, "mark": self.publication.mark},
            )
            size = unsigned.stat().st_size  # several GiB, it may be
            with writing(out, size), unsigned.open("rb") as read, out.open("w+b") as written:
                claims.sign_stream(read, written, claims.ZIP, claim, self.key)
            unsigned.unlink()

        return self._made(name, [digest], self.statement, make)

    def _widest(self, pictures: Iterable[Mapping[str, str]]) -> SourceType:
        """Of several pictures the code that says most of trained networks."""
        codes = {self._origin(one["of"]).code for one in pictures}
        order = (
            SourceType.COMPOSITE_WITH_TRAINED,
            SourceType.COMPOSITE_SYNTHETIC,
            SourceType.COMPOSITE_CAPTURE,
        )
        return next((code for code in order if code in codes), SourceType.ALGORITHMICALLY_ENHANCED)

    def _page(self, source: Path, out: Path) -> None:
        """The report with each of its pictures marked; the report names their source types in XMP."""

        def marked(found: re.Match[bytes]) -> bytes:
            data = base64.b64decode(found[1])
            code = xmp.find_code(data)
            if code is None:
                raise InputError(
                    f"{source} shows a picture that does not say where it comes from",
                    reason="unmarked",
                    remedy="run `dvc repro`, which writes the report again",
                )
            origin = Origin(code=code, statement={**self.statement, "of": sha256_bytes(data)})
            picture = mark_picture(data, "report picture", origin, mark=self.publication.mark, key=self.key)
            return b"data:image/jpeg;base64," + base64.b64encode(picture)

        page = self._renamed(source.read_bytes())
        pictures = iter(in_threads(marked, PAGE_PICTURE.finditer(page)))
        out.write_bytes(PAGE_PICTURE.sub(lambda _: next(pictures), page))

    def _renamed(self, text: bytes) -> bytes:
        for old, new in self.renamed.items():
            text = text.replace(old.encode(), new.encode())
        return text

    def _made(
        self, name: str, inputs: list[str], says: Mapping[str, Json], make: Callable[[Path], object]
    ) -> Path:
        """The copy of this name: the one of an earlier run where it was made of the same, and nobody touched it."""
        path = self.folder / name
        settings = {
            "key": self.key.name,
            "chain": sha256_bytes(self.key.chain),
            "label": self.label,
            # A copy tells by which code it was signed; another commit does not make another copy.
            "says": {name: text for name, text in says.items() if name != "code"},
            "mark": self.publication.mark,
        }
        wanted = item_key("publish.copy", MARKS_VERSION, settings, inputs)
        known = self.index.get(name, {})
        if known.get("key") != wanted or not path.is_file() or sha256_file(path) != known.get("sha256"):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            make(partial)
            partial.replace(path)
            with self.lock:
                self.index[name] = {"key": wanted, "sha256": sha256_file(path)}
                write_atomic(self.folder / INDEX, json.dumps(self.index, indent=1).encode())
        return path


def read_index(folder: Path) -> dict[str, dict[str, str]]:
    """What an earlier run left in this folder, and of what it was made."""
    try:
        return json.loads((folder / INDEX).read_bytes())
    except (OSError, ValueError):
        return {}


def _of_weights(path: Path) -> dict[str, str]:
    """The digests that the weights' own metadata name: what they were trained on."""
    said = read_header(path).metadata
    return {name.removeprefix("likeness."): said[name] for name in WEIGHTS_SAY if name in said}


def _revision() -> str:
    """likeness's version and, where it runs from a checkout, its commit."""
    root = Path(likeness.__file__).parents[1]
    commit = git("rev-parse", "HEAD", root=root)
    return f"likeness {likeness.__version__}" + (f" {commit.strip()}" if commit else "")


def read_marks(archive: zipfile.ZipFile) -> dict[str, dict[str, str]]:
    """By picture of a published archive: `of`, the sha256 of its training image, and `sha256`, its own."""
    return json.loads(archive.read(MARKS))["pictures"]
