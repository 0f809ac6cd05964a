"""Schemathesis against the description of the API: whatever is sent, the answer is one of ours and no fault.

Bounded and the same each time: some requests for each operation, from a fixed seed.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gallery_world import World
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import booleans

pytestmark = pytest.mark.slow
EXAMPLES = 12
# As it is committed, which test_api_types.py holds against the API: to make it takes longer than to collect all tests of a folder.
COMMITTED = json.loads((Path(__file__).parents[2] / "gallery/web/openapi.json").read_bytes())
OPERATIONS = [
    (method.upper(), path)
    for path, each in sorted(COMMITTED["paths"].items())
    for method in each
    if path != "/api/events"  # a stream, which does not end by itself
]


class Described:
    """The description, and an owner's browser on a gallery in which each kind of thing is there once."""

    def __init__(self, world: World) -> None:
        # Here: every collection would wait a second for it.
        import schemathesis
        from schemathesis.checks import not_a_server_error
        from schemathesis.specs.openapi.checks import (
            response_headers_conformance,
            response_schema_conformance,
        )

        self.checks = (not_a_server_error, response_schema_conformance, response_headers_conformance)
        self.world, self.owner = world, world.user("owner", "owner")
        version = world.person()
        world.grant("owner", version, per_day=10_000)
        picture, _ = world.drawn(self.owner, str(version), 2)
        share = self.owner.post(f"/pictures/{picture['id']}/shares", {"expires_hours": 2000}).json()
        report = {"name": "Mia", "email": "mia@example.org", "reason": "other", "statement": "x"}
        token = share["url"].rpartition("/")[2]
        self.api = schemathesis.openapi.from_asgi("/api/openapi.json", world.app)
        self.known = {
            "version_id": str(version), "picture_id": picture["id"], "generation_id": picture["generation_id"],
            "album_id": self.owner.post("/albums", {"title": "Summer"}).json()["id"], "share_id": share["id"],
            "person_id": self.owner.get("/admin/people").json()["items"][0]["id"],
            "receipt": self.owner.post(f"/shared/{token}/takedown", report).json()["receipt"],
        }  # fmt: skip
        self.tokens = {"/api/shared": token, "/api/portrayed": world.link()}

    def fill(self, case: Any, method: str, path: str) -> None:
        """Put what is there in place of made-up ids, so that a request gets further; nothing is deleted."""
        if method == "DELETE":
            return
        token = next((one for begin, one in self.tokens.items() if path.startswith(begin)), None)
        there = self.known | ({"token": token} if token else {})
        for where in (case.path_parameters, case.body if isinstance(case.body, dict) else None):
            for name in where or ():
                if name in there:
                    where[name] = there[name]


@pytest.fixture(scope="module")
def described(
    module_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Described]:
    folder = tmp_path_factory.mktemp("described")
    world = World.at(module_database(), folder, open_sign_up=True, money=False)
    yield Described(world)
    world.close()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_is_a_fault(described: Described, method: str, path: str) -> None:
    @seed(1)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=described.api[path][method].as_strategy(), real=booleans())
    def ask(case: Any, real: bool) -> None:
        if real:
            described.fill(case, method, path)
        described.world.pass_time(minutes=3)  # few tries at a time
        described.owner.load()
        case.headers = {**(case.headers or {}), "x-csrf": described.owner.csrf}
        answer = case.call(session=described.owner.client)
        case.validate_response(answer, checks=described.checks)
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) == {"reason", "sentence", "remedy"}

    ask()


def test_every_answer_has_a_schema_of_its_own() -> None:
    for path, each in World.description().items():
        for method, operation in each.items():
            for status, answer in operation["responses"].items():
                for kind, described in answer["content"].items():
                    schema = described["schema"]
                    named = "$ref" in schema or "$ref" in str(schema.get("items", schema.get("anyOf")))
                    assert named or kind != "application/json", (method, path, status)
