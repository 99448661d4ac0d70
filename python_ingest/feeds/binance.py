"""Binance: recorded websocket lines, order updates and the public archives."""

from __future__ import annotations

import csv
import re

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.lines import Lines, Source, first_line
from python_ingest.feeds.messages import NOT_UNIX_TIME, extracted, unix_time
from python_ingest.feeds.relation import Scan
from python_ingest.feeds.text import fields, require_final_newline

_TICK = ("e", "s", "t", "p", "q", "T", "u", "b", "B", "a", "A", "E")
_ORDER = tuple("e E s c C S o f q p P x X r i l L n N T t I".split())  # noqa: SIM905
_ARCHIVE_NAME = re.compile(r"([A-Z0-9_]+)-(trades|aggTrades)-\d{4}-\d{2}(-\d{2})?\.")
_ARCHIVES = {
    "trades": ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"),
    "aggTrades": (
        "id",
        "price",
        "qty",
        "first_trade_id",
        "last_trade_id",
        "time",
        "is_buyer_maker",
        "is_best_match",
    ),
}
_EXTRA = ("line_number", "complaint", "ignored")
# Of an order update only TRADE is a fill.
_EVENT_TYPES = {
    "NEW": "submitted",
    "REPLACED": "replaced",
    "CANCELED": "cancelled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "TRADE": "partial_fill",
}
_ORDER_TYPES = {
    "LIMIT_MAKER": "limit",
    "STOP_LOSS": "stop",
    "STOP_LOSS_LIMIT": "stop_limit",
}


def stream_scan(source: Source) -> Scan:
    """Read recorded `trade`, `aggTrade` and `bookTicker` messages as ticks.

    Spot `bookTicker` carries no time and takes the local clock.
    """
    messages, at = extracted(source, _TICK)
    sql = f"""
select
    'binance' as exchange,
    {at["s"]} as symbol,
    case when moment is null and is_quote then make_timestamp(clock // 1000)
        else {unix_time("moment")} end as timestamp,
    case event when 'trade' then 'trade' when 'aggTrade' then 'agg' else 'quote' end as kind,
    case when is_quote then {at["b"]} end as bid_price,
    case when is_quote then {at["a"]} end as ask_price,
    case when is_quote then {at["B"]} end as bid_size,
    case when is_quote then {at["A"]} end as ask_size,
    case when not is_quote then {at["p"]} end as last_price,
    case when not is_quote then {at["q"]} end as last_size,
    case event when 'trade' then {at["t"]} when 'aggTrade' then {at["a"]} else {at["u"]} end
        as sequence_number,
    case event when 'trade' then {at["t"]} when 'aggTrade' then {at["a"]} end as trade_id,
    raw_text,
    line_number,
    case
        when doc is null then coalesce(damage, 'not a JSON object')
        when is_quote and clock is null and moment is null
            then 'timestamp: missing (a spot bookTicker without a local clock)'
        when moment is not null and {unix_time("moment")} is null
            then 'timestamp: {NOT_UNIX_TIME}'
        when event = 'trade' and {at["t"]} is null or event = 'aggTrade' and {at["a"]} is null
            then 'trade_id: missing'
    end as complaint,
    case when doc is not null and event not in ('trade', 'aggTrade', 'bookTicker') then event end
        as ignored
from (
    select *, event = 'bookTicker' as is_quote,
        case when event = 'bookTicker' then coalesce({at["T"]}, {at["E"]}) else {at["T"]} end
            as moment
    from (
        select *,
            coalesce(
                {at["e"]},
                case
                    when {at["u"]} is not null and {at["b"]} is not null
                        and {at["a"]} is not null then 'bookTicker'
                    else 'unnamed'
                end
            ) as event
        from ({messages})
    )
)"""
    names = (
        "exchange symbol kind bid_price ask_price bid_size ask_size last_price last_size"
        " sequence_number trade_id"
    )
    types = {**dict.fromkeys(names.split(), "VARCHAR"), "timestamp": "TIMESTAMP"}
    return Scan("binance", sql, types, _EXTRA, lines=Lines(source), sequence_identifies=True)


