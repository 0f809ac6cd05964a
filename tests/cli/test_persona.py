"""`likeness persona new` from nothing: with targets, without, and with photographs that ingest refuses."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from ingest_fakes import fake_instruments, photo, png, vectors

import likeness.cli.consent_records
import likeness.ingest.choice
from likeness.check import check_parts
from likeness.cli.app import main
from likeness.config import load_config
from likeness.images import encode_png
from likeness.ingest.listing import photographs
from likeness.paths import PARAMS, PersonaPaths
from likeness.safety.consent import RecordedFace, load_consent
from likeness.safety.identity import RESNET, SFACE

ROOT = Path(__file__).parents[2]
MIA = PersonaPaths("mia")
SAID = ["--kind", "release", "--subject", "Mia Example", "--attested-by", "J. Doe", "--age", "34", "--evidence", "release.pdf",
        "--class-word", "woman", "--yes"]  # fmt: skip
OF_TARGETS = ["--targets", "others", "--shows", "Ann Example, 41", "--licence", "release", "--origin", "a studio",
              "--release", "release.pdf"]  # fmt: skip


@pytest.fixture
def newcomer(in_tmp, monkeypatch) -> Path:
    """A repository as it comes, and a folder of photographs, of which four are not as they should be."""
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, in_tmp / name)
    for persona in ("data/jade/raw/sources", "data/jade/captions_override"):
        (in_tmp / persona).mkdir(parents=True)
    for name in ("jade_01.jpg", "jade_07.jpg", "jade_08.png"):
        (in_tmp / "data/jade/raw/sources" / name).touch()
    shutil.copyfile(ROOT / "params.yaml", in_tmp / "params.yaml")
    Path("release.pdf").write_bytes(b"%PDF-1.4 what she signed")
    sources, others = Path("photos"), Path("others")
    sources.mkdir()
    others.mkdir()
    for number in range(3):
        (sources / f"{number}.png").write_bytes(png(seed=number))
    (sources / "two.png").write_bytes(png(faces=2, seed=7))
    (sources / "cut.png").write_bytes(png(seed=8)[:200])
    (sources / "explicit.png").write_bytes(png(explicit=95, seed=9))
    (sources / "notes.txt").write_text("where these were taken")
    (others / "ann.png").write_bytes(encode_png(photo(person=3, seed=11)))
    tools = fake_instruments()
    monkeypatch.setattr(likeness.ingest.choice, "local_instruments", lambda *_: tools)
    face = {name: RecordedFace.encode(vector) for name, vector in vectors(0).items()}
    monkeypatch.setattr(
        likeness.cli.consent_records, "recorded_face",
        lambda *_: {"embedder": SFACE, "embedding": face[SFACE], "others": {RESNET: face[RESNET]}},
    )  # fmt: skip
    return in_tmp


def call(*words: str) -> int:
    with pytest.MonkeyPatch.context() as line:
        line.setattr(sys, "argv", ["likeness", "persona", "new", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


def tree(folder: Path) -> dict[str, bytes]:
    places = ("conf", "consent", "data", "params.yaml")
    files = [
        path for name in places for path in [folder / name, *(folder / name).rglob("*")] if path.is_file()
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_without_targets_her_photographs_alone_are_the_way_to_a_dataset(newcomer, capsys):
    assert call("mia", "--sources", "photos", *SAID) == 0
    said = capsys.readouterr().out
    assert "ingest will take 3 photographs and 0 targets" in said
    assert "held out for the evaluation" not in said
    assert said.rstrip().endswith("next: likeness plan mia, then dvc repro report@mia")
    for name, why in (("two", "several-faces"), ("cut", ""), ("explicit", "explicit")):
        assert f": {name}.png: {why}" in said
    assert said.count("remedy: ") >= 3
    assert "not copied: notes.txt" in said
    consent = load_consent(newcomer / "consent", "mia")
    assert consent.targets is None
    assert len(consent.photos) == 6
    assert yaml.safe_load(PARAMS.read_text())["personas"]["mia"]["similarity"]["source_min"] == 0.36
    assert MIA.captions_override.is_dir()


def test_with_targets_each_is_listed_with_its_bytes_and_who_is_shown(newcomer, capsys):
    assert call("mia", "--sources", "photos", "--held-out", "1.png", *SAID, *OF_TARGETS) == 0
    said = capsys.readouterr().out
    assert "ingest will take 3 photographs and 1 targets" in said
    assert "held out for the evaluation: 1.png (conf/persona/mia.yaml)" in said
    targets = load_consent(newcomer / "consent", "mia").targets
    assert targets is not None
    assert targets.photos["ann.png"].shows == "Ann Example"
    assert [path.name for path in photographs(MIA.raw_targets)[0]] == ["ann.png"]
    check_parts(load_config(PARAMS))  # what runs next has nothing to ask


def test_of_many_photographs_the_last_that_ingest_takes_are_held_out(newcomer, capsys, monkeypatch):
    monkeypatch.setattr("likeness.cli.persona.MANY", 3)  # of the 6, ingest refuses those that sort last
    assert call("mia", "--sources", "photos", *SAID) == 0
    said = capsys.readouterr().out
    assert "held out for the evaluation: 1.png, 2.png (conf/persona/mia.yaml)" in said
    assert "nothing is held out" not in said
    for file in (PARAMS, Path("conf/persona/mia.yaml")):
        assert "2.png" in file.read_text()
    assert load_config(PARAMS).personas["mia"].held_out == ("1.png", "2.png")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["mia", "--sources", "photos"], "these answers are missing: --kind, --subject"),
        (["mia", "--sources", "nowhere", *SAID], "nowhere is not a folder"),
        (["mia", "--sources", "consent", *SAID], "has no photographs"),
        (["mia", "--sources", "photos", "--targets", "consent", *SAID], "or leave --targets out"),
        (["Mia", "--sources", "photos", *SAID], "is not a valid name of a persona"),
        (["aux", "--sources", "photos", *SAID], "Windows has no folder of that name"),
        (["no", "--sources", "photos", *SAID], "YAML does not read it as a word"),
        (["jade", "--sources", "photos", *SAID], "is there already"),
        (["mia", "--sources", "photos", *SAID, *OF_TARGETS, "--licence", "All rights reserved"], "an SPDX identifier"),
        (["mia", "--sources", "photos", *SAID, "--age", "17"], "age_years"),
        (["mia", "--sources", "photos", *SAID, "--evidence", "nowhere.pdf"], "is not a file"),
        (["mia", "--sources", "photos", *SAID, "--class-word", "girl"], "class_word"),
        (["mia", "--sources", "photos", *SAID, "--held-out", "nowhere.png"], "nowhere.png"),
        (["mia", "--sources", "photos", *SAID, "--expires", "2099-01-01"], "within 24 months"),
        (["mia", "--sources", "photos", *SAID, "--signed", "2099-01-01"], "in the future\n  remedy: give that answer anew"),
        (["mia", "--sources", "photos", *SAID, "--evidence", "photos/none"], "photos/none has 0 bytes"),
    ],
    ids=["nothing said", "no folder", "no photographs", "no targets", "no name", "a device", "no word", "taken", "no licence",
         "a minor", "no evidence", "a girl", "held out, not there", "too long a term", "a wrong year", "an empty release"],
)  # fmt: skip
def test_what_fails_says_why_and_leaves_nothing(newcomer, capsys, words, says):
    Path("photos/none").touch()
    before = tree(newcomer)
    assert call(*words) == 1
    assert says in capsys.readouterr().err
    assert tree(newcomer) == before


def test_on_a_terminal_what_cannot_be_taken_is_asked_again(newcomer, monkeypatch, capsys):
    said = iter([
        "relese", "release", "Mia \x1b[31m", "Mia Example", "J. Doe", "seventeen", "17", "34", "nowhere.pdf", "release.pdf",
        "girl", "woman", "Ann\u202e Example", "Ann Example, 41", "All rights reserved", "release", "a studio", "release.pdf",
    ])  # fmt: skip
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda question: next(said))
    assert call("mia", "--sources", "photos", "--targets", "others", "--yes") == 0
    assert next(said, None) is None
    out = capsys.readouterr().out
    for told in (
        "one of self, release, synthetic",
        "cannot be printed",
        "18 to 130",
        "is not a file",
        "word for a child",
        "SPDX",
    ):
        assert told in out
    consent = load_consent(newcomer / "consent", "mia")
    assert (consent.subject, consent.adult.age_years) == ("Mia Example", 34)
