"""What a feed's declaration may say: one TOML file per vendor and kind of file.

    path = Path("tardis-trades.toml")
    declaration = parsed(path, raw(path), {})
    declaration.messages[0].columns["last_price"].source   # "price"

docs/landing.md shows how to write one.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import duckdb
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from python_ingest.errors import ConfigError
from python_ingest.feeds.faults import close_to, in_our_words
from python_ingest.feeds.kinds import DECIMALS, KINDS, OWNERS, Column
from python_ingest.feeds.query import SQL
from python_ingest.feeds.values import CLOCK, converted, wrong_with
from python_ingest.storage.failures import first_line
from python_ingest.storage.sql import first_of, literal, quoted

ISO = "ISO"
"""The format of a time such as 2024-07-02T00:00:00.000001100Z, however people write it."""
_DIGITS = 10  # of a scale: a decimal times it stays exact
# What the package ships was checked by its tests. To ask DuckDB again takes each command a quarter
# of a second.
SHIPPED = "shipped"
Unit = Literal["s", "ms", "us", "ns", "ms or us"]


class _Strict(BaseModel):
    # what TOML says is meant: "yes" is a text and no truth, and 1 is none either
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, strict=True)

    def _wrong(self) -> Iterator[str]:
        """Say what is wrong with keys that are each right by themselves."""
        yield from ()

    @model_validator(mode="after")
    def _is_sound(self, info: ValidationInfo) -> Self:
        for what in () if info.context == SHIPPED else self._wrong():
            raise ValueError(what)
        return self


def _unless_shipped(check: Callable[[str], str]) -> AfterValidator:
    def checked(text: str, info: ValidationInfo) -> str:
        return text if info.context == SHIPPED else check(text)

    return AfterValidator(checked)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a pattern: {error}") from None
    return text


@lru_cache
def _sql_pattern(text: str) -> str:
    try:  # it reads the files, so its word counts
        duckdb.execute("select regexp_full_match('', ?)", [_pattern(text)]).fetchall()
    except duckdb.Error as error:
        raise ValueError(f"not a pattern that DuckDB knows: {first_line(error)}") from None
    return text


@lru_cache
def _time_format(text: str) -> str:
    if text == ISO:
        return text
    read = f"try_strptime(strftime(t, {literal(text)}), {literal(text)})"
    asked = SQL.is_read_again(f"timezone('UTC', {read})" if "%z" in text else read)
    try:
        ((same,),) = duckdb.execute(asked).fetchall()
    except duckdb.Error as error:
        raise ValueError(f"not a format of a time: {first_line(error)}") from None
    if not same:
        raise ValueError(
            "tells no day, or not its hour: a format has year, month and day, and %H or %I with %p"
        )
    return text


@lru_cache
def _refusal(column: Column, text: str) -> str | None:
    """Return why a canonical column takes no such text; None where it does."""
    source, typed = quoted(f"source.{column.name}"), quoted(column.name)
    wrong = first_of(wrong_with(column, "VARCHAR", CLOCK))
    given = f"select {literal(text)} as {source}, {converted(literal(text), 'VARCHAR', column)}"
    ((reason,),) = duckdb.execute(f"select {wrong} from ({given} as {typed})").fetchall()
    return str(reason).removeprefix(f"{column.name}: ") if reason else None


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _name_pattern(text: str) -> str:
    if re.search(r"\\\.(csv|tsv|txt|jsonl?|ndjson|gz|zip)\b", text):
        raise ValueError("a name is looked at without .csv, .gz and the like")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
NamePattern = Annotated[Pattern, AfterValidator(_name_pattern)]
SqlPattern = Annotated[str, _unless_shipped(_sql_pattern)]
TimeFormat = Annotated[str, _unless_shipped(_time_format)]
Offset = Annotated[str, Field(pattern=r"^[+-]\d\d:\d\d$")]
Words = Annotated[list[str], BeforeValidator(_listed)]
Text = Annotated[str, Field(min_length=1)]
Fields = Annotated[list[Text], Field(min_length=1)]


def _each_once(names: list[str]) -> list[str]:
    lower = [name.lower() for name in names]
    doubled = next((name for name in names if lower.count(name.lower()) > 1), None)
    if doubled is not None:
        raise ValueError(f"{doubled!r} is there twice")
    return names


class Test(_Strict):
    """What a field must be: one of `words`, there or not, or matched by a pattern as a whole."""

    words: Annotated[list[str], Field(min_length=1)] | None = None
    there: bool | None = None
    matches: SqlPattern | None = None

    def _wrong(self) -> Iterator[str]:
        if [self.words, self.there, self.matches].count(None) != 2:  # noqa: PLR2004 - of three
            yield "say one of words, there, matches"


def _test(value: Any) -> Any:
    if isinstance(value, bool):
        return {"there": value}
    if isinstance(value, (str, list)):
        return {"words": _listed(value)}
    return value


Conditions = dict[str, Annotated[Test, BeforeValidator(_test)]]


def _ten_digits(factor: Decimal) -> Decimal:
    places = max(0, -int(factor.as_tuple().exponent))
    if max(factor.adjusted() + 1, 0) + places > _DIGITS:
        raise ValueError(f"has more than {_DIGITS} digits before and after the point")
    return factor


def _whole(factor: Any) -> Any:
    return Decimal(factor) if type(factor) is int else factor


def _day(since: Any) -> Any:
    try:
        return date.fromisoformat(since) if isinstance(since, str) else since
    except ValueError:
        raise ValueError(f"{since!r} is no date such as 2024-05-02") from None


class Scale(_Strict):
    """A factor that holds from a date of the row's own time on."""

    by: Annotated[Decimal, BeforeValidator(_whole), Field(gt=0), AfterValidator(_ten_digits)]
    since: Annotated[date, BeforeValidator(_day)] = date(1970, 1, 1)


