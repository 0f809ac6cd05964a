"""What C2PA's public rubric for specification 2.4 asks of a statement, where ours had failed it."""

import hashlib
import io
import json
import zipfile

import c2pa
import numpy as np
import pytest

from likeness.images import JPEG, encode_jpeg
from likeness.marks import claims
from likeness.marks.claims import ZIP, Claim, Ingredient
from likeness.marks.keys import SigningKey, development_key
from likeness.marks.pictures import MARKS_VERSION
from likeness.marks.xmp import SourceType


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return development_key(tmp_path_factory.mktemp("keys"))


def jpeg(shade: int) -> bytes:
    return encode_jpeg(np.full((64, 64, 3), shade, np.uint8))


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.txt", "x")
    return buffer.getvalue()


PARTS = (
    Ingredient(title="target", mime=JPEG, data=jpeg(20), parent=True),
    Ingredient(title="source", mime=JPEG, data=jpeg(40), parent=False),
)
CASES = {
    "a swap": (JPEG, SourceType.COMPOSITE_WITH_TRAINED, PARTS, "0a" * 4),
    "a photograph": (JPEG, SourceType.ALGORITHMICALLY_ENHANCED, PARTS[:1], None),
    "a sample": (JPEG, SourceType.TRAINED, (), "0a" * 4),
    "an archive": (ZIP, SourceType.COMPOSITE_SYNTHETIC, (), None),
}


def test_what_a_statement_says_does_not_change_under_one_version():
    """A copy that lies there from an earlier publication is taken for the same while the version is."""
    said = [
        claims._manifest(Claim(title="x", code=code, publication={}, mark=mark, ingredients=parts))
        for _, code, parts, mark in CASES.values()
    ]
    for one in said:
        one["claim_generator_info"][0]["version"] = "any"
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    assert (MARKS_VERSION, digest[:16]) == (3, "e760d2257dbd7800")


@pytest.mark.parametrize("kind", ["a swap", "a sample"])
def test_a_picture_that_was_marked_under_version_2_still_holds(kind, key, monkeypatch):
    """Statements of version 2 named neither the specification's version nor who states what."""
    now = claims._manifest

    def before(claim: Claim) -> dict:
        manifest = now(claim)
        del manifest["claim_generator_info"][0]["specVersion"]
        for one in manifest["assertions"]:
            del one["created"]
            one["data"].pop("allActionsIncluded", None)
        return manifest

    mime, code, parts, mark = CASES[kind]
    claim = Claim(title="x", code=code, publication={"mark": mark}, mark=mark, ingredients=parts)
    monkeypatch.setattr(claims, "_manifest", before)
    old = claims.sign(jpeg(90), mime, claim, key)
    monkeypatch.undo()
    found = claims.read(old, mime)
    assert found is not None
    assert (found.valid, found.source_type, found.mark) == (True, code.uri, mark)


@pytest.mark.parametrize(("mime", "code", "parts", "mark"), CASES.values(), ids=CASES)
def test_a_statement_has_what_the_rubric_asks_for(mime, code, parts, mark, key):
    claim = Claim(title="x", code=code, publication={}, mark=mark, ingredients=parts)
    data = claims.sign(jpeg(90) if mime == JPEG else archive(), mime, claim, key)
    manifest = json.loads(c2pa.Reader(mime, io.BytesIO(data)).crjson())["manifests"][0]
    generator = manifest["claim.v2"]["claim_generator_info"]
    generator = generator[0] if isinstance(generator, list) else generator
    assert generator["specVersion"] == "2.4"
    actions = manifest["assertions"]["c2pa.actions.v2"]
    assert actions["allActionsIncluded"] is False
    assert actions["actions"][0]["action"] in ("c2pa.created", "c2pa.opened")
    created = [one["url"] for one in manifest["claim.v2"]["created_assertions"]]
    first = next(url for url in created if "c2pa.actions" in url)
    assert first.endswith("c2pa.actions.v2")
