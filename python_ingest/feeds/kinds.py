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
NO_TIME = "1970-01-01 is written where there is no time"
"""Why the first moment of all clocks is none: a program that knew no time wrote 0."""
MARKETS = (
    "alpaca", "binance", "binance-coinm", "binance-us", "binance-usdm", "bitstamp", "bybit",
    "bybit-spot", "cme", "coinbase", "databento", "dukascopy", "fxcm", "hyperliquid", "ibkr",
    "kraken", "lean", "oanda", "okx", "polygon", "truefx",
)  # fmt: skip
"""The markets that feeds know, as they are spelled."""
SOURCES = ("websocket", "rest", "backfill")


@dataclass(frozen=True)
class Column:
    """One canonical column: its DuckDB type and what a value must satisfy.

    `empty_is_null`: an empty text or list says that there is none, in every format as in CSV.
    `synonyms`: what others write for one of `words`, which count in small letters, without spaces
    around them and with `_` between them. `names`: known ones among others, which count in small
    letters and without spaces. `is_id`: no number that a spreadsheet rounded. `trimmed`: spaces
    around the text are no part of it, unless it has nothing else.
    `is_later`: rows had landed before there was the column, which were of its `default` or had
    none; such a row is still the same. What is `required` and has a default is a column that a file
    has, and a row may leave empty.
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
    names: tuple[str, ...] = ()
    is_id: bool = False
    trimmed: bool = False
    is_later: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of file: its raw table, its columns and what tells its rows apart.

    `time` is the column that bounds look-ups. `id` is the table's own id column, made of batch and
    row number. `occurrences` says that identical rows of one file are all real. `is_whole`: a file
    replaces what landed before it: no earlier row makes one of it a duplicate. `is_ordered`: rows
    keep what their time has below the microsecond (`nanoseconds`, null where it has nothing), and
    the file's own order of rows that nothing else orders (`place`). `needs` are columns of which a
    row has one, besides those that are required. `checks` are
    (condition over converted columns, reason) pairs. `products` are (size, price) columns whose
    product, times the instrument's multiplier, must stay below 10^14.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    time: str
    id: str | None = None
    occurrences: bool = False
    is_whole: bool = False
    is_ordered: bool = False
    needs: tuple[tuple[str, ...], ...] = ()
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

    @property
    def keeps_hash(self) -> bool:
        """Whether its rows have `content_hash`; of ticks, which are many, it is computed anew."""
        return not self.is_ordered

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


def _text(name: str, *, required: bool = False, words: tuple[str, ...] = ()) -> Column:
    return Column(name, required=required, words=words, empty_is_null=True)


def _words(name: str, words: tuple[str, ...], **synonyms: str) -> Column:
    return Column(
        name, required=True, words=words, empty_is_null=True, synonyms=tuple(synonyms.items())
    )


def _id(name: str, *, required: bool = False) -> Column:
    return Column(name, required=required, empty_is_null=True, is_id=True)


def _price(name: str) -> Column:
    return Column(name, DECIMAL)


def _size(name: str) -> Column:
    return Column(name, DECIMAL, not_negative=True)


def _wide(name: str, *, required: bool = False, not_negative: bool = False) -> Column:
    return Column(name, WIDE, required=required, not_negative=not_negative)


def _amount_checks(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"abs({name}) >= {LARGEST}", f"{name}: 10^14 or more") for name in names)


def _later(name: str, *, is_id: bool = False, names: tuple[str, ...] = ()) -> Column:
    return Column(name, empty_is_null=True, trimmed=True, is_later=True, is_id=is_id, names=names)


def _time(name: str) -> Column:
    return Column(name, "TIMESTAMP", required=True)


_EXCHANGE = Column("exchange", required=True, empty_is_null=True, trimmed=True, names=MARKETS)
_SYMBOL = Column("symbol", required=True, empty_is_null=True, trimmed=True)
_POSITION_SIDE = Column(
    "position_side",
    words=("long", "short", "net"),
    default="'net'",
    empty_is_null=True,
    synonyms=(("both", "net"),),
    is_later=True,
)
_ACCOUNT = Column(
    "account_id", default="'main'", empty_is_null=True, names=("main", "all"), is_id=True,
    trimmed=True, is_later=True,
)  # fmt: skip
_SOURCE = Column("source", words=SOURCES, default="'websocket'", in_hash=False, empty_is_null=True)
_NO_ACCOUNT = (("account_id = 'all'", "account_id: `all` is no account, but their total"),)
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
            empty_is_null=True,
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
        Column("conditions", "VARCHAR[]", empty_is_null=True),
        _text("tape"),
        Column(
            "aggressor_side",
            words=("buy", "sell"),
            in_hash=False,
            empty_is_null=True,
            synonyms=(("b", "buy"), ("s", "sell")),
        ),
        _SOURCE,
        _CORRELATION,
    ),
    needs=(("bid_price", "ask_price", "last_price"),),
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
        # none at all is what they are corrected to; without a list they stay
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
    "transfer_in",
    "transfer_out",
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
        _text("strategy_id"),
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
        _ACCOUNT,
        # of what comes in or goes out in kind: its total cost, since when it is held, its two legs
        Column("transfer_cost", WIDE, is_later=True),
        Column("original_time", "TIMESTAMP", is_later=True),
        _later("transfer_id", is_id=True),
        _POSITION_SIDE,
    ),
    checks=(
        *_NO_ACCOUNT,
        (
            "event_type in ('transfer_in', 'transfer_out')"
            " and position_side = case side when 'buy' then 'short' else 'long' end",
            "position_side: not that of the transfer's side",
        ),
        (
            "event_type = 'transfer_in' and transfer_cost is null",
            "a transfer_in without transfer_cost",
        ),
        (
            "event_type in ('transfer_in', 'transfer_out') and quantity = 0",
            "a transfer of nothing: its quantity is 0",
        ),
        (
            "event_type in ('transfer_in', 'transfer_out')"
            " and coalesce(fill_quantity, fill_price, commission, fees) is not null",
            "a transfer is no fill: land what it cost in fees as cash",
        ),
        (
            "event_type not in ('transfer_in', 'transfer_out')"
            " and coalesce(transfer_cost::varchar, original_time::varchar, transfer_id)"
            " is not null",
            "transfer_cost, original_time or transfer_id of what is no transfer",
        ),
        ("original_time > event_time", "original_time: after event_time"),
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
        *_amount_checks("commission", "fees", "transfer_cost"),
    ),
    products=(
        ("quantity", "price"),
        ("quantity", "stop_price"),
        ("fill_quantity", "fill_price"),
        # a commission in the asset itself is worth its price
        ("commission", "fill_price"),
    ),
)

CASH_KINDS = (
    "deposit",
    "withdrawal",
    "transfer",
    "interest",
    "dividend",
    "funding",
    "borrow_fee",
    "tax",
    "fee",
    "commission_adjustment",
)

CASH = Kind(
    name="cash",
    table="raw.cash_events",
    time="event_time",
    columns=(
        _id("event_id", required=True),
        _time("event_time"),
        _text("kind", required=True, words=CASH_KINDS),
        _wide("amount", required=True),
        _text("currency", required=True),
        _SOURCE,
        _ACCOUNT,
        _later("exchange", names=MARKETS),
        _later("symbol"),
        _later("strategy_id"),
        Column("accrual_time", "TIMESTAMP", is_later=True),
    ),
    checks=(
        *_NO_ACCOUNT,
        ("symbol is not null and exchange is null", "symbol: without an exchange"),
        ("strategy_id is not null and symbol is null", "strategy_id: without a symbol"),
        *_amount_checks("amount"),
    ),
)

ACTIONS = Kind(
    name="actions",
    table="raw.corporate_actions",
    time="ex_date",
    columns=(
        _EXCHANGE,
        _SYMBOL,
        Column("ex_date", "DATE", required=True),
        _words("kind", ("split", "stock_dividend", "spin_off", "symbol_change", "cash_in_lieu")),
        # of a split the new shares for an old one, of a stock dividend those besides it, of a
        # spin-off those of the new symbol
        Column("ratio", DECIMAL),
        _SOURCE,
        _later("new_symbol"),
        # what was paid for a whole share
        Column("cash_amount", WIDE, not_negative=True, is_later=True),
        _later("currency"),
        Column("cost_share", DECIMAL, is_later=True),
        # it takes back the action that says the same
        Column("withdrawn", "BOOLEAN", default="false", is_later=True),
    ),
    checks=(
        ("kind in ('split', 'stock_dividend', 'spin_off') and ratio is null", "ratio: missing"),
        (
            "kind in ('symbol_change', 'cash_in_lieu') and ratio is not null",
            "ratio: a symbol_change or cash_in_lieu has none",
        ),
        ("kind in ('symbol_change', 'spin_off') and new_symbol is null", "new_symbol: missing"),
        (
            "kind not in ('symbol_change', 'spin_off') and new_symbol is not null",
            "new_symbol: only a symbol_change or spin_off has one",
        ),
        ("kind = 'spin_off' and cost_share is null", "cost_share: missing"),
        ("cost_share not between 0 and 1", "cost_share: not from 0 to 1"),
        (
            "kind <> 'spin_off' and cost_share is not null",
            "cost_share: only a spin_off has one",
        ),
        ("new_symbol = symbol", "new_symbol: the symbol itself"),
        ("kind = 'cash_in_lieu' and cash_amount is null", "cash_amount: missing"),
        (
            "kind <> 'cash_in_lieu' and coalesce(cash_amount::varchar, currency) is not null",
            "cash_amount, currency: only a cash_in_lieu has them",
        ),
        *_amount_checks("cash_amount"),
        ("ratio <= 0", "ratio: not above zero"),
        ("not ratio between 0.000001 and 1000000", "ratio: not from 0.000001 to 1000000"),
    ),
)

STATEMENTS = Kind(
    name="statements",
    table="raw.statements",
    time="as_of",
    occurrences=True,
    is_whole=True,
    columns=(
        _ACCOUNT,
        _time("as_of"),
        Column("exchange", empty_is_null=True, trimmed=True, names=MARKETS),
        Column("symbol", empty_is_null=True, trimmed=True),
        Column("currency", empty_is_null=True, trimmed=True),
        _wide("quantity", required=True),
        _wide("cost"),
        _wide("market_value"),
    ),
    needs=(("symbol", "currency"),),
    checks=(
        *_NO_ACCOUNT,
        ("(symbol is null) = (currency is null)", "symbol and currency: not exactly one of them"),
        *_amount_checks("quantity", "cost", "market_value"),
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
        Column("message", required=True, default="''"),
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

OWNERS = {column.name: column for column in (_EXCHANGE, _ACCOUNT)}
"""Whose rows they are."""

KINDS = {
    kind.name: kind
    for kind in (TICKS, CORRECTIONS, ORDERS, CASH, ACTIONS, STATEMENTS, METRICS, LOGS)
}