def orders_scan(source: Source) -> Scan:
    """Read `executionReport` messages as order events.

    A message has no id of its own: order, execution type and trade (or time) make one. A cancel
    names the order's own client id in `C`.
    """
    messages, at = extracted(source, _ORDER)
    kinds = " ".join(f"when '{x}' then '{event}'" for x, event in _EVENT_TYPES.items())
    types_ = " ".join(f"when '{x}' then '{kind}'" for x, kind in _ORDER_TYPES.items())
    is_fill = f"{at['x']} = 'TRADE'"
    sql = f"""
select
    concat_ws('-', {at["i"]}, {at["x"]}, case when {is_fill} then {at["t"]} else {at["T"]} end)
        as event_id,
    case when {is_fill} and {at["X"]} = 'FILLED' then 'fill' else case {at["x"]} {kinds} end end
        as event_type,
    {unix_time(at["T"])} as event_time,
    {at["i"]} as order_id,
    coalesce(nullif({at["C"]}, ''), {at["c"]}) as client_order_id,
    'binance' as exchange,
    {at["s"]} as symbol,
    lower({at["S"]}) as side,
    case {at["o"]} {types_} else lower({at["o"]}) end as order_type,
    {at["q"]} as quantity,
    lower({at["f"]}) as time_in_force,
    case when {at["o"]} <> 'MARKET' then {at["p"]} end as price,
    case when {at["o"]} like '%STOP%' or {at["o"]} like 'TAKE%' then {at["P"]} end as stop_price,
    case when {is_fill} then {at["t"]} end as trade_id,
    case when {is_fill} then {at["t"]} end as exchange_trade_id,
    case when {is_fill} then {at["l"]} end as fill_quantity,
    case when {is_fill} then {at["L"]} end as fill_price,
    case when {is_fill} then {at["n"]} end as commission,
    case when {is_fill} then {at["N"]} end as commission_currency,
    nullif({at["r"]}, 'NONE') as status_message,
    {at["I"]} as sequence_number,
    raw_text,
    line_number,
    case
        when doc is null then coalesce(damage, 'not a JSON object')
        when {at["T"]} is not null and {unix_time(at["T"])} is null
            then 'event_time: {NOT_UNIX_TIME}'
    end as complaint,
    case
        when doc is null then null
        when {at["e"]} is distinct from 'executionReport' then coalesce({at["e"]}, 'unnamed')
        when {at["x"]} not in ({", ".join(f"'{x}'" for x in _EVENT_TYPES)})
            then 'executionReport ' || {at["x"]}
    end as ignored
from ({messages})"""
    names = (
        "event_id event_type order_id client_order_id exchange symbol side order_type quantity"
        " time_in_force price stop_price trade_id exchange_trade_id fill_quantity fill_price"
        " commission commission_currency status_message sequence_number"
    )
    types = {**dict.fromkeys(names.split(), "VARCHAR"), "event_time": "TIMESTAMP"}
    return Scan("binance", sql, types, _EXTRA, lines=Lines(source))


def archive_kind(line: str) -> str | None:
    """Return 'trades' or 'aggTrades' for the first line of a spot archive; None for others.

    A header names the columns as Binance does; without one the last two of 7 or 8 fields are flags.
    """
    try:
        found = [field.strip().lower() for field in next(csv.reader([line]), [])]
    except csv.Error:
        return None
    for kind, names in _ARCHIVES.items():
        if found[0:1] in (["id"], ["trade_id"], ["agg_trade_id"]) and found[1:] == [
            name.lower() for name in names[1:]
        ]:
            return kind
    is_flag = [field in ("true", "false") for field in found]
    if not found or not found[0].isdigit() or sum(is_flag) != 2:  # noqa: PLR2004
        return None
    return {7: "trades", 8: "aggTrades"}.get(len(found)) if all(is_flag[-2:]) else None


def archive_scan(source: Source, names: list[str]) -> Scan:
    """Read a spot archive of trades or aggTrades; its symbol is in one of the file's `names`.

    Raises FileRejectedError when no name tells the symbol, or the file may be cut off.
    """
    line = first_line(source)
    kind = archive_kind(line)
    if kind is None:
        raise FileRejectedError("not a spot archive of trades (7 columns) or aggTrades (8)")
    match = next((m for m in map(_ARCHIVE_NAME.match, names) if m), None)
    if match is None:
        raise FileRejectedError(
            "a Binance archive has its symbol only in its name:"
            " keep the name it was published under, such as BTCUSDT-trades-2024-08-08.zip"
        )
    require_final_newline(source)
    sql = f"""
select 'binance' as exchange, '{match[1]}' as symbol, {unix_time("time")} as timestamp,
    price as last_price, qty as last_size, id as sequence_number, id as trade_id,
    '{"trade" if kind == "trades" else "agg"}' as kind, 'backfill' as source,
    coalesce(complaint, case when {unix_time("time")} is null then 'timestamp: {NOT_UNIX_TIME}' end)
        as complaint,
    raw_text, line_number
from ({fields(_ARCHIVES[kind])})"""
    columns = "exchange symbol last_price last_size sequence_number trade_id kind source"
    types = {**dict.fromkeys(columns.split(), "VARCHAR"), "timestamp": "TIMESTAMP"}
    lines = Lines(source, header=not line[:1].isdigit(), carriage_returns=False)
    return Scan("binance-archive", sql, types, ("line_number", "complaint"), lines=lines)
