"""`ingest backup create|verify|list`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from python_ingest.cli.progress import progress
from python_ingest.cli.shown import age, size
from python_ingest.errors import BackupDamagedError, BackupError, UsageError
from python_ingest.recovery.create import Created, create_backup
from python_ingest.recovery.manifest import Manifest
from python_ingest.recovery.run import Kind
from python_ingest.recovery.sets import load
from python_ingest.recovery.verify import verify_backups
from python_ingest.settings import load_settings
from python_ingest.storage.object_store import open_store

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Make, verify and list backups.")
    group.command(name="create", epilog="Example: ingest backup create --full")(create)
    group.command(name="verify", epilog="Example: ingest backup verify")(verify)
    group.command(name="list", epilog="Example: ingest backup list --json")(list_backups)
    app.add_typer(group, name="backup")


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
        raise BackupDamagedError(f"{len(found)} things are wrong with the backups")
    if is_empty:
        raise BackupError(f"{store.url} holds no backup: run `ingest backup create`")
    if not as_json:
        print("every file of every backup is what was written")


def list_backups(as_json: AsJson = False) -> None:
    """Show what can be restored: age, size and span of every backup."""
    store = open_store(load_settings().backup_store)
    backups = load(store)
    if as_json:
        print(json.dumps([_described(manifest) for manifest in backups.made]))
        return
    table = Table(box=None)
    for name, right in (("backup", False), ("age", True), ("size", True), ("holds", False)):
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for manifest in backups.made:
        held = size(_bytes(manifest))
        table.add_row(manifest.id, age(_age(manifest)), held, _span(manifest))
    if backups.made:
        Console(width=None if sys.stdout.isatty() else 200).print(table)
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
