"""`likeness compare`: revisions from their evaluations, files by drawing, one page."""

import base64
import hashlib
import json
import re
import shutil
from types import SimpleNamespace

import pytest
from evaluated_revisions import SETTINGS, Evaluated, details, weights
from persona_folders import coloured
from typer.testing import CliRunner

from likeness.cli import compare as command
from likeness.cli.app import app
from likeness.errors import InputError
from likeness.images import encode_jpeg
from likeness.pipeline.verified import why_not_shown
from likeness.report.pictures import Album
from likeness.versions import pages
from likeness.versions.comparison import Comparison, figure, interval, verdict
from likeness.versions.sides import incomparable, sides


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    repository = Evaluated(tmp_path_factory.mktemp("evaluated"))
    wide = {**SETTINGS, "train": {**SETTINGS["train"], "lora": {"rank": 16}}}
    repository.commit("good", details(10.0), weights(1))
    repository.commit("bad", details(50.0), weights(2), settings=wide)
    repository.commit("other-photographs", details(50.0), weights(3), photographs=("h0", "h2"))
    repository.commit("two-seeds", details(30.0, only=lambda one: one.seed < 3), weights(4))
    repository.git("update-ref", "refs/exps/ab/cd/bold-name", "two-seeds")
    return repository


@pytest.fixture
def here(made, monkeypatch):
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def compare(here, monkeypatch, tmp_path):
    """Types `likeness compare`, and gives what it printed and the page; settings and consent are not asked."""
    run = SimpleNamespace(
        persona=SimpleNamespace(name="jade"), uses=(), require=lambda *uses: None,
        consent=SimpleNamespace(kind="synthetic"), config=SimpleNamespace(evaluate=SimpleNamespace(lora_scale=0.8)),
    )  # fmt: skip
    monkeypatch.setattr(command, "run_at", lambda *given, **options: run)
    config = SimpleNamespace(personas={"jade": run.persona}, persona=lambda name: run.persona)
    monkeypatch.setattr(command, "load_config", lambda path: config)

    def type_it(*words: str):
        page = tmp_path / "c.html"
        said = CliRunner().invoke(app, ["compare", *words, "--html", str(page)])
        return said, page.read_text() if page.exists() else ""

    return type_it


def test_two_revisions_are_compared_from_their_evaluations(compare):
    said, _ = compare("bad", "good", "--json")
    (found,) = json.loads(said.stdout)
    assert found["strength"] is None
    measures = {(one["measure"], one["by"]): one for one in found["differences"][0]["measures"]}
    one = measures["similarity", "SFace"]
    assert one["difference"]["low"] > 0
    assert one["sure"]
    assert found["settings"] == {"train.lora.rank": ["16", "8"]}
    assert [side["sha256"] for side in found["sides"]] == [
        hashlib.sha256(weights(seed)).hexdigest() for seed in (2, 1)
    ]


def test_the_table_says_which_is_better_and_what_differs(compare):
    said, _ = compare("bad", "good")
    assert said.exit_code == 0, said.output
    assert "good is surely better than bad: share of the ceiling by SFace +" in said.output
    assert "train.lora.rank" in said.output
    assert "page: " in said.output


def test_the_page_has_pictures_first_sorts_by_its_own_script_and_asks_no_network(compare):
    _, page = compare("bad", "good", "two-seeds")
    assert page.index("data:image/jpeg") < page.index("<table")
    assert page.count('<span class="chip">3</span>') > 2
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'" in page
    assert "default-src 'none'" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert 'alt="Drawn by good: jade woman, smiling, seed 1"' in page
    assert page.count('class="chart"') == 2  # loss and identity
    assert "1, bad: " in page


def test_a_page_of_two_says_first_which_is_better(compare):
    _, page = compare("bad", "good")
    assert page.index("good is surely better than bad") < page.index("data:image/jpeg")