def _scales(value: Any) -> Any:
    return value if isinstance(value, list) else [{"by": value}]


def _pattern_of_one(text: str) -> str:
    if re.compile(_sql_pattern(text)).groups != 1:
        raise ValueError("needs one (...), around what is taken")
    return text


_GOES_WITH = {
    "either": ("constant",), "separator": ("joined", "values"), "numbered": ("values",),
    "offsets": ("format",), "zone": ("format", "after_midnight"), "expected": ("format", "take"),
    "none": ("source", "around", "key", "joined"),
}  # fmt: skip
# What is no text of the file takes conditions alone.
_ALONE = {"clock": {"clock", "when", "unless"}, "told": {"told", "when", "unless"}}
_AFTER_MIDNIGHT = (
    "after_midnight: goes with from, whose number it counts from the midnight of the file's date:"
    ' { from = "FIELD", after_midnight = "ms" }; a time in the name is { file = "date", format ='
    ' "%Y%m%d" }'
)
_ARE_FOR = {
    "numbers": ("float32", "absolute", "negate", "scale", "sum"),
    "times": ("clock", "unit", "format", "offsets", "zone", "after_midnight"),
    "lists": ("split",),
}
_FIXED = 'a text that is the same in each row is {{ constant = "{0}" }}'
ANY = "*"
"""Stands for every exchange that `--exchange` may name."""


def _spelled(key: str) -> str:
    """Return a field of Value as a declaration spells it."""
    return {"source": "from", "either": "or"}.get(key, key)


