"""What became of earlier rows of a batch's dates: in Parquet, in the archive, or rolled up."""

from datetime import date, datetime
from pathlib import Path
from typing import cast

import duckdb

from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.relation import respelled
from python_ingest.landing.deduplicate import Count
from python_ingest.landing.query import SQL
from python_ingest.landing.rejects import rejected_where
from python_ingest.storage.cold_files import archived_dates, readable_files
from python_ingest.storage.cold_relations import RELATIONS, ColdRelation
from python_ingest.storage.cold_views import with_files
from python_ingest.storage.sql import first_of, literal, quoted

WAITS = (
    "the row waits for it"  # the end of the reason of a row that is in no table yet, and not lost
)


def _cold_relation(kind: Kind) -> ColdRelation | None:
    return RELATIONS.get(kind.table.removeprefix("raw."))


def _dates(counted: Count) -> tuple[date, date]:
    return cast("datetime", counted.first).date(), cast("datetime", counted.last).date()


def archived_days(
    connection: duckdb.DuckDBPyConnection, kind: Kind, days: list[date]
) -> list[date]:
    """Return those of some days of which rows lie in the archive only."""
    relation = _cold_relation(kind)
    if relation is None or not days:
        return []
    archived = archived_dates(connection, relation.name, min(days), max(days))
    return [day for day in archived if day in days]


def known_rows(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, kind: Kind, counted: Count
) -> str:
    """Return SQL for the landed rows with which a batch is compared, cold ones of its dates too."""
    relation = _cold_relation(kind)
    if relation is None or not counted.accepted:
        return kind.table
    files = readable_files(connection, relation.name, *_dates(counted))
    rows = with_files(connection, data_dir, relation, files)
    # what left before nothing had one spelling has the one that it had
    return respelled(kind, rows) if files else rows


def reject_what_left(connection: duckdb.DuckDBPyConnection, kind: Kind, counted: Count) -> bool:
    """Give a reason to accepted rows that nobody could compare with earlier ones of their date.

    These are dates that lie in the archive only (their rows are marked `is_archived`), and days of
    metrics whose samples were rolled up and removed. Changes the view `batch`; returns whether
    there are any.
    """
    relation = _cold_relation(kind)
    if relation is None or not counted.accepted:
        return False
    first, last = _dates(counted)
    archived = archived_dates(connection, relation.name, first, last)
    reasons = {
        day: f"{relation.name} of {day} are archived: run `ingest archive restore"
        f" {relation.name} {day} {day}`, then `ingest land --pending`; {WAITS}"
        for day in archived
    }
    if relation.name == "system_metrics":
        removed = connection.execute(SQL.removed_days(), [relation.name, first, last]).fetchall()
        reasons |= {
            day: f"the samples of {day} were rolled up into system_metrics_1h and removed"
            for (day,) in removed
        }
    if not reasons:
        return False
    waits = ", ".join(f"date '{day}'" for day in archived) or "null"
    day_of = f"{quoted(kind.time)}::date"
    why = first_of((f"{day_of} = date '{day}'", literal(why)) for day, why in reasons.items())
    is_archived = f", late_reason is not null and {day_of} in ({waits}) as is_archived"
    rows = rejected_where(kind, "segment_rows", why, is_archived)
    connection.execute(f"create or replace temp view batch as {rows}")
    return True
