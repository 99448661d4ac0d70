"""`ingest rejected`: which rows were not accepted, and why."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import duckdb
import typer

from python_ingest.cli.shown import printable, shortened
from python_ingest.errors import DatabaseBusyError
from python_ingest.landing.query import SQL
from python_ingest.publication.attached import opened
from python_ingest.schema.version import require_current
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_briefly

app = typer.Typer()


@app.command(epilog="Example: ingest rejected ticks.csv --rows")
def rejected(
    file: Annotated[str, typer.Argument(help="Only files with this in their name.")] = "",
    reason: Annotated[str, typer.Option(help="Only reasons with this in them.")] = "",
    as_rows: Annotated[bool, typer.Option("--rows", help="Every row with its text.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many lines.")] = 50,
) -> None:
    """Show which rows of which file were rejected, why, and the first of each reason."""
    sql = SQL.shown_rows if as_rows else SQL.shown_reasons
    wanted = {"file": file, "reason": reason}
    with _relation(load_settings()) as (connection, relation):
        found = connection.execute(sql(relation, str(limit)), wanted).fetchall()
    for row in found[:limit]:
        if as_rows:
            name, line, why, text = row
            print(printable(f"{name}:{line}: {why}: {shortened(text)}"))
        else:
            name, kind, why, rows, batch, line, text = row
            print(printable(f"{name}, {kind}, batch {batch}: {rows:,} rejected: {why}"))
            print(f"  the first in line {line}: {shortened(text)}")
    if len(found) > limit:
        print(f"and more: --limit {limit * 10}")
    if not found:
        print("no such row was rejected" if file or reason else "no row was rejected")


@contextmanager
def _relation(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """Yield the rejected rows of now; of the publication while another process has the database."""
    try:
        with open_briefly(settings) as connection:
            require_current(connection)
            yield connection, "raw.rejected_rows"
    except DatabaseBusyError as busy:
        print(f"ingest: as published, while the database is held by {busy.holder}", file=sys.stderr)
        with opened(settings.published_path) as connection:
            yield connection, "rejected_rows"
