"""Attacks on what leaves: each is found and named, or refused."""

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image, ImageFilter
from publications import publish_in
from safetensors import safe_open
from safetensors.numpy import save_file
from secrets_planted import holders, plant

from likeness.digests import md5_file, sha256_file
from likeness.errors import ConfigError, InputError
from likeness.images import encode_jpeg, load_rgb
from likeness.lora.safetensors_io import read_header
from likeness.lora.signature import STATEMENT, read_statement, sign_weights
from likeness.marks import claims, pixels
from likeness.marks.claims import JPEG, Claim
from likeness.marks.config import MarksConfig
from likeness.marks.detect import detect, detect_all
from likeness.marks.keys import development_key, make_development_ca, signing_key
from likeness.marks.pictures import Origin, check_marks, mark_picture
from likeness.marks.registry import Registry, publication_of, read_registry
from likeness.marks.xmp import SourceType, mark_jpeg
from likeness.paths import RepositoryPaths
from likeness.publish.origins import Check
from likeness.publish.prepare import check
from likeness.publish.verify import verify

PICTURE = "images/jade-s1-t1-sfw-enhanced.jpg"
ARCHIVE = "jade_lora_dataset.zip"
WEIGHTS = "jade-v1.safetensors"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as environment:
        plant(environment)
        publish_in(root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy of the repository with its publication in out/jade."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def published(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(root)
    return root / "out/jade"


def elsewhere(folder: Path) -> RepositoryPaths:
    """A machine that has the publication and no repository."""
    return RepositoryPaths(folder / "nothing here")


def faults(path: Path) -> list[Check]:
    return [one for one in verify(path, elsewhere(path.parent)) if one.state in ("changed", "missing")]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def appended(data: bytes) -> bytes:
    return data + b"\n"


def last_letter_of_another_case(data: bytes) -> bytes:
    """Of the signature in a manifest: the same hex."""
    at = max(data.rfind(bytes([letter]), 0, -4) for letter in b"abcdef")
    return data[:at] + data[at : at + 1].upper() + data[at + 1 :]


@pytest.mark.parametrize("change", [appended, last_letter_of_another_case])
def test_a_manifest_that_is_written_otherwise_does_not_hold(published: Path, change: Callable):
    manifest = published / "manifest.json"
    manifest.write_bytes(change(manifest.read_bytes()))
    assert [one.what for one in faults(published)] == [str(manifest)]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        (PICTURE, "images/jade-s2-sfw-enhanced.jpg"),
        ("captions/jade-s1-t1-sfw-enhanced.txt", "captions/jade-s2-sfw-enhanced.txt"),
        ("README.md", "lora_training/README.md"),
    ],
)
def test_another_file_of_the_publication_is_found_under_the_name_of_one(
    published: Path, name: str, other: str
):
    assert faults(published / name) == []
    shutil.copy(published / other, published / name)
    assert [one.what for one in faults(published / name)] == [str(published / name)]


@pytest.mark.parametrize("name", ["README.md", "captions/jade-s1-t1-sfw-enhanced.txt", "marks.jsonl"])
def test_a_text_of_a_publication_alone_is_held_against_its_manifest(published: Path, name: str):
    (published / name).write_bytes((published / name).read_bytes()[:-1])
    assert str(published / name) in [one.what for one in faults(published / name)]
    more = Path(shutil.copy(published / "README.md", published / "more.md"))
    assert [one.what for one in faults(more)] == [str(more)]


def test_a_publication_without_its_manifest_is_told(published: Path):
    (published / "manifest.json").unlink()
    assert str(published / "manifest.json") in [one.what for one in faults(published)]


def locked_folder(folder: Path) -> None:
    """dvc.lock and DVC's list of a folder, as a stage leaves them."""
    md5 = {path.name: md5_file(path) for path in sorted(folder.iterdir())}
    listed = json.dumps([{"md5": digest, "relpath": name} for name, digest in md5.items()]).encode()
    digest = hashlib.md5(listed).hexdigest()
    cache = Path(".dvc/cache/files/md5") / digest[:2] / f"{digest[2:]}.dir"
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_bytes(listed)
    out = {"path": folder.as_posix(), "hash": "md5", "md5": f"{digest}.dir"}
    Path("dvc.lock").write_text(
        yaml.safe_dump({"schema": "2.0", "stages": {"x@jade": {"cmd": "x", "outs": [out]}}})
    )


