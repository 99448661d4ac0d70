"""`ingest extract timescale`, `ingest migrate` and `ingest migration status`."""

import json
import sys
from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from python_ingest.cli.clock import moment
from python_ingest.cli.progress import shown_on_terminal
from python_ingest.cli.shown import print_table
from python_ingest.landing.land import LandingResult
from python_ingest.landing.report import report_landing
from python_ingest.migration.backfill import LANDABLE, Wish, migrate
from python_ingest.migration.extract import Request, extract
from python_ingest.migration.manifest import Manifest
from python_ingest.migration.order_events import make_order_events
from python_ingest.migration.range_reader import Listener
from python_ingest.migration.ranges import Range
from python_ingest.migration.status import status
from python_ingest.settings import load_settings

app = typer.Typer()
extracting = typer.Typer(no_args_is_help=True, help="Read other databases into Parquet.")
migration = typer.Typer(no_args_is_help=True, help="How the move from TimescaleDB stands.")
for _name, _group in (("extract", extracting), ("migration", migration)):
    _group.callback()(lambda: None)
    app.add_typer(_group, name=_name)
_EXAMPLE = "Example: ingest extract timescale --table market_ticks --from 2026-11-01 --jobs 2"


@extracting.command(epilog=_EXAMPLE)
def timescale(  # noqa: PLR0913, PLR0917 - the command's options
    table: Annotated[list[str], typer.Option(help="Table, view or aggregate; may be repeated.")],
    since: Annotated[
        str | None, typer.Option("--from", help="UTC; whole chunks or days from there on.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="UTC; up to there.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Connections that read at once.")] = 1,
    time: Annotated[
        str | None, typer.Option(help="Time column of a table that is not one of ours.")
    ] = None,
    bars: Annotated[
        str | None, typer.Option(help="The table holds bars of this timeframe, such as 1m.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a table.")] = False,
) -> None:
    """Extract tables of TimescaleDB (TIMESCALE_DSN) to DATA_DIR/extracts; resumes after a kill."""
    settings = load_settings()
    for name in table:
        request = Request(name, moment("--from", since), moment("--to", until), jobs, time, bars)
        found = extract(settings, request, Shown(name))
        if name in ("orders", "trades"):
            make_order_events(settings)
        print(json.dumps(_summary(found), default=str) if as_json else _line(found))


class Shown(Listener):
    """A progress bar on a terminal; ranges that changed meanwhile are printed everywhere."""

    def __init__(self, table: str) -> None:
        self._bar = shown_on_terminal(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._task = self._bar.add_task(table, total=None)
        self._table = table

    def planned(self, ranges: int, resumed: int, rows: int) -> None:
        """Set how much is to come."""
        self._bar.start()
        self._bar.update(self._task, total=rows or None)
        if resumed:
            print(f"{self._table}: goes on, {resumed} of {ranges} ranges are read", file=sys.stderr)

    def rows(self, number: int) -> None:
        """Advance."""
        self._bar.advance(self._task, number)

    def done(self) -> None:
        """Remove the bar."""
        self._bar.stop()

    def changed(self, span: Range, *, still: bool) -> None:
        """Print the range that changed."""
        what = "changed again; extract it once more later" if still else "changed, reading it again"
        print(f"{self._table}: {span.start} to {span.end} {what}", file=sys.stderr)


def _summary(found: Manifest) -> dict[str, Any]:
    """What this run read; `gone`: what former runs read and the server has no longer."""
    reasons: Counter[str] = Counter()
    for part in found.read:
        reasons.update(part.reasons)
    return {
        "table": found.relation,
        "ranges": len(found.read),
        "rows": sum(part.rows for part in found.read),
        "rejected": sum(part.rejected for part in found.read),
        "reasons": dict(reasons),
        "covered": [[str(span.start), str(span.end)] for span in found.covered],
        "changing": [str(part.start) for part in found.read if part.is_changing],
        "gone": [str(part.range) for part in found.gone],
        "retention": asdict(found.retention) if found.retention else None,
    }


def _line(found: Manifest) -> str:
    said = _summary(found)
    text = f"{found.relation}: {said['rows']:,} rows in {said['ranges']} ranges, {found.asked}"
    if found.rejected:
        reasons = ", ".join(f"{why} ({number:,})" for why, number in said["reasons"].items())
        text += f"; {said['rejected']:,} rejected: {reasons}"
    if found.gone:
        text += (
            f"; the server no longer has {sum(part.rows for part in found.gone):,} rows of"
            f" {len(found.gone)} ranges that were read before, "
            f"{Range(found.gone[0].start, found.gone[-1].end)} (their files are kept)"
        )
    if found.retention:
        text += f"; its retention policy: {found.retention.policy}"
    return text


@app.command("migrate", epilog="Example: ingest migrate --table market_ticks --jobs 2")
def migrate_command(
    table: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(LANDABLE)}; default: all.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="UTC.")] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="UTC: where dual-written rows take over.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Connections that read at once.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a range.")] = False,
) -> None:
    """Extract tables of TimescaleDB and land what is not here yet, as source 'backfill'."""
    settings = load_settings()
    wish = Wish(tuple(table or LANDABLE), moment("--from", since), moment("--to", until), jobs)

    def show(result: LandingResult) -> None:
        print(json.dumps(asdict(result)) if as_json else _landed(result), flush=True)

    results = migrate(settings, wish, Shown, show)
    report_landing(settings, results)
    if any(result.state == "failed" for result in results):
        raise typer.Exit(1)


def _landed(result: LandingResult) -> str:
    if result.state in ("failed", "spooled"):
        return f"{result.file}: {result.state}; {result.error}"
    return (
        f"{result.file}: {result.read:,} new to land = {result.landed:,} landed"
        f" + {result.duplicate:,} duplicate + {result.rejected:,} rejected"
    )


@migration.command("status", epilog="Example: ingest migration status")
def status_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Print phase, coverage, what does not match and what to do next."""
    found = status(load_settings())
    if as_json:
        print(json.dumps(asdict(found)))
        return
    print(f"phase {found.phase}: {found.phase_name}")
    print(f"reads: {found.reads}; dual write: {found.dual_write}")
    if found.lag_batches:
        print(f"TimescaleDB lacks {found.lag_rows:,} rows of {found.lag_batches:,} batches")
    if found.tables:
        print_table(
            ("relation", ">rows", ">rejected", ">closed buckets", ">do not match", "covered"),
            [
                (
                    t.relation,
                    *(f"{n:,}" for n in (t.rows, t.rejected, t.closed, t.wrong)),
                    t.covered,
                )
                for t in found.tables
            ],
        )
    print(f"next: {found.next}")
