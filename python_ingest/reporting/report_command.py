"""`ingest report`: what is published, as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from python_ingest.reporting.report import write_report
from python_ingest.settings import load_settings

app = typer.Typer()


@app.command(epilog="Example: ingest report --symbol BTCUSDT --timeframe 1m --timeframe 1h")
def report(
    symbols: Annotated[
        list[str] | None,
        typer.Option("--symbol", help="Chart this one; again for more. Default: the newest 8."),
    ] = None,
    timeframes: Annotated[
        list[str] | None,
        typer.Option("--timeframe", help="Chart this length; again for more. Default: all."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File; default: DATA_DIR/report.html.")] = None,
) -> None:
    """Write one self-contained HTML page: bars, portfolio, returns, positions, data health.

    `ingest serve --page` serves the same page, live.
    """
    settings = load_settings()
    path = out or settings.data_dir / "report.html"
    made = write_report(settings, path, symbols or [], timeframes or [])
    print(
        f"{path}, {path.stat().st_size / 1e6:.1f} MB: {len(made.charts)} charts,"
        f" {made.moving.positions.total:,} open positions,"
        f" {made.standing.trips.total:,} round trips"
    )
