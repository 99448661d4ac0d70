"""The recorded prices behind the sample: BTCUSDT as streamed, AIG as printed."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from python_ingest.storage.sql import sql_path
from tools.demo.arrow import MONEY, TIME, UNIT
from tools.demo.conditions import cta_codes
from tools.demo.desk import Prints, prints_of

BINANCE = "binance_spot_btcusdt_ws.ndjson.gz"
AIG = "lean_aig_trades.parquet"
TICK_SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("timestamp", TIME),
        ("kind", pa.string()),
        ("venue", pa.string()),
        ("last_price", MONEY),
        ("last_size", MONEY),
        ("sequence_number", pa.int64()),
        ("trade_id", pa.string()),
        ("conditions", pa.list_(pa.string())),
        ("tape", pa.string()),
        ("source", pa.string()),
    ]
)
LARGE = 500


def aig_ticks(source: Path) -> pa.Table:
    """Return the AIG prints as canonical ticks with TICK_SCHEMA, in file order.

    The vendor numbers nothing: a print's row in its day's file is its sequence number and id.
    """
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        masks = connection.execute(
            f"select distinct sale_condition_hex, suspicious from {sql_path(source)}"
        ).fetchall()
        connection.execute(
            "create table codes (mask varchar, suspicious boolean, conditions varchar[])"
        )
        connection.executemany(
            "insert into codes values (?, ?, ?)",
            [(mask, bad, cta_codes(mask, suspicious=bad)) for mask, bad in masks],
        )
        table = connection.sql(
            f"""
            select
                'lean' as exchange,
                prints.symbol,
                prints.ts_event::timestamp as timestamp,
                'trade' as kind,
                prints.exchange as venue,
                prints.price::decimal(18, 8) as last_price,
                prints.size::decimal(18, 8) as last_size,
                prints.file_row as sequence_number,
                prints.file_row::varchar as trade_id,
                codes.conditions,
                'A' as tape,
                'backfill' as source
            from {sql_path(source)} as prints
            inner join codes
                on
                    prints.sale_condition_hex = codes.mask
                    and prints.suspicious = codes.suspicious
            order by prints.ts_event::date, prints.file_row
            """
        ).to_arrow_table()
    return table.cast(TICK_SCHEMA)


def aig_corrections(ticks: pa.Table) -> list[list[str]]:
    """Return two corrections that the tape might have sent (invented): CSV fields without header.

    The second day's first print sold out of sequence is busted; its first average-price print of
    500 or more is restated one cent lower and at half its size. Both come 90 s after the print.
    """
    day = [row for row in ticks.to_pylist() if row["timestamp"].date() == date(2013, 10, 8)]
    restated = next(row for row in day if "B" in row["conditions"] and row["last_size"] >= LARGE)
    busted = next(row for row in day if "Z" in row["conditions"])
    price = restated["last_price"] - Decimal("0.01")
    return [
        [*_correction(restated, "correct"), str(price), str(restated["last_size"] / 2)],
        [*_correction(busted, "bust"), "", ""],
    ]


def _correction(tick: dict[str, Any], action: str) -> list[str]:
    moment = (tick["timestamp"] + timedelta(seconds=90)).isoformat() + "Z"
    return [tick["exchange"], tick["symbol"], tick["trade_id"], action, moment, tick["venue"]]


def aig_sessions(ticks: pa.Table) -> list[Prints]:
    """Return the plain prints of the regular session, one entry per day."""
    with duckdb.connect() as connection:
        connection.register("ticks", ticks)
        days = []
        for day in ("2013-10-07", "2013-10-08"):
            found = connection.execute(
                f"""
                select
                    epoch_us(timestamp) as times,
                    (last_price::decimal(28, 8) * {UNIT})::bigint as prices,
                    (last_size::decimal(28, 8) * {UNIT})::bigint as sizes
                from ticks
                where timestamp >= '{day} 13:30:00' and timestamp < '{day} 20:00:00'
                    and len(list_filter(
                        conditions, lambda code: code not in ('@', 'F', '0x20000000')
                    )) = 0
                order by timestamp, sequence_number
                """
            )
            days.append(prints_of("lean", "AIG", found))
    return days


def btc_prints(source: Path) -> Prints:
    """Return the trades of the recorded stream, at the exchange's own times."""
    with duckdb.connect() as connection:
        found = connection.execute(
            f"""
            with

            messages as (

                select json(regexp_extract(line, '\\{{.*')) as message
                from read_csv(
                    {sql_path(source)},
                    columns = {{'line': 'varchar'}}, header = false, delim = '\\x01',
                    quote = '', escape = ''
                )
                where line like '%@trade"%'

            )

            select
                (message ->> '$.data.T')::bigint * 1000 as times,
                ((message ->> '$.data.p')::decimal(28, 8) * {UNIT})::bigint as prices,
                ((message ->> '$.data.q')::decimal(28, 8) * {UNIT})::bigint as sizes
            from messages
            order by times, (message ->> '$.data.t')::bigint
            """
        )
        return prints_of("binance", "BTCUSDT", found)
