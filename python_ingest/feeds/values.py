"""SQL that turns a source value into its canonical type, and says why it cannot.

No value is dropped: a conversion yields NULL where it fails, and `complaints` gives the reason
beside it.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby

from python_ingest.feeds.kinds import (
    BEFORE_1970_OR_FUTURE,
    DECIMALS,
    LARGEST,
    NO_TIME,
    WIDE,
    Column,
    Kind,
)
from python_ingest.feeds.query import SQL
from python_ingest.storage.sql import first_of, literal, quoted

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
A_NUL = "a NUL character"
"""Why a text is none."""
SPOILED = "a spreadsheet rounded this number: export it anew, with ids as texts"
"""Why an id is none."""
_BETWEEN = ("':'", "'|'")
"""What stands between two values in the text of a row, as SQL."""
_INTEGERS = r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER"
_TEXTS = rf"VARCHAR|ENUM.*|UUID|{_INTEGERS}"
_NO_JSON = "('null', '{}', '[]', '\"\"')"
_EXACT_FLOATS = {"DOUBLE": 2**53, "FLOAT": 2**24}
"""Whole numbers up to this one are what they were; above it two of them are one."""
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
    "JSON": (".*", "not valid JSON"),
    "STRUCT": (".*", "not a JSON object with the expected fields"),
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
    made = f"try_cast({value} as {column.type})"
    match column.type, source_type:
        case "TIMESTAMP", "VARCHAR":
            made = SQL.utc(value, "timestamp")
        case "TIMESTAMP", "TIMESTAMP_NS":
            made = f"try_cast({value}::varchar as timestamp)"
        case "TIMESTAMP", "TIMESTAMPTZ_NS":
            # its own cast rounds; landing's sessions show it in UTC
            made = f"try_cast(replace({value}::varchar, '+00', '') as timestamp)"
        case "DATE", "VARCHAR":
            made = SQL.date(value)
        case "DATE", _:  # midnight is what others make of a date
            day = f"try_cast({value} as date)"
            made = f"case when {day} = {value} then {day} end"
        case "VARCHAR[]", "VARCHAR":
            made = SQL.list(value)
        case "VARCHAR", _ if source_type.startswith("DECIMAL"):
            made = SQL.whole(value)
        case _ if has_plain_number(column, source_type):
            said = as_written(value, source_type), column.type
            made = SQL.decimal_at(*said, str(plain)) if plain else SQL.decimal_of(*said)
        case _ if column.type.startswith("STRUCT"):
            text = value if source_type in ("VARCHAR", "JSON") else f"to_json({value})"
            names = ", ".join(literal(name) for name, _ in _fields(column))
            made = SQL.struct(text, names, column.type)
    return made


def has_plain_number(column: Column, source_type: str) -> bool:
    """Say whether a column is of numbers that are texts, or become some."""
    return column.type in DECIMALS and source_type in ("VARCHAR", *_FLOATS)


def plain_numbers(texts: list[str]) -> str:
    """Return SQL of the list "source.plain" of a row's numbers, none of which has an exponent."""
    if not texts:
        return "null"
    return SQL.plain_numbers(", ".join(texts), " or ".join(map(SQL.has_exponent, texts)))


def nanoseconds(value: str, source_type: str) -> str:
    """Return SQL for what a time has below the microsecond: 1 to 999, NULL where it has nothing."""
    if source_type in ("TIMESTAMP_NS", "TIMESTAMPTZ_NS"):
        return f"nullif(epoch_ns({value}) % 1000, 0)::smallint"
    return SQL.nanoseconds(value) if source_type == "VARCHAR" else "null::smallint"


def _text(value: str, column: Column) -> str:
    """A text without what its column does not mean; a word of the column however it was written.

    Each case looks at the text as it came: a case within a case would repeat it a hundred times,
    and of few rows the planning takes the longest.
    """
    cases = []
    if column.words:  # nearly all are written as they should be
        words = ", ".join(map(literal, column.words))
        plain = f"regexp_replace({SQL.small(f'trim({value})')}, '[ -]+', '_', 'g')"
        cases += [(f"{value} in ({words})", value), (f"{plain} in ({words})", plain)]
        cases += [(f"{plain} = {literal(word)}", literal(to)) for word, to in column.synonyms]
    if column.empty_is_null:
        cases += [(SQL.is_blank(value), "null")]
    if column.names:
        cases += _known_names(value, column)
    if column.trimmed:  # few have spaces, and to look for them costs less than to take them off
        trimmed = f"coalesce(nullif(trim({value}), ''), {value})"
        cases += [(f"starts_with({value}, ' ') or ends_with({value}, ' ')", trimmed)]
    return first_of(cases, value)


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
        return f"case when not {SQL.is_blank(name)} then {name} end" if is_optional else None
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
    text = f"({value})::varchar"
    rendered = SQL.has_rendered_number(text)
    minified = SQL.unmarked(f"json({SQL.marked(text, rendered)})::varchar", rendered)
    return SQL.json(text, minified)


