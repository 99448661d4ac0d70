"""SQL that turns a source value into its canonical type, and says why it cannot.

No value is dropped: a conversion yields NULL where it fails, and `complaints` gives the reason
beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import groupby

from python_ingest.feeds.exact_json import (
    A_NUL,
    has_long_number,
    has_nul,
    has_rendered_number,
    is_json,
    marked,
    unmarked,
)
from python_ingest.feeds.kinds import (
    BEFORE_1970_OR_FUTURE,
    DECIMALS,
    LARGEST,
    NO_TIME,
    WIDE,
    Column,
    Kind,
)
from python_ingest.storage.sql import literal, quoted

CLOCK = "now()::timestamp"
"""The time of the transaction, UTC."""

MULTIPLIER = "decimal(18, 4)"
"""The type of an instrument's multiplier."""

# How far ahead of the clock a time may be. An action whose day begins later somewhere would count
# at once, and nothing would land on its day.
_LATEST = {
    "TIMESTAMP": ("1 day", BEFORE_1970_OR_FUTURE),
    "DATE": ("-12 hour", "before 1970, or yet to come: land it from 12:00 UTC of that day on"),
}
_FLOATS = ("DOUBLE", "FLOAT")
_WHOLE = r"'\s*[+-]?[0-9]+\s*'"
_ROUNDED = r"\s*[+-]?([0-9]([.,][0-9]+[eE][+-]?|[eE]\+)[0-9]+|[0-9]+[.,]0*|[.,][0-9]+)\s*"
SPOILED = "a spreadsheet rounded this number: export it anew, with ids as texts"
"""Why an id is none."""
_BLANK = r"[\s\x0b]*"
_BETWEEN = ("':'", "'|'")
"""What stands between two values in the text of a row, as SQL."""
_ROOM = 40
"""Zeros beside a number that no column of DECIMAL has room for."""
_FAR = 2**31 - 1
"""An exponent that no text has digits enough for."""
_INTEGERS = r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER"
_TEXTS = rf"VARCHAR|ENUM.*|UUID|{_INTEGERS}"
_NO_JSON = "('null', '{}', '[]', '\"\"')"
PLAIN = quoted("source.plain")
"""The column of `plain_numbers`."""
_EXACT_FLOATS = {"DOUBLE": 2**53, "FLOAT": 2**24}
"""Whole numbers up to this one are what they were; above it two of them are one."""
_TEXTS_IN_JSON = "'VARCHAR', 'UBIGINT', 'BIGINT', 'NULL'"
_NUMBERS = rf"VARCHAR|DOUBLE|FLOAT|DECIMAL.*|{_INTEGERS}"
_TIMES = r"VARCHAR|DATE|TIMESTAMP.*"
# What the engine would render of others was not in the file: a list as a symbol, true as a price.
_READABLE = {
    "VARCHAR": (rf"{_TEXTS}|DECIMAL.*", "not a text"),
    "DECIMAL": (_NUMBERS, "not a number"),
    "DOUBLE": (_NUMBERS, "not a number"),
    "BIGINT": (_NUMBERS, "not a whole number"),
    "TIMESTAMP": (_TIMES, "not a time"),
    "DATE": (_TIMES, "not a date"),
    "UUID": ("VARCHAR|UUID", "not a UUID"),
    "BOOLEAN": ("VARCHAR|BOOLEAN", "neither true nor false"),
    "VARCHAR[]": (rf"VARCHAR|({_TEXTS})\[\]|\"NULL\"\[\]", "not a list of texts"),
}


def as_written(value: str, source_type: str) -> str:
    """Return SQL of the value as its rules look at it: a float as the shortest text that is it."""
    return f"{value}::varchar" if source_type in _FLOATS else value


