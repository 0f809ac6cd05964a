"""What the pages show."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from likeness.caption.refused import refused_images
from likeness.caption.text import Override
from likeness.caption.write import own_captions
from likeness.cli.desk.pictures import samples
from likeness.cli.desk.state import Desk
from likeness.cli.plan import make_plan
from likeness.cli.plan_show import sentences, together
from likeness.cli.spending import rows
from likeness.errors import ConfigError, InputError, LikenessError
from likeness.formatting import format_seconds, format_usd, render
from likeness.ingest.standing import Standing
from likeness.paths import RepositoryPaths, step_of
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.pipeline.verified import Picture, verified
from likeness.purchases.history import is_awaited, purchases
from likeness.store import open_items
from likeness.swap.preview import price

AT_ONCE = 60
"""Images of a page of captions."""

Item = TypeVar("Item")
Page = Callable[[Desk, str, Mapping[str, str]], dict[str, Any]]


def whole(desk: Desk, persona: str, name: str, values: Mapping[str, Any]) -> str:
    """A page with its head: the persona, the other pages, and what was just done."""
    personas, said = list(desk.config().personas), desk.said.pop(persona, None)
    head = {"persona": persona, "personas": personas, "here": name, "said": said, "form": desk.form_token}
    return _render(f"{name}.html.j2", **values, **head)


def trouble(desk: Desk, persona: str, error: LikenessError, *, here: str, back: str, words: str) -> str:
    """What cannot be done, and the remedy; the words that the form had, and the way back to it."""
    try:
        personas = list(desk.config().personas)
    except LikenessError:
        personas = []
    head = {"persona": persona, "personas": personas, "here": here, "said": None}
    return _render("trouble.html.j2", error=error, back=back, words=words, **head)


def plain(why: str) -> str:
    """A page that names nobody."""
    return _render("plain.html.j2", why=why)


def _render(template: str, **values: Any) -> str:
    titles = {name: title for name, (title, _) in PAGES.items()}
    return render("likeness.cli.desk", template, html=True, titles=titles, **values)


def anchor(act: str, fields: Mapping[str, str]) -> str:
    """Where on its page an act was asked for."""
    image = dict.fromkeys(("caption", "refuse-image", "accept-image"), "image")
    place = {**image, "refuse": "sha256", "accept": "sha256"}.get(act)
    name = fields.get(place, "") if place else ""
    query = f"?page={fields['page']}" if fields.get("page", "").isdecimal() else ""
    return query + (f"#{name}" if name.replace("-", "").replace("_", "").isalnum() else "")


def photographs(desk: Desk, persona: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Every photograph as a tile, with its reason."""
    run = desk.run_at("ingest", persona)
    look = desk.look(run)
    groups = {
        "Of the persona": [one for one in look.photographs if one.role == "source"],
        "Targets": [one for one in look.photographs if one.role == "target"],
    }
    only = query.get("show") == "out"
    return {
        "measuring": not look.done.is_set(),
        "groups": [
            (title, _counted(found), [one for one in found if one.failure or not only])
            for title, found in groups.items()
            if found
        ],
        "only": only,
        "others": look.others,
        "refused_file": run.paths.refused,
    }


def _counted(found: Sequence[Standing]) -> str:
    out = sum(one.failure is not None for one in found)
    return f"{len(found) - out} taken" + (f", {out} left out" if out else "")


def captions(desk: Desk, persona: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Every enhanced image with its caption to edit."""
    run = desk.run_at("caption", persona)
    images, own = own_captions(run)
    try:
        made = read_manifest(run.paths.captions)
        texts = {entry.id: entry for entry in made.entries}
        failures = {failure.id: failure for failure in made.failures}
    except InputError:
        texts, failures = {}, {}
    number, pages, shown = _paged(images, query)
    folder = run.paths.enhanced
    by_hand = refused_images(run, (Picture(one, verified(folder, one)) for one in shown))
    cards = [
        {
            "id": image.id,
            "sha256": image.sha256,
            "rating": image.rating,
            "own": own[image.id].words if image.id in own else "",
            **_caption(own.get(image.id), texts.get(image.id)),
            "failure": failures.get(image.id),
            "refused": by_hand.get(image.id),
        }
        for image in shown
    ]
    return {
        "cards": cards,
        "number": number,
        "pages": pages,
        "count": len(images),
        "trigger": run.persona.trigger,
        "folder": run.paths.captions_override,
        "refused_file": run.paths.refused_images,
    }


def _caption(own: Override | None, made: Entry | None) -> dict[str, Any]:
    """The words that count, and whose they are."""
    if own is not None:
        return {"words": own.words, "by": "your own words"}
    if made is not None:
        return {"words": made.text, "by": made.provider}
    return {"words": "", "by": "none yet"}


def _paged(items: Sequence[Item], query: Mapping[str, str]) -> tuple[int, int, Sequence[Item]]:
    pages = max(1, math.ceil(len(items) / AT_ONCE))
    asked = query.get("page", "")
    number = min(max(1, int(asked)), pages) if asked.isascii() and asked.isdecimal() and len(asked) < 8 else 1
    return number, pages, items[(number - 1) * AT_ONCE : number * AT_ONCE]


def pair(desk: Desk, persona: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A source and a target to choose, and the last pair's swap."""
    run = desk.run_at("swap", persona)
    entries = [one for one in read_manifest(run.paths.ingested).entries if not one.held_out]
    quote = price(run)
    return {
        "sources": [one for one in entries if one.source],
        "targets": [one for one in entries if one.target],
        "seen": desk.previews.get(persona),
        "provider": run.provider.name,
        "usd": quote.usd if quote else 0.0,
    }


def agreed_usd(text: str) -> float:
    """The price that a form agrees to.

    Raises:
        ConfigError: it is not a price.
    """
    try:
        agreed = float(text or 0)
    except ValueError:
        agreed = math.nan
    if not 0 <= agreed < math.inf:
        raise ConfigError(
            f"{text[:20]!r} is not a price",
            reason="no-price",
            remedy="agree to the price that the page names",
        )
    return agreed


def training(desk: Desk, persona: str, query: Mapping[str, str]) -> dict[str, Any]:
    """What the LoRA drew on its way, the newest first."""
    run = desk.run_at("train", persona)
    return {
        "strips": [
            (key, _said(step_of(path)), path.stat().st_mtime_ns) for key, path in samples(persona).items()
        ],
        "every": run.config.train.selection.sample_every_steps,
    }


def _said(step: int | None) -> str:
    return "The finished training, by step" if step is None else f"Step {step}"


def plan(desk: Desk, persona: str, query: Mapping[str, str]) -> dict[str, Any]:
    """What `likeness plan` and `likeness spending` say."""
    desk.run_at("check", persona)
    cfg, repository = desk.config(), RepositoryPaths.here()
    made = make_plan(cfg, repository, [persona])
    items, bought = open_items(cfg, repository, read_only=True), purchases(repository.spending)
    mine = made.personas[persona]
    return {
        "stages": mine.stages,
        "train": mine.train,
        "sentences": sentences(made),
        "exceeds": made.exceeds,
        "seconds": format_seconds,
        "usd": format_usd,
        "total_seconds": together(mine.stages),
        "spent": rows(bought, lambda purchase: is_awaited(purchase, items)),
    }


PAGES: dict[str, tuple[str, Page]] = {
    "photographs": ("Photographs", photographs),
    "captions": ("Captions", captions),
    "pair": ("One pair", pair),
    "training": ("Training", training),
    "plan": ("Plan", plan),
}
"""The title of each page, and what it shows."""
