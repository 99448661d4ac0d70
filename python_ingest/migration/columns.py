"""Columns of the server: what is selected of them, and the DuckDB type that loses nothing."""

import re
from dataclasses import dataclass

from python_ingest.storage.sql import literal, quoted

# What arrives as it is; all else is sent as text and cast here.
_NATIVE = {
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "bool": "BOOLEAN",
    "text": "VARCHAR",
    "varchar": "VARCHAR",
}
_FROM_TEXT = {"date": "DATE", "uuid": "UUID", "json": "JSON", "jsonb": "JSON"}
_INTEGERS = ("BIGINT", "INTEGER")
# Arrow's microseconds end here: the driver wraps later times, and infinite ones, in silence.
_NO_ROOM = "294247-01-01"


@dataclass(frozen=True)
class Column:
    """A column: what is selected of it, and the DuckDB type as which it is stored.

    `text`: the name of arriving text that is cast to `type` or refused; None: values come as they
    are. `decimals`: text with more is refused, too, because the cast would round it.
    """

    name: str
    select: str
    type: str
    text: str | None = None
    decimals: int | None = None

    @property
    def value(self) -> str:
        """DuckDB's expression of what is stored."""
        if self.text in (None, self.name):
            return self._cast
        return f"coalesce({quoted(self.name)}, {self._cast})"

    @property
    def fits(self) -> str:
        """DuckDB's condition that the value is stored as it came."""
        if self.text is None:
            return "true"
        text, fine = quoted(self.text), ""
        if self.decimals is not None:
            fine = f" and length(rtrim(split_part({text}, '.', 2), '0')) <= {self.decimals}"
        return f"({text} is null or {self._cast} is not null{fine})"

    @property
    def refusal(self) -> str:
        """DuckDB's expression of why it is refused; null where it fits."""
        if self.text is None:
            return "null"
        return (
            f"case when not {self.fits} then {literal(self.name + ': ')} ||"
            f" if(lower({quoted(self.text)}) in ('nan', 'infinity', '-infinity'),"
            f" 'NaN or infinite', {literal('does not fit ' + self.type)}) end"
        )

    @property
    def _cast(self) -> str:
        if self.text is None:
            return quoted(self.name)
        json = "::json" if self.type.endswith("[]") else ""
        return f"try_cast({quoted(self.text)}{json} as {self.type})"


def column_of(  # noqa: PLR0913, PLR0917
    source: str, name: str, type_: str, modifier: int, is_array: bool, wanted: str | None
) -> Column:
    """Return how a column `source` of this PostgreSQL type is stored as `name`.

    `wanted`: the DuckDB type that one of our tables has there.
    """
    sql, scale = quoted(source), None
    stored = _NATIVE.get(type_) or _FROM_TEXT.get(type_, "VARCHAR")
    if is_array:
        # of texts: JSON's numbers are doubles where they are read
        sql, stored = f"array_to_json({sql}::text[])", "VARCHAR[]"
    elif wanted in (*_INTEGERS, "UUID", "VARCHAR") or (wanted or "").startswith("DECIMAL"):
        stored = str(wanted)
    if type_ == "numeric" and modifier >= 0:
        precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
        if stored == "VARCHAR" and wanted is None and scale <= precision <= 38:  # noqa: PLR2004
            stored = f"DECIMAL({precision},{scale})"
    if stored == _NATIVE.get(type_):
        return Column(name, f"{sql} as {quoted(name)}", stored)
    if stored.startswith("DECIMAL") or (stored in _INTEGERS and type_.startswith("float")):
        # A numeric's text has no exponent. Of a float by its text, which is the number:
        # PostgreSQL rounds float8 to 15 digits and float4 to 6 where it makes a numeric of it.
        sql = f"{sql}::text::numeric" if type_.startswith("float") else f"{sql}::numeric"
    select = f"{sql}::text as {quoted(name)}"
    if stored == "VARCHAR":
        return Column(name, select, stored)
    room = _decimals(stored)
    is_exact = room is None or (scale is not None and scale <= room)
    return Column(name, select, stored, name, None if is_exact else room)


def time_of(source: str, name: str, type_: str, *, is_finite: bool) -> Column:
    """Return how a time is stored; `is_finite`: no row that is read has an infinite one."""
    sql = quoted(source) + (" at time zone 'UTC'" if type_ == "timestamptz" else "")
    if is_finite:
        return Column(name, f"{sql} as {quoted(name)}", "TIMESTAMP")
    far = f"not isfinite({quoted(source)}) or {quoted(source)} >= '{_NO_ROOM}'"
    select = (
        f"case when {far} then null else {sql} end as {quoted(name)},"
        f" case when {far} then ({sql})::text end as {quoted(name + ' far')}"
    )
    return Column(name, select, "TIMESTAMP", f"{name} far")


def _decimals(type_: str) -> int | None:
    """Decimals of a number's type; None for other types."""
    found = re.search(r",(\d+)", type_)
    return int(found[1]) if found else 0 if type_ in _INTEGERS else None