def converted(value: str, source_type: str, column: Column, plain: int = 0) -> str:
    """Return SQL for `value` of `source_type` as the column's type; NULL where it does not fit.

    What a value becomes depends on that value alone. No text is cast to TIMESTAMP WITH TIME ZONE:
    the engine's cast keeps the zone of one row for the rows after it. `plain`: its place among
    `plain_numbers`, where the row has these.
    """
    if source_type == "VARCHAR":
        value = _text(value, column)
    if column.type == "JSON":
        return _json(value if source_type in ("VARCHAR", "JSON") else f"to_json({value})")
    if source_type == column.type:
        return value
    special: dict[tuple[str, str], Callable[[str], str]] = {
        ("TIMESTAMP", "VARCHAR"): utc,
        ("DATE", "VARCHAR"): _date,
        ("TIMESTAMP", "TIMESTAMP_NS"): lambda ns: f"try_cast({ns}::varchar as timestamp)",
        # its own cast rounds; landing's sessions show it in UTC
        ("TIMESTAMP", "TIMESTAMPTZ_NS"): lambda ns: (
            f"try_cast(replace({ns}::varchar, '+00', '') as timestamp)"
        ),
        ("VARCHAR[]", "VARCHAR"): _list,
    }
    if column.type == "VARCHAR" and source_type.startswith("DECIMAL"):
        special["VARCHAR", source_type] = _whole
    if has_plain_number(column, source_type):
        value = as_written(value, source_type)
        special[column.type, source_type] = lambda text: decimal_of(text, column.type, plain)
    if (column.type, source_type) in special:
        return special[column.type, source_type](value)
    if column.type == "DATE":  # midnight is what others make of a date
        day = f"try_cast({value} as date)"
        return f"case when {day} = {value} then {day} end"
    if column.type.startswith("STRUCT"):
        return _struct(value, source_type, column)
    return f"try_cast({value} as {column.type})"


def decimal_of(text: str, made: str, plain: int = 0) -> str:
    """Return SQL of a number's text as the decimal `made`; NULL where it is none or too large.

    What has an exponent is written without one first: the engine's cast needs room for all digits
    before it heeds the exponent, and makes 0 of many zeros and a large one. `plain`: see converted.
    """
    condition, without = _exponent(text, plain)
    return f"try_cast(case when {condition} then {without} else {text} end as {made})"


def _exponent(text: str, plain: int) -> tuple[str, str]:
    """SQL: has a number's text an exponent, and the number without it."""
    if plain:
        return f"{PLAIN} is not null and {_has_exponent(text)}", f"{PLAIN}[{plain}]"
    return _has_exponent(text), f"{_plain([text])}[1]"


def _has_exponent(text: str) -> str:
    return f"(contains({text}, 'e') or contains({text}, 'E'))"


def has_plain_number(column: Column, source_type: str) -> bool:
    """Say whether a column is of numbers that are texts, or become some."""
    return column.type in DECIMALS and source_type in ("VARCHAR", *_FLOATS)


def plain_numbers(texts: list[str]) -> str:
    """Return SQL of the list PLAIN: numbers without exponents; NULL where none of them has one.

    Once for a row, not twice for each number: of few rows the planning takes the longest.
    """
    if not texts:
        return "null"
    return f"case when {' or '.join(map(_has_exponent, texts))} then {_plain(texts)} end"


def _plain(texts: list[str]) -> str:
    """SQL of numbers without exponents or needless zeros; NULL where a text has none or is none.

    What leads out of every column stays out of it, however large the exponent is.
    """
    pattern = rf"'^{_BLANK}([+-]?)([0-9]*)\.?([0-9]*)[eE]([+-]?[0-9]+){_BLANK}$'"
    far = f"case when starts_with(x.e, '-') then {-_FAR} else {_FAR} end"
    # the digits that count, and how many of them stand before the point
    counted = (
        "{s: x.s, is_zero: x.w || x.f <> '', d: trim(x.w || x.f, '0'), point: length(ltrim(x.w ||"
        f" x.f, '0')) - length(x.f) + coalesce(try_cast(x.e as integer), {far})::bigint}}"
    )
    return f"""list_transform(list_transform(list_transform(
        [{", ".join(texts)}], lambda t: regexp_extract(t, {pattern}, ['s', 'w', 'f', 'e'])
    ), lambda x: {counted}), lambda x: case
        when x.d = '' then case when x.is_zero then '0' end
        when x.point <= 0 then x.s || '0.' || repeat('0', least(-x.point, {_ROOM})) || x.d
        when x.point >= length(x.d)
            then x.s || x.d || repeat('0', least(x.point - length(x.d), {_ROOM}))
        else x.s || left(x.d, x.point) || '.' || substr(x.d, x.point + 1)
    end)"""


