"""What leaves is a copy, marked and signed; the graph's own files stay as they are.

A mark in the pixels of a training image would be learned, and a signature carries a random number: neither may be an
output of the graph. The copies lie in .cache/publications/PERSONA and are made again only when what they are made of
changed, so that publishing twice sends nothing twice.
"""

import base64
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import likeness
from likeness.config import Config
from likeness.dataset.archive import write_zip
from likeness.errors import InputError
from likeness.git import git
from likeness.images import decode_rgb
from likeness.lora.safetensors_io import read_header
from likeness.lora.signature import read_statement, sign_weights, unsigned
from likeness.marks import claims, xmp
from likeness.marks.claims import PNG, Claim, Ingredient
from likeness.marks.keys import SigningKey, signing_key
from likeness.marks.pdq import fingerprints
from likeness.marks.pictures import MARKS_VERSION, Origin, check_marks, mark_picture, mime_of
from likeness.marks.pixels import MIN_SIDE_PX
from likeness.marks.registry import FIRST, Copy, Publication, add_copies, publication_of
from likeness.marks.xmp import SourceType, source_type
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.pipeline.ancestry import Ancestry
from likeness.publish.choose import Chosen
from likeness.safety.consent import Consent
from likeness.store.items import Json, item_key, sha256_bytes, sha256_file, write_atomic

PICTURES = (".jpg", ".png")

MARKS = "marks.json"
"""In a published archive: which published picture was made from which training image."""

REGISTRY = "marks.jsonl"
"""Beside a publication: the lines of its registry, so that a detector knows the mark."""

