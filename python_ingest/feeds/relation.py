"""What every feed yields: one relation of canonical columns with a verdict on each row."""

from dataclasses import dataclass

from python_ingest.feeds.binance_markets import contradictions
from python_ingest.feeds.kinds import Column, Kind
from python_ingest.feeds.lines import Lines
from python_ingest.feeds.query import SQL
from python_ingest.feeds.values import (
    CLOCK,
    as_written,
    complaints,
    content_hash,
    converted,
    has_plain_number,
    is_nested,
    nanoseconds,
    one_spelling,
    plain_numbers,
    with_nul,
    without_nothing,
)
from python_ingest.storage.sql import first_of, quoted

CANONICAL_VERSION = 3
"""Of the reading of canonical files."""

HEADER = "header"
"""What a line is ignored as that names the fields of the lines below it."""


@dataclass(frozen=True)
class Scan:
    """A format's reading of one file, before types and validation.

    `sql` is a select with the canonical columns the file has (`types`: name to DuckDB type), and
    `raw_text`. Besides, it may have `row_number` (else the order of rows counts), `line_number`,
    `ignored` (the kind of a message that is none of ours) and `complaint` (why the row cannot be
    read at all). `lines`: where `sql` reads lines, whose every one must have an outcome. `version`
    tells one reading of the format from the next, where the same file gives other rows.

    Of ticks: `sequence_identifies`, `trade_id_identifies` say which number tells two ticks apart,
    where not their content does; `newest_first` that the file's first row happened last.
    `raw_is_struct`: `raw_text` is a struct, of which bad rows get the JSON.
    `headers_within`: rows that are ignored as `HEADER` are no rows, but names of the next ones.
    """

    format: str
    sql: str
    types: dict[str, str]
    extra: tuple[str, ...] = ()
    lines: Lines | None = None
    version: int = CANONICAL_VERSION
    sequence_identifies: bool = False
    trade_id_identifies: bool = True
    newest_first: bool = False
    headers_within: bool = False
    raw_is_struct: bool = False


def validated(
    kind: Kind,
    scan: Scan,
    *,
    clock: str = CLOCK,
    markets: bool = True,
) -> str:
    """Return SQL of the kind's typed columns, `reason`, `ignored` and `raw_text`.

    Of a kind that keeps it, it has `content_hash` too, of an ordered kind `nanoseconds`.
    Accepted rows have neither `reason` nor `ignored`; only rejected ones carry `raw_text`.
    `clock` is the time (SQL) that tells what lies in the future. `markets`: whether a symbol that
    only another market of Binance has is wrong; another database's rows keep their names.
    """
    present = [c for c in kind.columns if c.name in scan.types]
    source = [f"{_given(c, scan)} as {quoted('source.' + c.name)}" for c in present]
    needed = ", ".join(quoted(c.name) for c in present)
    carried = [quoted(name) for name in ("raw_text", *scan.extra)]
    numbers = {
        c.name: as_written(quoted(c.name), scan.types[c.name])
        for c in present
        if has_plain_number(c, scan.types[c.name])
    }
    plain = {name: place for place, name in enumerate(numbers, start=1)}
    typed = []
    for column in kind.columns:
        if column.name in scan.types:
            given, place = quoted("source." + column.name), plain.get(column.name, 0)
            value = converted(given, scan.types[column.name], column, place)
        else:
            value = f"null::{column.type}"
        typed.append(f"{value} as {quoted(column.name)}")
    if kind.is_ordered:
        time = nanoseconds(quoted("source." + kind.time), scan.types.get(kind.time, "NULL"))
        typed.append(f"{time} as nanoseconds")
    defaults = [
        f"coalesce({quoted(c.name)}, {c.default}) as {quoted(c.name)}"
        for c in kind.columns
        if c.default
    ]
    wrong = complaints(kind, scan.types, clock, plain)
    if markets and {"exchange", "symbol"} <= set(scan.types):
        wrong += contradictions("exchange", "symbol")
    wrong += [
        (f"{quoted(c.name)} is null", f"'{c.name}: missing'")
        for c in kind.columns
        if c.required and c.name not in scan.types
    ]
    if "complaint" in scan.extra:
        wrong.insert(0, ("complaint is not null", "complaint"))
    names = ", ".join(quoted(name) for name in kind.read_names)
    ignored = "null::varchar"
    if "ignored" in scan.extra:
        ignored = "ignored"
        wrong.insert(0, ("ignored is not null", "null"))
    others = [("reason is not null", "reason"), (f"{ignored} is not null", "null")]
    nuls = with_nul(kind, scan.types)
    lacking = [c.name for c in kind.columns if c.name not in scan.types and not c.default]
    said = [
        f"{sql} as {quoted(c.name)}" for c in present if (sql := without_nothing(c)) is not None
    ]
    return SQL.validated(
        numbers="".join(f"{n}, " for n in ("row_number", "line_number") if n in scan.extra),
        names=names,
        text="to_json(raw_text)::varchar" if scan.raw_is_struct else r"rtrim(raw_text, e'\r\n')",
        hash_name=", content_hash" if kind.keeps_hash else "",
        with_nuls=first_of(others + nuls) if nuls else "reason",
        ignored=ignored,
        hashed=f", {content_hash(kind, lacking)} as content_hash" if kind.keeps_hash else "",
        without=f"replace ({', '.join(said)})" if said else "",
        reason=first_of(wrong) if wrong else "null::varchar",
        replaced=f"replace ({', '.join(defaults)})" if defaults else "",
        source=", ".join(source),
        typed=", ".join(typed),
        carried=", ".join(carried),
        needed=needed,
        plain_numbers=plain_numbers([*numbers.values()]),
        scan=scan.sql,
    )


def hashed(kind: Kind, rows: str) -> str:
    """Return SQL of rows of a kind, or of its table, with `content_hash`."""
    return (
        rows if kind.keeps_hash else f"(select *, {content_hash(kind)} as content_hash from {rows})"
    )


def respelled(kind: Kind, rows: str) -> str:
    """Return SQL of landed rows of a kind as they would be today; nearly all stay as they are.

    They landed before nothing had one spelling. `rows` is a relation with its columns.
    """
    spellings = {quoted(c.name): sql for c in kind.columns if (sql := one_spelling(c)) is not None}
    today = ", ".join(f"{sql} as {name}" for name, sql in spellings.items())
    odd = " or ".join(f"{sql} is distinct from {name}" for name, sql in spellings.items())
    if not spellings:
        return rows
    anew = f"case when is_odd then {content_hash(kind)} else content_hash end as content_hash"
    return SQL.respelled(rows, today, odd, f"replace ({anew})" if kind.keeps_hash else "")


def _given(column: Column, scan: Scan) -> str:
    """SQL of a value as it came; a blank text is no list and no object, as in CSV."""
    name = quoted(column.name)
    if is_nested(column) and scan.types[column.name] == "VARCHAR":
        return f"case when not {SQL.is_blank(name)} then {name} end"
    return name
