"""Alpaca: recorded market data messages (`t q c x`) and `trade_updates`."""

from __future__ import annotations

from python_ingest.feeds.json_lines import exact_number, has_long_number
from python_ingest.feeds.lines import Lines, Source
from python_ingest.feeds.messages import extracted
from python_ingest.feeds.relation import Scan

_TICK = tuple("T S t i x p s c z bp bs ap as".split())  # noqa: SIM905
_CORRECTION = tuple("T S t x i oi ci cp cs cc".split())  # noqa: SIM905
_ORDER = (
    "event",
    "execution_id",
    "previous_execution_id",
    "timestamp",
    "at",
    "price",
    "qty",
    "order.id",
    "order.client_order_id",
    "order.symbol",
    "order.side",
    "order.type",
    "order.qty",
    "order.filled_qty",
    "order.time_in_force",
    "order.limit_price",
    "order.stop_price",
    "order.extended_hours",
)
_EVENT_TYPES = {
    "accepted": "created",
    "new": "submitted",
    "replaced": "replaced",
    "partial_fill": "partial_fill",
    "fill": "fill",
    "canceled": "cancelled",
    "rejected": "rejected",
    "expired": "expired",
    "trade_bust": "trade_bust",
    "trade_correct": "trade_correct",
}


def ticks_scan(source: Source) -> Scan:
    """Read trades (`t`) and quotes (`q`) as ticks; a trade's `x` is its venue."""
    messages, at = extracted(source, _TICK)

    def number(name: str) -> str:
        return exact_number("doc", at[name], name)

    sql = f"""
select
    'alpaca' as exchange,
    {at["S"]} as symbol,
    {at["t"]} as timestamp,
    case {at["T"]} when 't' then 'trade' else 'quote' end as kind,
    case when {at["T"]} = 't' then {at["x"]} end as venue,
    {number("bp")} as bid_price,
    {number("ap")} as ask_price,
    {number("bs")} as bid_size,
    {number("as")} as ask_size,
    {number("p")} as last_price,
    {number("s")} as last_size,
    {at["i"]} as trade_id,
    {at["c"]} as conditions,
    {at["z"]} as tape,
    raw_text,
    line_number,
    case
        when doc is null then coalesce(damage, 'not a JSON object')
        when {at["T"]} = 't' and {at["i"]} is null then 'trade_id: missing'
    end as complaint,
    case when doc is not null and coalesce({at["T"]}, '') not in ('t', 'q')
        then coalesce({at["T"]}, 'unnamed') end as ignored
from (select *, {has_long_number("doc")} as has_long_number from ({messages}))"""
    names = (
        "exchange symbol timestamp kind venue bid_price ask_price bid_size ask_size last_price"
        " last_size trade_id conditions tape"
    )
    return _scan(source, sql, names)


def corrections_scan(source: Source) -> Scan:
    """Read corrections (`c`) and cancels (`x`) of trades."""
    messages, at = extracted(source, _CORRECTION)

    def number(name: str) -> str:
        return exact_number("doc", at[name], name)

    sql = f"""
select
    'alpaca' as exchange,
    {at["S"]} as symbol,
    case {at["T"]} when 'x' then {at["i"]} else {at["oi"]} end as trade_id,
    case {at["T"]} when 'x' then 'bust' else 'correct' end as action,
    {at["t"]} as timestamp,
    {at["x"]} as venue,
    {at["ci"]} as corrected_trade_id,
    {number("cp")} as corrected_price,
    {number("cs")} as corrected_size,
    {at["cc"]} as corrected_conditions,
    raw_text,
    line_number,
    case when doc is null then coalesce(damage, 'not a JSON object') end as complaint,
    case when doc is not null and coalesce({at["T"]}, '') not in ('c', 'x')
        then coalesce({at["T"]}, 'unnamed') end as ignored
from (select *, {has_long_number("doc")} as has_long_number from ({messages}))"""
    names = (
        "exchange symbol trade_id action timestamp venue corrected_trade_id corrected_price"
        " corrected_size corrected_conditions"
    )
    return _scan(source, sql, names)


def orders_scan(source: Source) -> Scan:
    """Read `trade_updates` as order events."""
    messages, at = extracted(source, _ORDER)
    kinds = " ".join(f"when '{x}' then '{event}'" for x, event in _EVENT_TYPES.items())
    is_fill = f"{at['event']} in ('fill', 'partial_fill')"
    is_change = f"{at['event']} in ('trade_bust', 'trade_correct')"
    trade = f"""case when {is_fill} then {at["execution_id"]}
        when {is_change} then coalesce({at["previous_execution_id"]}, {at["execution_id"]}) end"""
    amount = f"case when {is_fill} or {is_change} then"
    sql = f"""
select
    coalesce({at["execution_id"]},
        concat_ws('-', {at["order.id"]}, {at["event"]}, {at["timestamp"]})) as event_id,
    case {at["event"]} {kinds} end as event_type,
    coalesce({at["timestamp"]}, {at["at"]}) as event_time,
    {at["order.id"]} as order_id,
    {at["order.client_order_id"]} as client_order_id,
    'alpaca' as exchange,
    {at["order.symbol"]} as symbol,
    case when {at["order.side"]} like 'sell%' then 'sell' else {at["order.side"]} end as side,
    {at["order.type"]} as order_type,
    coalesce({at["order.qty"]}, {at["order.filled_qty"]}) as quantity,
    {at["order.time_in_force"]} as time_in_force,
    {at["order.limit_price"]} as price,
    {at["order.stop_price"]} as stop_price,
    {trade} as trade_id,
    {trade} as exchange_trade_id,
    {amount} {at["qty"]} end as fill_quantity,
    {amount} {at["price"]} end as fill_price,
    {at["order.extended_hours"]} as extended_hours,
    raw_text,
    line_number,
    case when doc is null then coalesce(damage, 'not a JSON object') end as complaint,
    case
        when doc is null then null
        when {at["event"]} is null or {at["order.id"]} is null then 'unnamed'
        when {at["event"]} not in ({", ".join(f"'{x}'" for x in _EVENT_TYPES)}) then {at["event"]}
    end as ignored
from ({messages})"""
    names = (
        "event_id event_type event_time order_id client_order_id exchange symbol side order_type"
        " quantity time_in_force price stop_price trade_id exchange_trade_id fill_quantity"
        " fill_price extended_hours"
    )
    return _scan(source, sql, names)


def _scan(source: Source, sql: str, names: str) -> Scan:
    types = dict.fromkeys(names.split(), "VARCHAR")
    extra = ("line_number", "complaint", "ignored")
    return Scan("alpaca", sql, types, extra, lines=Lines(source))