def spelled(value: str, column: Column) -> str:
    """Return SQL of a name as it is known, however it was written; of others as they are."""
    return first_of(_known_names(value, column), value)


def _known_names(value: str, column: Column) -> list[tuple[str, str]]:
    """Return (condition, result) of names that are known."""
    names = ", ".join(map(literal, column.names))
    plain = SQL.small(f"replace({value}, ' ', '')")
    # a known name has neither capitals nor spaces, and nearly all are written as they are known
    is_plain = f"{value} = lower({value}) and not contains({value}, ' ')"
    return [(is_plain, value), (f"{plain} in ({names})", plain)]


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
    found = []
    for column in kind.columns:
        name, is_text = quoted(column.name), column.type == "VARCHAR" or is_nested(column)
        if column.name in types and is_text and not column.words:
            has_nul = f"contains({name}, chr(0))"
            if is_nested(column):
                has_nul = SQL.has_nul(f"to_json({name})::varchar")
            found.append((has_nul, _because(column, A_NUL)))
    return found


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

    readable, other_type = _readable(column)
    if not re.fullmatch(rf"{readable}|\"NULL\"", source_type):
        yield f"{raw} is not null", _because(column, other_type)
    if column.required and not column.default:
        is_there = (
            f"{typed} is not null" if column.empty_is_null else _is_there(column, source_type)
        )
        yield f"not ({is_there})", _because(column, "missing")
    if column.is_id and source_type == "VARCHAR":
        yield SQL.is_spoiled(raw), _because(column, SPOILED)
    yield from _not_converted(column, source_type, plain)
    if column.type == "DOUBLE":
        yield SQL.is_grouped(f"{raw}::varchar"), _because(column, "not a number")
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
    is_there = _is_there(column, source_type)
    if has_plain_number(column, source_type):
        written = as_written(raw, source_type)
        why = SQL.not_decimal(
            written,
            _because(column, "not a number"),
            _because(column, "NaN or infinite"),
            literal(_no_fit(column)),
        )
        yield f"{is_there} and {typed} is null", why
        yield SQL.is_grouped(written), _because(column, "not a number")
        is_finer = SQL.is_finer(written, _places(column))
        if plain:
            is_finer = SQL.is_finer_at(written, _places(column), str(plain))
        yield is_finer, literal(_no_fit(column))
    elif column.type in DECIMALS and source_type != column.type:
        is_other = f"try_cast({typed} as {source_type}) is distinct from {raw}"
        yield f"{raw} is not null and {is_other}", literal(_no_fit(column))
    elif column.type == "BIGINT" and re.fullmatch(r"VARCHAR|DOUBLE|FLOAT|DECIMAL.*", source_type):
        is_other = f"try_cast({typed} as {source_type}) is distinct from {raw}"
        if source_type == "VARCHAR":
            is_other = f"not regexp_full_match({raw}, {_WHOLE})"
        elif source_type in _FLOATS:
            is_other = f"{raw} <> {typed} or abs({raw}) > {_EXACT_FLOATS[source_type]}"
        wrong = f"{is_there} and ({typed} is null or {is_other})"
        yield wrong, _because(column, "not a whole number of 64 bits")
    elif source_type != column.type or column.type == "JSON":
        bits = " of 64 bits" if column.type == "BIGINT" else ""
        wrong = f"{_readable(column)[1]}{bits}"
        yield f"{is_there} and {typed} is null", _because(column, wrong)


def _is_there(column: Column, source_type: str) -> str:
    """SQL: was a value written? An empty text is no number and no time, as in CSV; never NULL."""
    raw = quoted(f"source.{column.name}")
    if source_type == "VARCHAR" and column.type != "VARCHAR":
        return f"coalesce({raw} <> '', false)"
    return f"{raw} is not null"


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


def _places(column: Column) -> str:
    """How many decimals a column of type DECIMAL(p,s) holds."""
    return column.type.rstrip(")").partition(",")[2]


def _no_fit(column: Column) -> str:
    return f"{column.name}: does not fit {column.type}"


def _readable(column: Column) -> tuple[str, str]:
    """Return the types that a column is read from, and why a value of another is none of it."""
    return _READABLE[column.type.partition("(")[0]]


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
        text = SQL.said_json(name) if column.type == "JSON" else text
        return [f"strlen({text})", "':'", text]
    if column.type == "TIMESTAMP":
        return [f"epoch_us({name})", *(["'.' || nanoseconds"] if of_clock else []), "'|'"]
    if column.type == WIDE:
        # as DECIMAL(18,8) gave it: what landed before the columns were widened stays the same
        return [f"regexp_replace({name}::varchar, '00$', '')", "'|'"]
    return [name, "'|'"]