INDEX = "index.json"
WEIGHTS_SAY = ("dataset_sha256", "training_set_sha256", "base_sha256", "consent_id")
PAGE_PICTURE = re.compile(rb"data:image/jpeg;base64,([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The marked copies, {name in the bucket: path}, the sha256 of what each was made from, and under which mark and key."""

    files: dict[str, Path]
    of: dict[str, str]
    publication: Publication
    key: SigningKey
    without_pixel_mark: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Makes the copies of one publication."""

    places: PersonaPaths
    folder: Path
    registry: Path
    publication: Publication
    key: SigningKey
    label: str | None
    statement: Mapping[str, str]
    synthetic: bool
    ancestry: Ancestry
    index: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def copy(self, name: str, source: Path) -> tuple[Path, str]:
        """The copy of one file that leaves, and the sha256 of what it was made from."""
        digest = sha256_file(source)
        if source.suffix in PICTURES:
            return self.picture(name, source, digest), digest
        if source.suffix == ".safetensors":
            says = {**self.statement, "of": digest, "code": _revision(), **_of_weights(source)}
            return self._made(
                name, [digest], says, lambda out: sign_weights(source, out, says, self.key)
            ), digest
        if source.suffix == ".zip":
            return self._archive(name, source, digest), digest
        if source.suffix == ".html":
            return self._made(name, [digest], self.statement, lambda out: self._page(source, out)), digest
        return source, digest

    def picture(self, name: str, source: Path, digest: str) -> Path:
        """A marked copy of a picture that a manifest names."""
        origin = self._origin(digest)

        def make(out: Path) -> None:
            data = source.read_bytes()
            if sha256_bytes(data) != digest:
                raise InputError(f"{source} changed while it was marked", reason="not-in-manifest",
                                 remedy="run `dvc repro`, then publish again")  # fmt: skip
            title = Path(name).name
            out.write_bytes(
                mark_picture(data, title, origin, mark=self.publication.mark, key=self.key, label=self.label)
            )

        return self._made(
            name, [digest, *(sha256_bytes(one.data) for one in origin.ingredients)], origin.statement, make
        )

    def _origin(self, digest: str) -> Origin:
        """How a picture came to be, by its manifest line: what was drawn has no ingredients."""
        link = self.ancestry.required(digest)
        entry = link.entry
        assert entry is not None
        statement = {**self.statement, "of": digest, "made_from": self.ancestry.photographs(digest)}
        if entry.source is None:
            drawn = {**self.statement, "of": digest, "weights": list(entry.parents)}
            return Origin(code=SourceType.TRAINED, statement=drawn)
        swapped = entry.target is not None
        code = source_type(swapped=swapped, neural=entry.neural, synthetic=self.synthetic)
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
            pictures: dict[str, dict[str, str]] = {}
            for one in names:
                if Path(one).suffix in PICTURES:
                    of = sha256_file(inner / one)
                    marked = self.picture(f"{name}.pictures/{one}", inner / one, of)
                    shutil.copyfile(marked, inner / one)
                    pictures[one] = {"of": of, "sha256": sha256_file(inner / one)}
            described = {**self.statement, "of": digest, "pictures": pictures}
            (inner / MARKS).write_text(json.dumps(described, indent=1, sort_keys=True) + "\n")
            write_zip(out, inner, [*names, MARKS])
            claim = Claim(title=name, code=self._widest(pictures.values()),
                          publication={**self.statement, "of": digest, "mark": self.publication.mark})  # fmt: skip
            write_atomic(out, claims.sign(out.read_bytes(), claims.ZIP, claim, self.key))
            shutil.rmtree(inner)

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
                raise InputError(f"{source} shows a picture that does not say where it comes from", reason="unmarked",
                                 remedy="run `dvc repro`, which writes the report again")  # fmt: skip
            origin = Origin(code=code, statement={**self.statement, "of": sha256_bytes(data)})
            picture = mark_picture(data, "report picture", origin, mark=self.publication.mark, key=self.key)
            return b"data:image/jpeg;base64," + base64.b64encode(picture)

        out.write_bytes(PAGE_PICTURE.sub(marked, source.read_bytes()))

    def _made(
        self, name: str, inputs: list[str], says: Mapping[str, Json], make: Callable[[Path], None]
    ) -> Path:
        """The copy of this name: the one of an earlier run where it was made of the same, and nobody touched it."""
        path = self.folder / name
        settings = {
            "key": self.key.name, "chain": sha256_bytes(self.key.chain), "label": self.label,
            # A copy tells by which code it was signed; another commit does not make another copy.
            "says": {name: text for name, text in says.items() if name != "code"},
            "mark": self.publication.mark,
        }  # fmt: skip
        wanted = item_key("publish.copy", MARKS_VERSION, settings, inputs)
        known = self.index.get(name, {})
        if known.get("key") != wanted or not path.is_file() or sha256_file(path) != known.get("sha256"):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            make(partial)
            partial.replace(path)
            self.index[name] = {"key": wanted, "sha256": sha256_file(path)}
            write_atomic(self.folder / INDEX, json.dumps(self.index, indent=1).encode())
        return path


def prepare(
    cfg: Config, record: Consent, chosen: Chosen, repository: RepositoryPaths, consent_file: Path
) -> Prepared:
    """Make the marked copies of all that was chosen, and write down in the registry what their mark stands for.

    Raises:
        ConfigError: the signing key cannot be used; nothing was made.
        InputError: a picture cannot be marked, or does not carry its marks when it is read back.
    """
    key = signing_key(cfg.marks, repository.keys)
    digest = sha256_file(consent_file)
    registry = repository.registry(record.persona)
    publication = publication_of(registry, key, record.persona, record.id, digest)
    folder, places = repository.publication(record.persona), PersonaPaths(record.persona)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    statement = {"consent": record.id, "consent_sha256": digest, "persona": record.persona}
    workshop = Workshop(
        places=places, folder=folder, registry=registry, publication=publication, key=key, label=cfg.marks.label,
        statement=statement, synthetic=record.kind == "synthetic", ancestry=Ancestry.of(places), index=_index(folder),
    )  # fmt: skip
    copies = {name: workshop.copy(name, path) for name, path in chosen.files.items()}
    files = {name: path for name, (path, _) in copies.items()}
    prepared = Prepared(
        files=files, of={name: of for name, (_, of) in copies.items()}, publication=publication, key=key
    )
    add_copies(registry, key, _copies(prepared, chosen))
    files[REGISTRY] = registry
    check(prepared)
    return replace(prepared, without_pixel_mark=_without_pixel_mark(prepared))


def check(prepared: Prepared) -> None:
    """Refuse all of it where one file would leave without its marks; what is read is what will be sent.

    Raises:
        InputError: `unmarked`.
    """
    mark, key = prepared.publication.mark, prepared.key
    for name, path in prepared.files.items():
        if path.suffix in PICTURES:
            check_marks(path.read_bytes(), name, mark=mark, key=key)
        elif path.suffix == ".safetensors":
            said = read_statement(path)
            if said is None or said.problems or said.key != key.name:
                raise unsigned(path)
        elif path.suffix == ".zip":
            _check_archive(name, path, mark=mark, key=key)
        elif path.suffix == ".html":
            for number, found in enumerate(PAGE_PICTURE.findall(path.read_bytes()), start=1):
                check_marks(base64.b64decode(found), f"picture {number} of {name}", mark=mark, key=key)


def _without_pixel_mark(prepared: Prepared) -> tuple[str, ...]:
    """Pictures that carry no mark in their pixels; those of archive and report are told by what `verify` prints."""
    pictures = {name: path.read_bytes() for name, path in prepared.files.items() if path.suffix in PICTURES}
    found = {name: claims.read(data, mime_of(data) or "") for name, data in pictures.items()}
    return tuple(name for name, one in found.items() if one is not None and one.mark is None)


def _check_archive(name: str, path: Path, *, mark: str, key: SigningKey) -> None:
    found = claims.read(path.read_bytes(), claims.ZIP)
    if found is None or not found.valid or claims.serial_of(key) not in found.signer:
        raise unsigned(path)
    with zipfile.ZipFile(path) as archive:
        for one in archive.namelist():
            if Path(one).suffix in PICTURES:
                check_marks(archive.read(one), f"{one} in {name}", mark=mark, key=key)


def _copies(prepared: Prepared, chosen: Chosen) -> Iterable[Copy]:
    """A line of the registry for each copy, and for each picture in an archive."""

    def line(name: str, data: bytes, of: str) -> Copy:
        rgb = decode_rgb(data, name=name)
        # A small picture carries no mark in its pixels, and its hash alone proves nothing.
        hashes = fingerprints(rgb) if min(rgb.shape[:2]) >= MIN_SIDE_PX else []
        return Copy(mark=prepared.publication.mark, previous=FIRST, key=prepared.key.public.hex(), name=name,
                       sha256=sha256_bytes(data), of=of, pdq=tuple(hashes))  # fmt: skip

    for name, path in prepared.files.items():
        if path.suffix in PICTURES:
            yield line(name, path.read_bytes(), prepared.of[name])
        else:
            yield Copy(mark=prepared.publication.mark, previous=FIRST, key=prepared.key.public.hex(), name=name,
                       sha256=sha256_file(path), of=prepared.of[name], pdq=())  # fmt: skip
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for one, said in json.loads(archive.read(MARKS))["pictures"].items():
                    yield line(f"{name}/{one}", archive.read(one), said["of"])


def _index(folder: Path) -> dict[str, dict[str, str]]:
    try:
        return json.loads((folder / INDEX).read_bytes())
    except (OSError, ValueError):
        return {}


def _of_weights(path: Path) -> dict[str, str]:
    """The digests that the weights' own metadata name: what they were trained on."""
    said = read_header(path).metadata
    return {name: said[f"likeness.{name}"] for name in WEIGHTS_SAY if f"likeness.{name}" in said}


def _revision() -> str:
    """likeness's version and, where it runs from a checkout, its commit."""
    root = Path(likeness.__file__).parents[1]
    commit = git("rev-parse", "HEAD", root=root)
    return f"likeness {likeness.__version__}" + (f" {commit.strip()}" if commit else "")
