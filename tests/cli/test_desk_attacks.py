"""Whom the desk answers: strangers, other sites, forged forms and paths get nothing, and change nothing."""

import re
import socket
from pathlib import Path
from urllib.parse import urlencode

import pytest
from desk_visitor import text

import likeness.cli.desk.serve
from likeness.cli.desk.serve import DeskServer
from likeness.digests import sha256_file
from likeness.errors import ConfigError
from likeness.paths import PersonaPaths

JADE = PersonaPaths("jade")
FIRST = JADE.raw_sources / "jade_0.png"


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


def test_words_do_no_more_than_they_say(desk_mission, desk):
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


@pytest.mark.parametrize("length", ["200001", "-1", "x", "9" * 30, "9" * 5000, ""])
def test_more_than_a_form_is_not_read(desk, length):
    headers = {"Content-Length": length, "Origin": f"http://{desk.host}"}
    assert desk.ask("POST", "/jade/refuse", None, headers).status == 413


@pytest.mark.parametrize("method", ["HEAD", "PUT", "OPTIONS", "TRACE", "<b>"])
def test_another_method_gets_a_page_like_any_other(desk, method):
    answer = desk.ask(method, "/jade/photographs", None, {})
    assert answer.status == 501
    assert str(answer.getheader("Content-Security-Policy")).startswith("default-src 'none'")
    assert "<b>" not in text(answer)


@pytest.mark.parametrize("path", ["/?" + "a=1&" * 30, "http://[/jade/photographs"])
def test_an_address_that_does_not_read_is_answered(desk, capsys, path):
    assert desk.get(path).status == 400
    assert desk.get(path, Host="evil.example").status == 421
    assert capsys.readouterr().err == ""


def test_more_fields_than_any_form_has_change_nothing(desk, capsys):
    more = {f"n{number}": "" for number in range(30)}
    wanted = {"file": "sources/jade_0.png", "sha256": sha256_file(FIRST), "why": "x"}
    assert desk.post("/jade/refuse", **wanted, **more).status == 400
    assert not JADE.refused.exists()
    assert capsys.readouterr().err == ""


def test_half_a_form_changes_nothing(desk):
    fields = {"form": desk.server.guard.form, "file": "sources/jade_0.png", "sha256": sha256_file(FIRST)}
    body = urlencode({**fields, "why": "not eyes"})
    head = (
        f"POST /jade/refuse HTTP/1.1\r\nHost: {desk.host}\r\nOrigin: http://{desk.host}\r\nCookie: {desk.cookie}\r\n"
        f"Content-Length: {len(body) + len(' closed')}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", desk.port), timeout=60) as line:
        line.sendall((head + body).encode())
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""
    assert not JADE.refused.exists()


def test_it_listens_on_this_machine_alone(desk):
    assert desk.server.server_address[0] == "127.0.0.1"


def test_the_link_is_printed_and_a_taken_port_is_told(desk_mission, desk, monkeypatch, capsys):
    with pytest.raises(ConfigError, match="is not available"):
        likeness.cli.desk.serve.desk_command(desk.port)
    monkeypatch.setattr(DeskServer, "serve_forever", lambda self: None)
    likeness.cli.desk.serve.desk_command(0)
    assert re.search(r"http://127\.0\.0\.1:\d+/open\?token=\S{43}\n", capsys.readouterr().out)
