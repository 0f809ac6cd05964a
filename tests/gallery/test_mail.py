"""Mail by SMTP: to nobody but the server that is meant, and a server that fails undoes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from gallery_smtp import Server, mail_server
from gallery_world import World

from gallery.accounts.mail import SmtpMailer
from gallery.tables import Takedown
from gallery.takedown.reports import tick

REPORT = {"name": "Mia", "email": "mia@example.org", "reason": "portrayed", "statement": "This is me."}


@pytest.fixture(params=["smtp", "smtps"])
def by(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[tuple[Server, World]]:
    """A gallery that sends its mail by a server on this machine."""
    with mail_server(tmp_path, tls_first=request.param == "smtps") as server:
        url = f"{request.param}://gallery:hunter2@127.0.0.1:{server.port}"
        world.gallery = replace(world.gallery, mailer=SmtpMailer(url=url, sender="g@localhost"))
        world.set()
        yield server, world


def test_mail_goes_by_a_server_whose_certificate_holds(
    by: tuple[Server, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, world = by
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    world.user("ann")
    assert world.browser().post("/password/forgot", {"email": "ann@example.org"}).status_code == 202
    assert "A new password" in server.messages[0]
    assert any(one.startswith("AUTH PLAIN") for one in server.commands)


def test_a_server_with_somebody_elses_certificate_gets_neither_password_nor_link(
    by: tuple[Server, World], caplog: pytest.LogCaptureFixture
) -> None:
    server, world = by
    world.user("ann")
    assert world.browser().post("/password/forgot", {"email": "ann@example.org"}).status_code == 202
    assert server.messages == []
    assert not any(one.startswith(("AUTH", "MAIL")) for one in server.commands)
    assert "SSLCertVerificationError" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_server_that_takes_no_mail_undoes_nothing_and_the_log_names_nobody(
    by: tuple[Server, World], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server, world = by
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    server.refuses = "550 ann@example.org is unknown here"
    owner, (ann, version) = world.user("owner", "owner"), world.drawing()
    one = world.drawn(ann, version)[0]
    url = ann.post(f"/pictures/{one['id']}/shares", {"expires_hours": 200}).json()["url"]
    token = url.rpartition("/")[2]
    invited = owner.post("/admin/invitations", {"email": "new@example.org"})
    assert (invited.status_code, "token=" in invited.json()["url"]) == (201, True)
    reported = world.browser().post(f"/shared/{token}/takedown", REPORT)
    assert reported.status_code == 201
    assert world.browser().get(f"/takedowns/{reported.json()['receipt']}").json()["status"] == "open"
    assert world.browser().get(f"/shared/{token}").status_code == 404
    assert "was not sent" in caplog.text
    assert "@example.org" not in "".join(one.getMessage() for one in caplog.records if one.name == "gallery")


def reminders(world: World) -> list[int]:
    with world.gallery.transaction() as db:
        return [one.reminders for one in db.query(Takedown)]


def test_a_reminder_that_could_not_go_goes_when_the_server_is_back(
    by: tuple[Server, World], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server, world = by
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    world.user("owner", "owner")
    ann, version = world.drawing()
    one = world.drawn(ann, version)[0]
    url = ann.post(f"/pictures/{one['id']}/shares", {"expires_hours": 200}).json()["url"]
    world.browser().post(f"/shared/{url.rpartition('/')[2]}/takedown", REPORT)
    server.messages.clear()
    server.refuses = "451 not now"
    world.pass_time(hours=24.5)
    tick(world.gallery)
    assert (server.messages, reminders(world)) == ([], [0])
    server.refuses = ""
    tick(world.gallery)
    tick(world.gallery)
    assert (len(server.messages), reminders(world)) == (1, [1])
