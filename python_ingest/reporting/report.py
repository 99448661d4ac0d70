"""Gather what the report says; write it as one HTML file."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from python_ingest.errors import NotPublishedError
from python_ingest.publication.attached import opened
from python_ingest.reporting import figures
from python_ingest.reporting.figures import Ask, Table
from python_ingest.reporting.page import Moving, Report, Standing, page
from python_ingest.settings import Settings
from python_ingest.storage.files import write_whole

MOST_SYMBOLS = 8
_SLOWEST_SHOWN = 10
_ALWAYS = {"Freshness": "freshness", "Gaps": "gaps", "Rejected rows": "rejected"}
# Where there is nothing to say of them they are left out; a publication may lack the relation.
_SOMETIMES = {
    "Slowest of the last build": ("slowest", "system_metrics"),
    "Retention": ("retention", "cold_files"),
    "Migration": ("migration", "migration_status"),
}


def moving(ask: Ask) -> Moving:
    """Return what `ingest serve` answers live."""
    return Moving(
        equity=figures.points(ask, "equity"),
        flows=figures.table(ask, "flows"),
        now=figures.table(ask, "now"),
        positions=figures.table(ask, "positions"),
        exposure=figures.table(ask, "exposure"),
    )


def standing(ask: Ask, published: Path) -> Standing:
    """Return what is as it was published."""
    return Standing(
        facts=last_build(ask, published),
        ratios=figures.table(ask, "ratios"),
        months=figures.table(ask, "months"),
        trips=figures.table(ask, "trips", figures.TRIPS_SHOWN),
        statements=figures.table(ask, "statements"),
        health=health(ask),
    )


def gather(published: Path, symbols: list[str], timeframes: list[str]) -> Report:
    """Read everything the page says from a publication.

    Raises NotPublishedError, UsageError for a symbol or timeframe without bars, DatabaseError.
    """
    with opened(published) as connection, _of_this_version(published):
        ask = figures.asking(connection)
        series = figures.series(ask, symbols, timeframes, MOST_SYMBOLS)
        return Report(
            made_at=figures.now(),
            series=series,
            charts=[
                figures.chart(ask, one.exchange, one.symbol, name)
                for one in series
                for name, _, _ in one.timeframes
            ],
            moving=moving(ask),
            standing=standing(ask, published),
        )


@contextmanager
def _of_this_version(published: Path) -> Iterator[None]:
    """Say what to do where a publication from before a build lacks what the page shows."""
    try:
        yield
    except duckdb.CatalogException as error:
        lacking = re.search(r"with name (\S+) does not exist", str(error))
        if not lacking:
            raise
        raise NotPublishedError(
            f"{lacking[1]} is not in {published}, which was published before it was built:"
            " run `ingest cycle`"
        ) from error


def write_report(
    settings: Settings, out: Path, symbols: list[str], timeframes: list[str]
) -> Report:
    """Write the page of what is published now; it appears whole or not at all."""
    report = gather(settings.published_path, symbols, timeframes)
    out = out.resolve()  # a link to it stays
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, page(report))
    return report


def last_build(ask: Ask, published: Path) -> dict[str, str]:
    """Return when the file was published, how large it is, and when bars last changed."""
    found = published.stat()
    said = {
        "Published": f"{datetime.fromtimestamp(found.st_mtime, UTC):%Y-%m-%d %H:%M:%S} UTC",
        "Size": f"{found.st_size / 1e6:,.1f} MB",
    }
    (row,) = ask("select max(built_at)::timestamp(0)::varchar as at from ohlcv_bars", {})
    if row["at"]:
        said["Bars last changed"] = f"{row['at']} UTC"
    return said


def health(ask: Ask) -> dict[str, Table]:
    """Return title -> rows of each part of the data's health that this publication has."""
    parts = {title: figures.table(ask, name) for title, name in _ALWAYS.items()}
    tables = "select table_name from information_schema.tables where table_schema = 'main'"
    there = {row["table_name"] for row in ask(tables, {})}
    for title, (name, relation) in _SOMETIMES.items():
        if relation in there:
            shown = figures.table(ask, name, _SLOWEST_SHOWN if name == "slowest" else 50)
            if shown.rows:
                parts[title] = shown
    return parts
