"""Whose ticks they really are: what was landed as `binance` before its markets had names.

for batch in found(connection, feeds()):
    print(batch.file, batch.market, batch.why)
rename(settings, [4], "binance-usdm")
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from python_ingest.errors import IngestError
from python_ingest.feeds.binance_markets import ONLY_OF
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.kinds import TICKS
from python_ingest.feeds.relation import hashed
from python_ingest.landing import spool
from python_ingest.landing.land import land_one
from python_ingest.landing.query import SQL
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings
from python_ingest.storage.files import sha256_of
from python_ingest.storage.sql import literal, quoted, sql_path, value_of
from python_ingest.storage.writer import open_writer, transaction

UNNAMED = "binance"
_UNNAMED = literal(UNNAMED)
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
    rows = connection.execute(SQL.batches_of(_UNNAMED)).fetchall()
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


def rename(settings: Settings, numbers: Sequence[int], market: str) -> int:
    """Land the ticks of batches anew under the name of their market; return how many they were.

    What is there under that name already stays single, as in any landing. Killed meanwhile, it is
    to be done again. All that is built of ticks is built anew by the next build. Raises IngestError
    where rows have left for cold files, were misread, or are further copies of a batch that stays.
    """
    with open_writer(settings) as connection:
        migrate(connection)
        batches = {batch.batch_id: batch for batch in found(connection, [])}
        for number in numbers:
            _require_movable(number, batches.get(number))
        _require_first_copies(connection, numbers)
    for number in sorted(numbers):
        landed = land_one(settings, _under(settings, number, market))
        if landed.state not in ("landed", "already landed"):
            raise IngestError(f"batch {number} was not renamed: {landed.error}")
        _forget(settings, number, market)
    return sum(batches[number].rows for number in numbers)


def _require_first_copies(connection: duckdb.DuckDBPyConnection, numbers: Sequence[int]) -> None:
    """Raise IngestError where ticks without a key count on from ticks that keep the former name.

    The first copies would come later, and be taken for those that are there.
    """
    further, staying = hashed(TICKS, SQL.further(_UNNAMED)), hashed(TICKS, SQL.staying(_UNNAMED))
    first = SQL.first_copies(further, staying)
    for number, others in connection.execute(first, {"numbers": list(numbers)}).fetchall():
        named = " ".join(map(str, others))
        raise IngestError(
            f"batch {number} has further copies of ticks of batch {named}, which came first:"
            f" rename them together: ingest feeds rename {named} {number}"
        )


def _under(settings: Settings, number: int, market: str) -> spool.Segment:
    """Make a segment of a batch's ticks, of another market, in the order that they have."""
    columns = ", ".join(quoted(name) for name in TICKS.read_names)
    with spool.scratch(settings) as folder:
        finished = folder / "segment.parquet"
        with open_writer(settings) as connection:
            ticks = SQL.ticks_under(_UNNAMED, str(number), literal(market))
            connection.execute(SQL.copy_under(columns, ticks, sql_path(finished)))
            landing = connection.execute(SQL.reading_of(), [number]).fetchall()
        ((file_name, named_format, version, by_trade_id, by_sequence),) = landing
        sha256 = sha256_of(finished)
        segment = spool.Segment(
            name=spool.new_name(TICKS.name, sha256),
            kind=TICKS.name,
            file_name=file_name,
            sha256=sha256,
            format=named_format,
            canonical=False,
            others={},
            one_spelling=True,
            feed_version=version,
            # before that was kept, every number was a key
            trade_id_identifies=by_trade_id is not False,
            sequence_identifies=by_sequence is not False,
        )
        return spool.commit(settings, segment, finished)


def _forget(settings: Settings, number: int, market: str) -> None:
    """Delete what bears the name of all markets; what confirmed it confirms what lies there now.

    Raises IngestError, and deletes nothing, where a tick of it does not lie there.
    """
    former = hashed(TICKS, SQL.ticks_under(_UNNAMED, str(number), literal(market)))
    with open_writer(settings) as connection, transaction(connection):
        connection.execute(SQL.renamed(former, hashed(TICKS, SQL.there(literal(market)))))
        lacking = value_of(connection, "select count(*) from renamed where new_tick_id is null")
        if lacking:
            raise IngestError(
                f"batch {number} was not renamed: {lacking:,} of its ticks are not there as"
                f" {market}, and none was deleted"
            )
        connection.execute(SQL.confirm_renamed())
        for table, column in (
            ("market_ticks", "tick_id"),
            ("tick_confirmations", "tick_id"),
            ("tick_conflicts", "tick_id"),
            ("tick_conflicts", "rival_tick_id"),
        ):
            connection.execute(
                f"delete from raw.{table} where {column} in (select tick_id from renamed)"
            )
        # a chain that never was complete is built whole
        connection.execute("delete from state.chains")


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
