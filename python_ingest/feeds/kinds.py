"""What a landed row of each kind consists of: canonical columns, allowed words, its key."""

from __future__ import annotations

from dataclasses import dataclass

DECIMAL = "DECIMAL(18,8)"
"""Prices and sizes of ticks, and ratios."""
WIDE = "DECIMAL(28,10)"
"""Quantities, prices and money of order flow (docs/adr/0165)."""
DECIMALS = (DECIMAL, WIDE)
LARGEST = 10**14
"""Nothing of this amount or more is accepted: below it, quantity * price * multiplier fits."""
BEFORE_1970_OR_FUTURE = "outside 1970 to now + 1 day"


@dataclass(frozen=True)
class Column:
    """One canonical column: its DuckDB type and what a value must satisfy.

    `empty_is_null`: an empty text says that there is none, in every format as in CSV. `synonyms`:
    what others write for one of `words`, which count in small letters and without spaces around
    them. `trimmed`: spaces around the text are no part of it, unless it has nothing else.
    """

    name: str
    type: str = "VARCHAR"
    required: bool = False
    words: tuple[str, ...] = ()
    not_negative: bool = False
    default: str | None = None
    in_hash: bool = True
    empty_is_null: bool = False
    synonyms: tuple[tuple[str, str], ...] = ()
    trimmed: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of file: its raw table, its columns and what tells its rows apart.

    `time` is the column that bounds look-ups. `id` is the table's own id column, made of batch and
    row number. `occurrences` says that identical rows of one file are all real. `is_ordered`: rows
    keep what their time has below the microsecond (`nanoseconds`, null where it has nothing), and
    the file's own order of rows that nothing else orders (`place`). `checks` are
    (condition over converted columns, reason) pairs. `products` are (size, price) columns whose
    product, times the instrument's multiplier, must stay below 10^14.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    time: str
    id: str | None = None
    occurrences: bool = False
    is_ordered: bool = False
    checks: tuple[tuple[str, str], ...] = ()
    products: tuple[tuple[str, str], ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in the order of the raw table."""
        return tuple(column.name for column in self.columns)

    @property
    def read_names(self) -> tuple[str, ...]:
        """Those, and what is read from the text of their time."""
        return (*self.column_names, *(("nanoseconds",) if self.is_ordered else ()))

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


def _text(name: str, *, required: bool = False, words: tuple[str, ...] = ()) -> Column:
    return Column(name, required=required, words=words, empty_is_null=required)


def _words(name: str, words: tuple[str, ...], **synonyms: str) -> Column:
    return Column(
        name, required=True, words=words, empty_is_null=True, synonyms=tuple(synonyms.items())
    )


def _id(name: str, *, required: bool = False) -> Column:
    return Column(name, required=required, empty_is_null=True)


def _price(name: str) -> Column:
    return Column(name, DECIMAL)


def _size(name: str) -> Column:
    return Column(name, DECIMAL, not_negative=True)


def _wide(name: str, *, required: bool = False, not_negative: bool = False) -> Column:
    return Column(name, WIDE, required=required, not_negative=not_negative)


def _amount_checks(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"abs({name}) >= {LARGEST}", f"{name}: 10^14 or more") for name in names)


def _time(name: str) -> Column:
    return Column(name, "TIMESTAMP", required=True)


_EXCHANGE = Column("exchange", required=True, empty_is_null=True, trimmed=True)
_SYMBOL = Column("symbol", required=True, empty_is_null=True, trimmed=True)
_SOURCE = Column("source", default="'websocket'", in_hash=False)
_CORRELATION = Column("correlation_id", "UUID", in_hash=False)

TICKS = Kind(
    name="ticks",
    table="raw.market_ticks",
    time="timestamp",
    id="tick_id",
    occurrences=True,
    is_ordered=True,
    columns=(
        _EXCHANGE,
        _SYMBOL,
        _time("timestamp"),
        Column(
            "kind",
            words=("trade", "agg", "quote"),
            default="case when last_price is not null then 'trade' else 'quote' end",
        ),
        _text("venue"),
        _price("bid_price"),
        _price("ask_price"),
        _size("bid_size"),
        _size("ask_size"),
        _price("last_price"),
        _size("last_size"),
        _size("volume"),
        Column("sequence_number", "BIGINT"),
        _id("trade_id"),
        Column("conditions", "VARCHAR[]"),
        _text("tape"),
        Column("aggressor_side", words=("buy", "sell"), in_hash=False),
        _SOURCE,
        _CORRELATION,
    ),
    checks=(
        (
            "bid_price is null and ask_price is null and last_price is null",
            "neither a quote (bid_price, ask_price) nor a trade (last_price)",
        ),
    ),
    products=(("last_size", "last_price"),),
)

CORRECTIONS = Kind(
    name="corrections",
    table="raw.tick_corrections",
    time="timestamp",
    columns=(
        _EXCHANGE,
        _SYMBOL,
        _id("trade_id", required=True),
        _text("action", required=True, words=("bust", "correct")),
        _time("timestamp"),
        _text("venue"),
        _id("corrected_trade_id"),
        _price("corrected_price"),
        _size("corrected_size"),
        Column("corrected_conditions", "VARCHAR[]"),
        _SOURCE,
    ),
)

EVENT_TYPES = (
    "created",
    "submitted",
    "replaced",
    "partial_fill",
    "fill",
    "cancelled",
    "rejected",
    "expired",
    "trade_bust",
    "trade_correct",
)

ORDERS = Kind(
    name="orders",
    table="raw.order_events",
    time="event_time",
    columns=(
        _id("event_id", required=True),
        _words(
            "event_type",
            EVENT_TYPES,
            new="submitted",
            canceled="cancelled",
            filled="fill",
            partially_filled="partial_fill",
        ),
        _time("event_time"),
        _id("order_id", required=True),
        _id("client_order_id", required=True),
        _EXCHANGE,
        _SYMBOL,
        _words("side", ("buy", "sell"), b="buy", s="sell", sell_short="sell"),
        _text("order_type", required=True),
        _wide("quantity", required=True, not_negative=True),
        _id("strategy_id"),
        _text("time_in_force"),
        _wide("price"),
        _wide("stop_price"),
        _id("trade_id"),
        _id("exchange_trade_id"),
        _wide("fill_quantity", not_negative=True),
        _wide("fill_price"),
        _wide("commission"),
        _text("commission_currency"),
        _wide("fees"),
        _text("status_message"),
        _CORRELATION,
        _id("parent_order_id"),
        Column("extended_hours", "BOOLEAN"),
        Column("metadata", "JSON"),
        Column("sequence_number", "BIGINT"),
        # it tells which fill this is, and nothing more of it
        Column("cumulative_quantity", WIDE, not_negative=True, in_hash=False),
        _SOURCE,
    ),
    checks=(
        (
            "event_type in ('partial_fill', 'fill')"
            " and (fill_quantity is null or fill_price is null)",
            "a fill without fill_quantity and fill_price",
        ),
        (
            "event_type in ('trade_bust', 'trade_correct')"
            " and trade_id is null and exchange_trade_id is null",
            "a bust or correction without trade_id or exchange_trade_id",
        ),
        *_amount_checks("commission", "fees"),
    ),
    products=(
        ("quantity", "price"),
        ("quantity", "stop_price"),
        ("fill_quantity", "fill_price"),
        # a commission in the asset itself is worth its price
        ("commission", "fill_price"),
    ),
)

CASH = Kind(
    name="cash",
    table="raw.cash_events",
    time="event_time",
    columns=(
        _id("event_id", required=True),
        _time("event_time"),
        _text(
            "kind",
            required=True,
            words=("deposit", "withdrawal", "interest", "dividend", "funding", "fee"),
        ),
        _wide("amount", required=True),
        _text("currency", required=True),
        _SOURCE,
    ),
    checks=_amount_checks("amount"),
)

ACTIONS = Kind(
    name="actions",
    table="raw.corporate_actions",
    time="ex_date",
    columns=(
        _EXCHANGE,
        _SYMBOL,
        Column("ex_date", "DATE", required=True),
        _text("kind", required=True, words=("split",)),
        Column("ratio", DECIMAL, required=True),
        _SOURCE,
    ),
    checks=(
        ("ratio <= 0", "ratio: not above zero"),
        ("not ratio between 0.000001 and 1000000", "ratio: not from 0.000001 to 1000000"),
    ),
)

METRICS = Kind(
    name="metrics",
    table="raw.system_metrics",
    time="timestamp",
    id="metric_id",
    columns=(
        _time("timestamp"),
        _text("metric_name", required=True),
        _text("metric_type", required=True, words=("counter", "gauge", "histogram")),
        Column("value", "DOUBLE", required=True),
        Column(
            "labels",
            "STRUCT(service VARCHAR, component VARCHAR, environment VARCHAR, instance VARCHAR)",
        ),
        Column("quantiles", "STRUCT(p50 DOUBLE, p95 DOUBLE, p99 DOUBLE, p999 DOUBLE)"),
        _CORRELATION,
    ),
)

LOGS = Kind(
    name="logs",
    table="raw.application_logs",
    time="timestamp",
    id="log_id",
    occurrences=True,
    columns=(
        _time("timestamp"),
        _text("level", required=True, words=("debug", "info", "warning", "error", "critical")),
        _text("service", required=True),
        _text("component"),
        Column("message", required=True),
        _text("event"),
        Column(
            "context",
            "STRUCT(correlation_id UUID, order_id UUID, symbol VARCHAR, user_id VARCHAR,"
            " session_id VARCHAR)",
        ),
        Column("data", "JSON"),
        Column("exception", 'STRUCT("type" VARCHAR, message VARCHAR, stack_trace VARCHAR)'),
        Column("source", 'STRUCT(file VARCHAR, line INTEGER, "function" VARCHAR)'),
    ),
)

KINDS = {kind.name: kind for kind in (TICKS, CORRECTIONS, ORDERS, CASH, ACTIONS, METRICS, LOGS)}