# The spelling of nearly all times; a third of the time that the general way takes.
_USUAL_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"
_LOCAL = r"^\d{4,6}-\d\d?-\d\d?([T ]\d\d?:\d\d(:\d\d(\.\d*)?)?)?$"
_OFFSET = r":[0-9.]+ ?(UTC|[Zz]|[+-](0\d|1[0-5])(:?[0-5]\d){0,2})$"


def has_offset(value: str) -> str:
    """Return SQL: does an ISO time say its offset from UTC, by Z perhaps? NULL of NULL."""
    return f"regexp_matches({value}, '{_OFFSET}')"


def utc(value: str, made: str = "timestamp") -> str:
    """Return SQL of an ISO time with an offset, Z, UTC or none; a zone's name is no time.

    It is cut below what the type `made` holds, `timestamp` or `timestamp_ns`. The offset is taken
    off the text: a cast to TIMESTAMP heeds it on one version of the engine and drops it, or a
    zone's name, on another.
    """
    offset = f"regexp_extract({value}, '{_OFFSET}', 1)"
    local = f"rtrim(left({value}, length({value}) - length({offset})))"
    digits = f"rpad(regexp_replace({offset}, '[^0-9]', '', 'g'), 6, '0')"
    seconds = (
        f"(case when {offset} like '-%' then -1 else 1 end * ({digits}[1:2]::integer * 3600"
        f" + {digits}[3:4]::integer * 60 + {digits}[5:6]::integer))"
    )
    return (
        f"case when regexp_full_match({value}, '{_USUAL_TIME}') then try_cast({value} as {made})"
        f" when not regexp_matches({local}, '{_LOCAL}')"
        f" then case when {value} in ('infinity', '-infinity') then {value}::{made} end"
        f" when {offset} in ('', 'Z', 'z', 'UTC') then try_cast({local} as {made})"
        f" else try_cast({local} as {made}) - to_seconds({seconds}) end"
    )


def nanoseconds(value: str, source_type: str) -> str:
    """Return SQL for what a time has below the microsecond: 1 to 999, NULL where it has nothing.

    Digits below the nanosecond are cut.
    """
    if source_type in ("TIMESTAMP_NS", "TIMESTAMPTZ_NS"):
        return f"nullif(epoch_ns({value}) % 1000, 0)::smallint"
    if source_type != "VARCHAR":
        return "null::smallint"
    # most times end at the microsecond: only where a digit follows is the text taken apart
    next_digit = f"substr({value}, strpos({value}, '.') + 7, 1)"
    digits = f"rpad(regexp_extract({value}, '\\.\\d{{6}}(\\d{{1,3}})', 1), 3, '0')"
    return (
        f"case when {next_digit} between '0' and '9'"
        f" then nullif(try_cast({digits} as smallint), 0) end"
    )


def nanoseconds_of(seconds: str) -> str:
    """Return SQL of the nanoseconds of a Unix time in seconds; NULL where 64 bits do not hold them.

    Digits below the nanosecond are cut: its ten digits, a point and nine more are looked at.
    """
    return f"try_cast(try_cast(left({seconds}, 20) as decimal(28, 9)) * 1000000000 as bigint)"


def _date(value: str) -> str:
    plain = f"regexp_full_match({value}, '\\d{{4,6}}-\\d\\d?-\\d\\d?|-?infinity')"
    return f"case when {plain} then try_cast({value} as date) end"


def _whole(decimal: str) -> str:
    """The digits of a decimal that is a whole number: an id, as an integer is."""
    whole = f"regexp_replace({decimal}::varchar, '\\.0+$', '')"
    return f"case when not contains({whole}, '.') then {whole} end"


