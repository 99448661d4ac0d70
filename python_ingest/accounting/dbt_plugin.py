"""dbt-duckdb plugin: `fold_positions` in SQL is the fold of python_ingest.accounting.fold."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import duckdb
import pyarrow as pa
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb.func import PythonUDFType

from python_ingest.accounting.fold import States, fold

QUANTITY = pa.decimal128(38, 8)
MONEY = pa.decimal128(38, 24)
EVENTS_SQL = "struct(quantity bigint, price bigint, ratio bigint)[]"
STATES_SQL = (
    "struct(quantity decimal(38, 8), average_price decimal(38, 8),"
    " cost decimal(38, 24), realized decimal(38, 24))[]"
)
FIELDS = (("quantity", QUANTITY), ("average_price", QUANTITY), ("cost", MONEY), ("realized", MONEY))


def fold_positions(quantity: pa.Array, cost: pa.Array, realized: pa.Array, events: pa.Array) -> Any:
    """Fold one list of events per row; return a list of states of the same length per row.

    quantity decimal(38, 8), cost and realized decimal(38, 24): the initial state.
    events: list of (quantity, price, ratio) in 1e-8, in order; ratio is NULL for a fill.
    """
    events = _whole(events)
    starts = zip(_integers(quantity), _integers(cost), _integers(realized), strict=True)
    values = events.flatten()
    quantities = values.field("quantity").to_numpy(zero_copy_only=False).tolist()
    prices = values.field("price").to_numpy(zero_copy_only=False).tolist()
    ratios = values.field("ratio")
    has_splits = ratios.null_count < len(ratios)
    offsets = events.offsets.to_numpy().tolist()
    folded = States([], [], [], [])
    for (held, paid, earned), begin, end in zip(starts, offsets, offsets[1:], strict=False):
        states = fold(
            quantities[begin:end],
            prices[begin:end],
            ratios[begin:end].to_pylist() if has_splits else repeat(None, end - begin),
            quantity=held,
            cost=paid,
            realized=earned,
        )
        for all_states, some in zip(folded, states, strict=True):
            all_states.extend(some)
    columns = [_decimals(c, kind) for c, (_, kind) in zip(folded, FIELDS, strict=True)]
    struct = pa.StructArray.from_arrays(columns, names=[name for name, _ in FIELDS])
    return pa.ListArray.from_arrays(events.offsets, struct)


def _whole(array: pa.Array) -> pa.Array:
    """One array whose offsets begin at 0."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if len(array) and array.offsets[0].as_py() != 0:
        array = pa.concat_arrays([array])
    return array


def _integers(array: pa.Array) -> list[int]:
    """The integers behind a column of decimals."""
    scale = array.type.scale
    return [int(value.scaleb(scale)) for value in array.to_pylist()]


def _decimals(integers: list[int], kind: pa.DataType) -> pa.Array:
    """The column of decimals with these integers behind it (Arrow keeps them as 16 bytes each)."""
    data = b"".join([value.to_bytes(16, "little", signed=True) for value in integers])
    return pa.Array.from_buffers(kind, len(integers), [None, pa.py_buffer(data)])


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make fold_positions known to a connection."""
    connection.create_function(
        "fold_positions",
        fold_positions,
        ["decimal(38, 8)", "decimal(38, 24)", "decimal(38, 24)", EVENTS_SQL],
        STATES_SQL,
        type=PythonUDFType.ARROW,
    )


class Plugin(BasePlugin):
    """Registers the function on every connection that dbt opens."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register the fold."""
        register(conn)
