"""`likeness verify` under attack: whatever of a publication or of the graph is changed, exchanged or missing is named."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from publications import ARCHIVE, PICTURE, WEIGHTS, elsewhere, faults, flip
from secrets_planted import holders, plant

from likeness.digests import md5_file, sha256_file
from likeness.images import JPEG, encode_jpeg
from likeness.marks import claims
from likeness.marks.claims import Claim
from likeness.marks.detect import detect
from likeness.marks.keys import development_key
from likeness.marks.registry import Registry, publication_of
from likeness.marks.xmp import SourceType
from likeness.paths import RepositoryPaths
from likeness.publish.verify import verify


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
    from likeness.publish.send import Published

    key = development_key(tmp_path / "other")
    said = Published.model_validate_json((published / "manifest.json").read_bytes())
    said = said.model_copy(update={"key": key.public.hex()})
    said = said.model_copy(update={"signature": key.private.sign(said.signed_bytes()).hex()})
    (published / "manifest.json").write_bytes(said.bytes)
    assert any(one.what == f"mark {said.mark}" and one.state == "changed" for one in faults(published))


def signed_by_a_stranger(published: Path, folder: Path) -> None:
    """Manifest and registry anew, each whole by itself, under a key that nobody here knows."""
    from likeness.publish.send import Published

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
    (published / "manifest.json").write_bytes(said.bytes)


def test_a_whole_publication_of_a_stranger_is_not_taken_for_ours(published: Path, tmp_path: Path):
    signed_by_a_stranger(published, tmp_path)
    checks = verify(published, RepositoryPaths(Path.cwd()))
    assert any("with other keys only" in one.why and one.state == "changed" for one in checks)
    assert any(
        "no registry here knows who publishes jade" in one.why
        for one in verify(published, elsewhere(published))
    )