def test_a_missing_picture_says_why(compare, monkeypatch):
    _, page = compare("good", "two-seeds")  # of whose other seeds no file was written
    assert '<div class="none">not shown: refused</div>' in page
    monkeypatch.setattr(pages, "why_not_shown", lambda file, rating: "rated review")
    _, page = compare("good", "bad")
    assert '<div class="none">not shown: rated review</div>' in page
    assert "data:image/jpeg" not in page


@pytest.mark.parametrize(
    ("file", "rating", "why"),
    [
        ("a.jpg", "sfw", None),
        ("a.jpg", "review", "rated review: it may be explicit"),
        (None, "explicit", "refused"),
    ],
)
def test_only_what_is_plainly_harmless_is_shown(file, rating, why):
    assert why_not_shown(file, rating) == why


def test_a_page_of_a_difference_shows_plainly_harmless_pictures_only(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(coloured("a", 32)))
    album = Album(quality=80, max_bytes=100_000, synthetic=False)
    revision = SimpleNamespace(name="v1", folder=lambda name: SimpleNamespace(file=tmp_path.joinpath))
    change = SimpleNamespace(id="jade-s1")
    shown = [
        pages._trained_picture(
            album, revision, change, {"file": "a.jpg", "target": None, "neural": None} | rating
        )
        for rating in ({"rating": "sfw"}, {"rating": "review"}, {})
    ]
    assert [one is not None for one in shown] == [True, False, False]


def test_experiments_are_found_by_themselves(compare):
    said, _ = compare("good", "--experiments", "--json")
    (found,) = json.loads(said.stdout)
    assert [side["name"] for side in found["sides"]] == ["good", "bold-name"]
    measures = {one["measure"]: one["pairs"] for one in found["differences"][0]["measures"]}
    assert measures["similarity"] == measures["copy"] == 2  # the seeds that both drew


def test_an_experiment_that_was_not_evaluated_is_left_out_and_told(here, compare):
    here.git("rm", "-q", "--cached", "dvc.lock")
    tree = here.git("write-tree").strip()
    here.git("reset", "-q")
    here.git("update-ref", "refs/exps/ab/cd/no-lock", here.git("commit-tree", "-m", "x", tree).strip())
    said, _ = compare("good", "--experiments", "--json")
    here.git("update-ref", "-d", "refs/exps/ab/cd/no-lock")
    (found,) = json.loads(said.stdout)
    assert [side["name"] for side in found["sides"]] == ["good", "bold-name"]
    assert "the experiment no-lock is left out: no-lock has no dvc.lock" in said.stderr


def test_what_cannot_be_compared_as_it_is_is_drawn_and_that_is_said(here, compare, monkeypatch, tmp_path):
    asked = []

    def draw(run, found, strengths):
        asked.append(
            ([side.name for side in found], list(strengths), [side.weights().read_bytes() for side in found])
        )
        return [command.compared("jade", sides(["bad", "good"], "jade"), strength) for strength in strengths]

    monkeypatch.setattr(command, "draw_sides", draw)
    said, _ = compare("good", "other-photographs")
    assert "good and other-photographs were compared with other photographs" in said.stderr
    file = tmp_path / "mine.safetensors"
    file.write_bytes(weights(5, ss_network_dim="32"))
    said, page = compare("good", str(file), "--strength", "0.5", "--strength", "1")
    assert asked[0][:2] == (["good", "other-photographs"], [0.8])
    assert asked[1] == (
        ["good", "mine.safetensors"],
        [0.5, 1.0],
        [weights(1), weights(5, ss_network_dim="32")],
    )
    assert "drawn at strength 0.5" in said.output
    assert "Pictures at strength 0.5" in page


def test_settings_are_those_of_the_files_where_one_is_no_revision(here, tmp_path):
    file = tmp_path / "mine.safetensors"
    file.write_bytes(weights(5, ss_network_dim="32", ss_session_id="7"))
    both = Comparison(persona="jade", sides=sides(["good", str(file)], "jade"), differences=[])
    assert dict(both.settings) == {"ss_network_dim": ["8", "32"]}