def _list(value: str) -> str:
    json = f"try_cast({value} as json)"
    types = f"json_type({json}, '$[*]')::varchar[]"  # of a NULL they would be no list
    others = f"list_filter({types}, lambda t: t not in ({_TEXTS_IN_JSON}))"
    return (
        f"case when {value} like '[%' then case when len({others}) = 0"
        f" then try_cast({json} as varchar[]) end"
        f" when {value} not like '{{%' then string_split({value}, '|') end"
    )


def _text(value: str, column: Column) -> str:
    """A text without what its column does not mean; a word of the column however it was written.

    Each case looks at the text as it came: a case within a case would repeat it a hundred times,
    and of few rows the planning takes the longest.
    """
    cases = []
    if column.words:  # nearly all are written as they should be
        words = ", ".join(map(literal, column.words))
        plain = f"regexp_replace(lower(trim({value})), '[ -]+', '_', 'g')"
        cases += [(f"{value} in ({words})", value), (f"{plain} in ({words})", plain)]
        cases += [(f"{plain} = {literal(word)}", literal(to)) for word, to in column.synonyms]
    if column.empty_is_null:
        # nearly all begin with a letter or digit, and are not looked at twice
        cases += [(f"({value} < '!' or {value} > '~') and {is_blank(value)}", "null")]
    if column.names:
        cases += _known_names(value, column)
    if column.trimmed:  # few have spaces, and to look for them costs less than to take them off
        trimmed = f"coalesce(nullif(trim({value}), ''), {value})"
        cases += [(f"starts_with({value}, ' ') or ends_with({value}, ' ')", trimmed)]
    return _first_of(cases, value)


def _first_of(cases: list[tuple[str, str]], value: str) -> str:
    whens = " ".join(f"when {condition} then {result}" for condition, result in cases)
    return f"case {whens} else {value} end" if cases else value


def is_blank(text: str) -> str:
    """Return SQL: does a text say nothing, by blanks of any alphabet?"""
    return f"regexp_full_match({text}, '[\\s\\p{{Z}}]*')"


def is_nested(column: Column) -> bool:
    """Whether a column holds a list, JSON or a struct: an empty text is none of these."""
    return column.type in ("VARCHAR[]", "JSON") or column.type.startswith("STRUCT")


def without_nothing(column: Column) -> str | None:
    """Return SQL of a nested column in which nothing has one spelling: it is NULL.

    A list has no empty texts. None where every value of the column has one spelling.
    """
    name = quoted(column.name)
    if column.type == "VARCHAR[]":
        said = f"list_filter({name}, lambda x: x <> '')"
        said = f"nullif({said}, [])" if column.empty_is_null else said
        # nearly all lists have something only
        odd = f"list_contains({name}, '') or list_position({name}, null) is not null"
        return f"case when {odd} or len({name}) = 0 then {said} else {name} end"
    if column.type == "JSON":
        return f"case when {name}::varchar not in {_NO_JSON} then {name} end"
    if not column.type.startswith("STRUCT"):
        return None
    fields = {quoted(field): f"{name}.{quoted(field)}" for field, _ in _fields(column)}
    texts = {quoted(field) for field, kind_of in _fields(column) if kind_of == "VARCHAR"}
    values = {f: f"nullif({at}, '')" if f in texts else at for f, at in fields.items()}
    there = " or ".join(f"{value} is not null" for value in values.values())
    packed = ", ".join(f"{field} := {value}" for field, value in values.items())
    return f"case when {there} then struct_pack({packed}) end"


def one_spelling(column: Column) -> str | None:
    """Return SQL of a landed value of a column as it would land today; None where it is the same.

    An id that landed empty stays (docs/adr/0012).
    """
    name = quoted(column.name)
    if column.type == "VARCHAR" and column.empty_is_null and column.in_hash:
        is_optional = not (column.required or column.is_id or column.words or column.is_later)
        return f"case when not {is_blank(name)} then {name} end" if is_optional else None
    if column.type == "JSON":
        json = (
            f"coalesce({_json(name)}, {name})"  # what was no JSON by today's rule landed as it is
        )
        return f"case when {json}::varchar not in {_NO_JSON} then {json} end"
    return without_nothing(column)


