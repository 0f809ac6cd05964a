"""Addresses and names that look like another's."""

import pytest
from gallery_world import PASSWORD, World


@pytest.mark.parametrize("email", [
    "ann@example.org\r\nBcc: eve@evil.example", "ann@example.org,eve@evil.example", "ann@example.org\x00",
    '"ann\r\nBcc: eve"@example.org', "ann@example.org eve@evil.example",
])  # fmt: skip
def test_an_address_is_one_address(world: World, email: str) -> None:
    owner = world.user("owner", "owner")
    assert owner.post("/admin/invitations", {"email": email}).status_code == 422
    assert world.browser().post("/password/forgot", {"email": email}).status_code == 422
    assert world.mails() == []


@pytest.mark.parametrize(
    "email", ["\u212aate@example.org", "KATE@EXAMPLE.ORG", "kate@\uff45xample.org", "kate@example\u3002org"]
)
def test_mail_goes_to_the_address_of_the_account_however_it_was_written(world: World, email: str) -> None:
    world.user("kate")
    world.browser().post("/password/forgot", {"email": email})
    assert [line for mail in world.mails() for line in mail.splitlines() if line.startswith("To:")] == [
        "To: kate@example.org"
    ]


def test_letters_that_look_alike_are_another_account(world: World) -> None:
    world.user("kate")
    world.browser().post("/password/forgot", {"email": "k\u0430te@example.org"})
    assert world.mails() == []


def test_nobody_draws_under_a_name_that_looks_like_somebody_elses(world: World) -> None:
    version = world.person()
    for name, email in (
        ("Ann Lee", "ann"),
        ("\u0410nn L\u0435e", "eve"),
        ("ANN  L\u00e9e.", "mia"),
        ("Bob", "bob"),
    ):
        invitation = world.invite(f"{email}@example.org")
        body = {"email": f"{email}@example.org", "password": PASSWORD, "name": name, "invitation": invitation}
        browser = world.browser()
        assert browser.post("/sign-up", body).status_code == 200
        browser.load()
        world.grant(email, version)
        world.drawn(browser, str(version))
        world.pass_time(minutes=1)
    page = world.browser().get(f"/portrayed/{world.link()}").json()
    assert [one["by"] for one in reversed(page["pictures"]["items"])] == [
        "Ann Lee (1)", "\u0410nn L\u0435e (2)", "ANN  L\u00e9e. (3)", "Bob"]  # fmt: skip
    assert {one["name"] for one in page["users"]} == {one["by"] for one in page["pictures"]["items"]}