class Value(_Strict):
    """Where a canonical column comes from, and what is done to it: in the order of the fields.

    Exactly one of `source` (the first of several fields that is there), `constant`, `told` (names
    of exchanges: the first one whose pattern is found in the file's path; where none is, a user
    says one of them by `--exchange`), `file` (a named part of the file's name or path), `around`
    (a field of the document around the rows or the message), `key` (the key that their list has
    there), `joined` (texts of fields), `sum` (of fields that are all there) and `clock` (the local
    clock before the line) says where from.
    `values` are joined too, behind `joined`: other columns as they land, however the file spells
    them. `numbered`: what is equal then, of one account in a file, is told apart by a number behind
    it. `or`: exchanges that a user may name instead; `"*"` is any. `none` are the texts that say
    that there is no value. `take`: a pattern that matches the whole text; the value is what it has
    in brackets. `format`: one, or several that cannot be mistaken for each other; `ISO` has up to
    nine decimals, `T` or a space, and `Z`, an offset or none (that of `zone`, else UTC).
    `expected`: what a person should do where a text gives no time, or not the column that its
    message requires; it ends the reason of the rejected row.
    """

    source: Annotated[Fields, BeforeValidator(_listed)] | None = Field(default=None, alias="from")
    constant: Text | None = None
    told: Annotated[dict[Text, Pattern], Field(min_length=2)] | None = None
    either: Words = Field(default=[], alias="or")
    file: Text | None = None
    around: Text | None = None
    key: bool = False
    joined: Fields | None = None
    values: Fields | None = None
    separator: Text = "-"
    numbered: bool = False
    sum: Fields | None = None
    clock: bool = False

    when: Conditions = {}
    unless: Conditions = {}
    none: Words = []
    take: Annotated[str, AfterValidator(_pattern_of_one)] | None = None
    part: Literal["number", "unit"] | None = None
    sign: dict[Literal["positive", "negative"], str] | None = None
    words: dict[str, str] = {}
    lower: bool = False
    upper: bool = False
    split: str | None = None

    float32: bool = False
    absolute: bool = False
    negate: bool = False
    scale: Annotated[list[Scale], BeforeValidator(_scales)] = []

    unit: Unit | None = None
    format: Annotated[list[TimeFormat], BeforeValidator(_listed)] | None = None
    offsets: dict[str, Offset] = {}
    zone: str | None = None
    after_midnight: Literal["s", "ms", "us"] | None = None
    expected: Text | None = None

    def _wrong(self) -> Iterator[str]:
        joined = [*(self.joined or []), *(self.values or [])]
        origins: list[object] = [self.source, self.constant, self.told, self.file, self.around]
        origins += [joined or None, self.sum, self.key or None, self.clock or None]
        if len(origins) - origins.count(None) != 1:
            yield "say one of from, constant, told, file, around, key, joined, values, sum, clock"
        given = self.model_fields_set
        for key, goes_with in _GOES_WITH.items():
            if key in given and not any(getattr(self, name) for name in goes_with):
                yield f"{_spelled(key)}: goes with {' or '.join(map(_spelled, goes_with))}"
        for key, may_be in _ALONE.items():
            if getattr(self, key) and given - may_be:
                yield f"{', '.join(map(_spelled, sorted(given - may_be)))}: not with {key}"
        if self.lower and self.upper:
            yield "lower: not with upper"
        if "separator" in given and len(joined) == 1 and not self.numbered:
            yield "separator: there is one text alone"
        days = [factor.since for factor in self.scale]
        for day in (day for day in days if days.count(day) > 1):
            yield f"scale: two hold from {day} on"
        if self.sign and len(self.sign) == 1:
            yield "sign: say both positive and negative"
        yield from self._wrong_time()

    def _wrong_time(self) -> Iterator[str]:
        if self.after_midnight and (self.unit or self.format):
            yield "after_midnight takes neither unit nor format"
        if self.unit and self.format:
            yield "a time has a unit or a format"
        if self.after_midnight and not (self.source or self.around or self.sum):
            yield _AFTER_MIDNIGHT
        if self.zone is not None and all("%z" in one for one in self.format or [ISO]):
            yield "zone: every format has %z, an offset, which no zone changes"

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - for few feeds

        if name is not None:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError):
                raise ValueError(f"{name!r} is no time zone") from None
        return name

    @property
    def fields(self) -> list[str]:
        """Every field of the record that it looks at."""
        own = [*(self.source or []), *(self.joined or []), *(self.sum or [])]
        return [*own, *self.when, *self.unless]


def _alternatives(value: Any) -> Any:
    if isinstance(value, list) and not all(isinstance(one, str) for one in value):
        return value
    return [{"from": value} if isinstance(value, (str, list)) else value]


Columns = dict[str, Annotated[list[Value], BeforeValidator(_alternatives)]]
"""Each canonical column: a field, a value, or a list of values of which the first there counts."""


