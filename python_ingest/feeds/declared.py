"""From a declaration to the SQL that reads its files: one way for all feeds."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar, cast

import duckdb

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.declaration import (
    ANY,
    ISO,
    Columns,
    Conditions,
    Declaration,
    Message,
    Test,
    Value,
)
from python_ingest.feeds.json_lines import Usual, messages, path_of, usual_fields
from python_ingest.feeds.kinds import DECIMALS, KINDS, OWNERS, WIDE, Column, Kind
from python_ingest.feeds.lines import RELATION, Lines, Source
from python_ingest.feeds.lines import first_line as first_line_of
from python_ingest.feeds.query import SQL
from python_ingest.feeds.recognise import like_header, names_fields
from python_ingest.feeds.relation import Scan, validated
from python_ingest.feeds.text import (
    field,
    header_of,
    record_fields,
    require_final_newline,
    section_fields,
)
from python_ingest.feeds.values import SPOILED, converted
from python_ingest.storage.failures import first_line
from python_ingest.storage.sql import first_of, literal, quoted

_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
# Digits of a Unix time from 2001 to 2286, which no two units share.
_DIGITS = {"ms": 13, "us": 16, "ns": 19}
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_PLACES = "10"  # decimals of WIDE
_SHOWN = 40  # characters of a text in a reason
Said = TypeVar("Said")
UNTOLD = "it may be of "
"""Begins the reason of a row that is of one exchange or another, and nothing tells which."""
_DATE_FORMATS = {8: "%Y%m%d", 10: "%Y-%m-%d"}


@dataclass(frozen=True)
class _Layout:
    """What the SQL of a file depends on besides its declaration.

    Of CSV the names in the `header`, or of its fields; of JSON what `usual_fields` found.
    """

    header: tuple[str, ...] = ()
    usual: Usual = ((), ())


@dataclass(frozen=True)
class _Fields:
    """How SQL names what a value of a kind of row may come from, and the exchange that was said.

    `texts` and `landed` are columns of two steps of their own, each by its SQL: what several values
    are made of. Written out in each of them, they made a query of 140 kB of a list of fills, which
    took a second to plan.
    """

    kind: Kind
    at: Mapping[str, str]
    parts: Mapping[str, str]
    exchange: str | None = None
    texts: dict[str, str] = dataclasses.field(default_factory=dict)
    landed: dict[str, str] = dataclasses.field(default_factory=dict)


def scan(
    declaration: Declaration, source: Source, parts: Mapping[str, str], exchange: str | None = None
) -> Scan:
    """Return a file's reading by a declaration.

    `parts`: what the declaration's patterns found in the file's name. `exchange`: which one of
    those that the declaration allows; a user says it, or the file's path. Raises FileRejectedError
    when the file may be cut off, has a field twice, or its name lacks what the declaration needs.
    """
    if _is_csv(declaration):
        layout, lines = _csv_layout(declaration, source)
    else:
        layout, lines = _Layout(usual=usual_fields(source, declaration.file.rows)), Lines(source)
    sql, types = _reading(declaration, layout, tuple(sorted(parts.items())), exchange)
    return Scan(
        declaration.name,
        sql,
        dict(types),
        ("line_number", "complaint", "ignored"),
        lines=lines,
        version=declaration.version,
        sequence_identifies=declaration.sequence_identifies,
        trade_id_identifies=declaration.trade_id_identifies,
        newest_first=declaration.newest_first,
        headers_within=declaration.file.sections is not None,
    )


def untold(declaration: Declaration, source: Source, parts: Mapping[str, str]) -> str | None:
    """Return why some line of a text may be of several exchanges; None where each tells its own."""
    reading = scan(declaration, source, parts)
    with duckdb.connect() as connection:
        connection.register(RELATION, cast(Lines, reading.lines).reader())
        found = connection.execute(
            f"select complaint from ({reading.sql})"
            f" where starts_with(complaint, {literal(f'exchange: {UNTOLD}')}) limit 1"
        ).fetchone()
    return str(found[0]) if found else None


def whole_query(declaration: Declaration) -> str:
    """Return all the SQL that lands a file which has every field of a declaration."""
    names = (*declaration.file.names, *declaration.recognise.header)
    parts = tuple(dict.fromkeys(declaration.parts, "20240102").items())
    sql, types = _reading(declaration, _Layout(header=names), parts, None)
    scan = Scan(declaration.name, sql, dict(types), ("line_number", "complaint", "ignored"))
    return validated(KINDS[declaration.kind], scan)


def require_compiles(declaration: Declaration) -> None:
    """Raise ValueError where the engine does not take what a declaration says."""
    query = whole_query(declaration)
    with duckdb.connect() as connection:
        columns = "line_number bigint, line varchar, damage varchar"
        connection.execute(f"create temp table {RELATION} ({columns})")
        try:
            connection.execute(query)
        except duckdb.Error as error:
            raise ValueError(first_line(error)) from None


def _is_csv(declaration: Declaration) -> bool:
    return declaration.file.format == "csv"


def _csv_layout(declaration: Declaration, source: Source) -> tuple[_Layout, Lines]:
    file = declaration.file
    require_final_newline(source)
    if file.sections:
        return _Layout(), Lines(source, carriage_returns=False)
    line, header = first_line_of(source), declaration.recognise.header
    is_header = bool(header) and not like_header(declaration, line).lacks
    # files of some vendors have none
    has_header = not file.names or is_header or names_fields(declaration, line)
    names = header_of(source, file.delimiter, file.header_until) if has_header else file.names
    lower = [name.lower() for name in names]
    doubled = [name for name in declaration.field_names if lower.count(name.lower()) > 1]
    if doubled:
        raise FileRejectedError(f"column {doubled[0]!r} appears more than once")
    return _Layout(header=tuple(names)), Lines(source, header=has_header, carriage_returns=False)


@lru_cache(maxsize=64)
def _reading(
    declaration: Declaration,
    layout: _Layout,
    parts: tuple[tuple[str, str], ...],
    exchange: str | None,
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the SQL that reads such files, and the types of its columns.

    It is made once for all files of a layout: a stream asks for it at every flush.
    """
    is_csv = _is_csv(declaration)
    records, at = (_csv if is_csv else _json)(declaration, layout)
    kind = KINDS[declaration.kind]
    fields = _Fields(kind, at, dict(parts), exchange)
    given = [
        {} if message.ignore or message.reject else {**declaration.columns, **message.columns}
        for message in declaration.messages or [Message()]
    ]
    if exchange is not None:
        given = [_of_exchange(columns, exchange) for columns in given]
    names = [name for name in kind.column_names if any(name in columns for columns in given)]
    typed = {name: _column(kind.column(name), given, fields) for name in names}
    typed = {name: one for name, one in typed.items() if one[0] != "null"}
    values = ",\n    ".join(f"{sql} as {quoted(name)}" for name, (sql, _) in typed.items())
    complaints = [
        ("damage is not null", "damage") if is_csv
        else ("doc is null", "coalesce(damage, 'not a JSON object')"),
        (f"message is null and {_nameless(declaration, fields)}",
         "'nothing says what kind of message it is'"),
        *_complaints(declaration, given, fields),
    ]  # fmt: skip
    ignored = _ignored(declaration, fields, is_csv=is_csv)
    # a condition asks for texts of the record, which one list of values holds
    rows = f"select *, {_message(declaration, fields)} as message from ({records})"
    for step in (fields.texts, fields.landed):  # complete when all columns are made
        if step:
            made = ", ".join(f"{sql} as {name}" for sql, name in step.items())
            rows = f"select *, {made} from ({rows})"
    sql = f"""
select
    {values},
    raw_text,
    line_number,
    {first_of(complaints)} as complaint,
    {ignored} as ignored
from ({rows})"""
    if declaration.file.sections or any(value.numbered for value in declaration.values):
        sql += "\norder by line_number"  # what looks at other lines may change their order
    return sql, tuple((name, kind_of) for name, (_, kind_of) in typed.items())


