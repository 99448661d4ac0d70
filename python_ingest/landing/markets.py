"""Whose ticks they really are: what was landed as `binance` before its markets had names.

for batch in found(connection, feeds()):
    print(batch.file, batch.market, batch.why)
rename(connection, [4], "binance-usdm")
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from python_ingest.errors import IngestError
from python_ingest.feeds.binance_markets import ONLY_OF
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.kinds import TICKS
from python_ingest.feeds.values import content_hash
from python_ingest.storage.writer import transaction

UNNAMED = "binance"
_MISREAD = date(1971, 1, 1)


@dataclass(frozen=True)
class Batch:
    """A file of ticks that landed under one name for four markets.

    `market` is what raw rows and the file's path still tell; None where they tell nothing. `cold`
    counts its rows that have left for cold files; `misread`: its times are none.
    """

    batch_id: int
    file: str
    symbols: tuple[str, ...]
    rows: int
    cold: int
    market: str | None
    why: str
    misread: bool


def found(connection: duckdb.DuckDBPyConnection, known: Sequence[Declaration]) -> list[Batch]:
    """Return the batches of ticks that bear the name of all four markets, oldest first."""
    rows = connection.execute(
        """
        select batch_id, file_name, array_agg(distinct symbol order by symbol), count(*),
            any_value(rows_landed) - count(*), min(timestamp)::date
        from raw.market_ticks inner join raw.landings using (batch_id)
        where exchange = ?
        group by batch_id, file_name order by batch_id
        """,
        [UNNAMED],
    ).fetchall()
    batches = []
    for number, file, symbols, count, cold, first in rows:
        misread = first < _MISREAD
        market, why = _market(file, symbols, known)
        if misread:
            market, why = None, "times of 1970: a futures archive that was read as one of spot"
        batches.append(Batch(number, file, tuple(symbols), count, cold, market, why, misread))
    return batches


def _market(
    file: str, symbols: Sequence[str], known: Sequence[Declaration]
) -> tuple[str | None, str]:
    by_symbol = {
        market
        for market, pattern in ONLY_OF.items()
        if all(re.fullmatch(pattern, symbol) for symbol in symbols)
    }
    if len(by_symbol) == 1:
        return by_symbol.pop(), "only this market has such symbols"
    by_path = {
        feed.exchanges[0]
        for feed in known
        if feed.exchanges and feed.recognise.path and re.search(feed.recognise.path, file)
    }
    if len(by_path) == 1:
        return by_path.pop(), "its path says so"
    return None, "nothing tells"


def rename(connection: duckdb.DuckDBPyConnection, numbers: Sequence[int], market: str) -> int:
    """Give the ticks of batches the name of their market; return how many.

    What is there under that name already stays single. All that is built of ticks is built anew by
    the next build. Raises IngestError where rows have left for cold files, or were misread.
    """
    batches = {batch.batch_id: batch for batch in found(connection, [])}
    for number in numbers:
        _require_movable(number, batches.get(number))
    hashed = content_hash(TICKS)
    with transaction(connection):
        connection.execute(
            f"""
            create or replace temp table renamed as
            select tick_id, symbol, timestamp, occurrence, {hashed} as content_hash
            from (
                select * replace ($market as exchange) from raw.market_ticks
                where exchange = '{UNNAMED}' and list_contains($numbers, batch_id)
            )
            """,
            {"market": market, "numbers": list(numbers)},
        )
        connection.execute(
            "create or replace temp table there as select renamed.tick_id from renamed semi join"
            " (select * from raw.market_ticks where exchange = ?) as t on t.symbol = renamed.symbol"
            " and t.timestamp = renamed.timestamp and t.content_hash = renamed.content_hash"
            " and t.occurrence = renamed.occurrence",
            [market],
        )
        connection.execute(
            "update raw.market_ticks as t set exchange = $market,"
            " content_hash = renamed.content_hash from renamed where t.tick_id = renamed.tick_id",
            {"market": market},
        )
        connection.execute(
            "delete from raw.market_ticks where tick_id in (select tick_id from there)"
        )
        for table in ("tick_conflicts", "tick_confirmations"):
            connection.execute(
                f"delete from raw.{table} where tick_id in (select tick_id from renamed)"
            )
        connection.execute(
            "delete from raw.tick_conflicts where rival_tick_id in (select tick_id from renamed)"
        )
        # a chain that never was complete is built whole
        connection.execute("delete from state.chains")
        ((count,),) = connection.execute("select count(*) from renamed").fetchall()
    return int(count)


def _require_movable(number: int, batch: Batch | None) -> None:
    if batch is None:
        raise IngestError(f"batch {number} has no ticks of {UNNAMED}: ingest feeds markets")
    if batch.misread:
        raise IngestError(
            f"batch {number} cannot be renamed: {batch.why}; what it says is wrong under any name"
        )
    if batch.cold:
        raise IngestError(
            f"batch {number} cannot be renamed: {batch.cold:,} of its rows have left for cold files"
            " and bear their name there"
        )
