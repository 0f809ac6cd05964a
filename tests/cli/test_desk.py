"""The operator's desk: what each button does to the files, and what strangers, other sites and forged forms do not."""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from ingest_fakes import png
from paid_pipeline import SOURCES, TARGETS, outfit, params, put, run
from runs import run_of

import likeness.cli.desk.serve
import likeness.cli.desk.state
from likeness.cli.desk.serve import DeskServer, Serving
from likeness.config import Config
from likeness.errors import ConfigError, ConsentError, InputError
from likeness.images import decode_rgb
from likeness.ingest.refused import read_refused
from likeness.ingest.standing import accept, refuse, standings
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import read_manifest
from likeness.purchases.budget import entries
from likeness.run import Run
from likeness.safety.gates import GATES
from likeness.store.items import sha256_file

JADE = PersonaPaths("jade")
FIRST = JADE.raw_sources / "jade_0.png"


class Visitor:
    """A browser that opened the link, unless it is told otherwise."""

    def __init__(self, server: DeskServer) -> None:
        self.server, self.port = server, server.server_port
        self.host = f"127.0.0.1:{self.port}"
        self.cookie = ""
        answer = self.get(server.link.removeprefix(f"http://{self.host}"))
        assert answer.status == 303
        self.cookie = str(answer.getheader("Set-Cookie")).partition(";")[0]

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        return self.ask("GET", path, None, headers)

    def post(
        self, path: str, headers: dict[str, str] | None = None, **fields: str
    ) -> http.client.HTTPResponse:
        fields = {"form": self.server.guard.form, **fields}
        usual = {"Origin": f"http://{self.host}", "Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(fields), usual | (headers or {}))

    def ask(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Host": self.host, "Cookie": self.cookie} | headers
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value:
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(None if body is None else body.encode())
        answer = connection.getresponse()
        answer.text = answer.read()  # type: ignore[attr-defined]
        connection.close()
        return answer


def text(answer: http.client.HTTPResponse) -> str:
    return answer.text.decode()  # type: ignore[attr-defined]


@pytest.fixture
def mission(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """4 photographs and 8 targets, one that is explicit and one of two people."""
    config = outfit(monkeypatch)
    monkeypatch.setattr(likeness.cli.desk.state, "PATIENCE_S", 60.0)
    put("sources/explicit.png", png(explicit=95, seed=90))
    put("sources/two.png", png(faces=2, seed=91))
    return config


@pytest.fixture
def desk(mission) -> Iterator[Visitor]:
    with Serving(server=DeskServer(0)) as server:
        yield Visitor(server)


@pytest.fixture
def enhanced(mission) -> Config:
    run(mission, "ingest", "swap", "resize", "enhance", "caption")
    return mission


def at(stage: str, mission: Config) -> Run:
    return run_of(stage, mission, mission.persona("jade"))


def said_of(mission: Config, file: str) -> str:
    one = next(one for one in standings(at("ingest", mission))[0] if one.file == file)
    return one.failure.reason if one.failure else "taken"


# What the buttons do


def test_a_refusal_is_written_by_bytes_and_the_graph_leaves_the_photograph_out(mission, desk):
    digest = sha256_file(FIRST)
    assert (
        desk.post("/jade/refuse", file="sources/jade_0.png", sha256=digest, why="eyes closed").status == 303
    )
    assert read_refused(JADE.refused)[digest].why == "eyes closed"
    page = text(desk.get("/jade/photographs"))
    assert "likeness photos refuse jade sources/jade_0.png --why &#39;eyes closed&#39;" in page
    assert "refused-by-hand" in page
    run(mission, "ingest")
    left = {failure.origin: failure for failure in read_manifest(JADE.ingested).failures}
    assert left["jade_0.png"].reason == "refused-by-hand"
    assert "eyes closed" in left["jade_0.png"].detail
    FIRST.rename(FIRST.with_name("another_name.png"))
    assert said_of(mission, "sources/another_name.png") == "refused-by-hand"


def test_accepting_takes_the_refusal_back_and_leaves_no_trace(mission, desk):
    before = {str(path): path.read_bytes() for path in JADE.raw.rglob("*") if path.is_file()}
    digest = sha256_file(FIRST)
    desk.post("/jade/refuse", file="sources/jade_0.png", sha256=digest, why="blurred")
    assert desk.post("/jade/accept", file="sources/jade_0.png", sha256=digest).status == 303
    assert {str(path): path.read_bytes() for path in JADE.raw.rglob("*") if path.is_file()} == before
    assert said_of(mission, "sources/jade_0.png") == "taken"


@pytest.mark.parametrize(("file", "why"), [("explicit.png", "explicit"), ("two.png", "several-faces")])
def test_what_ingest_refuses_cannot_be_accepted(mission, desk, file, why):
    answer = desk.post("/jade/accept", file=f"sources/{file}", sha256=sha256_file(JADE.raw_sources / file))
    assert answer.status == 422
    assert "refused by ingest, not by a person" in text(answer)
    assert said_of(mission, f"sources/{file}") == why


def test_a_refusal_by_hand_hides_no_gate_and_taking_it_back_opens_none(mission):
    ingest = at("ingest", mission)
    refuse(ingest, "sources/explicit.png", "not her")
    assert said_of(mission, "sources/explicit.png") == "explicit"
    accept(ingest, "sources/explicit.png")
    assert said_of(mission, "sources/explicit.png") == "explicit"


def test_a_photograph_that_was_exchanged_behind_the_page_is_not_decided_on(mission, desk):
    looked_at = sha256_file(FIRST)
    FIRST.write_bytes(png(seed=77))
    answer = desk.post("/jade/refuse", file="sources/jade_0.png", sha256=looked_at, why="eyes closed")
    assert answer.status == 422
    assert not JADE.refused.exists()


@pytest.mark.parametrize("why", ["", "   ", "x" * 201, "\x1b\x1b"])
def test_a_refusal_needs_a_reason_of_a_line(mission, why):
    with pytest.raises(InputError, match="needs a reason"):
        refuse(at("ingest", mission), "sources/jade_0.png", why)


@pytest.mark.parametrize(
    "said", ["- a\n", "x: 1\n", f"{'0' * 64}: {{file: a}}\n", f"{'0' * 64}: {{file: a, why: ''}}\n"]
)
def test_a_list_that_does_not_read_stops_ingest(mission, said):
    JADE.refused.write_text(said)
    with pytest.raises(ConfigError, match=r"refused\.yaml"):
        standings(at("ingest", mission))


def test_what_a_gate_refuses_is_told_and_not_shown(mission, desk):
    explicit, two = (sha256_file(JADE.raw_sources / name) for name in ("explicit.png", "two.png"))
    page = text(desk.get("/jade/photographs"))
    assert "not shown" in page
    assert f"/picture/photograph/{explicit}" not in page
    assert desk.get(f"/jade/picture/photograph/{explicit}").status == 404
    assert desk.get(f"/jade/picture/photograph/{two}").status == 200
    assert "explicit" in {gate.reason for gate in GATES}


def test_what_no_decoder_reads_is_not_shown(mission, desk):
    put("sources/cut.png", png(seed=8)[:200])
    desk.get("/jade/photographs")
    assert desk.get(f"/jade/picture/photograph/{sha256_file(JADE.raw_sources / 'cut.png')}").status == 404


def test_pictures_are_encoded_anew(mission, desk):
    answer = desk.get(f"/jade/picture/photograph/{sha256_file(FIRST)}")
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "image/jpeg"
    data = answer.text
    assert data[:2] == b"\xff\xd8"
    assert decode_rgb(data).shape == (320, 320, 3)


def test_a_caption_is_written_where_the_stage_reads_it(enhanced, desk):
    words = "jade woman, in a garden, smiling"
    assert desk.post("/jade/caption", image="jade-s1-t1", words=f" {words}\r\n").status == 303
    assert (JADE.captions_override / "jade-s1-t1.txt").read_text() == f"{words}\n"
    page = text(desk.get("/jade/captions"))
    assert words in page
    assert "your own words" in page
    run(enhanced, "caption")
    entry = next(one for one in read_manifest(JADE.captions).entries if one.id == "jade-s1-t1")
    assert (entry.text, entry.provider) == (words, "override")


def test_the_file_that_wins_is_the_one_that_is_written_and_deleted(enhanced, desk):
    JADE.captions_override.mkdir(parents=True, exist_ok=True)
    for name in ("jade-s1-t1.txt", "jade-s1-t1-sfw-enhanced.txt"):
        (JADE.captions_override / name).write_text("jade, as before\n")
    desk.post("/jade/caption", image="jade-s1-t1", words="jade woman, anew")
    assert (JADE.captions_override / "jade-s1-t1-sfw-enhanced.txt").read_text() == "jade woman, anew\n"
    desk.post("/jade/caption", image="jade-s1-t1", words="")
    assert not list(JADE.captions_override.glob("jade-s1-t1*"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("jade woman, nude on a bed", "says &#39;nude&#39;"),
        ("jade girl of 12 in a garden", "a word for a child"),
        ("a woman in a garden", "does not contain the trigger"),
        ("jade woman, tits behind her", "says &#39;tits&#39;"),
    ],
)  # fmt: skip
def test_a_caption_that_the_stage_would_refuse_is_not_written(enhanced, desk, words, why):
    answer = desk.post("/jade/caption", image="jade-s1-t1", words=words)
    assert answer.status == 422
    assert why in text(answer)
    assert not (JADE.captions_override / "jade-s1-t1.txt").exists()


def test_a_link_in_place_of_a_caption_is_not_written_through(enhanced, desk, tmp_path):
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("mine")
    JADE.captions_override.mkdir(parents=True, exist_ok=True)
    (JADE.captions_override / "jade-s1-t1.txt").symlink_to(elsewhere)
    desk.post("/jade/caption", image="jade-s1-t1", words="jade woman")
    assert elsewhere.read_text() == "mine"


def spent() -> list[float]:
    path = Path(".cache/ledger/spending.jsonl")
    return (
        [one["usd"] for one in entries(path.read_bytes()) if one["state"] == "asked"]
        if path.is_file()
        else []
    )


def test_a_pair_is_bought_only_for_the_price_that_was_agreed_to_and_once(mission, desk):
    run(mission, "ingest")
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
    run(mission, "swap")
    assert len(spent()) == SOURCES * TARGETS


def test_a_pair_out_of_range_says_why_and_buys_nothing(mission, desk):
    config = params("swap.limits.max_yaw_difference_deg=0.0001", "swap.limits.min_face_px=1000")
    run(config, "ingest")
    assert desk.post("/jade/swap", source="s1", target="t1", pay="0.1").status == 303
    assert "tiny-face" in text(desk.get("/jade/pair"))
    assert spent() == []


def test_the_plan_is_that_of_the_command_line(mission, desk):
    run(mission, "ingest")
    page = text(desk.get("/jade/plan"))
    assert "likeness plan jade" in page
    assert "32 calls" in page or "$3.96" in page
    assert "Nothing was bought." in page


def test_samples_are_those_of_this_persona_and_the_newest_is_on_top(mission, desk):
    for run_key, owner, step in (("one", "jade", 100), ("one", "jade", 200), ("other", "mia", 300)):
        folder = Path(".cache/training") / run_key
        (folder / "samples").mkdir(parents=True, exist_ok=True)
        (folder / "persona").write_text(owner)
        (folder / "samples" / f"step-{step:08d}.png").write_bytes(png(seed=step % 250))
    page = text(desk.get("/jade/training"))
    assert re.findall(r"<figcaption>(.*?)</figcaption>", page) == ["Step 200", "Step 100"]
    assert desk.get("/jade/picture/sample/one-step-00000200").status == 200
    assert desk.get("/jade/picture/sample/other-step-00000300").status == 404


def test_after_a_revocation_nothing_is_shown(mission, desk, monkeypatch):
    digest = sha256_file(FIRST)
    assert desk.get(f"/jade/picture/photograph/{digest}").status == 200

    def ended(*_: object, **__: object) -> None:
        raise ConsentError("the consent was revoked", reason="revoked")

    monkeypatch.setattr(likeness.run, "in_force", ended)
    assert desk.get(f"/jade/picture/photograph/{digest}").status == 404
    answer = desk.get("/jade/photographs")
    assert answer.status == 422
    assert "the consent was revoked" in text(answer)


def test_a_page_says_that_photographs_are_being_measured(mission, monkeypatch):
    go_on, measure = threading.Event(), likeness.cli.desk.state.standings
    monkeypatch.setattr(likeness.cli.desk.state, "PATIENCE_S", 0.0)
    monkeypatch.setattr(likeness.cli.desk.state, "standings", lambda run: go_on.wait(60) and measure(run))
    with Serving(server=DeskServer(0)) as server:
        visitor = Visitor(server)
        assert "being measured" in text(visitor.get("/jade/photographs"))
        monkeypatch.setattr(likeness.cli.desk.state, "PATIENCE_S", 60.0)
        go_on.set()
        assert "jade_0.png" in text(visitor.get("/jade/photographs"))


# Attacks


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}", ""]
)
def test_a_name_that_leads_to_this_machine_is_not_the_desks(desk, host):
    answer = desk.get("/jade/photographs", Host=host.format(port=desk.port))
    assert answer.status in (400, 421)
    assert "jade_0" not in text(answer)


@pytest.mark.parametrize(
    "path", ["/", "/jade/photographs", "/static/style.css", "/open", "/open?token=", "/open?token=x"]
)
@pytest.mark.parametrize(
    "cookie", ["", "likeness-desk=x", "likeness-desk-{port}=x", "likeness-desk-{port}=", "a=\xe9;;="]
)
def test_who_did_not_open_the_link_sees_nothing(desk, path, cookie):
    assert desk.get(path, Cookie=cookie.format(port=desk.port)).status == 403


def test_the_links_token_is_not_the_cookie_and_not_the_forms(desk):
    guard = desk.server.guard
    assert len({guard.link, guard.visitor, guard.form}) == 3
    answer = desk.get(f"/open?token={guard.link}", Cookie="")
    assert "HttpOnly; SameSite=Strict" in str(answer.getheader("Set-Cookie"))
    assert guard.link not in text(desk.get("/jade/photographs"))


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"Origin": ""}, {}),
        ({"Origin": "null"}, {}),
        ({"Origin": "http://evil.example"}, {}),
        ({"Origin": "http://127.0.0.1:1"}, {}),
        ({"Origin": "http://localhost:{port}"}, {}),
        ({"Origin": "https://127.0.0.1:{port}"}, {}),
        ({"Sec-Fetch-Site": "cross-site"}, {}),
        ({"Sec-Fetch-Site": "same-site"}, {}),
        ({}, {"form": ""}),
        ({}, {"form": "x"}),
        ({"Cookie": ""}, {}),
        ({"Host": "evil.example:{port}"}, {}),
    ],
)  # fmt: skip
def test_a_form_of_another_site_changes_nothing(desk, headers, fields):
    given = {name: value.format(port=desk.port) for name, value in headers.items()}
    wanted = {"file": "sources/jade_0.png", "sha256": sha256_file(FIRST), "why": "forged"}
    assert desk.post("/jade/refuse", given, **wanted, **fields).status in (403, 421)
    assert not JADE.refused.exists()


