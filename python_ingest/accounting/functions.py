"""The folds of python_ingest.accounting.fold and lots as functions of SQL."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from python_ingest.accounting.books import Book, BookEvents, BookStates, fold_books
from python_ingest.accounting.fold import Moved, Transfer
from python_ingest.accounting.lot_books import BookChanges, Legs, LotBook, fold_lot_books
from python_ingest.accounting.lots import Events, Lot, Method

QUANTITY = pa.decimal128(38, 10)
MONEY = pa.decimal128(38, 20)
SIDES = {"long": 1, "short": -1}
STARTS_SQL = (
    "struct(symbol varchar, quantity decimal(38, 10), cost decimal(38, 20),"
    " realized decimal(38, 20))[]"
)
EVENTS_SQL = (
    "struct(quantity decimal(38, 10), price decimal(38, 10), ratio decimal(18, 8),"
    " transfer varchar, transfer_cost decimal(38, 20))[]"
)
BOOK_EVENTS_SQL = EVENTS_SQL.replace(
    "struct(", "struct(symbol varchar, action varchar, share decimal(18, 8), "
)
STATES_SQL = (
    "struct(quantity decimal(38, 10), average_price decimal(38, 10),"
    " cost decimal(38, 20), realized decimal(38, 20), opened_step bigint,"
    " opened_symbols varchar[])[]"
)
FIELDS = (("quantity", QUANTITY), ("average_price", QUANTITY), ("cost", MONEY), ("realized", MONEY))

LOTS_SQL = (
    "struct(symbol varchar, lot_number bigint, opened_at timestamp, quantity decimal(38, 10),"
    " opened_quantity decimal(38, 10), cost decimal(38, 20), opening_symbol varchar,"
    " opening_number bigint, opening_spin_off varchar)[]"
)
LOT_BOOKS_SQL = "struct(symbol varchar, cost decimal(38, 20), realized decimal(38, 20))[]"
LOT_EVENTS_SQL = BOOK_EVENTS_SQL.replace(
    "struct(", "struct(event_number bigint, opened_at timestamp, "
)
TIME = pa.timestamp("us")
CHANGES = (
    *(("event_number", pa.int64()), ("part", pa.int64()), ("lot_number", pa.int64())),
    ("opened_at", TIME),
    *(("quantity", QUANTITY), ("opened_quantity", QUANTITY)),
    *(("cost", MONEY), ("unit_cost", QUANTITY)),
    *(("taken_quantity", QUANTITY), ("taken_cost", MONEY), ("entry_price", QUANTITY)),
    *(("realized_pnl_delta", MONEY), ("position_cost", MONEY), ("realized_pnl", MONEY)),
    *(("symbol", pa.string()), ("opening_symbol", pa.string()), ("opening_number", pa.int64())),
    ("opening_spin_off", pa.string()),
)
SQL_TYPES = {
    pa.int64(): "bigint",
    pa.string(): "varchar",
    TIME: "timestamp",
    QUANTITY: "decimal(38, 10)",
    MONEY: "decimal(38, 20)",
}
CHANGES_SQL = f"struct({', '.join(f'{name} {SQL_TYPES[kind]}' for name, kind in CHANGES)})[]"


def fold_positions(starts: pa.Array, events: pa.Array, side: pa.Array) -> Any:
    """Fold one list of events per row; return a list of states of the same length per row.

    starts: the states before, a list of (symbol, quantity, cost, realized), of which there may be
    none. events: list of (symbol, quantity, price, ratio, transfer, transfer_cost, action, share)
    in order; ratio is NULL for a fill. transfer: `in` for what comes in kind, at transfer_cost,
    `out` for what goes. symbol is NULL but where corporate actions link several (`fold_books`), of
    which action names the legs; opening is then where what came, or what it was added to, was
    opened first: the event, or the symbols of the states before. side: a position that is `long` or
    `short` never flips; what would lead beyond nothing is cut. Money that has no room is NULL from
    there on, as it is when it was NULL before. So is a quantity; a split that leaves it without
    room keeps the cost, which is NULL from the next event on.
    """
    events, starts = _whole(events), _whole(starts)
    sides = [SIDES.get(name, 0) for name in side.to_pylist()]
    values, held = _values(events), _values(starts)
    columns = (
        _units(values.field("quantity")), _units(values.field("price")),
        _optional(values.field("ratio"), _integers),
        _moved(values) or [None] * len(values),
        _optional(values.field("symbol"), pa.Array.to_pylist),
        _optional(values.field("action"), pa.Array.to_pylist),
        _optional(values.field("share"), _integers),
    )  # fmt: skip
    before = list(
        zip(held.field("symbol").to_pylist(),
            *(_integers(held.field(name)) for name in ("quantity", "cost", "realized")),
            strict=True)
    )  # fmt: skip
    folded: tuple[list[Any], ...] = tuple([] for _ in BookStates._fields)
    for own_side, span, own_starts in zip(sides, _spans(events), _spans(starts), strict=True):
        own = BookEvents._make(column[span] for column in columns)
        states = fold_books((Book(*start) for start in before[own_starts]), own, side=own_side)
        for at, column in enumerate(folded):
            column.extend(states[at])
    *known, openings = folded
    arrays = [_column(c, kind) for c, (_, kind) in zip(known, FIELDS, strict=True)]
    arrays.append(_column([it and (it.step or None) for it in openings], pa.int64()))
    arrays.append(
        _column(
            [None if it is None or it.step else it.symbols for it in openings],
            pa.list_(pa.string()),
        )
    )
    names = [*(name for name, _ in FIELDS), "opened_step", "opened_symbols"]
    struct = pa.StructArray.from_arrays(arrays, names=names)
    return pa.ListArray.from_arrays(events.offsets, struct)


def fold_position_lots(method: pa.Array, lots: pa.Array, books: pa.Array, events: pa.Array) -> Any:
    """Fold one list of events per row into what each changes; return a list of changes per row.

    method: fifo, lifo, hifo or average. books: (symbol, cost, realized) before, of which there may
    be none; lots: those that are open then. NULL is unknown. events: as fold_positions takes them,
    each with its event_number. symbol is NULL but where corporate actions link several; opening is
    where a lot was opened under another. Lots of which a quantity is NULL change no more.
    """
    events, lots, books = _whole(events), _whole(lots), _whole(books)
    values, held, known = _values(events), _values(lots), _values(books)
    columns = Events(
        values.field("event_number").to_pylist(),
        _times(values.field("opened_at")),
        _units(values.field("quantity")),
        _units(values.field("price")),
        _optional(values.field("ratio"), _integers),
        _moved(values) or [None] * len(values),
    )
    legs = (
        _optional(values.field("symbol"), pa.Array.to_pylist),
        _optional(values.field("action"), pa.Array.to_pylist),
        _optional(values.field("share"), _integers),
    )
    before: list[tuple[Any, ...]] = list(
        zip(held.field("lot_number").to_pylist(), _times(held.field("opened_at")),
            *(_integers(held.field(name)) for name in ("quantity", "opened_quantity", "cost")),
            strict=True)
    )  # fmt: skip
    owners, *openings = (
        held.field(name).to_pylist()
        for name in ("symbol", "opening_symbol", "opening_number", "opening_spin_off")
    )
    paid, earned = (_integers(known.field(name)) for name in ("cost", "realized"))
    names = known.field("symbol").to_pylist()
    folded: tuple[list[Any], ...] = tuple([] for _ in CHANGES)
    offsets = [0]
    spans = zip(method.to_pylist(), _spans(events), _spans(lots), _spans(books), strict=True)
    for name, span, lot_span, book_span in spans:
        own_lots = range(lot_span.start, lot_span.stop)
        if None not in [before[at][2] for at in own_lots]:
            own_books = [
                LotBook(
                    names[book],
                    tuple(Lot(*before[at]) for at in own_lots if owners[at] == names[book]),
                    paid[book],
                    earned[book],
                    tuple((before[at][0], tuple(column[at] for column in openings))
                          for at in own_lots
                          if owners[at] == names[book] and openings[1][at] is not None),
                )
                for book in range(book_span.start, book_span.stop)
            ]  # fmt: skip
            for book_changes in fold_lot_books(
                Method(name), own_books, Events._make(column[span] for column in columns),
                Legs._make(column[span] for column in legs),
            ):  # fmt: skip
                _extend(folded, book_changes)
        offsets.append(len(folded[0]))
    arrays = [_column(column, kind) for column, (_, kind) in zip(folded, CHANGES, strict=True)]
    struct = pa.StructArray.from_arrays(arrays, names=[name for name, _ in CHANGES])
    return pa.ListArray.from_arrays(_column(offsets, pa.int32()), struct)


def _extend(columns: Sequence[list[Any]], book: BookChanges) -> None:
    """Add the changes of one book."""
    for column, own in zip(columns, book.changes, strict=False):
        column.extend(own)
    symbols, *openings = columns[-4:]
    symbols.extend([book.symbol] * len(book.changes.lot))
    for place, column in enumerate(openings):
        if book.origins:
            origins = (book.origins.get(lot or 0) for lot in book.changes.lot)
            column.extend(origin and origin[place] for origin in origins)
        else:
            column.extend([None] * len(book.changes.lot))


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


def _optional(array: pa.Array, read: Callable[[pa.Array], list[Any]]) -> list[Any]:
    """What it reads, where there is anything."""
    return [None] * len(array) if array.null_count == len(array) else read(array)


def _times(array: pa.Array) -> list[int]:
    """Microseconds since 1970."""
    return list(array.view(pa.int64()).to_pylist())


def _spans(lists: pa.Array) -> list[slice]:
    """Where the values of each list lie."""
    offsets = lists.offsets.to_pylist()  # to_numpy imports pandas, which takes longer than a fold
    return [slice(begin, end) for begin, end in pairwise(offsets)]


def _values(lists: pa.Array) -> pa.Array:
    """The values of all lists (flatten imports pyarrow.compute, which takes as long as a fold)."""
    return lists.values[: lists.offsets[-1].as_py()] if len(lists) else lists.values[:0]


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
    bits = np.unpackbits(np.frombuffer(array.buffers()[0], "u1"), bitorder="little")
    known = bits[array.offset :][: len(array)].tolist()
    return [value if is_known else None for value, is_known in zip(units, known, strict=True)]


def _units(array: pa.Array) -> list[int]:
    """The integers behind a column of decimals that has no NULL (Arrow keeps 16 bytes each)."""
    halves = np.frombuffer(array.buffers()[1], "<i8")[2 * array.offset :][: 2 * len(array)]
    low, high = halves[::2], halves[1::2]
    if (high == low >> 63).all():
        return list(low.tolist())
    return [(h << 64) | low for h, low in zip(high.tolist(), low.view("<u8").tolist(), strict=True)]


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """A column; None is NULL (pa.array imports pandas, which takes longer than a fold)."""
    nulls = values.count(None)
    if nulls == len(values):
        return pa.nulls(len(values), kind)
    if kind in {QUANTITY, MONEY}:
        data = _decimals([value or 0 for value in values])
    elif kind in {pa.int32(), pa.int64(), TIME}:
        data = np.array([value or 0 for value in values], f"<i{kind.bit_width // 8}").tobytes()
    else:
        return pa.array(values, kind)
    known = (
        np.packbits([value is not None for value in values], bitorder="little") if nulls else None
    )
    buffers = [known if known is None else pa.py_buffer(known.tobytes()), pa.py_buffer(data)]
    return pa.Array.from_buffers(kind, len(values), buffers)


def _decimals(integers: Sequence[int]) -> bytes:
    """Arrow keeps 16 bytes of each."""
    try:
        low = np.array(integers, "<i8")
    except OverflowError:
        return b"".join([value.to_bytes(16, "little", signed=True) for value in integers])
    return np.column_stack((low, low >> 63)).tobytes()


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make fold_positions and fold_position_lots known to a connection."""
    connection.create_function(
        "fold_positions",
        fold_positions,
        [STARTS_SQL, BOOK_EVENTS_SQL, "varchar"],
        STATES_SQL,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )
    connection.create_function(
        "fold_position_lots",
        fold_position_lots,
        ["varchar", LOTS_SQL, LOT_BOOKS_SQL, LOT_EVENTS_SQL],
        CHANGES_SQL,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )
