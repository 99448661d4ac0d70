"""`ingest cycle`: the one command for a scheduler."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import duckdb
import typer
from rich.console import Console
from rich.table import Table

from python_ingest.audit.run import audit, loaded_beside
from python_ingest.cli.clock import AsOf, Force, variables
from python_ingest.cli.dbt_run import dbt_build, require_project
from python_ingest.cli.dual_write import states_written_twice, written_twice
from python_ingest.errors import IngestError
from python_ingest.landing.land import land_pending
from python_ingest.landing.report import land_telemetry
from python_ingest.lifecycle.compaction import compact_database
from python_ingest.lifecycle.sweep import sweep
from python_ingest.reading.catalog import relations
from python_ingest.reading.publish import Publication, named_cold_files, publish
from python_ingest.recovery.segments import remove_safe_segments
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.writer import open_writer

_NEXT = (
    "{python} -c \"import duckdb; duckdb.connect('{path}', read_only=True)"
    ".sql('from current_positions').show()\""
)


def _python() -> str:
    """Return the path of this interpreter, relative to the working folder where possible."""
    here = Path(sys.executable)
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="cycle", epilog='Example: ingest cycle --as-of "2024-08-09 00:00:00"')(cycle)


def _print_summary(settings: Settings, warnings: list[str], published: Publication) -> None:
    print(f"{published.path}, {published.bytes / 1e6:.1f} MB, holds")
    table = Table(box=None)
    table.add_column("relation")
    table.add_column("rows", justify="right")
    for name, rows in relations(settings.published_path):
        table.add_row(name, f"{rows:,}")
    Console().print(table)
    for warning in warnings:
        print(f"warning: {warning}")


def cycle(as_of: AsOf = "", force: Force = False) -> None:
    """Land what is pending, build and test, export, audit, publish; stop at the first that fails.

    Landed segments that are published, a day old and in a backup are removed then.

    A segment that cannot be landed stays in the spool; the rest goes on, and the exit code is 1.
    So it is when cleaning up after the publication fails: both messages begin with "built and
    published".
    """
    clock = variables(as_of, force=force)
    require_project()
    settings = load_settings()
    started = time.monotonic()
    with process_lock(settings.data_dir / "cycle.lock", "ingest cycle"):
        with open_writer(settings) as connection:
            migrate(connection)
        with written_twice(settings):
            landed = land_pending(settings)
            land_telemetry(settings)
        with loaded_beside(settings):
            build = dbt_build(settings, clock)
        states_written_twice(settings)
        verdict = audit(settings)
        verdict.require()
        published = publish(settings)
        untidy = _tidy(settings)
    _print_summary(settings, [*build.warnings, *verdict.warnings], published)
    print(
        f"built {build.models} models, {build.tests_passed} tests passed,"
        f" {len(build.warnings)} with warnings; {verdict.summary};"
        f" {time.monotonic() - started:.1f} s"
    )
    print(f"next: {_NEXT.format(python=_python(), path=settings.published_path)}")
    failed = [result for result in landed if result.state == "failed"]
    left = []
    if failed:
        left.append(
            "built and published without what could not be landed: "
            + "; ".join(f"{result.file}: {result.error}" for result in failed)
        )
    if untidy:
        left.append(
            f"built and published, but not tidied up (the next cycle tries again): {untidy}"
        )
    if left:
        raise IngestError("; ".join(left))


def _tidy(settings: Settings) -> Exception | None:
    """Free the space of what a publication made unneeded; return why that could not be done."""
    try:
        remove_safe_segments(settings)
        sweep(settings, named_cold_files(settings))
        compact_database(settings)
    except (IngestError, OSError, duckdb.Error) as error:
        return error
    return None