def _csv(declaration: Declaration, layout: _Layout) -> tuple[str, dict[str, str]]:
    file, wanted = declaration.file, declaration.field_names
    if file.sections:
        found = {name: f"list_position(names, {literal(name.lower())})" for name in wanted}
        at = {name: f"nullif(v[{place}], '')" for name, place in found.items()}
        return section_fields(file.delimiter, file.sections, file.between), at
    places = {name.lower(): place for place, name in enumerate(layout.header, start=1)}
    last = len(layout.header)
    sql = record_fields(last, file.delimiter, more_fields=file.more_fields, comment=file.comment)
    at = {
        name: field(places[name.lower()], last) if name.lower() in places else "null"
        for name in wanted
    }
    return sql, at


def _json(declaration: Declaration, layout: _Layout) -> tuple[str, dict[str, str]]:
    file, wanted = declaration.file, declaration.field_names
    paths = ", ".join(literal(path_of(name)) for name in wanted)
    around = sorted({value.around for value in declaration.values if value.around is not None})
    given = {"v": SQL.unmarked_list(f"json_extract_string(doc, [{paths}])", "is_long")}
    for name in around:
        value = f"json_extract_string(page, {literal(path_of(name))})"
        given["^" + name] = SQL.unmarked(value, "is_long")
    extracted = ", ".join(f"{value} as {quoted(name)}" for name, value in given.items())
    opened = messages(layout.usual, file.clock, file.rows, file.comment)
    sql = f"select *, {extracted} from ({opened})"
    return sql, {name: f"v[{place}]" for place, name in enumerate(wanted, start=1)}


