"""Which address is which page, picture or act. An act goes through the function that the command line calls."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from importlib.resources import files

from likeness.caption.refused import accept_image, refuse_image
from likeness.caption.write import write_caption
from likeness.cli.desk import pages
from likeness.cli.desk.pictures import KINDS
from likeness.cli.desk.state import Desk
from likeness.errors import LikenessError
from likeness.ingest.standing import accept, refuse
from likeness.swap.preview import pairs_of, preview

STATIC = {
    "icon.svg": "image/svg+xml",
    "style.css": "text/css; charset=utf-8",
    "desk.js": "text/javascript; charset=utf-8",
}
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that the guard let in."""

    method: str
    path: str
    query: Mapping[str, str]
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back."""

    status: int = HTTPStatus.OK
    kind: str = HTML
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def refused(status: HTTPStatus, why: str) -> Answer:
    """A page that says no, and nothing of what is here."""
    return Answer(status=status, body=pages.plain(why).encode())


def _no_such(what: str) -> Answer:
    return refused(HTTPStatus.NOT_FOUND, f"There is no such {what}.")


def answer(desk: Desk, asked: Asked) -> Answer:
    """The answer to a request; what cannot be done is told on a page in the words of the command line."""
    persona, _, rest = asked.path.strip("/").partition("/")
    if persona == "static" and rest in STATIC:
        return Answer(kind=STATIC[rest], body=(files("likeness.cli.desk") / "templates" / rest).read_bytes())
    try:
        personas = desk.config().personas
        if not persona:
            return _to(f"/{next(iter(personas))}/photographs")
        if persona not in personas:
            return _no_such("page")
        if asked.method == "POST":
            return _act(desk, persona, rest, asked.fields)
        if rest.startswith("picture/"):
            return _picture(desk, persona, rest)
        if rest in pages.PAGES:
            values = pages.PAGES[rest][1](desk, persona, asked.query)
            return Answer(body=pages.whole(desk, persona, rest, values).encode())
    except LikenessError as error:
        if asked.method == "GET" and rest.startswith("picture/"):
            return _no_such("picture")
        return _trouble(desk, persona, rest, asked.fields, error)
    return _no_such("page")


def _trouble(desk: Desk, persona: str, rest: str, fields: Mapping[str, str], error: LikenessError) -> Answer:
    act = rest in ACTS
    here = ACTS[rest][1] if act else rest
    back = f"/{persona}/{here if act else 'photographs'}{pages.anchor(rest, fields)}" if persona else "/"
    words = fields.get("words", "") or fields.get("why", "")
    page = pages.trouble(desk, persona, error, here=here, back=back, words=words)
    return Answer(status=HTTPStatus.UNPROCESSABLE_ENTITY, body=page.encode())


def _picture(desk: Desk, persona: str, rest: str) -> Answer:
    _, _, place = rest.partition("/")
    kind, _, key = place.partition("/")
    data = KINDS[kind](desk, persona, key) if kind in KINDS else None
    if data is None:
        return _no_such("picture")
    return Answer(kind="image/jpeg", body=data)


Act = Callable[[Desk, str, Mapping[str, str]], list[str]]


def _refuse(
    stage: str, place: str, write: Callable[..., None], desk: Desk, persona: str, fields: Mapping[str, str]
) -> list[str]:
    """`write` a refusal of what `place` in the form names, in a run of the stage that leaves it out."""
    name, why = fields.get(place, ""), fields.get("why", "")
    write(desk.run_at(stage, persona), name, why, fields.get("sha256", ""))
    return ["refuse", persona, name, "--why", why]


def _accept(
    stage: str, place: str, write: Callable[..., None], desk: Desk, persona: str, fields: Mapping[str, str]
) -> list[str]:
    """Take such a refusal back."""
    name = fields.get(place, "")
    write(desk.run_at(stage, persona), name, fields.get("sha256", ""))
    return ["accept", persona, name]


def _caption(desk: Desk, persona: str, fields: Mapping[str, str]) -> list[str]:
    image, words = fields.get("image", ""), " ".join(fields.get("words", "").split())
    seen = fields.get("sha256", ""), fields.get("before", "")
    write_caption(desk.run_at("caption", persona), image, words, *seen)
    return ["caption", persona, image, *([words] if words else [])]


def _preview(desk: Desk, persona: str, fields: Mapping[str, str]) -> list[str]:
    source, target = fields.get("source", ""), fields.get("target", "")
    run, agreed = desk.run_at("swap", persona), pages.agreed_usd(fields.get("pay", ""))
    desk.previews[persona] = preview(run, pairs_of(run), source, target, pay_usd=agreed)
    return ["swap", persona, source, target, *(["--pay", f"{agreed:g}"] if agreed else [])]


ACTS: dict[str, tuple[Act, str]] = {
    "refuse": (partial(_refuse, "ingest", "file", refuse), "photographs"),
    "accept": (partial(_accept, "ingest", "file", accept), "photographs"),
    "refuse-image": (partial(_refuse, "caption", "image", refuse_image), "captions"),
    "accept-image": (partial(_accept, "caption", "image", accept_image), "captions"),
    "caption": (_caption, "captions"),
    "swap": (_preview, "pair"),
}
"""What each form does, and the page that it stands on."""


def _act(desk: Desk, persona: str, name: str, fields: Mapping[str, str]) -> Answer:
    if name not in ACTS:
        return _no_such("page")
    act, page = ACTS[name]
    with desk.acting:
        command = act(desk, persona, fields)
    desk.said[persona] = shlex.join(["likeness", "photos", *command])
    return _to(f"/{persona}/{page}{pages.anchor(name, fields)}")


def _to(place: str) -> Answer:
    return Answer(status=HTTPStatus.SEE_OTHER, headers={"Location": place})
