"""Values that a client binds: one Arrow row becomes the values of a query."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from python_ingest.errors import QueryError
from python_ingest.serving.results import Parameters

_LONGEST = 1_000_000
_DIGITS = 38  # the engine would make a longer decimal a float
_KINDS = (bool, int, float, str, bytes, Decimal, date, datetime, time, timedelta, UUID)


def in_utc(moment: datetime) -> datetime:
    """Return the time in UTC without its zone: a zone keeps DuckDB from skipping old rows."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def one_row(batches: Any) -> pa.RecordBatch:
    """Return the one row of a stream of batches. Raises QueryError when it is not one, or large."""
    rows: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.nbytes > _LONGEST:
            raise QueryError(f"the bound values are larger than {_LONGEST} bytes")
        if batch.num_rows:
            rows.append(batch)
        if sum(each.num_rows for each in rows) > 1:
            raise QueryError("one row of values at a time: run the query once for each row")
    if not rows:
        raise QueryError("no row of values was sent")
    return rows[0]


def values_of(row: pa.RecordBatch, names: frozenset[str]) -> Parameters:
    """Return the values of a query with the parameters `names`: `1`, `2`, ... or texts.

    Raises QueryError when their count or their names differ, or a type cannot be bound.
    """
    if len(names) != row.num_columns:
        raise QueryError(
            f"the query has {len(names)} parameters, and {row.num_columns} values are bound"
        )
    values = [_value(field.name, row.column(n)) for n, field in enumerate(row.schema)]
    if all(name.isdigit() for name in names):
        return values
    if set(row.schema.names) != names:
        wanted = ", ".join(f"${name}" for name in sorted(names))
        raise QueryError(f"the query names its values ({wanted}): bind them by these names")
    return dict(zip(row.schema.names, values, strict=True))


def _value(name: str, column: pa.Array) -> Any:
    if getattr(column.type, "unit", None) == "ns":  # Python's times have microseconds
        try:
            column = column.cast(_microseconds(column.type))
        except pa.ArrowInvalid:
            raise QueryError(f"value {name}: bind times of microseconds") from None
    try:
        value = column[0].as_py()
    except (ValueError, OverflowError, NotImplementedError) as error:
        raise QueryError(f"value {name} ({column.type}): {type(error).__name__}") from None
    if not _is_taken(value):
        raise QueryError(f"value {name}: a value of type {column.type} cannot be bound")
    return in_utc(value) if isinstance(value, datetime) else value


def _is_taken(value: Any) -> bool:
    """Tell whether the engine takes a value as what it is; of a map it would not."""
    if isinstance(value, list):
        return all(map(_is_taken, value))
    if isinstance(value, dict):
        return all(map(_is_taken, value.values()))
    return value is None or isinstance(value, _KINDS)


def require_decimals(values: Any) -> None:
    """Raise QueryError where there is a Decimal among values that the engine would make a float."""
    if isinstance(values, Decimal):
        _, digits, exponent = values.as_tuple()
        # Zeros before and behind the digits count too: 1E+40 has 41. NaN has no exponent.
        if not isinstance(exponent, int) or (
            max(len(digits), -exponent, len(digits) + exponent) > _DIGITS
        ):
            raise QueryError(f"{values} cannot be bound as DECIMAL: it would become a float")
    elif isinstance(values, Mapping):
        require_decimals(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            require_decimals(value)


def _microseconds(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.time64("us") if pa.types.is_time(kind) else pa.duration("us")