def _of_exchange(columns: Columns, exchange: str) -> Columns:
    """Let the exchange that a user named stand where the declaration allows it."""
    found = [
        value.model_copy(update={"constant": exchange, "told": None})
        if exchange in (*value.either, *(value.told or {})) or ANY in value.either
        else value
        for value in columns.get("exchange", [])
    ]
    return {**columns, "exchange": found} if found else columns


def _message(declaration: Declaration, fields: _Fields) -> str:
    """SQL for the number of the first message that a record is, from 1; NULL for none.

    Where a record may be several of them it is a row for each.
    """
    if not declaration.messages:
        return "1"
    is_one = [
        (_holds(message.when, message.unless, fields), str(number))
        for number, message in enumerate(declaration.messages, start=1)
    ]
    if declaration.several:
        each = ", ".join(first_of([one]) for one in is_one)
        found = f"list_filter([{each}], lambda n: n is not null)"
        return f"unnest(case when len({found}) > 0 then {found} else [null] end)"
    return first_of(is_one)


def _ignored(declaration: Declaration, fields: _Fields, *, is_csv: bool) -> str:
    """SQL for the kind of a record that is no row of ours."""
    named = [f"coalesce({fields.at[name]}, '')" for name in declaration.named_by]
    name = f"coalesce(nullif(trim(concat_ws(' ', {', '.join(named) or 'null'})), ''), 'unnamed')"
    others = [
        (f"message = {number}", literal(message.ignore))
        for number, message in enumerate(declaration.messages, start=1)
        if message.ignore
    ]
    if declaration.messages:
        others.append((f"message is null and not {_nameless(declaration, fields)}", name))
    file = declaration.file
    ignored = []
    if file.comment or file.sections or not is_csv:
        ignored.append(("nothing is not null", "nothing"))
    if others:
        ignored.append(("damage is null" if is_csv else "doc is not null", first_of(others)))
    return first_of(ignored) if ignored else "null::varchar"


def _nameless(declaration: Declaration, fields: _Fields) -> str:
    """SQL: has a record that is no message of ours a symbol, but nothing that says what it is?

    Its name may be damaged, so it is rejected with its text and not ignored.
    """
    columns = [*(message.columns for message in declaration.messages), declaration.columns]
    values = [value for found in columns for value in found.get("symbol", [])]
    symbols = {fields.at[name] for value in values for name in value.source or []}
    if not declaration.named_by or not symbols:
        return "false"
    names = [f"{fields.at[name]} is null" for name in declaration.named_by]
    return f"({' and '.join(names)} and coalesce({', '.join(sorted(symbols))}) is not null)"


def _holds(when: Conditions, unless: Conditions, fields: _Fields) -> str:
    tests = [_passes(test, fields.at[name]) for name, test in when.items()]
    tests += [f"not {_passes(test, fields.at[name])}" for name, test in unless.items()]
    return " and ".join(tests) or "true"