@pytest.mark.parametrize("suffix", ["jpg", "txt"])
def test_a_folder_of_the_graph_is_held_against_its_list(published: Path, suffix: str):
    """Two files that changed places, one that is gone and one that was put in: each is a file that some line names."""
    folder = Path("data/jade/enhanced" if suffix == "jpg" else "data/jade/captions")
    locked_folder(folder)

    def named() -> set[str]:
        checks = verify(folder, RepositoryPaths(Path.cwd()))
        return {Path(one.what).name for one in checks if one.state in ("changed", "missing")}

    assert named() == set()
    one, other = sorted(folder.glob(f"*.{suffix}"))
    kept, more = one.read_bytes(), Path(shutil.copy(one, folder / f"more.{suffix}"))
    assert named() == {more.name}
    more.unlink()
    one.write_bytes(other.read_bytes())
    assert one.name in named()
    one.write_bytes(kept)
    other.unlink()
    assert other.name in named()


@pytest.mark.parametrize("publication", [{"mark": "x" * 5000}, {"mark": "../../x"}, ["mark"], "mark"])
def test_a_strangers_statement_that_says_odd_things_is_no_crash(tmp_path: Path, publication):
    key, data = development_key(tmp_path / "keys"), encode_jpeg(np.zeros((64, 64, 3), np.uint8))
    mark = publication["mark"] if isinstance(publication, dict) else None
    claim = Claim(title="x", code=SourceType.TRAINED, publication=publication, mark=mark)
    (tmp_path / "a.jpg").write_bytes(claims.sign(data, JPEG, claim, key))
    assert faults(tmp_path / "a.jpg")[0].state == "changed"
    assert not detect(tmp_path / "a.jpg", Registry()).c2pa.valid


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("c2pa.soft-binding", {"alg": claims.SOFT_BINDING, "blocks": ""}),
        ("c2pa.soft-binding", {"alg": claims.SOFT_BINDING, "blocks": []}),
        ("c2pa.soft-binding", ["alg"]),
        ("c2pa.actions.v2", {"actions": [{"digitalSourceType": 5}]}),
        ("c2pa.actions.v2", []),
        (claims.PUBLICATION, ["mark"]),
    ],
)
def test_an_assertion_of_another_shape_is_a_problem_and_no_error(monkeypatch, label: str, said: object):
    """As C2PA's library hands it on; this one does not sign such a thing, others do."""
    store = {"active_manifest": "a", "manifests": {"a": {"assertions": [{"label": label, "data": said}]}}}
    reader = type(
        "Reader", (), {"__init__": lambda self, *_, **__: None, "json": lambda self: json.dumps(store)}
    )
    monkeypatch.setattr(claims.c2pa, "Reader", reader)
    found = claims.read(b"any", JPEG)
    assert not found.valid
    assert "does not read" in found.problems[0]


