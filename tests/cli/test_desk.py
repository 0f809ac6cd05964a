"""The operator's desk: what each button does to the files, and what the pages show."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from desk_visitor import Visitor, serving, text
from ingest_fakes import png
from paid_pipeline import SOURCES, TARGETS, params, put, run
from runs import run_of

import likeness.cli.desk.state
import likeness.run
from likeness.cli.desk.state import Desk
from likeness.config import Config
from likeness.digests import sha256_file
from likeness.errors import ConfigError, ConsentError, InputError
from likeness.images import decode_rgb
from likeness.ingest.standing import accept, refuse, standings
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import read_manifest
from likeness.purchases.budget import entries
from likeness.run import Run
from likeness.safety.by_hand import read_refused, take_back, write_refusal

JADE = PersonaPaths("jade")
FIRST = JADE.raw_sources / "jade_0.png"


def at(stage: str, desk_mission: Config) -> Run:
    return run_of(stage, desk_mission, desk_mission.persona("jade"))


def said_of(desk_mission: Config, file: str) -> str:
    one = next(one for one in standings(at("ingest", desk_mission))[0] if one.file == file)
    return one.failure.reason if one.failure else "taken"


def test_a_refusal_is_written_by_bytes_and_the_graph_leaves_the_photograph_out(desk_mission, desk):
    digest = sha256_file(FIRST)
    assert (
        desk.post("/jade/refuse", file="sources/jade_0.png", sha256=digest, why="eyes closed").status == 303
    )
    assert read_refused(JADE.refused)[digest].why == "eyes closed"
    page = text(desk.get("/jade/photographs"))
    assert "likeness photos refuse jade sources/jade_0.png --why &#39;eyes closed&#39;" in page
    assert "refused-by-hand" in page
    run(desk_mission, "ingest")
    left = {failure.origin: failure for failure in read_manifest(JADE.ingested).failures}
    assert left["jade_0.png"].reason == "refused-by-hand"
    assert "eyes closed" in left["jade_0.png"].detail
    FIRST.rename(FIRST.with_name("another_name.png"))
    assert said_of(desk_mission, "sources/another_name.png") == "refused-by-hand"


def test_refusals_written_at_once_by_a_desk_and_a_command_line_all_stand(tmp_path):
    path, digests = tmp_path / "raw/refused.yaml", [f"{number:064}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda digest: write_refusal(path, digest, f"sources/{digest}.png", "blurred"), digests)
        )
    assert sorted(read_refused(path)) == digests
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda digest: take_back(path, digest, "a photograph"), digests[1:]))
    assert list(read_refused(path)) == digests[:1]


def test_accepting_takes_the_refusal_back_and_leaves_no_trace(desk_mission, desk):
    before = {str(path): path.read_bytes() for path in JADE.raw.rglob("*") if path.is_file()}
    digest = sha256_file(FIRST)
    desk.post("/jade/refuse", file="sources/jade_0.png", sha256=digest, why="blurred")
    assert desk.post("/jade/accept", file="sources/jade_0.png", sha256=digest).status == 303
    assert {str(path): path.read_bytes() for path in JADE.raw.rglob("*") if path.is_file()} == before
    assert said_of(desk_mission, "sources/jade_0.png") == "taken"


@pytest.mark.parametrize(("file", "why"), [("explicit.png", "explicit"), ("two.png", "several-faces")])
def test_what_ingest_refuses_cannot_be_accepted(desk_mission, desk, file, why):
    answer = desk.post("/jade/accept", file=f"sources/{file}", sha256=sha256_file(JADE.raw_sources / file))
    assert answer.status == 422
    assert "refused by ingest, not by a person" in text(answer)
    assert said_of(desk_mission, f"sources/{file}") == why


def test_a_refusal_by_hand_hides_no_gate_and_taking_it_back_opens_none(desk_mission):
    ingest = at("ingest", desk_mission)
    refuse(ingest, "sources/explicit.png", "not her")
    assert said_of(desk_mission, "sources/explicit.png") == "explicit"
    accept(ingest, "sources/explicit.png")
    assert said_of(desk_mission, "sources/explicit.png") == "explicit"


def test_a_photograph_that_was_exchanged_behind_the_page_is_not_decided_on(desk_mission, desk):
    looked_at = sha256_file(FIRST)
    FIRST.write_bytes(png(seed=77))
    answer = desk.post("/jade/refuse", file="sources/jade_0.png", sha256=looked_at, why="eyes closed")
    assert answer.status == 422
    assert not JADE.refused.exists()


@pytest.mark.parametrize("why", ["", "   ", "x" * 201, "\x1b\x1b"])
def test_a_refusal_needs_a_reason_of_a_line(desk_mission, why):
    with pytest.raises(InputError, match="needs a reason"):
        refuse(at("ingest", desk_mission), "sources/jade_0.png", why)


@pytest.mark.parametrize(
    "said", ["- a\n", "x: 1\n", f"{'0' * 64}: {{file: a}}\n", f"{'0' * 64}: {{file: a, why: ''}}\n"]
)
def test_a_list_that_does_not_read_stops_ingest(desk_mission, said):
    JADE.refused.write_text(said)
    with pytest.raises(ConfigError, match=r"refused\.yaml"):
        standings(at("ingest", desk_mission))


def test_what_a_gate_refuses_is_told_and_not_shown(desk_mission, desk):
    explicit, two = (sha256_file(JADE.raw_sources / name) for name in ("explicit.png", "two.png"))
    page = text(desk.get("/jade/photographs"))
    assert "not shown" in page
    assert f"/picture/photograph/{explicit}" not in page
    assert desk.get(f"/jade/picture/photograph/{explicit}").status == 404
    assert desk.get(f"/jade/picture/photograph/{two}").status == 200


def test_what_no_decoder_reads_is_not_shown(desk_mission, desk):
    put("sources/cut.png", png(seed=8)[:200])
    desk.get("/jade/photographs")
    assert desk.get(f"/jade/picture/photograph/{sha256_file(JADE.raw_sources / 'cut.png')}").status == 404


def test_pictures_are_encoded_anew(desk_mission, desk):
    answer = desk.get(f"/jade/picture/photograph/{sha256_file(FIRST)}")
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "image/jpeg"
    data = answer.text
    assert data[:2] == b"\xff\xd8"
    assert decode_rgb(data).shape == (320, 320, 3)


def spent() -> list[float]:
    path = Path(".cache/ledger/spending.jsonl")
    return (
        [one["usd"] for one in entries(path.read_bytes()) if one["state"] == "asked"]
        if path.is_file()
        else []
    )


def test_a_pair_is_bought_only_for_the_price_that_was_agreed_to_and_once(desk_mission, desk):
    run(desk_mission, "ingest")
    assert "$0.10" in text(desk.get("/jade/pair"))
    for pay in ({}, {"pay": "0.01"}, {"pay": "nan"}, {"pay": "-1"}, {"pay": "inf"}):
        assert desk.post("/jade/swap", source="s1", target="t1", **pay).status == 422
        assert spent() == []
    assert desk.post("/jade/swap", source="s1", target="t1", pay="0.1").status == 303
    assert spent() == [0.1]
    assert "A run makes this pair." in text(desk.get("/jade/pair"))
    assert desk.get("/jade/picture/preview/swap").status == 200
    assert desk.post("/jade/swap", source="s1", target="t1").status == 303
    assert not JADE.swapped.exists()
    run(desk_mission, "swap")
    assert len(spent()) == SOURCES * TARGETS


def test_a_pair_out_of_range_says_why_and_buys_nothing(desk_mission, desk):
    config = params("swap.limits.max_yaw_difference_deg=0.0001", "swap.limits.min_face_px=1000")
    run(config, "ingest")
    assert desk.post("/jade/swap", source="s1", target="t1", pay="0.1").status == 303
    assert "tiny-face" in text(desk.get("/jade/pair"))
    assert spent() == []


def test_the_plan_is_that_of_the_command_line(desk_mission, desk):
    run(desk_mission, "ingest")
    page = text(desk.get("/jade/plan"))
    assert "likeness plan jade" in page
    assert "32 calls" in page or "$3.96" in page
    assert "Nothing was bought." in page


def test_samples_are_those_of_this_persona_and_the_newest_is_on_top(desk_mission, desk):
    for run_key, owner, step in (("one", "jade", 100), ("one", "jade", 200), ("other", "mia", 300)):
        folder = Path(".cache/training") / run_key
        (folder / "samples").mkdir(parents=True, exist_ok=True)
        (folder / "persona").write_text(owner)
        (folder / "samples" / f"step-{step:08d}.png").write_bytes(png(seed=step % 250))
    page = text(desk.get("/jade/training"))
    assert re.findall(r"<figcaption>(.*?)</figcaption>", page) == ["Step 200", "Step 100"]
    assert desk.get("/jade/picture/sample/one-step-00000200").status == 200
    assert desk.get("/jade/picture/sample/other-step-00000300").status == 404


def test_after_a_revocation_nothing_is_shown(desk_mission, desk, monkeypatch):
    digest = sha256_file(FIRST)
    assert desk.get(f"/jade/picture/photograph/{digest}").status == 200

    def ended(*_: object, **__: object) -> None:
        raise ConsentError("the consent was revoked", reason="revoked")

    monkeypatch.setattr(likeness.run, "in_force", ended)
    assert desk.get(f"/jade/picture/photograph/{digest}").status == 404
    answer = desk.get("/jade/photographs")
    assert answer.status == 422
    assert "the consent was revoked" in text(answer)


def test_a_page_says_that_photographs_are_being_measured_and_a_picture_waits_for_it(
    desk_mission, monkeypatch
):
    go_on, measure = threading.Event(), likeness.cli.desk.state.standings
    monkeypatch.setattr(likeness.cli.desk.state, "PATIENCE_S", 0.0)
    monkeypatch.setattr(likeness.cli.desk.state, "standings", lambda run: go_on.wait(60) and measure(run))
    with serving() as server:
        visitor = Visitor(server)
        assert "being measured" in text(visitor.get("/jade/photographs"))
        asked, look = threading.Event(), Desk.look
        monkeypatch.setattr(Desk, "look", lambda *said: asked.set() or look(*said))
        with ThreadPoolExecutor(1) as pool:
            picture = pool.submit(visitor.get, f"/jade/picture/photograph/{sha256_file(FIRST)}")
            assert asked.wait(60)
            go_on.set()
            assert picture.result().status == 200
        monkeypatch.setattr(likeness.cli.desk.state, "PATIENCE_S", 60.0)
        assert "jade_0.png" in text(visitor.get("/jade/photographs"))


def test_settings_that_do_not_read_are_told_on_a_page_whose_links_stay_here(desk_mission, desk):
    Path("params.yaml").write_text("personas: 3\n")
    answer = desk.get("/")
    assert answer.status == 422
    assert "params.yaml" in text(answer)
    assert 'href="//' not in text(answer)


def test_the_list_of_the_command_line_says_the_same(desk_mission, capsys):
    from likeness.cli.photos import list_command

    params("personas.jade.held_out=[jade_1.png]")
    list_command("jade", as_json=True)
    listed = json.loads(capsys.readouterr().out)
    assert [one["file"] for one in listed["photographs"] if one["held_out"]] == ["sources/jade_1.png"]
    reasons = {one["file"]: one["reason"] for one in listed["photographs"]}
    assert reasons["sources/explicit.png"] == "explicit"
    assert reasons["sources/jade_0.png"] == ""
    list_command("jade")
    assert re.search(r"jade_1\.png\W+s\d+, held out", capsys.readouterr().out)