def _passes(test: Test, field: str) -> str:
    """SQL that is true or false, never NULL."""
    if test.there is not None:
        return f"({field} is {'not ' if test.there else ''}null)"
    part = re.fullmatch(r"\.\*(?:([\w-])|\\(\W))\.\*", test.matches or "")
    if part is not None:  # the same, and quicker
        return f"coalesce(contains({field}, {literal(part[1] or part[2])}), false)"
    if test.matches is not None:
        return f"coalesce(regexp_full_match({field}, {literal(test.matches)}), false)"
    words = ", ".join(map(literal, test.words or []))
    return f"coalesce({field} in ({words}), false)"


def _column(column: Column, given: list[Columns], fields: _Fields) -> tuple[str, str]:
    """SQL and type of a canonical column, whichever message it stands in."""
    sqls = [_sql(column, columns, fields) for columns in given]
    kind_of = _type_of(column, given)
    if len(set(sqls)) == 1:
        return sqls[0], kind_of
    found = _by_message([sql] if sql != "null" else [] for sql in sqls)
    return first_of((f"message in ({numbers})", sql) for sql, numbers in found.items()), kind_of


def _type_of(column: Column, given: list[Columns]) -> str:
    found = {_type(value, column) for columns in given for value in columns.get(column.name, [])}
    return "TIMESTAMP_NS" if "TIMESTAMP_NS" in found else found.pop()


def _type(value: Value, column: Column) -> str:
    if column.type != "TIMESTAMP":
        return "VARCHAR"
    if value.unit in ("s", "ns") or _keeps_nanoseconds(value.format or []):
        return "TIMESTAMP_NS"
    made = value.clock or value.unit or value.format or value.after_midnight
    return "TIMESTAMP" if made else "VARCHAR"


def _sql(column: Column, columns: Columns, fields: _Fields) -> str:
    """SQL of a column: the first of its values that is there; NULL where it has none."""
    found = []
    for value in columns.get(column.name, []):
        sql = _text(value, fields, columns)
        if column.type == "TIMESTAMP":
            sql = _time(value, sql, fields)
        elif column.type in DECIMALS:
            sql = _number(value, sql, columns, fields)
        if value.when or value.unless:
            sql = f"case when {_holds(value.when, value.unless, fields)} then {sql} end"
        found.append(sql)
    is_time = _type_of(column, [columns]) != "VARCHAR" if found else False
    return _first_there(found, are_texts=not is_time) if found else "null"


def _first_there(found: list[str], *, are_texts: bool = True) -> str:
    """SQL of the first that is there. In JSON an empty text is not, as in CSV."""
    if are_texts:
        found = [*(f"nullif({one}, '')" for one in found[:-1]), found[-1]]
    return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]


def _as_landed(name: str, columns: Columns, fields: _Fields) -> str:
    """SQL of a column as a text that its value alone decides; what is no value stays as it is."""
    column = fields.kind.column(name)
    default = column.default or "null"
    if name not in columns:
        return default
    text = _named("text", _sql(column, columns, fields), fields.texts)
    value = converted(text, _type_of(column, [columns]), column)
    if column.type in DECIMALS:
        value = SQL.shortest(value)
    return _named(
        "landed", f"coalesce({value}::varchar, {text}::varchar, {default})", fields.landed
    )


def _named(prefix: str, sql: str, step: dict[str, str]) -> str:
    """Make an expression a column of a step, once; returns the column."""
    return step.setdefault(sql, quoted(f"{prefix}.{len(step)}"))


def _text(value: Value, fields: _Fields, columns: Columns) -> str:
    """SQL of the text that a value is made of, after what is done to texts."""
    text = _origin(value, fields, columns)
    if value.take:
        whole = literal(f"^(?:{value.take})$")
        text = f"nullif(regexp_extract({text}, {whole}, 1), '')"
    if value.part:
        text = (SQL.number_of if value.part == "number" else SQL.unit_of)(text)
    if value.sign:
        signed = SQL.decimal_of(text, "decimal(38, 10)")
        text = first_of(
            (f"{signed} {'>' if sign == 'positive' else '<'} 0", literal(word))
            for sign, word in value.sign.items()
        )
    if value.words:
        whens = [
            f"when {literal(word)} then {literal(means) if means else 'null'}"
            for word, means in value.words.items()
        ]
        text = f"case {text} {' '.join(whens)} else {text} end"
    if value.lower:
        text = f"lower({text})"
    if value.upper:
        text = f"upper({text})"
    if value.split:
        text = f"replace({text}, {literal(value.split)}, '|')"
        spaced = f"regexp_replace(trim({text}), '\\s*\\|\\s*', '|', 'g')"
        return f"case when contains({text}, ' ') then {spaced} else {text} end"
    return text