@pytest.mark.parametrize(
    "path",
    [
        "/jade/picture/photograph/../../../../etc/passwd", "/jade/picture/photograph/%2e%2e%2f%2e%2e%2fparams.yaml",
        "/jade/picture/sample/..%2f..%2fparams.yaml", "/jade/picture/sample/../../../params.yaml",
        "/jade/picture/enhanced/data/jade/raw/sources/jade_0.png", "/jade/picture//etc/passwd", "/jade/picture/x/y",
        "/static/../serve.py", "/static/..%2fserve.py", "/static/base.html.j2", "/../params.yaml", "/params.yaml",
        "/nobody/photographs", "/jade/../mia/photographs", "/jade/nothing", "//jade/photographs/x", "/jade/picture/preview/swap",
    ],
)  # fmt: skip
def test_no_path_leads_to_a_file(desk, path):
    answer = desk.get(path)
    assert answer.status in (404, 422)
    assert "personas:" not in text(answer)


@pytest.mark.parametrize(
    "file", ["../../../params.yaml", "sources/../../../../params.yaml", "/etc/passwd", "sources/", "", "sources/nothing.png"]
)  # fmt: skip
def test_a_decision_is_about_a_photograph_and_no_other_file(desk, file):
    assert desk.post("/jade/refuse", file=file, sha256="", why="x").status == 422
    assert not JADE.refused.exists()