def test_an_archive_whose_packed_bytes_are_damaged_is_told(tmp_path: Path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/metadata.jsonl", bytes(range(256)) * 8)
    whole = path.read_bytes()
    for at in range(50, 300):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        assert faults(path)


def test_an_archive_that_unpacks_to_far_more_than_it_is_is_not_unpacked(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/metadata.jsonl", bytes(2**24))
    assert "unpacks to 16,777,216 bytes" in faults(tmp_path / "a.zip")[0].why


def test_a_publication_that_nobody_touched_is_whole(published: Path):
    checks = verify(published, elsewhere(published))
    assert [one for one in checks if one.state in ("changed", "missing")] == []
    assert {PICTURE, ARCHIVE, WEIGHTS} <= {one.what for one in checks if one.state == "holds"}


def test_in_its_repository_it_is_walked_back_to_the_photographs_and_the_consent(published: Path):
    checks = verify(published, RepositoryPaths(Path.cwd()))
    assert [one for one in checks if one.state in ("changed", "missing")] == []
    walked = [one.what for one in checks if one.what.startswith(f"{PICTURE} <- ")]
    assert [what for what in walked if "ingested" in what]
    assert f"{PICTURE} <- consent/jade.yaml" in walked
    sample = "evaluation/samples/jade-p1-seed1-with.jpg"
    assert f"{sample} <- models/jade/jade-v1.safetensors" in [one.what for one in checks]


def test_no_key_is_in_any_file_that_dataset_report_and_publication_leave(made: Path, monkeypatch):
    """The private key lies in .cache/keys alone; what vendors and clouds gave lies nowhere."""
    key = development_key(made / ".cache/keys").private
    own = [key.private_bytes_raw(), *key_pem_body(made)]
    found = holders(made, [*plant(monkeypatch), *own])
    assert found == [".cache/keys/signing.pem"]


def key_pem_body(root: Path) -> list[bytes]:
    return [line for line in (root / ".cache/keys/signing.pem").read_bytes().splitlines() if b"-" not in line]


LONG = [pytest.mark.slow, pytest.mark.long]


@pytest.mark.parametrize(
    "where", [0.02, pytest.param(0.3, marks=LONG), 0.5, pytest.param(0.7, marks=LONG), 0.98]
)
@pytest.mark.parametrize(
    "name",
    [
        PICTURE,
        ARCHIVE,
        WEIGHTS,
        "report/index.html",
        "README.md",
        "marks.jsonl",
        "captions/jade-s1-t1-sfw-enhanced.txt",
    ],
)
def test_one_byte_changed_anywhere_is_found_and_named(published: Path, name: str, where: float):
    flip(published / name, int((published / name).stat().st_size * where))
    assert any(name in one.what for one in faults(published))


@pytest.mark.parametrize("name", [PICTURE, ARCHIVE, WEIGHTS])
@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_one_byte_changed_is_found_in_a_file_alone(published: Path, name: str, where: float, tmp_path: Path):
    shutil.copy(published / "marks.jsonl", tmp_path)
    alone = Path(shutil.copy(published / name, tmp_path))
    flip(alone, int(alone.stat().st_size * where))
    assert any(one.state == "changed" for one in faults(alone))


@pytest.mark.parametrize(
    "name", [PICTURE, "report/index.html", "README.md", "captions/jade-s1-t1-sfw-enhanced.txt"]
)
def test_a_file_in_a_publications_folder_is_held_against_its_registry(published: Path, name: str):
    """Whoever downloaded a publication looks at one file of it: no repository is here, the registry lies above."""
    here = elsewhere(published)
    checks = verify(published / name, here)
    assert not [one for one in checks if one.state in ("changed", "missing")]
    assert any("the registry names it" in one.why for one in checks)
    flip(published / name, int((published / name).stat().st_size * 0.9))
    said = [one for one in verify(published / name, here) if "registry names it" in one.why]
    assert not said


def test_one_byte_in_the_text_of_a_report_alone_is_found(published: Path):
    page = published / "report/index.html"
    flip(page, page.stat().st_size - 20)  # in </body></html>: no picture knows of it
    assert any(one.state == "changed" for one in verify(page, elsewhere(published)))


def test_a_picture_of_a_report_whose_text_is_damaged_is_told(published: Path):
    page = published / "report/index.html"
    page.write_bytes(page.read_bytes().replace(b"base64,/9j/", b"base64,/9j/=A", 1))
    assert any(one.state == "changed" for one in verify(page, elsewhere(published)))


def test_the_path_of_a_publications_manifest_is_the_publication(published: Path):
    assert verify(published / "manifest.json", RepositoryPaths(Path.cwd())) == verify(
        published, RepositoryPaths(Path.cwd())
    )


@pytest.mark.parametrize("key", ["persona", "consent", "mark", "key", "signature", "files"])
def test_a_manifest_that_was_edited_does_not_hold(published: Path, key: str):
    path = published / "manifest.json"
    said = json.loads(path.read_text())
    said[key] = said[key][:-1] if key == "files" else "0" * len(said[key])
    path.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    assert any("manifest.json" in one.what and one.state == "changed" for one in faults(published))


def test_a_file_put_in_and_one_taken_out_are_named(published: Path):
    (published / "images/extra.jpg").write_bytes(b"x")
    (published / PICTURE).unlink()
    said = {one.what: one.state for one in faults(published)}
    assert said["images/extra.jpg"] == "changed"
    assert said[PICTURE] == "missing"


def test_a_manifest_signed_again_by_another_key_is_not_the_registrys(published: Path, tmp_path: Path):
    from likeness.publish.send import Published, _lines

    key = development_key(tmp_path / "other")
    said = Published.model_validate_json((published / "manifest.json").read_bytes())
    said = said.model_copy(update={"key": key.public.hex()})
    said = said.model_copy(update={"signature": key.private.sign(said.signed_bytes()).hex()})
    (published / "manifest.json").write_bytes(_lines(said))
    assert any(one.what == f"mark {said.mark}" and one.state == "changed" for one in faults(published))


def signed_by_a_stranger(published: Path, folder: Path) -> None:
    """Manifest and registry anew, each whole by itself, under a key that nobody here knows."""
    from likeness.publish.send import Published, _lines

    key, path = development_key(folder / "other"), published / "marks.jsonl"
    path.unlink()
    said = Published.model_validate_json((published / "manifest.json").read_bytes())
    line = publication_of(path, key, said.persona, said.consent, "0" * 64)
    files = [
        one.model_copy(update={"sha256": sha256_file(path)}) if one.file == path.name else one
        for one in said.files
    ]
    said = said.model_copy(update={"key": key.public.hex(), "mark": line.mark, "files": tuple(files)})
    said = said.model_copy(update={"signature": key.private.sign(said.signed_bytes()).hex()})
    (published / "manifest.json").write_bytes(_lines(said))


def test_a_whole_publication_of_a_stranger_is_not_taken_for_ours(published: Path, tmp_path: Path):
    signed_by_a_stranger(published, tmp_path)
    checks = verify(published, RepositoryPaths(Path.cwd()))
    assert any("with other keys only" in one.why and one.state == "changed" for one in checks)
    assert any(
        "no registry here knows who publishes jade" in one.why
        for one in verify(published, elsewhere(published))
    )


def saved_again(weights: Path, how: str) -> None:
    """As other programs save: metadata kept, the tensors written anew."""
    with safe_open(weights, framework="np") as file:
        tensors, said = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    if how == "in half precision":
        tensors = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    elif how == "a tensor more":
        tensors["b"] = np.zeros(1, np.float32)
    elif how == "under another name":
        tensors = {f"lora.{name}": tensor for name, tensor in tensors.items()}
    elif how == "without metadata":
        said = None
    elif how == "merged with others":
        tensors = {name: tensor * 0.5 for name, tensor in tensors.items()}
    save_file(tensors, weights, metadata=said)


@pytest.mark.parametrize(
    "how",
    ["in half precision", "a tensor more", "under another name", "without metadata", "merged with others"],
)
def test_weights_that_another_program_saved_again_are_named(published: Path, how: str):
    saved_again(published / WEIGHTS, how)
    assert any(one.what == WEIGHTS for one in faults(published))
    assert any(
        one.state in ("changed", "missing") for one in verify(published / WEIGHTS, elsewhere(published))
    )


@pytest.mark.parametrize("field", ["name", "sha256", "of", "pdq", "persona", "consent", "mark"])
def test_a_line_of_the_registry_that_was_edited_is_named(published: Path, field: str):
    path = published / "marks.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    line = next(one for one in lines if field in one)
    line[field] = ["0" * 64] if field == "pdq" else "0" * len(line[field])
    path.write_text("".join(json.dumps(one, sort_keys=True, separators=(",", ":")) + "\n" for one in lines))
    assert any(one.what.endswith("marks.jsonl") and one.state == "changed" for one in faults(published))


def swapped_in_archive(published: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    path = published / ARCHIVE
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def first_picture(files: dict[str, bytes]) -> str:
    return next(name for name in files if name.endswith(".jpg"))


@pytest.mark.parametrize(
    "attack",
    [
        lambda files: files.update({first_picture(files): encode_jpeg(np.full((64, 64, 3), 90, np.uint8))}),
        lambda files: files.pop(first_picture(files)),
        lambda files: files.update({"train/extra.jpg": files[first_picture(files)]}),
        lambda files: files.update({"train/metadata.jsonl": b"{}\n"}),
        lambda files: files.update({"marks.json": b"[" * 100_000}),
    ],
    ids=[
        "another picture",
        "a picture taken out",
        "a picture put in",
        "another list",
        "a list that recurses",
    ],
)
def test_an_archive_that_was_packed_again_does_not_hold(published: Path, attack: Callable, tmp_path: Path):
    swapped_in_archive(published, attack)
    alone = Path(shutil.copy(published / ARCHIVE, tmp_path))
    assert any(one.state in ("changed", "missing") for one in faults(alone))


def test_a_picture_exchanged_between_signature_and_archive_does_not_leave(root: Path, monkeypatch):
    """The archive is signed whole, but one picture in it has no marks."""
    from likeness.publish.prepare import Prepared

    monkeypatch.chdir(root)
    key = development_key(root / ".cache/keys")
    registry = read_registry(root / "marks/jade.jsonl")
    path = root / "out/jade" / ARCHIVE
    swapped_in_archive(root / "out/jade", lambda files: (
        files.pop("META-INF/content_credential.c2pa"), files.pop("META-INF/", None),
        files.update({first_picture(files): encode_jpeg(np.full((64, 64, 3), 90, np.uint8))}),
    ))  # fmt: skip
    claim = Claim(title="zip", code=SourceType.COMPOSITE_CAPTURE, publication={})
    path.write_bytes(claims.sign(path.read_bytes(), claims.ZIP, claim, key))
    prepared = Prepared(
        files={ARCHIVE: path},
        of={ARCHIVE: "0" * 64},
        publication=next(iter(registry.publications.values())),
        key=key,
    )
    with pytest.raises(InputError) as caught:
        check(prepared, {})
    assert caught.value.reason == "unmarked"


@pytest.mark.parametrize(
    "edit", ["tensor", "metadata", "another entry", "signature of another key", "no signature"]
)
def test_weights_that_were_edited_do_not_hold(published: Path, edit: str, tmp_path: Path):
    path, out = published / WEIGHTS, tmp_path / "jade-v1.safetensors"
    said = dict(read_header(path).metadata)
    values = np.float32([4.0, 5.0])
    if edit == "tensor":
        values[0] = 4.5
    elif edit == "metadata":
        said["likeness.consent_id"] = "another-record"
    elif edit == "another entry":
        said["modelspec.license"] = "CC0"
    elif edit == "signature of another key":
        statement = json.loads(said[STATEMENT]) | {"key": development_key(tmp_path / "k").public.hex()}
        said[STATEMENT] = json.dumps(statement)
    else:
        said = {name: text for name, text in said.items() if "likeness.s" not in name}
    save_file({"a": values}, out, metadata=said)
    assert any(one.state in ("changed", "missing") for one in faults(out))


def test_weights_signed_by_a_stranger_are_told(published: Path, tmp_path: Path):
    out = published / WEIGHTS
    sign_weights(out, tmp_path / "again", {"of": "0" * 64}, development_key(tmp_path / "k"))
    (tmp_path / "again").replace(out)
    assert any(one.what == WEIGHTS for one in faults(published))
    assert any("no registry here names" in one.why for one in verify(out, elsewhere(tmp_path)))


def test_signed_weights_are_aligned_and_equal_each_time(published: Path, tmp_path: Path):
    key, source = development_key(tmp_path / "k"), published / WEIGHTS
    for name in ("one", "two"):
        sign_weights(source, tmp_path / name, {"of": "0" * 64}, key)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_header(tmp_path / "one").start % 8 == 0
    said = read_statement(tmp_path / "one")
    assert said is not None and said.problems == () and said.key == key.name  # noqa: PT018


@pytest.mark.parametrize("drop", range(3))
def test_a_line_taken_out_of_the_registry_is_named(published: Path, drop: int):
    path = published / "marks.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[drop]
    path.write_bytes(b"".join(lines))
    with pytest.raises(InputError) as caught:
        read_registry(path)
    assert caught.value.reason == "bad-registry"


@pytest.mark.parametrize(
    "line",
    [b"{}", b"[" * 200_000, b"\xff\xfe", b'{"kind": "publication"}', b"null", b""],
    ids=["empty", "deep", "no text", "incomplete", "null", "blank"],
)
def test_a_hostile_registry_is_an_error_of_ours(tmp_path: Path, line: bytes):
    (tmp_path / "r.jsonl").write_bytes(line + b"\n")
    with pytest.raises(InputError) as caught:
        read_registry(tmp_path / "r.jsonl")
    assert caught.value.reason == "bad-registry"


@pytest.mark.parametrize(
    "make", [lambda p: p.symlink_to("/dev/zero"), os.mkfifo, Path.mkdir], ids=["device", "pipe", "folder"]
)
def test_a_registry_that_is_no_file_keeps_nobody_waiting(tmp_path: Path, make: Callable):
    make(tmp_path / "marks.jsonl")
    with pytest.raises(InputError, match="no file"):
        read_registry(tmp_path / "marks.jsonl")


def test_another_key_cannot_add_copies_under_a_mark(published: Path, tmp_path: Path):
    from likeness.marks.registry import FIRST, Copy, add_copies

    path = published / "marks.jsonl"
    mark = next(iter(read_registry(path).publications))
    key = development_key(tmp_path / "k")
    forged = Copy(
        mark=mark, previous=FIRST, key=key.public.hex(), name="x", sha256="1" * 64, of="2" * 64, pdq=()
    )
    add_copies(path, key, [forged])
    with pytest.raises(InputError, match="belongs to another key"):
        read_registry(path)


def test_a_picture_signed_by_a_stranger_under_our_mark_is_told(published: Path, tmp_path: Path):
    mark = next(iter(read_registry(published / "marks.jsonl").publications))
    origin = Origin(code=SourceType.TRAINED, statement={"persona": "jade"})
    forged = mark_picture(encode_jpeg(np.full((64, 64, 3), 90, np.uint8)), "x.jpg", origin, mark=mark,
                          key=development_key(tmp_path / "k"))  # fmt: skip
    out = published / "forged.jpg"
    out.write_bytes(forged)
    assert any("another key signed them" in one.why for one in faults(out))
    with pytest.raises(InputError, match="another key's"):
        check_marks(forged, "x.jpg", mark=mark, key=development_key(published.parents[1] / ".cache/keys"))


@pytest.mark.parametrize(
    "strip",
    [
        lambda data: encode_jpeg(np.asarray(Image.open(io.BytesIO(data)))),
        lambda data: mark_jpeg(encode_jpeg(np.asarray(Image.open(io.BytesIO(data)))), SourceType.TRAINED),
        lambda data: data[: len(data) // 2],
        lambda data: mark_jpeg(data, SourceType.ALGORITHMICALLY_ENHANCED),
        lambda data: b"",
        lambda data: b"\xff\xd8\xff",
    ],
    ids=["saved again", "XMP alone", "cut off", "XMP changed after signing", "empty", "three bytes"],
)
def test_a_picture_without_whole_marks_does_not_leave(published: Path, strip: Callable[[bytes], bytes]):
    key = development_key(published.parents[1] / ".cache/keys")
    mark = next(iter(read_registry(published / "marks.jsonl").publications))
    data = (published / PICTURE).read_bytes()
    check_marks(data, "x.jpg", mark=mark, key=key)
    with pytest.raises(InputError) as caught:
        check_marks(strip(data), "x.jpg", mark=mark, key=key)
    assert caught.value.reason == "unmarked"


@pytest.mark.parametrize("size", [0, 1, 3, 100, 2000, 4000])
def test_a_truncated_statement_is_no_crash(published: Path, tmp_path: Path, size: int):
    path = tmp_path / "x.jpg"
    path.write_bytes((published / PICTURE).read_bytes()[:size])
    assert detect(path, Registry()).outcome != "made by likeness"


def test_hostile_metadata_does_not_reach_the_terminal(tmp_path: Path, capsys, monkeypatch):
    from likeness.cli.marks import detect_command

    monkeypatch.chdir(tmp_path)
    origin = Origin(code=SourceType.TRAINED, statement={"persona": "\x1b[2J\u202egnp"})
    data = mark_picture(encode_jpeg(np.full((64, 64, 3), 90, np.uint8)), "\x1b[31m.jpg", origin, mark="00" * 4,
                        key=development_key(tmp_path / "k"))  # fmt: skip
    (tmp_path / "\x1b[31mx.jpg").write_bytes(data)
    assert detect_command(tmp_path, [], as_json=False) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said and "\u202e" not in said  # noqa: PT018


def test_a_folder_of_rubbish_is_told_file_by_file(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff" + b"\0" * 1000)
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\xff" * 50)
    (tmp_path / "c.webp").write_bytes(b"RIFF")
    os.mkfifo(tmp_path / "d.jpg")
    found = list(detect_all(tmp_path, Registry()))
    assert [Path(one.file).name for one in found] == ["a.jpg", "b.png", "c.webp", "d.jpg"]
    assert {one.outcome for one in found} == {"no mark found"}


def test_a_key_is_never_overwritten_and_nobody_else_may_read_it(tmp_path: Path):
    make_development_ca(tmp_path / "k")
    assert (tmp_path / "k/signing.pem").stat().st_mode & 0o777 == 0o600
    before = (tmp_path / "k/signing.pem").read_bytes()
    with pytest.raises(ConfigError):
        make_development_ca(tmp_path / "k")
    assert (tmp_path / "k/signing.pem").read_bytes() == before


@pytest.mark.parametrize(
    "pem", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_key_that_is_none_is_told_without_its_text(tmp_path: Path, pem: str):
    make_development_ca(tmp_path / "k")
    cfg = MarksConfig(
        key_file=None, key_env="MY_KEY", certificate_file=str(tmp_path / "k/chain.pem"), label=None
    )
    with pytest.raises(ConfigError) as caught:
        signing_key(cfg, tmp_path / "none", {"MY_KEY": pem})
    assert caught.value.reason == "signing-key"
    assert "AAAA" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"\$MY_KEY cannot be used: the variable is not set"):
        signing_key(cfg, tmp_path / "none", {})


def test_a_certificate_of_another_key_is_refused(tmp_path: Path):
    make_development_ca(tmp_path / "a")
    make_development_ca(tmp_path / "b")
    cfg = MarksConfig(key_file=str(tmp_path / "a/signing.pem"), key_env=None,
                      certificate_file=str(tmp_path / "b/chain.pem"), label=None)  # fmt: skip
    with pytest.raises(ConfigError, match="another key's"):
        signing_key(cfg, tmp_path / "none")


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory, synthetic_people_path: Path) -> tuple[Path, Path, str]:
    """A photograph of a synthetic person with all marks: the file, its registry and its mark."""
    from likeness.digests import sha256_bytes
    from likeness.marks.pdq import fingerprints
    from likeness.marks.registry import FIRST, Copy, add_copies

    folder = tmp_path_factory.mktemp("marked")
    key = development_key(folder / "keys")
    publication = publication_of(folder / "jade.jsonl", key, "jade", "jade-2026", "0" * 64)
    source = (synthetic_people_path / "sources/jade_01.jpg").read_bytes()
    origin = Origin(code=SourceType.COMPOSITE_WITH_TRAINED, statement={"persona": "jade"})
    data = mark_picture(source, "jade.jpg", origin, mark=publication.mark, key=key)
    check_marks(data, "jade.jpg", mark=publication.mark, key=key)
    (folder / "jade.jpg").write_bytes(data)
    hashes = tuple(fingerprints(load_rgb(folder / "jade.jpg")))
    line = Copy(mark=publication.mark, previous=FIRST, key=key.public.hex(), name="jade.jpg",
                   sha256=sha256_bytes(data), of=sha256_bytes(source), pdq=hashes)  # fmt: skip
    add_copies(folder / "jade.jsonl", key, [line])
    return folder / "jade.jpg", folder / "jade.jsonl", publication.mark


@pytest.fixture(scope="module")
def synthetic_people_path() -> Path:
    return Path(__file__).parents[1] / "photos"


def test_stripped_metadata_jpeg_75_half_size_and_a_crop_leave_the_mark(
    marked: tuple[Path, Path, str], tmp_path: Path
):
    path, registry, mark = marked
    image = Image.open(path).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=75)
    half = Image.open(buffer).resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)
    width, height = half.size
    half.crop((width // 20, height // 20, width - width // 20, height - height // 20)).save(
        tmp_path / "x.png"
    )
    found = detect(tmp_path / "x.png", read_registry(registry))
    assert found.c2pa is None
    assert found.pixels is not None
    assert found.pixels.mark == mark
    assert found.pixels.chance <= 1e-6


def test_the_pixels_of_another_picture_do_not_carry_the_statements_mark(
    marked: tuple[Path, Path, str], tmp_path: Path
):
    """A stranger signs an unmarked picture and names our mark in its soft binding."""
    _, registry, mark = marked
    rgb = load_rgb(Path(__file__).parents[1] / "photos/targets/01_hana.jpg")
    claim = Claim(title="x", code=SourceType.TRAINED, publication={"mark": mark}, mark=mark)
    signed = claims.sign(
        mark_jpeg(encode_jpeg(rgb), SourceType.TRAINED), JPEG, claim, development_key(tmp_path / "k")
    )
    (tmp_path / "x.jpg").write_bytes(signed)
    found = detect(tmp_path / "x.jpg", read_registry(registry))
    assert found.pixels is None
    assert "the pixels do not carry the mark that the C2PA statement names" in found.notes


def test_a_broken_statement_that_names_what_the_pixels_happen_to_show_makes_no_mark(tmp_path: Path):
    """Without a key: a statement of any kind, its mark chosen by what an unmarked picture shows, the signature broken."""
    rgb = load_rgb(Path(__file__).parents[1] / "photos/targets/01_hana.jpg")
    shown = pixels.read_values(rgb, *pixels.LOOKS[0])
    mark = f"{int(''.join('1' if value > 0 else '0' for value in shown), 2):08x}"
    claim = Claim(title="x", code=SourceType.TRAINED, publication={"mark": mark}, mark=mark)
    key = development_key(tmp_path / "k")
    out = tmp_path / "x.jpg"
    out.write_bytes(claims.sign(mark_jpeg(encode_jpeg(rgb), SourceType.TRAINED), JPEG, claim, key))
    flip(out, out.stat().st_size * 3 // 4)
    found = detect(out, Registry())
    assert found.pixels is None
    assert found.outcome == "says that it is made by AI"
    assert any("does not hold" in note for note in found.notes)


def values_of(mark: int, *wrong: float) -> np.ndarray:
    """What a reader sees of a mark: each bit with size 1, the first ones wrong with these sizes."""
    values = np.where(pixels.bits_of(mark) == 1, 1.0, -1.0).astype(np.float32)
    values[: len(wrong)] *= -np.float32(wrong)
    return values


@pytest.mark.parametrize(("wrong", "marks"), [((), 1), ((1.0,), 33), ((1.0, 1.0), 529)])
def test_the_chance_of_a_false_alarm_is_the_binomials_over_the_marks_that_are_drawn(wrong, marks):
    mark = pixels.draw_mark()
    assert pixels.chances(values_of(mark, *wrong), [mark]) == [pytest.approx(marks / 2**32 / pixels.BALANCED)]


def test_a_bit_that_hardly_shows_counts_for_little():
    mark = pixels.draw_mark()
    sure, unsure = (pixels.chances(values_of(mark, *[size] * 4), [mark])[0] for size in (1.0, 0.01))
    assert unsure == pytest.approx(16 / 2**32 / pixels.BALANCED)
    assert sure > 1000 * unsure


def test_no_mark_of_mostly_equal_bits_is_drawn():
    """The network does not hold one: of a mark with two ones it read 23 of 32 bits."""
    assert {pixels.draw_mark().bit_count() for _ in range(500)} <= set(pixels.ONES)


def test_a_picture_with_a_smooth_middle_carries_the_mark():
    """A smooth part holds some of the bits only: the middle does not read back, the whole does."""
    photograph = Image.open(Path(__file__).parents[1] / "photos/sources/jade_01.jpg").convert("RGB")
    whole = photograph.resize((512, 640))
    whole.paste(whole.crop((128, 180, 384, 480)).filter(ImageFilter.GaussianBlur(30)), (128, 180))
    marked = pixels.write_mark(np.asarray(whole), mark := 0x1D2C3B4A)
    middle, all_of_it = (
        pixels.chances(pixels.read_values(marked.rgb, *look), [mark])[0] for look in pixels.LOOKS[:2]
    )
    assert middle > pixels.ENOUGH >= all_of_it