def _origin(value: Value, fields: _Fields, columns: Columns) -> str:
    """SQL of what a value comes from."""
    if value.constant is not None or value.file is not None or value.told:
        return "null" if value.told else literal(value.constant or fields.parts[value.file or ""])
    if value.clock:
        return "make_timestamp(clock // 1000)"
    if value.joined or value.values:
        parts = [_unless_none(value, fields.at[name]) for name in value.joined or []]
        parts += [_as_landed(name, columns, fields) for name in value.values or []]
        text = f"nullif(concat_ws({literal(value.separator)}, {', '.join(parts)}), '')"
        if not value.numbered:
            return text
        owners = [_as_landed(name, columns, fields) for name in OWNERS]
        told = ", ".join([*owners, text])
        number = f"row_number() over (partition by {told} order by line_number)"
        return f"{text} || {literal(value.separator)} || {number}"
    if value.sum is not None:
        terms = [fields.at[name] for name in value.sum]
        total = " + ".join(SQL.decimal_of(term, WIDE) for term in terms)
        refused = [(SQL.is_inexact(term, WIDE, _PLACES), term) for term in terms]
        return first_of(refused, f"({total})::varchar")
    if value.around is not None or value.key:
        found = [quoted("^" + value.around) if value.around else "row_key"]
    else:
        found = [fields.at[name] for name in value.source or []]
    found = [_unless_none(value, text) for text in found]
    return _first_there(found)


def _unless_none(value: Value, text: str) -> str:
    for none in value.none:
        text = f"nullif({text}, {literal(none)})"
    return text


def _number(value: Value, text: str, columns: Columns, fields: _Fields) -> str:
    """SQL of a number as a text: exact, whatever was done to it."""
    if value.float32:
        text = SQL.float32(text)
    if value.absolute:
        text = SQL.absolute(text)
    if value.negate:
        text = SQL.negated(text)
    if not value.scale:
        return text
    if not any("since" in factor.model_fields_set for factor in value.scale):
        return _times(text, value.scale[0].by)
    moment = fields.kind.column(fields.kind.time)
    time = converted(f"({_sql(moment, columns, fields)})", _type_of(moment, [columns]), moment)
    scaled = [
        (f"{time} >= timestamp '{factor.since}'", _times(text, factor.by))
        for factor in sorted(value.scale, key=lambda scale: scale.since, reverse=True)
    ]
    return first_of(scaled, text)


def _times(text: str, by: Decimal) -> str:
    """SQL of a number times a factor, without needless zeros; the text itself where it is none."""
    if by == 1:
        return text
    places = max(0, -int(by.as_tuple().exponent))
    exact = f"{SQL.decimal_of(text, WIDE)} * {by:f}::decimal(10, {places})"
    shown = SQL.shortest(f"({exact})")
    return f"case when {SQL.is_inexact(text, WIDE, _PLACES)} then {text} else {shown} end"


def _time(value: Value, text: str, fields: _Fields) -> str:
    if value.clock:
        return text
    if value.after_midnight:
        return _after_midnight(value, text, fields)
    if value.unit:
        return _unix_time(text, value.unit)
    if not value.format:
        return text
    parsed = _parsed(text, value.format, value.zone)
    with_word = []
    for word, offset in value.offsets.items():  # a word behind it, such as EST
        minutes = int(offset[0] + "1") * (int(offset[1:3]) * 60 + int(offset[4:]))
        local = _parsed(f"rtrim(left({text}, length({text}) - {len(word)}))", value.format, None)
        has_word = f"ends_with({text}, {literal(word)})"
        with_word.append((has_word, f"{local} - to_minutes({minutes})"))
    return first_of(with_word, parsed)


