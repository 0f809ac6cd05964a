"""Describes what is wrong with a setting: its place, its value, the expected value. pydantic's own words speak of
Python's types."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import ValidationError

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
    "tuple_": "a list, such as [a, b]",
    "list_": "a list, such as [a, b]",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "dict_": "keys with values",
    "model_": "keys with values",
    "mapping_": "keys with values",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "none_required": "null",
}


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


def names_in(kind: Any) -> Mapping[str, Any]:
    """The names that may stand in a value of this type, with their types."""
    if get_origin(kind) is dict:
        return {ANY_KEY: get_args(kind)[1]}
    return {name: field.annotation for name, field in getattr(kind, "model_fields", {}).items()}


def _names_beside(loc: Sequence[int | str], known: Mapping[str, Any]) -> Collection[str]:
    """What may stand where the last part of a place stands."""
    for part in loc[:-1]:
        known = names_in(known.get(str(part), known.get(ANY_KEY)))
    return [name for name in known if name != ANY_KEY]


def _words(one: Any, known: Collection[str]) -> str:
    kind, context = one["type"], one.get("ctx", {})
    if kind == "missing":
        return "it is missing"
    if kind == "extra_forbidden":
        return unknown_setting(str(one["loc"][-1]), known)
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", one["msg"]))
    if context.get("field_type") == "Dictionary":
        kind = "dict_"
    words = next((words for begin, words in EXPECTED.items() if kind.startswith(begin)), None)
    if words is None:
        return one["msg"]
    text = repr(one["input"])
    return f"{text if len(text) <= SHOWN else f'{text[:SHOWN]}...'} stands there; expected: {words.format(**context)}"