class Message(_Strict):
    """Which records it is about, and their columns besides those of the declaration.

    `ignore` says why such records are no rows of ours, `reject` why they cannot be rows though they
    should. `required`: columns that such a message must have though the kind does not ask for them.
    """

    when: Conditions = {}
    unless: Conditions = {}
    ignore: str | None = None
    reject: str | None = None
    columns: Columns = {}
    required: list[str] = []

    def _wrong(self) -> Iterator[str]:
        if self.ignore and self.reject:
            yield "say ignore or reject"
        for key in ("columns", "required") if self.ignore or self.reject else ():
            if getattr(self, key):
                end = "ignore" if self.ignore else "reject"
                yield f"{key}: not with {end}: such a record is no row"


class File(_Strict):
    """How the bytes are laid out.

    `names`: the fields of lines without a header. `more_fields`: lines may have more than the
    header. `header_until`: the header's names end there. `comment`: lines that begin with one of
    these say nothing. `sections`: lines all of whose fields match this pattern name the fields of
    the lines after them, up to the next such line; lines with fewer fields that begin with a word
    of `between` say nothing. `clock`: the unit of a local clock that may stand before the JSON of a
    line. `rows`: the field of a document that holds the list of records, or one list per key.
    """

    format: Literal["csv", "json"]
    delimiter: Annotated[str, Field(pattern=r'^[^"\r\n\x01]$')] = ","
    names: Annotated[list[Text], AfterValidator(_each_once)] = []
    more_fields: bool = False
    header_until: str | None = None
    comment: Words = []
    sections: SqlPattern | None = None
    between: list[str] = []
    clock: Literal["s", "ns"] | None = None
    rows: str | None = None


class Recognise(_Strict):
    """What tells such a file: all that is given.

    `header` (in any order, capitals or not; `optional` ones may be there, and with `more` any),
    `fields` (a pattern for each field of headerless lines), `keys` (what the first JSON objects
    have: all of one of the lists, and none of `without`), `page` (what a page has around its list,
    which tells one whose list is empty), `first` (a pattern that the first line begins with),
    `name` and `path` (a pattern of the file's whole name without `.csv`, `.gz` and the like, and
    one to be found in its path; their named parts can be used as columns). Where `name_only` is
    true, a file without that name is not told to be one; or it is a pattern that such a name must
    be as besides. `example`: a name or path with all those parts, for who has a file without.
    """

    header: Annotated[list[Text], AfterValidator(_each_once)] = []
    optional: list[Text] = []
    more: bool = False
    fields: list[Pattern] = []
    keys: list[list[str]] = []
    without: list[str] = []
    page: list[str] = []
    first: Pattern | None = None
    name: NamePattern | None = None
    path: Pattern | None = None
    name_only: bool | NamePattern = False
    example: Text | None = None


