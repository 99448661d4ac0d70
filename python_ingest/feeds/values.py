"""SQL that turns a source value into its canonical type, and says why it cannot.

No value is dropped: a conversion yields NULL where it fails, and `complaints` gives the reason
beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from python_ingest.feeds.kinds import BEFORE_1970_OR_FUTURE, DECIMAL, Column, Kind
from python_ingest.storage.sql import literal, quoted

CLOCK = "now()::timestamp"
"""The time of the transaction, UTC."""

_FLOATS = ("DOUBLE", "FLOAT")
_WHOLE = r"'\s*[+-]?[0-9]+\s*'"


def converted(value: str, source_type: str, column: Column) -> str:
    """Return SQL for `value` of `source_type` as the column's type; NULL where it does not fit."""
    if source_type == column.type:
        return value
    special: dict[tuple[str, str], Callable[[str], str]] = {
        ("TIMESTAMP", "VARCHAR"): _utc,
        ("TIMESTAMP", "TIMESTAMP_NS"): lambda ns: f"try_cast({ns}::varchar as timestamp)",
        ("VARCHAR[]", "VARCHAR"): _list,
        ("JSON", "VARCHAR"): lambda text: f"try_cast({text} as json)",
    }
    if (column.type, source_type) in special:
        return special[column.type, source_type](value)
    if column.type == "JSON":
        return f"to_json({value})"
    if column.type.startswith("STRUCT"):
        return _struct(value, source_type, column)
    if source_type == "FLOAT":
        value = f"{value}::varchar"  # the shortest text, not the double beside it
    return f"try_cast({value} as {column.type})"


def _utc(value: str) -> str:
    # offsets are honoured, digits below the microsecond cut
    return f"try_cast({value} as timestamptz)::timestamp"


def _list(value: str) -> str:
    from_json = f"try_cast(try_cast({value} as json) as varchar[])"
    return (
        f"case when {value} like '[%' then {from_json}"
        f" when {value} is not null then string_split({value}, '|') end"
    )


def _struct(value: str, source_type: str, column: Column) -> str:
    text = value if source_type in ("VARCHAR", "JSON") else f"to_json({value})"
    json = f"try_cast({text} as json)"
    return f"case when json_type({json}) = 'OBJECT' then try_cast({json} as {column.type}) end"


def complaints(kind: Kind, types: dict[str, str], clock: str) -> list[tuple[str, str]]:
    """Return (condition, reason expression) for everything that can be wrong with a row.

    `types` maps the columns that the source has to their source types; `clock` is the time (SQL)
    that tells what lies in the future. Conditions refer to "source.x" (as it came) and "x" (as
    converted).
    """
    found: list[tuple[str, str]] = []
    for column in kind.columns:
        if column.name in types:
            found += _of_column(column, types[column.name], clock)
    found += [(f"({check})", literal(reason)) for check, reason in kind.checks]
    return found


def _of_column(column: Column, source_type: str, clock: str) -> list[tuple[str, str]]:
    typed, raw = quoted(column.name), quoted(f"source.{column.name}")
    found = []
    if column.required:
        found.append((f"{raw} is null", literal(f"{column.name}: missing")))
    if column.type == DECIMAL and source_type in ("VARCHAR", *_FLOATS):
        found.append((f"{raw} is not null and {typed} is null", _not_decimal(column, raw)))
        if source_type == "VARCHAR":
            finer = (
                f"strpos({raw}, '.') > 0 and length({raw}) - strpos({raw}, '.') > 8"
                f" and try_cast({raw} as decimal(38, 20)) <> {typed}"
            )
            found.append((finer, literal(f"{column.name}: does not fit DECIMAL(18,8)")))
    elif column.type == "BIGINT" and source_type in ("VARCHAR", *_FLOATS):
        whole = (
            f"not regexp_full_match({raw}, {_WHOLE})"
            if source_type == "VARCHAR"
            else (f"{raw} <> {typed}")
        )
        found.append(
            (
                f"{raw} is not null and ({typed} is null or {whole})",
                literal(f"{column.name}: not a whole number of 64 bits"),
            )
        )
    elif source_type != column.type:
        found.append(
            (f"{raw} is not null and {typed} is null", literal(f"{column.name}: {_wanted(column)}"))
        )
    if column.type == "DOUBLE":
        found.append((f"not isfinite({typed})", literal(f"{column.name}: NaN or infinite")))
    if column.type in ("TIMESTAMP", "DATE"):
        # the epoch's lower end also catches -infinity, the upper one infinity
        found.append(
            (
                f"{typed} < timestamp '1970-01-01' or {typed} > ({clock} + interval 1 day)"
                if column.type == "TIMESTAMP"
                else f"not isfinite({typed}) or {typed} < date '1970-01-01'",
                literal(
                    f"{column.name}: {BEFORE_1970_OR_FUTURE}"
                    if column.type == "TIMESTAMP"
                    else f"{column.name}: before 1970"
                ),
            )
        )
    if column.not_negative:
        found.append((f"{typed} < 0", literal(f"{column.name}: negative")))
    if column.words:
        words = ", ".join(literal(word) for word in column.words)
        found.append(
            (
                f"{typed} not in ({words})",
                literal(f"{column.name}: not one of {', '.join(column.words)}"),
            )
        )
    return found


def _not_decimal(column: Column, raw: str) -> str:
    as_double = f"try_cast({raw} as double)"
    return (
        f"case when {as_double} is null then {literal(f'{column.name}: not a number')}"
        f" when not isfinite({as_double}) then {literal(f'{column.name}: NaN or infinite')}"
        f" else {literal(f'{column.name}: does not fit DECIMAL(18,8)')} end"
    )


def _wanted(column: Column) -> str:
    wanted = {
        DECIMAL: "does not fit DECIMAL(18,8)",
        "TIMESTAMP": "not a time",
        "DATE": "not a date",
        "UUID": "not a UUID",
        "JSON": "not valid JSON",
        "DOUBLE": "not a number",
        "BOOLEAN": "neither true nor false",
        "VARCHAR[]": "not a list of texts",
        "BIGINT": "not a whole number of 64 bits",
    }
    return wanted.get(column.type, "not a JSON object with the expected fields")


def content_hash(kind: Kind) -> str:
    """Return SQL for 63 bits of the md5 of a row's canonical columns.

    Texts carry their length, so no two different rows give the same text; NULL is told from ''
    by the missing length. Everything is rendered in ways that do not depend on the engine's
    version.
    """
    parts = []
    for column in kind.columns:
        if not column.in_hash:
            continue
        name = quoted(column.name)
        if column.type == "VARCHAR" and not column.words:
            parts += [f"strlen({name})", "':'", name]
        elif column.type in ("VARCHAR[]", "JSON") or column.type.startswith("STRUCT"):
            parts += [f"strlen(to_json({name})::varchar)", "':'", f"to_json({name})::varchar"]
        elif column.type == "TIMESTAMP":
            parts += [f"epoch_us({name})", "'|'"]
        else:
            parts += [name, "'|'"]
    # the upper 63 bits; md5_number_lower would cost four times as much
    return f"(md5_number(concat({', '.join(parts)})) >> 65)::bigint"
