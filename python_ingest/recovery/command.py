"""`ingest backup create|verify|list`, and `ingest restore`: a backup into a new DATA_DIR."""

import json
import os
import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from python_ingest.cli.clock import moment
from python_ingest.cli.progress import progress
from python_ingest.cli.shown import age, print_table, size
from python_ingest.errors import BackupDamagedError, BackupError, UsageError
from python_ingest.recovery.create import Created, create_backup
from python_ingest.recovery.manifest import Manifest
from python_ingest.recovery.restore import Restored, restore
from python_ingest.recovery.run import Kind
from python_ingest.recovery.sets import load
from python_ingest.recovery.verify import verify_backups
from python_ingest.settings import load_settings
from python_ingest.storage.object_store import open_store

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]

app = typer.Typer()
group = typer.Typer(no_args_is_help=True, help="Make, verify and list backups.")
app.add_typer(group, name="backup")


@group.command(epilog="Example: ingest backup create --full")
def create(
    full: Annotated[bool, typer.Option("--full", help="Everything.")] = False,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="What landed since the backup before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a backup; without an option an incremental one where that is possible."""
    if full and incremental:
        raise UsageError("--full or --incremental, not both")
    kind: Kind | None = "full" if full else "incremental" if incremental else None
    with progress("backup", quiet=as_json) as report:
        made = create_backup(load_settings(), kind, report)
    if as_json:
        print(json.dumps({**_described(made.manifest), "notes": made.notes}))
    else:
        _print_created(made)


def _print_created(made: Created) -> None:
    for note in made.notes:
        print(f"note: {note}", file=sys.stderr)
    about = _described(made.manifest)
    held = f"; landing waited {made.held_seconds:.2f} s" if about["kind"] == "full" else ""
    print(f"{about['id']}: {size(_bytes(made.manifest))}, {_span(made.manifest)}{held}")
    if made.removed_backups:
        print(f"removed {', '.join(made.removed_backups)}: {len(made.removed_backups)} backups")
    if made.removed_segments:
        print(f"removed {made.removed_segments:,} landed segments, which are safe in backups")


@group.command(epilog="Example: ingest backup verify")
def verify(as_json: AsJson = False) -> None:
    """Read every byte of every backup and say which file is damaged, missing or extra."""
    settings = load_settings()
    with progress("verifying", quiet=True) as report:
        found = verify_backups(settings, report)
    store = open_store(settings.backup_store)
    is_empty = not load(store).made
    if as_json:
        print(json.dumps({"damaged": found}))
    for line in [] if as_json else found:
        print(line)
    if found:
        things = "one thing is" if len(found) == 1 else f"{len(found)} things are"
        raise BackupDamagedError(f"{things} wrong with the backups")
    if is_empty:
        raise BackupError(f"{store.url} holds no backup: run `ingest backup create`")
    if not as_json:
        print("every file of every backup is what was written")


@group.command("list", epilog="Example: ingest backup list --json")
def list_backups(as_json: AsJson = False) -> None:
    """Show what can be restored: age, size and span of every backup."""
    store = open_store(load_settings().backup_store)
    backups = load(store)
    if as_json:
        print(json.dumps([_described(manifest) for manifest in backups.made]))
        return
    rows = [(one.id, age(_age(one)), size(_bytes(one)), _span(one)) for one in backups.made]
    if rows:
        print_table(("backup", ">age", ">size", "holds"), rows)
    for complaint in backups.damaged.values():
        print(f"damaged: {complaint}")
    for backup_id in backups.unfinished:
        print(f"unfinished: {backup_id}")
    if not backups.made:
        print(f"{store.url} holds no backup: run `ingest backup create`")


def _described(manifest: Manifest) -> dict[str, object]:
    return {
        "id": manifest.id,
        "kind": manifest.kind,
        "taken_at": manifest.taken_at.isoformat(),
        "age_seconds": round(_age(manifest).total_seconds()),
        "bytes": _bytes(manifest),
        "rows": sum(table.rows for table in manifest.tables)
        or sum(packed.landing.rows_landed for packed in manifest.segments),
        "segments": len(manifest.segments),
        "last_batch": manifest.last_batch,
        "last_landed_at": manifest.last.landed_at.isoformat() if manifest.last else None,
    }


def _span(manifest: Manifest) -> str:
    if manifest.kind == "full":
        return (
            f"everything up to {manifest.taken_at:%Y-%m-%d %H:%M:%S}, batch {manifest.last_batch}"
        )
    if not manifest.segments:
        return f"nothing new up to {manifest.taken_at:%Y-%m-%d %H:%M:%S}"
    first = manifest.segments[0].landing.batch_id
    return f"batches {first} to {manifest.last_batch} up to {manifest.taken_at:%Y-%m-%d %H:%M:%S}"


def _bytes(manifest: Manifest) -> int:
    return sum(file.bytes for file in manifest.files())


def _age(manifest: Manifest) -> timedelta:
    return datetime.now(UTC).replace(tzinfo=None) - manifest.taken_at


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