def _fields(column: Column) -> list[tuple[str, str]]:
    """Return (name, type) of a struct's fields."""
    return re.findall(r'[(,] ?"?(\w+)"? (\w+)', column.type)


def _json(value: str) -> str:
    """A JSON text without blanks between its tokens; its numbers have the digits they had."""
    text = f"({value})::varchar"
    rendered = has_rendered_number(text)
    minified = unmarked(f"json({marked(text, rendered)})::varchar", rendered)
    a_number = f"regexp_extract({text}, '^\\s*(-?[0-9]\\S*)', 1)"  # and nothing else
    return (
        f"case when {is_json(text)}"
        f" then (case when {a_number} <> '' then {a_number} else {minified} end)::json end"
    )


def spelled(value: str, column: Column) -> str:
    """Return SQL of a name as it is known, however it was written; of others as they are."""
    return _first_of(_known_names(value, column), value)


def _known_names(value: str, column: Column) -> list[tuple[str, str]]:
    """Return (condition, result) of names that are known."""
    names = ", ".join(map(literal, column.names))
    plain = f"lower(replace({value}, ' ', ''))"
    # a known name has neither capitals nor spaces, and nearly all are written as they are known
    is_plain = f"{value} = lower({value}) and not contains({value}, ' ')"
    return [(is_plain, value), (f"{plain} in ({names})", plain)]


def is_spoiled(text: str) -> str:
    """Return SQL: is an id a number as a spreadsheet rounds or a data frame writes it?

    `8.95E+14`, `1.23457E15`, `5.0`: nobody can tell which number it was. An id in hex (`12E45`) is
    none. NULL of NULL.
    """
    number = literal(_ROUNDED)
    may_be = f"contains({text}, '.') or contains({text}, '+') or contains({text}, ',')"
    return f"case when {may_be} then regexp_full_match({text}, {number}) else false end"


def _struct(value: str, source_type: str, column: Column) -> str:
    text = value if source_type in ("VARCHAR", "JSON") else f"to_json({value})"
    json = f"try_cast({text} as json)"
    names = ", ".join(literal(name) for name, _ in _fields(column))
    others = f"list_filter(json_keys({json}), lambda k: k not in ({names}))"
    return (
        f"case when json_type({json}) = 'OBJECT' and len({others}) = 0"
        f" then try_cast({json} as {column.type}) end"
    )


def complaints(
    kind: Kind, types: dict[str, str], clock: str, plain: Mapping[str, int]
) -> list[tuple[str, str]]:
    """Return (condition, reason expression) for everything that can be wrong with a row.

    `types` maps the columns that the source has to their source types; `clock` is the time (SQL)
    that tells what lies in the future; `plain`: the places of columns among `plain_numbers`.
    Conditions refer to "source.x" (as it came) and "x" (as converted).
    """
    found: list[tuple[str, str]] = []
    for column in kind.columns:
        if column.name in types:
            place = plain.get(column.name, 0)
            found += wrong_with(column, types[column.name], clock, place)
    found += [(f"({check})", literal(reason)) for check, reason in kind.checks]
    return found + too_large(kind, f"1::{MULTIPLIER}")


def with_nul(kind: Kind, types: dict[str, str]) -> list[tuple[str, str]]:
    """Return (condition, reason expression) for values with a NUL, which ends a text elsewhere."""
    return [
        (has_nul(text) if is_json else f"contains({text}, chr(0))", literal(f"{name}: {A_NUL}"))
        for name, text, is_json in _texts(kind, types)
    ]


def _texts(kind: Kind, types: dict[str, str]) -> list[tuple[str, str, bool]]:
    """Return (column, SQL of its text, whether that is JSON) of what may hold a NUL."""
    return [
        (
            c.name,
            f"to_json({quoted(c.name)})::varchar" if is_nested(c) else quoted(c.name),
            is_nested(c),
        )
        for c in kind.columns
        if c.name in types and not c.words and (c.type == "VARCHAR" or is_nested(c))
    ]


