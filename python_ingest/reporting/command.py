"""`ingest report`: what is published, as a page; `ingest compare`: which rows a change changed."""

from pathlib import Path
from typing import Annotated

import typer

from python_ingest.publication.manifest import read_manifest
from python_ingest.reporting.compare import compare as compared
from python_ingest.reporting.grain import built_models, grains
from python_ingest.reporting.markdown import as_markdown
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


@app.command(
    epilog="Example: ingest compare data/production/trading.duckdb target/slim/trading.duckdb"
)
def compare(
    before: Annotated[Path, typer.Argument(help="Database file, as it was.")],
    after: Annotated[Path, typer.Argument(help="Database file, as the branch builds it.")],
    manifest: Annotated[
        Path, typer.Option(help="Where dbt says the grain of each relation.")
    ] = Path("target/manifest.json"),
    built: Annotated[
        Path | None,
        typer.Option(help="Folder of dbt's results: compare only what was built, by its manifest."),
    ] = None,
) -> None:
    """Print, as Markdown for a pull request, which rows were added, removed and changed."""
    if built is None:
        print(as_markdown(compared(before, after, grains(read_manifest(manifest)))))
        return
    models = built_models(built / "run_results.json")
    known = grains(read_manifest(built / "manifest.json"))
    found = compared(before, after, {name: known[name] for name in known if models.get(name)})
    print(as_markdown(found, not_built=sorted(name for name in models if not models[name])))
