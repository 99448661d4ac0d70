"""What is wrong with a declaration, in our words: where, what, and what may have been meant."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

_CLOSE = 0.7  # of a key to another one
_LONGEST = 40  # characters of a value that are shown
_A_TEXT = "is a text in quotes, not {shown}"
_A_NUMBER = "is a number, not {shown}"
_A_WHOLE = "is a whole number, not {shown}"
_A_DATE = "is a date such as 2024-05-02, not {shown}"
_A_TABLE = "is a table in {{ }}, not {shown}"
_EMPTY = "is empty"
_BELOW = "TOML reads what stands below [{0}] as its own, so [{0}] goes to the end of the file"
_WORDS = {
    "missing": "is missing",
    "literal_error": "{shown} is none of {expected}",
    "string_type": _A_TEXT,
    "string_too_short": _EMPTY,
    "too_short": _EMPTY,
    "string_pattern_mismatch": "{shown} does not have the form {pattern}",
    "bool_type": "is true or false, not {shown}",
    "int_type": _A_WHOLE,
    "int_from_float": _A_WHOLE,
    "greater_than": "is above {gt}, not {shown}",
    "greater_than_equal": "is {ge} or more, not {shown}",
    "decimal_type": _A_NUMBER,
    "decimal_parsing": _A_NUMBER,
    "is_instance_of": _A_NUMBER,
    "finite_number": _A_NUMBER,
    "date_type": _A_DATE,
    "date_from_datetime_inexact": _A_DATE,
    "list_type": "is a list in [ ], not {shown}",
    "dict_type": _A_TABLE,
    "model_type": _A_TABLE,
    "model_attributes_type": _A_TABLE,
    "value_error": "{error}",
}


def close_to(name: str, known: Sequence[str]) -> str:
    """Return what to ask of a misspelt name, behind a semicolon; nothing where none is near."""
    near = difflib.get_close_matches(name.lower(), known, 1, _CLOSE)
    return f"; did you mean `{near[0]}`?" if near else ""


def in_our_words(
    errors: Sequence[Mapping[str, Any]],
    whole: type[BaseModel],
    tables: Mapping[str, type[BaseModel]],
) -> str:
    """Return the first thing that is wrong with a declaration, with its place.

    A key that is none comes before one that is missing: it may be that one, misspelt. `whole` is
    the model of the declaration, `tables` has those of the tables in it by their keys.
    """
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    place = [str(part) for part in first["loc"] if part != "[key]"]
    if "name_only" in place:
        place = place[: place.index("name_only") + 1]
        first = next((one for one in errors if one["type"] == "value_error"), first)
        if first["type"] != "value_error":
            return f"{'.'.join(place)}: is true, false or a pattern, not {_shown(first['input'])}"
    if first["type"] == "extra_forbidden":
        what = f"no such key{_meant(place, whole, tables)}"
    else:
        context = {"error": "", "expected": "", **(first.get("ctx") or {})}
        words = _WORDS.get(first["type"], "is not {shown}")
        what = words.format(**context, shown=_shown(first["input"]))
        if first["type"] == "missing":
            what += _elsewhere(place, first["input"])
        if first["type"] == "literal_error":
            what += close_to(str(first["input"]), re.findall(r"'([^']*)'", context["expected"]))
    return f"{'.'.join(place)}{': ' if place else ''}{what}"


def _elsewhere(place: Sequence[str], said: Any) -> str:
    """Return which table has a missing key: TOML gives it what stands below its name."""
    for name, table in said.items() if len(place) == 1 and isinstance(said, dict) else ():
        if isinstance(table, dict) and place[0] in table:
            return f"; {name}.{place[0]} is there: {_BELOW.format(name)}"
    return ""


def _meant(
    place: Sequence[str], whole: type[BaseModel], tables: Mapping[str, type[BaseModel]]
) -> str:
    """Return which key a wrong one may be: one of its table, or one that belongs elsewhere."""
    table = whole
    for part in place[:-1]:
        table = tables.get(part, table)
        if part in ("when", "unless"):
            break  # fields of the vendor's, whatever they are called
    key = place[-1]
    if len(place) > 1 and table is not whole and key in keys_of(whole):
        return f"; {_BELOW.format(place[0])}"
    near = close_to(key, keys_of(table))
    if near:
        return near
    homes = [name for name, model in tables.items() if key in keys_of(model)]
    return f"; it goes into `{homes[0]}`" if homes else f"; here are {', '.join(keys_of(table))}"


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys of a table, as a declaration spells them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, (str, list)) else str(value)
    if isinstance(value, (dict, BaseModel)):
        return "a table"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
