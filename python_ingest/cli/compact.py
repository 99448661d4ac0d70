"""`ingest compact`: fewer files, and the disk back that deletes left free."""

from typing import Annotated

import typer

from python_ingest.lifecycle.compaction import ENOUGH_FREE, compact_database, free_share
from python_ingest.lifecycle.merge import merge
from python_ingest.lifecycle.sweep import sweep
from python_ingest.publication.versions import named_cold_files
from python_ingest.schema.migrate import migrate
from python_ingest.settings import load_settings
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.writer import open_writer, require_database

app = typer.Typer()


@app.command(epilog="Example: ingest compact --dry-run")
def compact(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Merge the files of a day that late rows scattered, delete unread ones, shrink the database.

    The replaced files stay until no kept publication names them.
    """
    settings = load_settings()
    require_database(settings)
    with process_lock(settings.data_dir / "cycle.lock", "ingest cycle or compact"):
        with open_writer(settings) as connection:
            migrate(connection)
        for partition in merge(settings, dry_run=dry_run):
            print(
                f"{partition.relation} of {partition.date}: {partition.files} files"
                f" {'would become' if dry_run else 'became'} one, {partition.rows:,} rows"
            )
        if dry_run:
            print(f"{settings.database_path}: {free_share(settings):.0%} free")
            return
        swept = sweep(settings, named_cold_files(settings))
        if swept.files:
            print(f"deleted {swept.files} cold files, {swept.bytes / 1e6:.1f} MB")
        if swept.waits:
            print(
                "no cold file was deleted: a bundle or a backup copies some; run this again later"
            )
        compacted = compact_database(settings)
    if compacted:
        print(
            f"{settings.database_path}: {compacted.before / 1e6:.1f} MB became"
            f" {compacted.after / 1e6:.1f} MB"
        )
    else:
        print(f"{settings.database_path}: less than {ENOUGH_FREE:.0%} free, left as it is")