class Declaration(_Strict):
    """A feed: what its files look like, what their fields mean.

    `checked`: compared with a real file or the vendor's own documentation, which `facts` names: it
    says where what is known comes from. `refuse`: why such files are refused by name. `named_by`:
    the field that names a record of another kind. `several`: a record is a row for each of the
    messages that it is, not only for the first.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: str
    about: str
    facts: str = ""
    checked: bool = False
    version: int = Field(default=1, ge=1)
    refuse: str | None = None
    sequence_identifies: bool = False
    trade_id_identifies: bool = True
    newest_first: bool = False
    several: bool = False
    named_by: Words = []
    file: File
    recognise: Recognise
    columns: Columns = {}
    messages: list[Message] = []

    def _wrong(self) -> Iterator[str]:
        if self.kind not in KINDS:
            near = close_to(self.kind, list(KINDS))
            yield f"kind: not one of {', '.join(KINDS)}{near}"
        if self.checked and not self.facts:
            yield "facts: what was it compared with?"
        known = KINDS[self.kind].column_names
        sections = [("columns", self.columns, list[str]())] + [
            (f"messages.{at}.columns", message.columns, message.required)
            for at, message in enumerate(self.messages)
        ]
        for place, columns, required in sections:
            for name in [*columns, *required]:
                if name not in known:
                    near = close_to(name, known)
                    yield f"{place}: {self.kind} have no column {name!r}{near}"
        yield from self._wrong_layout()
        yield from self._wrong_fields()
        for place, columns, _ in sections:
            yield from _wrong_values({**self.columns, **columns}, place)
        for place, columns, _ in sections:
            for name, values in columns.items():
                for at, value in enumerate(values):
                    column = KINDS[self.kind].column(name)
                    yield from _wrong_for(column, value, f"{place}.{name}.{at}")
        if not self.refuse:
            yield from self._no_rows()

    def _wrong_layout(self) -> Iterator[str]:
        seen, file, values = self.recognise, self.file, self.values
        is_csv = file.format == "csv"
        patterns = [pattern for pattern in (seen.name, seen.path) if pattern]
        if not (seen.header or seen.fields or seen.keys or seen.first or patterns):
            yield "recognise: say what tells such a file"
        if is_csv and not (file.names or seen.header):
            yield "file.names or recognise.header: what are the fields?"
        if seen.page and not file.rows:
            yield "recognise.page: goes with file.rows"
        if seen.fields and len(seen.fields) != len(file.names):
            yield "recognise.fields: one pattern per name of file.names"
        if file.sections is not None and not seen.header:
            yield "recognise.header: what does the section have that is looked for?"
        if not is_csv and any(value.numbered for value in values):
            yield "columns: numbered is for lines of csv"
        if is_csv and any(v.around is not None or v.key or v.clock for v in values):
            yield "columns: around, key and clock are for json"
        if any(value.clock for value in values) and not file.clock:
            yield "columns: clock goes with file.clock"
        found = {part for pattern in patterns for part in re.compile(pattern).groupindex}
        for part in self.parts:
            if part not in found:
                yield f"recognise: no pattern has the part (?P<{part}>...)"

    def _wrong_fields(self) -> Iterator[str]:
        """Say which field is looked at that the file is not said to have."""
        seen, file = self.recognise, self.file
        if file.format != "csv" or seen.more or file.sections:
            return
        known = {name.lower() for name in (*file.names, *seen.header, *seen.optional)}
        for name in self.field_names:
            if name.lower() not in known:
                near = close_to(name, list(known)) or f"; {_FIXED.format(name)}"
                yield f"columns: no field {name!r} in names, header or optional{near}"

    def _no_rows(self) -> Iterator[str]:
        """Say why no row could ever land."""
        kind = KINDS[self.kind]
        # --exchange may say whose they are
        required = [(c.name,) for c in kind.columns if c.required and c.name != "exchange"]
        found = [
            (f"messages.{at}.columns", {**self.columns, **message.columns})
            for at, message in enumerate(self.messages)
            if not (message.ignore or message.reject)
        ]
        if self.messages and not found:
            yield "messages: each is ignored or rejected, so nothing could land"
        for place, columns in found or [("columns", self.columns)]:
            for names in (*required, *kind.needs):
                if not set(names) & set(columns):
                    yield f"{place}: without {' or '.join(names)} nothing could land"

    def __hash__(self) -> int:
        return hash((self.name, self.kind, self.version))

    @property
    def _sections(self) -> list[Columns]:
        return [self.columns, *(message.columns for message in self.messages)]

    @property
    def _of_exchange(self) -> list[Value]:
        return [one for columns in self._sections for one in columns.get("exchange", [])]

    @property
    def values(self) -> list[Value]:
        """Everything that its columns are made of."""
        return [one for section in self._sections for found in section.values() for one in found]

    @property
    def parts(self) -> list[str]:
        """The parts of a file's name or path that its columns are taken from."""
        found = [value.file for value in self.values if value.file]
        return found + (["date"] if any(value.after_midnight for value in self.values) else [])

    @property
    def exchanges(self) -> list[str]:
        """The exchanges that its files may be of; empty where the rows or a user say it."""
        values = self._of_exchange
        said = [[*([v.constant] if v.constant else []), *v.either, *(v.told or {})] for v in values]
        found = list(dict.fromkeys(name for names in said for name in names))
        return [] if ANY in found else found

    @property
    def told(self) -> dict[str, str]:
        """The exchanges that a file's path tells apart, with their patterns."""
        told = [value.told or {} for value in self._of_exchange]
        return {name: pattern for patterns in told for name, pattern in patterns.items()}

    @property
    def names_exchange(self) -> bool:
        """Whether its files, or what it says of them, tell the exchange."""
        no_exchange = "exchange" not in KINDS[self.kind].column_names
        return no_exchange or bool(self._of_exchange)

    @property
    def field_names(self) -> list[str]:
        """Every field of a record that the declaration looks at, each once."""
        found = [*self.named_by, *(name for value in self.values for name in value.fields)]
        for message in self.messages:
            found += [*message.when, *message.unless]
        return list(dict.fromkeys(found))


