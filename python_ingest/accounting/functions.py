"""The folds of python_ingest.accounting.fold and lots as functions of SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from python_ingest.accounting.fold import (
    Moved,
    States,
    Transfer,
    costs_within,
    fold,
    within_side,
)
from python_ingest.accounting.lots import Changes, Events, Lot, Method, fold_lots

QUANTITY = pa.decimal128(38, 10)
MONEY = pa.decimal128(38, 20)
TOO_LARGE = 10**38
SIDES = {"long": 1, "short": -1}
EVENTS_SQL = (
    "struct(quantity decimal(38, 10), price decimal(38, 10), ratio decimal(18, 8),"
    " transfer varchar, transfer_cost decimal(38, 20))[]"
)
STATES_SQL = (
    "struct(quantity decimal(38, 10), average_price decimal(38, 10),"
    " cost decimal(38, 20), realized decimal(38, 20))[]"
)
FIELDS = (("quantity", QUANTITY), ("average_price", QUANTITY), ("cost", MONEY), ("realized", MONEY))

LOTS_SQL = (
    "struct(lot_number bigint, opened_at timestamp, quantity decimal(38, 10),"
    " opened_quantity decimal(38, 10), cost decimal(38, 20))[]"
)
LOT_EVENTS_SQL = EVENTS_SQL.replace("struct(", "struct(event_number bigint, opened_at timestamp, ")
TIME = pa.timestamp("us")
CHANGES = (
    *(("event_number", pa.int64()), ("part", pa.int64()), ("lot_number", pa.int64())),
    ("opened_at", TIME),
    *(("quantity", QUANTITY), ("opened_quantity", QUANTITY)),
    *(("cost", MONEY), ("unit_cost", QUANTITY)),
    *(("taken_quantity", QUANTITY), ("taken_cost", MONEY), ("entry_price", QUANTITY)),
    *(("realized_pnl_delta", MONEY), ("position_cost", MONEY), ("realized_pnl", MONEY)),
)
SQL_TYPES = {
    pa.int64(): "bigint",
    TIME: "timestamp",
    QUANTITY: "decimal(38, 10)",
    MONEY: "decimal(38, 20)",
}
CHANGES_SQL = f"struct({', '.join(f'{name} {SQL_TYPES[kind]}' for name, kind in CHANGES)})[]"


def fold_positions(
    quantity: pa.Array, cost: pa.Array, realized: pa.Array, events: pa.Array, side: pa.Array
) -> Any:
    """Fold one list of events per row; return a list of states of the same length per row.

    quantity decimal(38, 10), cost and realized decimal(38, 20): the initial state.
    events: list of (quantity, price, ratio, transfer, transfer_cost) in order; ratio is NULL for a
    fill. transfer: `in` for what comes in kind, at transfer_cost, `out` for what goes. side: a
    position that is `long` or `short` never flips; what would lead beyond nothing is cut. Money
    that has no room is NULL from there on, as it is when it was NULL before. So is a quantity; a
    split that leaves it without room keeps the cost, which is NULL from the next event on.
    """
    events = _whole(events)
    starts = zip(_integers(quantity), _integers(cost), _integers(realized), strict=True)
    sides = [SIDES.get(name, 0) for name in side.to_pylist()]
    values = events.flatten()
    quantities, prices = _units(values.field("quantity")), _units(values.field("price"))
    ratios = values.field("ratio")
    has_splits = ratios.null_count < len(ratios)
    moved = _moved(values)
    offsets = events.offsets.to_pylist()  # to_numpy imports pandas, which takes longer than a fold
    folded: tuple[list[int | None], ...] = ([], [], [], [])
    spans = pairwise(offsets)
    for (held, paid, earned), own_side, (begin, end) in zip(starts, sides, spans, strict=True):
        filled, costs = quantities[begin:end], moved and moved[begin:end]
        own_ratios = _integers(ratios[begin:end]) if has_splits else [None] * (end - begin)
        if own_side:
            kept = within_side(filled, own_ratios, own_side, quantity=held or 0)
            costs = costs and costs_within(costs, filled, kept)
            filled = kept
        states = fold(
            filled,
            prices[begin:end],
            own_ratios,
            costs,
            quantity=held or 0,
            cost=paid or 0,
            realized=earned or 0,
        )
        is_known = None not in (held, paid, earned)
        fitting = _that_fit(states, known_quantity=held is not None, is_known=is_known)
        for all_states, some in zip(folded, fitting, strict=True):
            all_states.extend(some)
    columns = [_decimals(c, kind) for c, (_, kind) in zip(folded, FIELDS, strict=True)]
    struct = pa.StructArray.from_arrays(columns, names=[name for name, _ in FIELDS])
    return pa.ListArray.from_arrays(events.offsets, struct)


def fold_position_lots(
    method: pa.Array,
    lots: pa.Array,
    cost: pa.Array,
    realized: pa.Array,
    events: pa.Array,
) -> Any:
    """Fold one list of events per row into what each changes; return a list of changes per row.

    method: fifo, lifo, hifo or average. lots, cost, realized: the lots that are open before, what
    they cost and what was realised, NULL where it is unknown. events: as fold_positions takes them,
    each with its event_number. Lots of which a quantity is NULL change no more.
    """
    events, lots = _whole(events), _whole(lots)
    values, held = events.flatten(), lots.flatten()
    columns = Events(
        values.field("event_number").to_pylist(),
        _times(values.field("opened_at")),
        _units(values.field("quantity")),
        _units(values.field("price")),
        _integers(values.field("ratio")),
        _moved(values) or [None] * len(values),
    )
    before: list[tuple[Any, ...]] = list(
        zip(held.field("lot_number").to_pylist(), _times(held.field("opened_at")),
            *(_integers(held.field(name)) for name in ("quantity", "opened_quantity", "cost")),
            strict=True)
    )  # fmt: skip
    starts = zip(
        method.to_pylist(), _integers(cost), _integers(realized), _spans(events), _spans(lots),
        strict=True,
    )  # fmt: skip
    folded = Changes(*([] for _ in Changes._fields))
    offsets = [0]
    for name, paid, earned, span, lot_span in starts:
        some = [Lot(*lot) for lot in before[lot_span]]
        if None not in [lot.quantity for lot in some]:
            changes = fold_lots(
                Method(name), Events._make(column[span] for column in columns),
                lots=some, cost=paid, realized=earned,
            )  # fmt: skip
            for all_changes, own in zip(folded, changes, strict=True):
                all_changes.extend(own)
        offsets.append(len(folded.event))
    arrays = [
        _decimals(column, kind)
        if kind in {QUANTITY, MONEY}
        else pa.array(column, pa.int64()).cast(kind)
        for column, (_, kind) in zip(folded, CHANGES, strict=True)
    ]
    struct = pa.StructArray.from_arrays(arrays, names=[name for name, _ in CHANGES])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct)


def _moved(events: pa.Array) -> list[Moved] | None:
    """What each event's quantity came with; None where nothing came or went in kind."""
    transfers = events.field("transfer")
    if transfers.null_count == len(transfers):
        return None
    costs = _integers(events.field("transfer_cost"))
    return [
        Transfer.OUT if transfer == "out" else transfer and (cost or 0)
        for transfer, cost in zip(transfers.to_pylist(), costs, strict=True)
    ]


