"""The stage caption: a text beside each image, a person's own words first, explicit ones never."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from runs import run_of

from likeness.caption import CaptionConfig, Described
from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.images import encode_jpeg
from likeness.paths import PersonaPaths, image_name, item_id
from likeness.pipeline.manifest import Entry, Manifest, read_manifest, write_manifest
from likeness.providers import Local
from likeness.purchases.budget import BudgetConfig
from stages.caption import main
from tools.repository_clone import ROOT

PERSONA = SimpleNamespace(name="jade", trigger="jade", class_word="woman")
PLACES = PersonaPaths("jade")
CALLS: list[bool] = []


@dataclass(frozen=True)
class Parrot(Local):
    """A Captioner that always says the same."""

    says: str
    name: str = "parrot"

    def identity(self) -> dict[str, str]:
        return {"name": self.name, "says": self.says}

    def describe(self, rgb: np.ndarray, *, face: object, swapped: bool, item: str = "") -> Described:
        CALLS.append(swapped)
        return Described(text=self.says, cost_usd=0.25)


def caption(says: str = "a photo, smiling", trigger: str = "jade", ratio: float = 1.0) -> Manifest:
    provider = {"_target_": f"{__name__}.Parrot", "says": says}
    cfg = SimpleNamespace(
        caption=CaptionConfig(provider=provider, max_failure_ratio=ratio),
        items=SimpleNamespace(root=".cache/items", remote=None, workers=1, leave_unfinished=False),
        prices={},
        budget=BudgetConfig(max_usd=0),
    )
    run = run_of("caption", cfg, SimpleNamespace(**vars(PERSONA) | {"trigger": trigger}))
    vars(run)["provider"] = Parrot(says=says)
    main(run)
    return read_manifest(PLACES.captions)


@pytest.fixture(autouse=True)
def _folder(in_tmp: Path) -> None:
    shutil.copytree(ROOT / "consent", in_tmp / "consent")
    CALLS.clear()
    PLACES.enhanced.mkdir(parents=True)
    entries = []
    for seed, (source, target) in enumerate([("s1", "t1"), ("s2", None)]):
        data = encode_jpeg(np.full((32, 32, 3), 60 * seed + 60, np.uint8))
        name = image_name("jade", source, target, "sfw", "enhanced", "jpg")
        (PLACES.enhanced / name).write_bytes(data)
        entries.append(Entry(
            id=item_id("jade", source, target), file=name, sha256=sha256_bytes(data), width=32, height=32,
            source=source, target=target, rating="sfw", faces=(), provider="lanczos", cost_usd=0, parents=(),
        ))  # fmt: skip
    write_manifest(PLACES.enhanced, entries, [])


@pytest.fixture
def override(in_tmp: Path) -> Callable[[str, str], None]:
    def write(name: str, text: str) -> None:
        PLACES.captions_override.mkdir(parents=True, exist_ok=True)
        (PLACES.captions_override / name).write_text(text)

    return write


def test_every_image_gets_a_text_of_its_own_name_that_begins_with_the_trigger():
    manifest = caption()
    assert [entry.file for entry in manifest.entries] == [
        "jade-s1-t1-sfw-enhanced.txt",
        "jade-s2-sfw-enhanced.txt",
    ]
    for entry in manifest.entries:
        assert entry.text == "jade woman, a photo, smiling"
        assert (PLACES.captions / entry.file).read_text() == f"{entry.text}\n"
        assert (entry.provider, entry.cost_usd) == ("parrot", 0.25)
    assert sorted(CALLS) == [False, True]


def test_a_second_run_asks_nobody_and_another_trigger_or_provider_does():
    before = caption()
    assert caption() == before
    assert len(CALLS) == 2
    assert caption(trigger="ohwx").entries[0].text.startswith("ohwx woman, ")
    caption(says="a portrait")
    assert len(CALLS) == 6


def test_a_persons_own_caption_wins_and_its_edit_is_seen(override):
    caption()
    override("jade-s1-t1.txt", "jade in her garden\n")
    first = caption().entries[0]
    assert (first.text, first.provider, first.cost_usd) == ("jade in her garden", "override", 0)
    override("jade-s1-t1.txt", "jade in her kitchen")
    assert caption().entries[0].text == "jade in her kitchen"
    assert len(CALLS) == 2


def test_a_bad_override_is_refused_and_never_replaced_in_silence(override):
    override("jade-s1-t1.txt", "a woman in her garden")
    override("jade-s7.txt", "jade, of no image")
    manifest = caption()
    assert [entry.id for entry in manifest.entries] == ["jade-s2"]
    assert {(line.id, line.kind, line.reason) for line in manifest.failures} == {
        ("jade-s1-t1", "refused", "override-without-trigger"), ("jade-s7.txt", "skipped", "override-unknown"),
    }  # fmt: skip


def test_a_file_that_is_no_caption_is_told_and_none_of_the_images(override, capsys):
    override("jade-s7.txt", "jade, of no image")
    assert caption().left_out.total() == 0
    assert "caption: 2 of 2 go on; 1 file beside them is not read\n" in capsys.readouterr().err
    override("jade-s1-t1.txt", "a woman in her garden")
    override("notes.doc", "of mine")
    caption()
    said = "caption: 1 of 2 go on; left out: 1 override-without-trigger; 2 files beside them are not read\n"
    assert said in capsys.readouterr().err


def test_explicit_captions_are_refused_and_too_many_of_them_stop_the_stage():
    manifest = caption(says="a nude portrait")
    assert not manifest.entries
    assert {line.reason for line in manifest.failures} == {"explicit-words"}
    with pytest.raises(InputError, match="2 of 2"):
        caption(says="a nude portrait", ratio=0.5)