def _parsed(text: str, formats: list[str], zone: str | None) -> str:
    """A text in one of some formats, in UTC; one that says its offset needs no zone."""
    found = []
    if ISO in formats:
        iso = f"({SQL.utc(text, 'timestamp_ns')})"
        local = _in_utc(iso, zone, has_nanoseconds=True)
        found.append(
            iso if local == iso else f"case when {SQL.has_offset(text)} then {iso} else {local} end"
        )
    with_offset = [one for one in formats if "%z" in one]
    others = [one for one in formats if one not in (ISO, *with_offset)]
    if with_offset:
        found.append(f"timezone('UTC', {_strptime(text, with_offset)})")
    if others:
        has_nanoseconds = any("%n" in one for one in others)
        local = _strptime(text, others)
        local = f"try_cast({local} as timestamp_ns)" if has_nanoseconds else local
        found.append(_in_utc(local, zone, has_nanoseconds=has_nanoseconds))
    if len(found) == 1:
        return found[0]
    made = "timestamp_ns" if _keeps_nanoseconds(formats) else "timestamp"
    return f"coalesce({', '.join(f'try_cast({one} as {made})' for one in found)})"


def _keeps_nanoseconds(formats: list[str]) -> bool:
    return any(one == ISO or "%n" in one for one in formats)


def _strptime(text: str, formats: list[str]) -> str:
    listed = ", ".join(map(literal, formats))
    return f"try_strptime({text}, {f'[{listed}]' if len(formats) > 1 else listed})"


def _in_utc(local: str, zone: str | None, *, has_nanoseconds: bool = False) -> str:
    if zone is None or zone == "UTC":
        return local
    return (SQL.in_utc_ns if has_nanoseconds else SQL.in_utc)(local, literal(zone))


def _after_midnight(value: Value, text: str, fields: _Fields) -> str:
    """The file's date and what passed since its midnight, as a clock on the wall shows it."""
    date = fields.parts["date"]
    found = _DATE_FORMATS.get(len(date))
    if found is None:
        raise FileRejectedError(f"its name has the date {date!r}; expected YYYYMMDD or YYYY-MM-DD")
    try:
        datetime.strptime(date, found)
    except ValueError:
        raise FileRejectedError(
            f"its name has the date {date!r}, and there is no such day"
        ) from None
    day = f"strptime({literal(date)}, {literal(found)})"
    factor = str(_MICROSECONDS[value.after_midnight or "ms"])
    return _in_utc(SQL.after_midnight(text, day, factor), value.zone)


def _unix_time(text: str, unit: str) -> str:
    if unit == "s":
        return SQL.unix_seconds(text)
    whole, floats = [], []
    for one in unit.split(" or "):
        digits, number = _DIGITS[one], f"try_cast({text} as bigint)"
        is_one = f"length({text}) = {digits} and {number} >= {10 ** (digits - 1)}"
        whole.append((is_one, _moment(number, one)))
        # a float of a whole number, as pandas writes a column with gaps
        is_one = f"regexp_full_match({text}, '[1-9]\\d{{{digits - 1}}}\\.0+')"
        floats.append((is_one, _moment(f"try_cast(left({text}, {digits}) as bigint)", one)))
    return first_of(whole + floats)


def _moment(number: str, unit: str) -> str:
    if unit == "ns":  # the largest of 64 bits would be the engine's infinity
        return f"make_timestamp_ns(nullif({number}, {2**63 - 1}))"
    return f"make_timestamp({number} * {_MICROSECONDS[unit]})"


def _complaints(
    declaration: Declaration, given: list[Columns], fields: _Fields
) -> Iterator[tuple[str, str]]:
    """Give (condition, reason) for what a message lacks, and for times that are none."""
    messages = declaration.messages or [Message()]
    found = _by_message(
        _wrong(declaration, message, columns, fields)
        for message, columns in zip(messages, given, strict=True)
    )
    for (wrong, why), numbers in found.items():
        yield f"message in ({numbers}) and {wrong}", why


def _by_message(said: Iterable[Iterable[Said]]) -> dict[Said, str]:
    """Return each once, with the numbers of the messages that have it."""
    found: dict[Said, list[str]] = {}
    for number, ones in enumerate(said, start=1):
        for one in ones:
            found.setdefault(one, []).append(str(number))
    return {one: ", ".join(numbers) for one, numbers in found.items()}


