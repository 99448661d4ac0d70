"""`ingest export`: all of history as Parquet, for Spark."""

from __future__ import annotations

import typer

from python_ingest.lifecycle.handover import hand_over
from python_ingest.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="export", epilog="Example: ingest export")(export)


def export() -> None:
    """Write what is still warm, and the corrections, as Parquet beside the cold files.

    Spark then sees all of history without opening the database: `ingest spark` builds on it.
    """
    done = hand_over(load_settings())
    print(
        f"{done.folder}: {done.ticks:,} ticks, {done.files_written} files written,"
        f" {done.files_linked} linked"
    )
    if done.archived:
        print(
            f"without {len(done.archived)} archived days ({done.archived[0]} to"
            f" {done.archived[-1]}): `ingest archive restore` brings them back"
        )