def too_large(kind: Kind, multiplier: str) -> list[tuple[str, str]]:
    """Return (condition, reason expression) for products of 10^14 or more.

    Typed as DECIMAL(28,10) * DECIMAL(28,10) * DECIMAL(18,4), a product has room for just that. The
    DOUBLE is quick, and far from the limit for nearly all rows; near it TRY decides, exactly.
    """
    return [
        (
            f"abs({size}::double * {price}::double * {multiplier}::double) > {LARGEST // 10}"
            f" and try({size}::{WIDE} * {price}::{WIDE} * {multiplier}) is null",
            literal(f"{size} * {price} * multiplier: 10^14 or more"),
        )
        for size, price in kind.products
    ]


def wrong_with(
    column: Column, source_type: str, clock: str, plain: int = 0
) -> Iterator[tuple[str, str]]:
    """Give (condition, reason expression) for what can be wrong with values of one column.

    `plain`: see converted.
    """
    typed, raw = quoted(column.name), quoted(f"source.{column.name}")

    readable, other_type = _READABLE.get(column.type.partition("(")[0], (".*", ""))
    if not re.fullmatch(rf"{readable}|\"NULL\"", source_type):
        yield f"{raw} is not null", _because(column, other_type)
    if column.required and not column.default:
        yield f"{typed if column.empty_is_null else raw} is null", _because(column, "missing")
    if column.is_id and source_type == "VARCHAR":
        yield is_spoiled(raw), _because(column, SPOILED)
    yield from _not_converted(column, source_type, plain)
    if column.type == "DOUBLE":
        yield f"contains({raw}::varchar, '_')", _because(column, "not a number")
        yield f"not isfinite({typed})", _because(column, "NaN or infinite")
    if column.type in ("TIMESTAMP", "DATE"):
        yield _outside(column, clock)
    if column.not_negative:
        yield f"{typed} < 0", _because(column, "negative")
    if column.words:
        words = ", ".join(map(literal, column.words))
        yield f"{typed} not in ({words})", _because(column, f"not one of {', '.join(column.words)}")


def _not_converted(column: Column, source_type: str, plain: int) -> Iterator[tuple[str, str]]:
    typed, raw = quoted(column.name), quoted(f"source.{column.name}")
    if has_plain_number(column, source_type):
        written = as_written(raw, source_type)
        yield f"{raw} is not null and {typed} is null", _not_decimal(column, written)
        yield f"contains({written}, '_')", _because(column, "not a number")
        yield is_finer(written, _places(column), plain), literal(_no_fit(column))
    elif column.type in DECIMALS and source_type != column.type:
        is_other = f"try_cast({typed} as {source_type}) is distinct from {raw}"
        yield f"{raw} is not null and {is_other}", literal(_no_fit(column))
    elif column.type == "BIGINT" and re.fullmatch(r"VARCHAR|DOUBLE|FLOAT|DECIMAL.*", source_type):
        is_other = f"try_cast({typed} as {source_type}) is distinct from {raw}"
        if source_type == "VARCHAR":
            is_other = f"not regexp_full_match({raw}, {_WHOLE})"
        elif source_type in _FLOATS:
            is_other = f"{raw} <> {typed} or abs({raw}) > {_EXACT_FLOATS[source_type]}"
        wrong = f"{raw} is not null and ({typed} is null or {is_other})"
        yield wrong, _because(column, "not a whole number of 64 bits")
    elif source_type != column.type or column.type == "JSON":
        yield f"{raw} is not null and {typed} is null", _because(column, _wanted(column))


def _because(column: Column, why: str) -> str:
    return literal(f"{column.name}: {why}")


def _outside(column: Column, clock: str) -> tuple[str, str]:
    """Return what is wrong with a time or date that says nothing, or of another age.

    The epoch's lower end also catches -infinity and 0001-01-01, the upper one infinity, 9999-12-31
    and the largest 64 bits of any unit.
    """
    typed = quoted(column.name)
    epoch = f"{column.type.lower()} '1970-01-01'"
    ahead, reason = _LATEST[column.type]
    said, nothing = (_because(column, why) for why in (reason, NO_TIME))
    return (
        f"{typed} <= {epoch} or {typed} > ({clock} + interval '{ahead}')",
        f"case when {typed} = {epoch} then {nothing} else {said} end",
    )


