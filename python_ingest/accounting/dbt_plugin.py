"""dbt-duckdb plugin: `fold_positions` in SQL is the fold of python_ingest.accounting.fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb.func import FunctionNullHandling, PythonUDFType

from python_ingest.accounting.fold import States, fold

QUANTITY = pa.decimal128(38, 10)
MONEY = pa.decimal128(38, 20)
TOO_LARGE = 10**38
EVENTS_SQL = "struct(quantity decimal(38, 10), price decimal(38, 10), ratio decimal(18, 8))[]"
STATES_SQL = (
    "struct(quantity decimal(38, 10), average_price decimal(38, 10),"
    " cost decimal(38, 20), realized decimal(38, 20))[]"
)
FIELDS = (("quantity", QUANTITY), ("average_price", QUANTITY), ("cost", MONEY), ("realized", MONEY))


def fold_positions(quantity: pa.Array, cost: pa.Array, realized: pa.Array, events: pa.Array) -> Any:
    """Fold one list of events per row; return a list of states of the same length per row.

    quantity decimal(38, 10), cost and realized decimal(38, 20): the initial state.
    events: list of (quantity, price, ratio) in order; ratio is NULL for a fill. Money that has no
    room is NULL from there on, as it is when it was NULL before; so is a quantity.
    """
    events = _whole(events)
    starts = zip(_integers(quantity), _integers(cost), _integers(realized), strict=True)
    values = events.flatten()
    quantities, prices = _units(values.field("quantity")), _units(values.field("price"))
    ratios = values.field("ratio")
    has_splits = ratios.null_count < len(ratios)
    offsets = events.offsets.to_pylist()  # to_numpy imports pandas, which takes longer than a fold
    folded: tuple[list[int | None], ...] = ([], [], [], [])
    for (held, paid, earned), begin, end in zip(starts, offsets, offsets[1:], strict=False):
        states = fold(
            quantities[begin:end],
            prices[begin:end],
            _integers(ratios[begin:end]) if has_splits else repeat(None, end - begin),
            quantity=held or 0,
            cost=paid or 0,
            realized=earned or 0,
        )
        is_known = None not in (held, paid, earned)
        for all_states, some in zip(folded, _that_fit(states, is_known=is_known), strict=True):
            all_states.extend(some)
    columns = [_decimals(c, kind) for c, (_, kind) in zip(folded, FIELDS, strict=True)]
    struct = pa.StructArray.from_arrays(columns, names=[name for name, _ in FIELDS])
    return pa.ListArray.from_arrays(events.offsets, struct)


def _that_fit(states: States, *, is_known: bool) -> Iterable[Sequence[int | None]]:
    """Leave out what a DECIMAL of 38 digits does not hold, and all that follows from it."""
    quantity, average, cost, realized = states
    if is_known and all(
        min(part, default=0) > -TOO_LARGE and max(part, default=0) < TOO_LARGE for part in states
    ):
        return states
    unknown = 0 if not is_known else _first_too_large(cost, realized)
    rest = [None] * (len(quantity) - unknown)
    kept = _first_too_large(quantity)
    return (
        quantity[:kept] + [None] * (len(quantity) - kept),
        average[:unknown] + rest,
        cost[:unknown] + rest,
        realized[:unknown] + rest,
    )


def _first_too_large(*parts: list[int]) -> int:
    return min(
        next((at for at, value in enumerate(part) if abs(value) >= TOO_LARGE), len(part))
        for part in parts
    )


def _whole(array: pa.Array) -> pa.Array:
    """One array whose offsets begin at 0."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if len(array) and array.offsets[0].as_py() != 0:
        array = pa.concat_arrays([array])
    return array


def _integers(array: pa.Array) -> list[int | None]:
    """The integers behind a column of decimals."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if array.null_count == 0:
        return list(_units(array))
    units = _units(array)
    known = array.is_valid().to_pylist()
    return [value if is_known else None for value, is_known in zip(units, known, strict=True)]


def _units(array: pa.Array) -> list[int]:
    """The integers behind a column of decimals that has no NULL (Arrow keeps 16 bytes each)."""
    halves = np.frombuffer(array.buffers()[1], "<i8")[2 * array.offset :][: 2 * len(array)]
    low, high = halves[::2], halves[1::2]
    if (high == low >> 63).all():
        return list(low.tolist())
    return [(h << 64) | low for h, low in zip(high.tolist(), low.view("<u8").tolist(), strict=True)]


def _decimals(integers: Sequence[int | None], kind: pa.DataType) -> pa.Array:
    """The column of decimals with these integers behind it."""
    known = None
    if None in integers:
        known = pa.array([value is not None for value in integers]).buffers()[1]
    data = b"".join([(value or 0).to_bytes(16, "little", signed=True) for value in integers])
    return pa.Array.from_buffers(kind, len(integers), [known, pa.py_buffer(data)])


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make fold_positions known to a connection."""
    connection.create_function(
        "fold_positions",
        fold_positions,
        ["decimal(38, 10)", "decimal(38, 20)", "decimal(38, 20)", EVENTS_SQL],
        STATES_SQL,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )


class Plugin(BasePlugin):
    """Registers the function on every connection that dbt opens."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register the fold."""
        register(conn)
