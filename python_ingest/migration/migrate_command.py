"""`ingest migrate` and `ingest migration status`: from TimescaleDB, with proof."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from python_ingest.cli.clock import moment
from python_ingest.cli.shown import print_table
from python_ingest.landing.land import LandingResult
from python_ingest.landing.report import report_landing
from python_ingest.migration.backfill import LANDABLE, Wish, migrate
from python_ingest.migration.extract_command import Shown
from python_ingest.migration.status import status
from python_ingest.settings import load_settings

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="How the move from TimescaleDB stands.")
group.callback()(lambda: None)
app.add_typer(group, name="migration")


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
        print(json.dumps(asdict(result)) if as_json else _line(result), flush=True)

    results = migrate(settings, wish, Shown, show)
    report_landing(settings, results)
    if any(result.state == "failed" for result in results):
        raise typer.Exit(1)


def _line(result: LandingResult) -> str:
    if result.state in ("failed", "spooled"):
        return f"{result.file}: {result.state}; {result.error}"
    return (
        f"{result.file}: {result.read:,} new to land = {result.landed:,} landed"
        f" + {result.duplicate:,} duplicate + {result.rejected:,} rejected"
    )


@group.command("status", epilog="Example: ingest migration status")
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