def _times(array: pa.Array) -> list[int]:
    """Microseconds since 1970."""
    return list(array.cast(pa.int64()).to_pylist())


def _spans(lists: pa.Array) -> list[slice]:
    """Where the values of each list lie."""
    offsets = lists.offsets.to_pylist()
    return [slice(begin, end) for begin, end in pairwise(offsets)]


def _that_fit(
    states: States, *, known_quantity: bool, is_known: bool
) -> Iterable[Sequence[int | None]]:
    """Leave out what a DECIMAL of 38 digits does not hold, and all that follows from it."""
    quantity, average, cost, realized = states
    if is_known and all(
        min(part, default=0) > -TOO_LARGE and max(part, default=0) < TOO_LARGE for part in states
    ):
        return states
    kept = 0 if not known_quantity else _first_too_large(quantity)
    unknown = 0 if not is_known else min(_first_too_large(cost, realized), kept + 1)
    rest = [None] * (len(quantity) - unknown)
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
    """Make fold_positions and fold_position_lots known to a connection."""
    connection.create_function(
        "fold_positions",
        fold_positions,
        ["decimal(38, 10)", "decimal(38, 20)", "decimal(38, 20)", EVENTS_SQL, "varchar"],
        STATES_SQL,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )
    connection.create_function(
        "fold_position_lots",
        fold_position_lots,
        ["varchar", LOTS_SQL, "decimal(38, 20)", "decimal(38, 20)", LOT_EVENTS_SQL],
        CHANGES_SQL,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )
