"""Cards in Hugging Face's form: front matter, then Markdown that a package's template makes of what a stage knows."""

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from likeness.formatting import format_bytes, format_usd

if TYPE_CHECKING:
    from huggingface_hub import CardData


def render(package: str, template: str, *, html: bool = False, **values: Any) -> str:
    """The text that `package`'s template makes of the values; equal values give equal text."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"usd": format_usd, "bytes": format_bytes}
    return environment.get_template(template).render(**values)


def card(data: "CardData", package: str, template: str, **values: Any) -> str:
    """A card's text, front matter first."""
    return f"---\n{data.to_yaml()}\n---\n\n{render(package, template, **values)}"
