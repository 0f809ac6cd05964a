"""Texts for people: money, sizes and durations, and checks of texts that templates make from values."""

import json
from typing import TYPE_CHECKING, Any, cast

from likeness.errors import without_control

if TYPE_CHECKING:
    from huggingface_hub import CardData


def format_usd(value: float) -> str:
    """Cents; hundredths of a cent where a small sum has them, as captions do."""
    return f"${value:.2f}" if value >= 0.1 or round(value, 2) == round(value, 4) else f"${value:.4f}"


def format_bytes(size: int) -> str:
    """In the unit that a person would choose."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"


def format_seconds(seconds: float | None) -> str:
    """Seconds, minutes or hours; `?` for a duration that is not known."""
    if seconds is None:
        return "?"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{seconds / 3600:.1f} h"


def printed(value: Any) -> Any:
    """A text as `without_control` has it; anything else, and marked-up text, as it is."""
    return type(value)(without_control(value)) if isinstance(value, str) else value


def markdown(value: Any) -> Any:
    """A text that neither ends its line, its cell or its code nor begins HTML, a link or a picture in a card; code that is
    `quoted` stays as it is."""
    if not isinstance(value, str) or isinstance(value, Quoted):
        return value
    text = " ".join(printed(value).splitlines()).replace("\\", "\\\\").replace("`", "'")
    return text.replace("<", "&lt;").replace("|", "\\|").replace("](", "] (")


class Quoted(str):
    """A string of Python in a card's code, in which nothing else ends it."""


def quoted(text: str) -> Quoted:
    """A text as a string of Python, for code that is copied from a card."""
    return Quoted(json.dumps(without_control(text), ensure_ascii=False))


def percent(value: float | None) -> str:
    """`72 %`; a dash where there is none."""
    return "-" if value is None else f"{100 * value:.0f} %"


def format_score(value: float | None) -> str:
    """`0.72`; a dash where there is none."""
    return "-" if value is None else f"{value:.2f}"


def render(package: str, template: str, *, html: bool = False, **values: Any) -> str:
    """The text that a template of `package` makes of the values; equal values give equal text."""
    import jinja2  # here: money is formatted where no page is made

    environment: Any = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=html,
        finalize=printed if html else markdown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"usd": format_usd, "bytes": format_bytes, "two": format_score, "quoted": quoted}
    return environment.get_template(template).render(**values)


def hub_licence(licence: str, consent_id: str) -> dict[str, Any]:
    """The licence in a card's front matter; `other` asks for a name (huggingface.co/docs/hub/repositories-licenses)."""
    named = {"license_name": f"consent-{consent_id}"} if licence == "other" else {}
    return {"license": licence, **named}


def card(data: "CardData", package: str, template: str, **values: Any) -> str:
    """A card in Hugging Face's form: front matter, then Markdown by a template."""
    front_matter: str = cast(Any, data).to_yaml()  # untyped
    return f"---\n{front_matter}\n---\n\n{render(package, template, **values)}"