def test_files_of_one_name_are_told_apart_and_one_that_is_not_there_is_told(here, tmp_path):
    paths = [tmp_path / folder / "mine.safetensors" for folder in ("a", "b")]
    for seed, path in enumerate(paths):
        path.parent.mkdir()
        path.write_bytes(weights(seed + 5))
    assert [side.name for side in sides([*map(str, paths), "good"], "jade")] == [*map(str, paths), "good"]
    with pytest.raises(InputError, match=r"'gone\.safetensors' is no file, .* \(there are none yet\)"):
        sides(["good", "gone.safetensors"], "jade")


def test_why_evaluations_do_not_compare(here):
    good = sides(["good"], "jade")[0]
    assert incomparable(sides(["good", "bad"], "jade")) is None
    assert incomparable(sides(["good", "other-photographs"], "jade")).endswith("other photographs")
    bare = SimpleNamespace(name="x", details=None, photographs=good.photographs)
    assert incomparable([good, bare]) == "x has no evaluation of its weights"
    elsewhere = SimpleNamespace(
        name="x", details={**good.details, "named": ["b"]}, photographs=good.photographs
    )
    assert "no prompt and seed in common" in incomparable([good, elsewhere])


def test_an_evaluation_that_is_not_at_hand_is_no_error_and_missing_weights_are(here, tmp_path, monkeypatch):
    shutil.copytree(here.folder, tmp_path / "clone")
    monkeypatch.chdir(tmp_path / "clone")
    (side,) = sides(["good"], "jade")
    assert side.details is not None
    shutil.rmtree(".dvc/cache")
    with pytest.raises(InputError, match="not in DVC's cache"):
        sides(["good"], "jade")


def test_an_evaluation_that_names_files_outside_its_manifest_is_not_used(made, tmp_path, monkeypatch):
    shutil.copytree(made.folder, tmp_path / "here")
    other = Evaluated.__new__(Evaluated)
    other.folder = tmp_path / "here"
    found = details(10.0)
    found["samples"][0]["file"] = "../../../../raw/sources/jade_01.jpg"
    other.commit("reaching", found, weights(6))
    monkeypatch.chdir(other.folder)
    (side,) = sides(["reaching"], "jade")
    assert side.details is None


@pytest.mark.parametrize("words", [["good"], [], ["good", "good"]])
def test_one_is_not_compared_with_nothing(compare, words):
    said, _ = compare(*words)
    assert said.exit_code == 1
    assert "nothing to compare it with" in said.stderr


def test_a_strangers_words_are_only_words(compare, tmp_path, monkeypatch):
    file = tmp_path / "<b>x.safetensors"
    file.write_bytes(weights(5, ss_optimizer="<script>alert(1)</script>\x1b[31m [red]"))
    monkeypatch.setattr(
        command, "draw_sides",
        lambda run, found, strengths: [
            command.compared("jade", [replaced(side, here) for side, here in zip(found, sides(["good", "bad"], "jade"), strict=True)])
        ],
    )  # fmt: skip
    said, page = compare("good", str(file))
    assert said.exit_code == 0, said.output
    assert "<script>alert" not in page
    assert "\x1b[31m" not in said.output + page
    assert "&lt;b&gt;x.safetensors" in page


def replaced(side, evaluated):
    return type(side)(**{**vars(side), "details": evaluated.details, "picture": evaluated.picture})


def test_figures_read_well(here):
    from likeness.evaluate.paired import differences

    bad, good = (side.details for side in sides(["bad", "good"], "jade"))
    found = {(one.measure, one.by): one for one in differences(bad, good)}
    share = found["share of the ceiling", "SFace"]
    assert re.fullmatch(r"\d+ %", figure(share, share.first))
    assert re.fullmatch(r"\+\d+ \(\+\d+ to \+\d+\)", interval(share))
    assert verdict("good", "bad", []) == "good and bad have no picture of one prompt and seed to compare."
    assert verdict("a", "b", differences(bad, bad)) == "a and b draw alike: every difference is zero."
