"""JSON whose numbers keep all the digits they were written with.

The engine reads JSON numbers as doubles, and writes them anew wherever it takes a document apart.
So a text that holds a number which a double may not hold gets its numbers marked as texts first;
`unmarked` values have the digits as they were written.
"""

from __future__ import annotations

from python_ingest.storage.sql import literal

# A character for private use, which no vendor's text begins with.
_MARK = "\ue000"
# A double holds 15 digits for sure, and an exponent may lead out of its range.
_LONG_NUMBER = "'[0-9.]{17}|[0-9][eE][+-]?[0-9]'"
_TEXT = r"""'"(?:[^"\\]|\\.)*"'"""
_LOOSE = r"'(?i),\s*[\]}]|nan|inf'"
# Texts and all else before a number are taken as one, so no digits within a text are met.
_BEFORE = r'((?:"(?:[^"\\]|\\.)*"|[^"0-9-])*)'
_NUMBER = r"(-?[0-9][0-9.eE+-]*)"
# Each attempt must find a number, or it would begin anew within a text: one stands at the end.
_LAST = f'"{_MARK}0"'


A_NUL = "a NUL character"
"""Why a text is none."""


def has_nul(text: str) -> str:
    """Return SQL: does a JSON text hold a NUL as an escape? NULL of NULL."""
    escaped = r"'(^|[^\\])(\\\\)*\\u0000'"
    return f"(contains({text}, '\\u0000') and regexp_matches({text}, {escaped}))"


def is_json(text: str) -> str:
    """Return SQL: is a text JSON as RFC 8259 has it? Never NULL.

    The engine takes a comma before a closing bracket, NaN and infinity for JSON too.
    """
    return f"case when json_valid({text}) then not {has_loose_part(text)} else false end"


def has_loose_part(text: str) -> str:
    """Return SQL: has a text that the engine takes for JSON what is none by RFC 8259?"""
    # few texts have it anywhere, and only these are read without the texts in them
    bare = f"regexp_replace({text}, {_TEXT}, '0', 'g')"
    may_have = f"regexp_matches({text}, {_LOOSE})"
    return f"(case when {may_have} then regexp_matches({bare}, {_LOOSE}) else false end)"


def has_rendered_number(text: str) -> str:
    """Return SQL: may a JSON text hold a number that the engine would write in other digits?

    Besides those that a double does not hold: zeros at the end of a fraction, and -0.
    """
    pattern = _LONG_NUMBER.rstrip("'") + r"|\.[0-9]*0([^0-9]|$)|-0([^0-9.]|$)'"
    return f"regexp_matches({text}, {pattern})"


def has_long_number(text: str) -> str:
    """Return SQL: may a JSON text hold a number that a double does not hold?"""
    return f"regexp_matches({text}, {_LONG_NUMBER})"


def marked(text: str, is_long: str) -> str:
    """Return SQL of a valid JSON text; where `is_long` holds, its numbers are marked texts."""
    numbers = literal(_BEFORE + _NUMBER)
    written = f"regexp_replace({text} || '0', {numbers}, '\\1\"{_MARK}\\2\"', 'g')"
    return f"case when {is_long} then left({written}, -{len(_LAST)}) else {text} end"


def unmarked(value: str, is_long: str) -> str:
    """Return SQL of a value, or a text of JSON, that was taken out of a marked one."""
    return f"case when {is_long} then {_unmarked(value)} else {value} end"


def unmarked_list(values: str, is_long: str) -> str:
    """Return SQL of a list of such values."""
    each = f"list_transform({values}, lambda x: {_unmarked('x')})"
    return f"case when {is_long} then {each} else {values} end"


def is_marked(value: str) -> str:
    """Return SQL: is a value of a marked text a number?"""
    return f"coalesce(starts_with({value}, '{_MARK}'), false)"


def is_marked_fraction(value: str) -> str:
    """Return SQL: is a value of a marked text a number with a point or an exponent?"""
    return f"coalesce(regexp_matches({value}, '^{_MARK}-?[0-9]+[.eE]'), false)"


def _unmarked(value: str) -> str:
    whole = f"regexp_replace({value}, '\"{_MARK}([^\"]*)\"', '\\1', 'g')"
    return f"ltrim({whole}, '{_MARK}')"