def _wrong(
    declaration: Declaration, message: Message, columns: Columns, fields: _Fields
) -> Iterator[tuple[str, str]]:
    """Give (condition, reason) for what may be wrong with a record of a message."""
    if message.reject:
        yield "true", literal(message.reject)
    yield from _untold(columns, fields)
    for name in message.required:
        column = fields.kind.column(name)
        told = _sql(column, columns, fields)
        is_text = name in columns and _type_of(column, [columns]) == "VARCHAR"
        absent = f"coalesce({told}, '') = ''" if is_text else f"{told} is null"
        yield absent, _why_absent(name, columns, fields)
    for column in fields.kind.columns:
        values = columns.get(column.name, [])
        for value in values if column.type == "TIMESTAMP" else []:
            if value.unit or value.format or value.after_midnight:
                yield _no_time(column, value, columns, fields)
        for name in _ids_within(column, columns, fields.kind):
            yield SQL.is_spoiled(fields.at[name]), literal(f"{column.name}: {SPOILED}")
        if column.type == "VARCHAR" and not _is_csv(declaration):
            for name in sorted({name for value in values for name in value.fields}):
                # a list or an object is a text that nobody wrote
                is_nested = SQL.is_nested(fields.at[name], literal(path_of(name)))
                yield is_nested, literal(f"{column.name}: not a text")


def _no_time(column: Column, value: Value, columns: Columns, fields: _Fields) -> tuple[str, str]:
    """Return (condition, reason) for a text that gives no time, or one that no clock showed."""
    text = _text(value, fields, columns)
    wrong = f"{text} <> '' and {_time(value, text, fields)} is null"  # as in CSV
    holds = _holds(value.when, value.unless, fields)
    wrong = wrong if holds == "true" else f"{holds} and {wrong}"
    if value.unit:
        units = (_UNITS[unit] for unit in value.unit.split(" or "))
        expected = f"not a Unix time in {' or '.join(units)}"
    elif value.format and value.expected:
        expected = f"not a time that can be read{_expected([value])}"
    elif value.format:
        expected = f"not a time such as {' or '.join(value.format)}"
    else:
        expected = "no time since midnight, below 24 hours"
    why = literal(f"{column.name}: {expected}")
    if not value.zone:
        return wrong, why
    shown = _time(value.model_copy(update={"zone": None}), text, fields)
    no_clock = literal(f"{column.name}: no clock of {value.zone} showed it: it was put forward")
    return wrong, f"case when {shown} is null then {why} else {no_clock} end"


def _untold(columns: Columns, fields: _Fields) -> list[tuple[str, str]]:
    """Return (condition, reason) for what may be of one exchange or another, unless one is said."""
    found, others = [], ["true"]
    for value in columns.get("exchange", []):
        holds = _holds(value.when, value.unless, fields)
        if value.told:
            names = " or ".join(value.told)
            choices = " or ".join(f"--exchange {name}" for name in value.told)
            why = (
                f"{UNTOLD}{names}, and nothing tells which, neither name nor folder: say {choices}"
            )
            if fields.exchange is not None:
                why = f"it is of {names}, and --exchange says {fields.exchange}"
            found.append((" and ".join([holds, *others]), literal(f"exchange: {why}")))
        others.append(f"not ({holds})")
    return found


def _why_absent(name: str, columns: Columns, fields: _Fields) -> str:
    """SQL of why a column that a message requires is not there: what does not tell it, if any."""
    missing, values = literal(f"{name}: missing"), columns.get(name, [])
    sources = {source for value in values if value.take for source in value.source or []}
    untold = literal(f" does not tell it{_expected(values)}")
    there = [
        (f"{fields.at[source]} is not null",
         f"{literal(f'{name}: {source} ')} || left({fields.at[source]}, {_SHOWN}) || {untold}")
        for source in sorted(sources)
    ]  # fmt: skip
    return first_of(there, missing)


def _expected(values: Sequence[Value]) -> str:
    return next((f"; {value.expected}" for value in values if value.expected), "")


def _ids_within(column: Column, columns: Columns, kind: Kind) -> list[str]:
    """Return the fields that an id is joined of, besides those that are a number or a time."""
    if not column.is_id:
        return []
    joined = {n for value in columns.get(column.name, []) for n in value.joined or []}
    texts = [name for name in columns if kind.column(name).type == "VARCHAR"]
    others = [v for name in columns if name not in texts for v in columns[name]]
    return sorted(joined - {field for value in others for field in value.fields})