def _places(column: Column) -> int:
    """How many decimals a column of type DECIMAL(p,s) holds."""
    return int(column.type.rstrip(")").partition(",")[2])


def _no_fit(column: Column) -> str:
    return f"{column.name}: does not fit {column.type}"


def is_finer(written: str, places: int, plain: int = 0) -> str:
    """Return SQL: has a number, as it is written, digits that so many decimals do not hold?

    `plain`: see converted.
    """
    condition, without = _exponent(written, plain)
    decimals = f"length({written}) - strpos({written}, '.')"
    holds = rf"'{_BLANK}[+-]?[0-9]*\.[0-9]{{0,{places}}}0*{_BLANK}'"
    return f"""case
        when {condition}
            then coalesce(length(split_part({without}, '.', 2)) > {places}, true)
        when contains({written}, '.') and {decimals} > {places}
            then not regexp_full_match({written}, {holds})
        else false
    end"""


def _not_decimal(column: Column, raw: str) -> str:
    as_double = f"try_cast({raw} as double)"
    return (
        f"case when {as_double} is null then {literal(f'{column.name}: not a number')}"
        f" when not isfinite({as_double}) then {literal(f'{column.name}: NaN or infinite')}"
        f" else {literal(_no_fit(column))} end"
    )


def _wanted(column: Column) -> str:
    """Why a value of a type that the column is read from is none of it."""
    if column.type == "JSON":
        return "not valid JSON"
    if column.type.startswith("STRUCT"):
        return "not a JSON object with the expected fields"
    bits = " of 64 bits" if column.type == "BIGINT" else ""
    return f"{_READABLE[column.type][1]}{bits}"


def content_hash(kind: Kind, lacking: Collection[str] = ()) -> str:
    """Return SQL for 63 bits of the md5 of a row's canonical columns.

    `lacking`: columns that are NULL in every row.
    """
    # the upper 63 bits; md5_number_lower would cost four times as much
    return f"(md5_number({content_text(kind, lacking)}) >> 65)::bigint"


def content_text(kind: Kind, lacking: Collection[str] = ()) -> str:
    """Return SQL for the text of all that makes a row what it is.

    Texts carry their length, so no two different rows give the same text; NULL is told from ''
    by the missing length. Numbers in JSON are told by their value, as the engine writes it; where
    one is too long for that, by their digits. Nanoseconds and later columns add their text only
    where there are some: a row without is what it was before they were kept. Everything is rendered
    in ways that do not depend on the engine's version.
    """
    parts = []
    for column in kind.columns:
        if column.in_hash:
            said = _said(column, of_clock=kind.is_ordered and column.name == kind.time)
            parts += [p for p in said if p in _BETWEEN or column.name not in lacking]
    # each part costs every row: what stands between two values is one
    runs = groupby(parts, _BETWEEN.__contains__)
    joined = (
        literal("".join(part[1] for part in run)) if between else ", ".join(run)
        for between, run in runs
    )
    return f"concat({', '.join(joined)})"


def _said(column: Column, *, of_clock: bool) -> list[str]:
    """Return SQL of the parts of a column's text; `of_clock`: nanoseconds belong to it."""
    name = quoted(column.name)
    if column.is_later:
        said = f"nullif({name}, {column.default})" if column.default else name
        return [f"'{column.name}=' || strlen({said}::varchar) || ':' || {said}::varchar"]
    if is_nested(column) or (column.type == "VARCHAR" and not column.words):
        text = f"to_json({name})::varchar" if is_nested(column) else name
        if column.type == "JSON":
            text = (
                f"case when {has_long_number(name)} then {name} else to_json({name}) end::varchar"
            )
        return [f"strlen({text})", "':'", text]
    if column.type == "TIMESTAMP":
        return [f"epoch_us({name})", *(["'.' || nanoseconds"] if of_clock else []), "'|'"]
    if column.type == WIDE:
        # as DECIMAL(18,8) gave it: what landed before the columns were widened stays the same
        return [f"regexp_replace({name}::varchar, '00$', '')", "'|'"]
    return [name, "'|'"]
