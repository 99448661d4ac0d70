"""`ingest restore`: a backup into a new DATA_DIR."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from python_ingest.cli.clock import moment
from python_ingest.cli.progress import progress
from python_ingest.errors import UsageError
from python_ingest.recovery.restore import Restored, restore
from python_ingest.settings import load_settings

app = typer.Typer()


@app.command(
    "restore", epilog='Example: ingest restore --to data.restored --at "2026-11-23 14:30:00"'
)
def restore_command(
    to: Annotated[Path, typer.Option(help="The new DATA_DIR.")],
    at: Annotated[
        str, typer.Option(help="The moment, UTC unless it names a zone; default: the newest.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Set aside what is there already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Restore from the backups into a new DATA_DIR; `dbt build` there makes the marts."""
    if to.suffix == ".duckdb":
        raise UsageError(
            f"--to {to}: a folder is wanted, the new DATA_DIR, such as {to.with_suffix('')};"
            " the database will be in it"
        )
    until = moment("--at", at)
    with progress("restoring", quiet=as_json) as report:
        done = restore(load_settings(), to, until, force=force, report=report)
    if as_json:
        print(json.dumps(asdict(done), default=str))
        return
    for note in done.notes:
        print(f"note: {note}", file=sys.stderr)
    if done.kept:
        print(f"what was there lies in {done.kept}")
    print(
        f"{done.path}: everything up to {done.until:%Y-%m-%d %H:%M:%S.%f}, batch"
        f" {done.last_batch}, from {done.full} and {done.segments:,} segments"
    )
    print(f"next: {_environment(done)} dbt build")


def _environment(done: Restored) -> str:
    """Return what names the restore for dbt: also its database, where DATA_DIR alone would not."""
    named = f"DATA_DIR={shlex.quote(str(done.path))}"
    settings = load_settings(env={**os.environ, "DATA_DIR": str(done.path)})
    if settings.database_path.resolve() == done.database:
        return named
    return f"{named} DATABASE_PATH={shlex.quote(str(done.database))}"
