"""What a feed's declaration may say: one TOML file per vendor and kind of file.

    declaration = load(Path("tardis-trades.toml"))
    declaration.messages[0].columns["last_price"].source   # "price"

docs/landing.md shows how to write one.
"""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from python_ingest.errors import ConfigError
from python_ingest.feeds.kinds import KINDS

Unit = Literal["s", "ms", "us", "ns", "ms or us"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a pattern: {error}") from None
    return text


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Pattern = Annotated[str, BeforeValidator(_pattern)]
Words = Annotated[list[str], BeforeValidator(_listed)]


class Test(_Strict):
    """What a field must be: one of `words`, there or not, or matched by a pattern as a whole."""

    words: list[str] | None = None
    there: bool | None = None
    matches: Pattern | None = None


def _test(value: Any) -> Any:
    if isinstance(value, bool):
        return {"there": value}
    if isinstance(value, (str, list)):
        return {"words": _listed(value)}
    return value


Conditions = dict[str, Annotated[Test, BeforeValidator(_test)]]


class Scale(_Strict):
    """A factor that holds from a date of the row's own time on."""

    by: Decimal
    since: str = Field(default="1970-01-01", pattern=r"^\d{4}-\d\d-\d\d$")


def _scales(value: Any) -> Any:
    return value if isinstance(value, list) else [{"by": value}]


def _pattern_of_one(text: str) -> str:
    if re.compile(_pattern(text)).groups != 1:
        raise ValueError("needs one (...), around what is taken")
    return text


ANY = "*"
"""Stands for every exchange that `--exchange` may name."""
ISO = "ISO"
"""The format of a UTC time such as 2024-07-02T00:00:00.000001100Z."""


class Value(_Strict):
    """Where a canonical column comes from, and what is done to it: in the order of the fields.

    Exactly one of `source` (the first of several fields that is there), `constant`, `file` (a
    named part of the file's name or path), `around` (a field of the document around the rows or
    the message), `key` (the key that their list has there), `joined`, `sum` (of fields that are all
    there) and `clock` (the local clock before the line) says where from. `numbered`: equal joined
    texts of a file are told apart by a number behind them. `or`: exchanges that a user may name
    instead; `"*"` is any. `none` are the texts that say that there is no value. `take`: a pattern
    that matches the whole text; the value is what it has in brackets. `format`: one, or several
    that cannot be mistaken for each other; `ISO` is quick, and has up to nine decimals.
    """

    source: Words | None = Field(default=None, alias="from")
    constant: str | None = None
    either: Words = Field(default=[], alias="or")
    file: str | None = None
    around: str | None = None
    key: bool = False
    joined: list[str] | None = None
    separator: str = "-"
    numbered: bool = False
    sum: list[str] | None = None
    clock: bool = False

    when: Conditions = {}
    unless: Conditions = {}
    none: Words = []
    take: Annotated[str, BeforeValidator(_pattern_of_one)] | None = None
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
    format: Annotated[list[str], BeforeValidator(_listed)] | None = None
    offsets: dict[str, str] = {}
    zone: str | None = None
    after_midnight: Literal["s", "ms", "us"] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = [self.source, self.constant, self.file, self.around, self.joined, self.sum]
        if sum(origin is not None for origin in origins) + self.key + self.clock != 1:
            raise ValueError("say one of from, constant, file, around, key, joined, sum, clock")
        if self.after_midnight and (self.unit or self.format):
            raise ValueError("after_midnight takes neither unit nor format")
        if self.unit and self.format:
            raise ValueError("a time has a unit or a format")
        if self.either and self.constant is None:
            raise ValueError("`or` goes with a constant")
        return self

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

    `ignore` says why such records are no rows of ours. `required`: columns that such a message
    must have though the kind does not ask for them.
    """

    when: Conditions = {}
    unless: Conditions = {}
    ignore: str | None = None
    columns: Columns = {}
    required: list[str] = []


class File(_Strict):
    """How the bytes are laid out.

    `names`: the fields of lines without a header. `more_fields`: lines may have more than the
    header. `header_until`: the header's names end there. `comment`: lines that begin with one of
    these say nothing. `sections`: lines all of whose fields match this pattern name the fields of
    the lines after them, up to the next such line; lines with fewer fields that begin with a word
    of `between` say nothing. `clock`: the unit of a local clock that may stand before the JSON of a
    line. `rows`: the field of a document that holds the list of records, or one list per key.
    `numbers`: whether numbers are written as JSON numbers, which have digits that a double has not,
    or as texts.
    """

    format: Literal["csv", "json"]
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    names: list[str] = []
    more_fields: bool = False
    header_until: str | None = None
    comment: Words = []
    sections: Pattern | None = None
    between: list[str] = []
    clock: Literal["s", "ns"] | None = None
    rows: str | None = None
    numbers: Literal["json", "texts"] = "json"


class Recognise(_Strict):
    """What tells such a file: all that is given.

    `header` (in any order, capitals or not; `optional` ones may be there, and with `more` any),
    `fields` (a pattern for each field of headerless lines), `keys` (what the first JSON objects
    have: all of one of the lists, and none of `without`), `first` (a pattern that the first line
    begins with), `name` and `path` (patterns to be found in the file's name and in its whole path;
    their named parts can be used as columns). Where `name_only` is true, a file without that name
    is not told to be one.
    """

    header: list[str] = []
    optional: list[str] = []
    more: bool = False
    fields: list[Pattern] = []
    keys: list[list[str]] = []
    without: list[str] = []
    first: Pattern | None = None
    name: Pattern | None = None
    path: Pattern | None = None
    name_only: bool = False


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

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind not in KINDS:
            raise ValueError(f"kind: not one of {', '.join(KINDS)}")
        if self.checked and not self.facts:
            raise ValueError("facts: what was it compared with?")
        known = KINDS[self.kind].column_names
        sections = [("columns", self.columns, list[str]())] + [
            (f"messages.{at}.columns", message.columns, message.required)
            for at, message in enumerate(self.messages)
        ]
        for place, columns, required in sections:
            for name in [*columns, *required]:
                if name not in known:
                    raise ValueError(f"{place}: {self.kind} have no column {name!r}")
        seen = self.recognise
        if not (seen.header or seen.fields or seen.keys or seen.first or seen.name or seen.path):
            raise ValueError("recognise: say what tells such a file")
        if self.file.format == "csv" and not (self.file.names or seen.header):
            raise ValueError("file.names or recognise.header: what are the fields?")
        if seen.fields and len(seen.fields) != len(self.file.names):
            raise ValueError("recognise.fields: one pattern per name of file.names")
        if self.file.sections and not seen.header:
            raise ValueError("recognise.header: what does the section have that is looked for?")
        if self.file.format != "csv" and any(value.numbered for value in self.values):
            raise ValueError("columns: numbered is for lines of csv")
        self._require_parts()
        self._require_fields()
        return self

    def _require_fields(self) -> None:
        """Every field that is looked at is one of those that the file is said to have."""
        seen, file = self.recognise, self.file
        if file.format != "csv" or seen.more or file.sections:
            return
        known = {name.lower() for name in (*file.names, *seen.header, *seen.optional)}
        for name in self.field_names:
            if name.lower() not in known:
                raise ValueError(f"columns: no field {name!r} in names, header or optional")

    def _require_parts(self) -> None:
        patterns = [p for p in (self.recognise.name, self.recognise.path) if p]
        found = {part for p in patterns for part in re.compile(p).groupindex}
        for part in self.parts:
            if part not in found:
                raise ValueError(f"recognise: no pattern has the part (?P<{part}>...)")

    @property
    def _sections(self) -> list[Columns]:
        return [self.columns, *(message.columns for message in self.messages)]

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
        values = [one for columns in self._sections for one in columns.get("exchange", [])]
        constants = [value for value in values if value.constant is not None]
        found = list(dict.fromkeys(n for v in constants for n in (v.constant or "", *v.either)))
        return [] if ANY in found else found

    @property
    def names_exchange(self) -> bool:
        """Whether its files, or what it says of them, tell the exchange."""
        no_exchange = "exchange" not in KINDS[self.kind].column_names
        return no_exchange or any("exchange" in columns for columns in self._sections)

    @property
    def field_names(self) -> list[str]:
        """Every field of a record that the declaration looks at, each once."""
        found = [*self.named_by, *(name for value in self.values for name in value.fields)]
        for message in self.messages:
            found += [*message.when, *message.unless]
        return list(dict.fromkeys(found))


def load(path: Path, bases: dict[str, dict[str, Any]] | None = None) -> Declaration:
    """Read a declaration. Raises ConfigError, which names the file and the key that is wrong.

    `bases`: the raw declarations that one may build on with `like = "name"`.
    """
    return parsed(path, raw(path), bases or {})


def raw(path: Path) -> dict[str, Any]:
    """Return what a file says, unchecked. Raises ConfigError when it is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"feed {path}: cannot be read: {error}") from None


def parsed(path: Path, said: dict[str, Any], bases: dict[str, dict[str, Any]]) -> Declaration:
    """Check what a file says. Raises ConfigError."""
    base = said.get("like")
    if base is not None:
        if base not in bases:
            raise ConfigError(f"feed {path}: like: there is no feed {base!r}")
        said = _laid_over(bases[base], {key: v for key, v in said.items() if key != "like"})
    try:
        return Declaration.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"feed {path}: {place}{': ' if place else ''}{what}") from None


def _laid_over(base: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Return a declaration whose keys and tables replace or extend those of another."""
    merged = dict(base)
    for key, value in said.items():
        under = merged.get(key)
        both = isinstance(value, dict) and isinstance(under, dict)
        merged[key] = {**under, **value} if both else value  # type: ignore[dict-item]
    return merged