@pytest.mark.parametrize("image", ["../../params", "jade-s1-t1/../x", "", "jade-s99", "/tmp/x"])
def test_a_caption_is_of_an_image_and_no_other_file(enhanced, desk, image):
    before = sorted(Path().rglob("*.txt"))
    assert desk.post("/jade/caption", image=image, words="jade woman").status == 422
    assert sorted(Path().rglob("*.txt")) == before


def test_words_do_no_more_than_they_say(mission, desk):
    desk.post(
        "/jade/refuse", file="sources/jade_0.png", sha256=sha256_file(FIRST), why="<script>alert(1)</script>"
    )
    page = text(desk.get("/jade/photographs"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("path", ["/jade/photographs", "/static/desk.js", "/nothing", "/open"])
def test_every_answer_says_what_it_may_do(desk, path):
    answer = desk.get(path)
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert str(answer.getheader("Content-Security-Policy")).startswith("default-src 'none'; img-src 'self'")
    assert answer.getheader("Cache-Control") == "no-store"
    assert "Python" not in str(answer.getheader("Server"))


@pytest.mark.parametrize("length", ["200001", "-1", "x", "9" * 30, ""])
def test_more_than_a_form_is_not_read(desk, length):
    headers = {"Content-Length": length, "Origin": f"http://{desk.host}"}
    assert desk.ask("POST", "/jade/refuse", None, headers).status == 413


def test_it_listens_on_this_machine_alone(desk):
    assert desk.server.server_address[0] == "127.0.0.1"


def test_the_link_is_printed_and_a_taken_port_is_told(mission, desk, monkeypatch):
    with pytest.raises(ConfigError, match="cannot be had"):
        likeness.cli.desk.serve.desk_command(desk.port)
    lines: list[str] = []
    monkeypatch.setattr(DeskServer, "serve_forever", lambda self: None)
    likeness.cli.desk.serve.desk_command(0, say=lines.append)
    assert re.search(r"http://127\.0\.0\.1:\d+/open\?token=\S{43}\n", "".join(lines))


def test_the_list_of_the_command_line_says_the_same(mission, capsys):
    from likeness.cli.photos import list_command

    list_command("jade", as_json=True)
    listed = json.loads(capsys.readouterr().out)
    reasons = {one["file"]: one["reason"] for one in listed["photographs"]}
    assert reasons["sources/explicit.png"] == "explicit"
    assert reasons["sources/jade_0.png"] == ""
