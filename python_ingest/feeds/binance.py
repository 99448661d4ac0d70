"""Binance: recorded websocket lines."""

from __future__ import annotations

from pathlib import Path

from python_ingest.feeds.relation import Scan
from python_ingest.feeds.text import lines

_PATHS = ("e", "s", "t", "p", "q", "T", "u", "b", "B", "a", "A", "E", "m")


def stream_scan(path: Path) -> Scan:
    """Read recorded `trade`, `aggTrade` and `bookTicker` messages as ticks.

    A line is a message, with or without a combined stream's envelope and with or without a
    leading local clock in nanoseconds. Spot `bookTicker` carries no time and takes that clock.
    """
    paths = ", ".join(f"'$.{name}'" for name in _PATHS)
    at = {name: f"v[{i}]" for i, name in enumerate(_PATHS, start=1)}
    sql = f"""
select
    'binance' as exchange,
    {at["s"]} as symbol,
    case
        when is_quote
            then coalesce({millis(at["T"])}, {millis(at["E"])}, make_timestamp(clock // 1000))
        else {millis(at["T"])}
    end as timestamp,
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
    line as raw_text,
    case
        when doc is null then 'not a JSON object'
        when is_quote and clock is null and {at["T"]} is null and {at["E"]} is null
            then 'timestamp: missing (a spot bookTicker without a local clock)'
    end as complaint,
    case when doc is not null and event not in ('trade', 'aggTrade', 'bookTicker') then event end
        as ignored
from (
    select *, event = 'bookTicker' as is_quote
    from (
        select line, clock, doc, v,
            coalesce(
                {at["e"]},
                case
                    when {at["u"]} is not null and {at["b"]} is not null
                        and {at["a"]} is not null then 'bookTicker'
                    else 'unnamed'
                end
            ) as event
        from (
            select line, clock, doc, json_extract_string(doc, [{paths}]) as v
            from ({_messages(path)})
        )
    )
)"""
    names = (
        "exchange symbol kind bid_price ask_price bid_size ask_size last_price last_size"
        " sequence_number trade_id"
    )
    types = {**dict.fromkeys(names.split(), "VARCHAR"), "timestamp": "TIMESTAMP"}
    return Scan("binance", sql, types, extra=("complaint", "ignored"), malformed_lines=True)


def _messages(path: Path) -> str:
    """Return SQL of `line`, its local `clock` and the message without its envelope as `doc`."""
    return f"""
select line, clock, coalesce(nullif(json_extract(text, '$.data'), 'null'), text) as doc
from (
    select line, clock,
        case when json_valid(text) and starts_with(text, '{{') then text::json end as text
    from (
        select line,
            case when starts_with(line, '{{') then line
                else ltrim(substr(line, strpos(line, ' ') + 1)) end as text,
            case when not starts_with(line, '{{')
                then try_cast(substr(line, 1, strpos(line, ' ') - 1) as bigint) end as clock
        from {lines(path)}
    )
)"""


def millis(value: str) -> str:
    """Return SQL for a Unix time in milliseconds or, by its magnitude, microseconds."""
    number = f"try_cast({value} as bigint)"
    return (
        f"case when {number} between 0 and 99999999999999 then make_timestamp({number} * 1000)"
        f" when {number} between 0 and 99999999999999999 then make_timestamp({number}) end"
    )
