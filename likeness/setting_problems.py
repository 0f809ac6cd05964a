"""Describes what is wrong with a setting: its place, its value as YAML writes it, the expected value. pydantic's own words
speak of Python's types."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast, get_args, get_origin

from pydantic import ValidationError

from likeness.digests import SHA256_HEX

SHOWN = 70
ANY_KEY = "*"

# By the kinds of pydantic's errors (docs.pydantic.dev/2.14/errors/validation_errors); {} is what its context holds.
EXPECTED = {
    "int_": "a whole number, such as 3",
    "float_": "a number, such as 0.5",
    "finite_number": "a finite number",
    "bool_": "true or false",
    "string_type": "a word or text",
    "string_too_short": "a text that is not empty",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "{pattern}",
    "multiple_of": "a multiple of {multiple_of}",
    "tuple_": "a list, such as [a, b]",
    "list_": "a list, such as [a, b]",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "dict_": "keys with values",
    "model_": "keys with values",
    "dataclass_": "keys with values",
    "mapping_": "keys with values",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "none_required": "null",
}
# What a text looks like, by the expression that it has to match.
FORMS = {rf"^{SHA256_HEX.pattern}\z": "64 hexadecimal digits, as `sha256sum FILE` prints them"}


def setting_problems(error: ValidationError, known: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """A line for each error; `place` is the setting that was read, `known` has the names that may stand in it with their types."""
    for one in error.errors():
        where = ".".join(filter(None, (place, *map(str, one["loc"]))))
        words = _words(one, _names_beside(one["loc"], known))
        yield f"{where}: {words}" if where else words


def unknown_setting(key: str, known: Collection[str]) -> str:
    """That there is no such setting, and which is meant."""
    near = difflib.get_close_matches(key, list(known), n=1)
    if near:
        return f"there is no such setting; did you mean {near[0]}?"
    return "there is no such setting" + (f"; it has {', '.join(known)}" if known else "")


def as_yaml(value: object) -> str:
    """A value as a person writes it in YAML, on one line and cut where it is long: a text stands in quotes, an empty list or
    mapping is `nothing`."""
    text = _yaml(value) if value or not isinstance(value, Mapping | list | tuple) else "nothing"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        named = cast("Mapping[Any, Any]", value).items()
        return f"{{{', '.join(f'{key}: {_yaml(inner)}' for key, inner in named)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, cast('Sequence[Any]', value)))}]"
    return repr(value) if isinstance(value, str | bytes) else str(value)


def names_in(kind: Any) -> Mapping[str, Any]:
    """The names that may stand in a value of this type, with their types."""
    if get_origin(kind) is dict:
        return {ANY_KEY: get_args(kind)[1]}
    return {name: field.annotation for name, field in getattr(kind, "__pydantic_fields__", {}).items()}


def _names_beside(loc: Sequence[int | str], known: Mapping[str, Any]) -> Collection[str]:
    """What may stand where the last part of a place stands."""
    for part in loc[:-1]:
        known = names_in(known.get(str(part), known.get(ANY_KEY)))
    return [name for name in known if name != ANY_KEY]


def _words(one: Any, known: Collection[str]) -> str:
    kind, context = one["type"], one.get("ctx", {})
    if kind == "missing":
        return "it is missing"
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return unknown_setting(str(one["loc"][-1]), known)
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", one["msg"]))
    if context.get("field_type") == "Dictionary":
        kind = "dict_"
    words = next((words for begin, words in EXPECTED.items() if kind.startswith(begin)), None)
    if words is None:
        return one["msg"]
    if form := context.get("pattern"):
        context = {
            "pattern": FORMS.get(form, f"a text of the form {form.strip('^$').removesuffix(chr(92) + 'z')}")
        }
    bounds = {name: f"{bound:g}" if isinstance(bound, float) else bound for name, bound in context.items()}
    return f"{as_yaml(one['input'])} stands there; expected: {words.format(**bounds)}"
