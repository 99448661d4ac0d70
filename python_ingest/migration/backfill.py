"""Land the rows that TimescaleDB has and DuckDB lacks, as source 'backfill', by ordinary landing.

Rows of an extracted range that are here already are left out first, as a multiset: a row that is
there twice and here once is landed once more. So a second run lands nothing. Rows that a stream
landed meanwhile, or that were dual-written, are not landed again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from python_ingest.errors import IngestError, UsageError
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing import spool
from python_ingest.landing.land import LandingResult, land_one
from python_ingest.landing.prepare import working_connection
from python_ingest.migration import manifest, state
from python_ingest.migration.extract import Request, extract
from python_ingest.migration.manifest import Manifest, Part
from python_ingest.migration.missing_rows import missing_rows, rows_here, told_by
from python_ingest.migration.order_events import make_order_events
from python_ingest.migration.query import SQL
from python_ingest.migration.range_reader import Listener
from python_ingest.migration.tables import TABLES, into_spool
from python_ingest.schema import migrate as schema
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import readable_files
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import with_files
from python_ingest.storage.sql import sql_path, value_of
from python_ingest.storage.writer import open_writer

LANDABLE = (*(name for name, table in TABLES.items() if table.same), "orders")


@dataclass(frozen=True)
class Wish:
    """Which tables to migrate, and how to read them."""

    tables: tuple[str, ...]
    since: datetime | None = None
    until: datetime | None = None
    jobs: int = 1


def migrate(
    settings: Settings,
    wish: Wish,
    listener_of: Callable[[str], Listener],
    report: Callable[[LandingResult], None],
) -> list[LandingResult]:
    """Extract tables and land them; returns a result per landed range, failed ones included."""
    unknown = [name for name in wish.tables if name not in LANDABLE]
    if unknown:
        raise UsageError(
            f"{', '.join(unknown)} cannot be migrated, only {', '.join(LANDABLE)}; others are"
            " compared: ingest extract timescale --table ..."
        )
    results: list[LandingResult] = []
    for name in wish.tables:
        found = [
            extract(settings, Request(one, wish.since, wish.until, wish.jobs), listener_of(one))
            for one in (("orders", "trades") if name == "orders" else (name,))
        ]
        landed: list[LandingResult] = []
        for result in land_orders(settings) if name == "orders" else _land(settings, found[0]):
            report(result)
            landed.append(result)
        results += landed
        if all(result.state in ("landed", "already landed") for result in landed):
            _remember(settings, name, found)
    return results


def _remember(settings: Settings, name: str, found: list[Manifest]) -> None:
    ends = [one.covered[-1].end for one in found if one.covered]
    covered_to = min(ends).isoformat() if ends else ""
    with state.changed(settings) as known:
        known.migrated[name] = {"at": state.now(), "covered_to": covered_to}


def _land(settings: Settings, found: Manifest) -> Iterator[LandingResult]:
    for part in (*found.gone, *found.parts):  # rows that the server dropped may not be here yet
        if not part.rows + part.rejected:
            continue
        with spool.scratch(settings) as scratch:
            segment = _segment(settings, found, part, scratch)
        yield land_one(settings, segment)


def _segment(settings: Settings, found: Manifest, part: Part, scratch: Path) -> spool.Segment:
    """Write the missing rows, and those that will be rejected, as a segment of the spool."""
    kind = KINDS[str(TABLES[found.relation].kind)]
    folder = manifest.folder_of(settings, found.relation)
    told = told_by(found.relation, found.columns)
    here, finished = scratch / "here.parquet", scratch / "segment.parquet"
    span = f"{kind.time} >= timestamp '{part.start}' and {kind.time} < timestamp '{part.end}'"
    with open_writer(settings) as connection:
        schema.migrate(connection)
        cold = readable_files(connection, found.relation, part.start.date(), part.end.date())
        rows = with_files(connection, settings.data_dir, RELATIONS[found.relation], cold)
        # how often each row of the range is here, warm or cold
        connection.execute(
            f"copy ({rows_here(found.relation, kind, told, rows, span)}) to {sql_path(here)}"
            " (format parquet)"
        )
    missing = missing_rows(found.relation, kind, told, f"read_parquet({sql_path(here)})")
    rejects = (
        f"union all by name select {part.rows} + row_number() over () as row_number, raw_text,"
        f" reason from read_parquet({sql_path(folder / part.rejects_file)})"
        if part.rejects_file
        else ""
    )
    with working_connection(settings) as connection:
        connection.execute(f"""
            copy (
                with
                judged as (
                    with extracted as (
                        select * exclude (file_row_number), file_row_number + 1 as row_number
                        from ({manifest.rows_of(folder, found, [part])})
                    )
                    {found.landed_sql}
                ),
                {missing}
                {rejects}
            ) to {sql_path(finished)} (format parquet)
        """)
    return into_spool(settings, kind.name, f"{found.relation}/{part.range.label}", finished)


def land_orders(settings: Settings) -> Iterator[LandingResult]:
    """Make the events and land them; yields the results."""
    made = make_order_events(settings)
    if made is None or not made.parts[0].rows:
        return
    folder = manifest.folder_of(settings, made.relation)
    with spool.scratch(settings) as scratch:
        known = scratch / "known.parquet"
        _copy_known_orders(settings, known)
        finished = scratch / "segment.parquet"
        with working_connection(settings) as connection:
            events = sql_path(folder / made.parts[0].file)
            unknown = SQL.unknown_events(events, sql_path(known))
            connection.execute(f"copy ({unknown}) to {sql_path(finished)} (format parquet)")
        segment = into_spool(settings, "orders", "orders and trades", finished)
    yield land_one(settings, segment)


def _copy_known_orders(settings: Settings, target: Path) -> None:
    """Write the ids of orders and trades that were landed here, not migrated.

    Raises IngestError when events have landed that no build contains.
    """
    with open_writer(settings) as connection:
        schema.migrate(connection)
        is_own = value_of(connection, f"select exists ({SQL.own_events()})")
        known = SQL.own_ids() if is_own else "select null::varchar as id where false"
        try:
            connection.execute(f"copy ({known}) to {sql_path(target)} (format parquet)")
        except duckdb.CatalogException:
            raise IngestError(
                "orders have landed and were never built: run dbt build first"
            ) from None