def _wrong_values(columns: Columns, place: str) -> Iterator[str]:
    """Say which value is made of a column that is not there, or of others itself."""
    for name, found in columns.items():
        numbers = any(value.numbered for value in found)
        for other in OWNERS if numbers else ():
            if any(value.values for value in columns.get(other, [])):
                yield f"{place}.{other}: is made of values, and {name} is numbered within it"
        for other in [other for value in found for other in value.values or []]:
            if other not in columns:
                yield f"{place}.{name}.values: there is no column {other!r}"
            elif any(value.values for value in columns[other]):
                yield f"{place}.{name}.values: {other!r} is made of values itself"


def _wrong_for(column: Column, value: Value, place: str) -> Iterator[str]:
    """Say what is done that is for columns of another type, and which word the column has not."""
    of_type = {"TIMESTAMP": "times", "VARCHAR[]": "lists", **dict.fromkeys(DECIMALS, "numbers")}
    for what, keys in _ARE_FOR.items():
        for key in keys:
            if getattr(value, key) and of_type.get(column.type) != what:
                yield f"{place}.{key}: is for {what}"
    for field in value.source or []:
        if field in (*column.words, *column.names):
            yield f"{place}.from: {field!r} is a field here; {_FIXED.format(field)}"
    for key in ("told", "either"):
        if getattr(value, key) and column.name != "exchange":
            yield f"{place}.{_spelled(key)}: is for exchange"
    for name in (value.constant, *value.either, *(value.told or {})):
        known = (name or "").lower().replace(" ", "")
        if known in column.names and known != name:
            yield f"{place}.constant: {name!r} is spelled {known!r}"
    said = [("constant", value.constant)] if not (value.unit or value.format) else []
    if column.words:
        said += [("words", word) for word in value.words.values()]
        said += [("sign", word) for word in (value.sign or {}).values() if word not in value.words]
    for key, text in said:
        if text and (reason := _refusal(column, text)):
            yield f"{place}.{key}: {text!r}: {reason}"


_TABLES: dict[str, type[BaseModel]] = {
    "file": File, "recognise": Recognise, "messages": Message, "columns": Value, "scale": Scale,
    "when": Test, "unless": Test,
}  # fmt: skip


def raw(path: Path) -> dict[str, Any]:
    """Return what a file says, unchecked. Raises ConfigError when it is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        gone = f"a link to {path.readlink()}, which is not there" if path.is_symlink() else None
        raise ConfigError(f"feed {path}: {gone or error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"feed {path}: cannot be read: {error}") from None


def parsed(
    path: Path, said: dict[str, Any], bases: dict[str, dict[str, Any]], context: str = ""
) -> Declaration:
    """Check what a file says. Raises ConfigError, which names the file and the key that is wrong.

    `bases`: what the files say that one may build on with `like = "name"`. `context`: SHIPPED
    leaves out what our tests have checked.
    """
    base = said.get("like")
    if base is not None:
        if base not in bases:
            near = close_to(str(base), list(bases))
            raise ConfigError(f"feed {path}: like: there is no feed {base!r}{near}")
        said = _laid_over(bases[base], {key: v for key, v in said.items() if key != "like"})
    try:
        return Declaration.model_validate(said, context=context)
    except ValidationError as error:
        what = in_our_words(error.errors(), Declaration, _TABLES)
        raise ConfigError(f"feed {path}: {what}") from None


def _laid_over(base: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Return a declaration whose keys and tables replace or extend those of another."""
    merged = dict(base)
    for key, value in said.items():
        under = merged.get(key)
        both = isinstance(value, dict) and isinstance(under, dict)
        merged[key] = {**under, **value} if both else value  # type: ignore[dict-item]
    return merged
