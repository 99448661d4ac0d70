"""`ingest archive` and `ingest archive restore`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from python_ingest.archiving.archive import archive, held_back
from python_ingest.archiving.unarchive import bring_back
from python_ingest.cli.clock import AsOf, Force, clock, date_of
from python_ingest.cli.progress import Report, progress
from python_ingest.errors import IngestError
from python_ingest.lifecycle.sweep import sweep
from python_ingest.publication.versions import named_cold_files
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.process_lock import process_lock
from python_ingest.storage.writer import open_writer, require_database

app = typer.Typer()
group = typer.Typer(invoke_without_command=True)
app.add_typer(group, name="archive")


@contextmanager
def _alone(settings: Settings, title: str) -> Iterator[Report]:
    """Keep cycles, backups and other archivings out; yield what is told of each step."""
    require_database(settings)
    with (
        process_lock(settings.data_dir / "cycle.lock", "ingest cycle, compact or archive"),
        process_lock(settings.data_dir / "backup.lock", "ingest backup or archive"),
        progress(title, quiet=True) as report,
    ):
        with open_writer(settings) as connection:
            migrate(connection)
        yield report


@group.callback(epilog="Example: ingest archive --dry-run")
def archive_command(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    as_of: AsOf = "",
    force: Force = False,
) -> None:
    """Take cold files beyond their policy's days to the archive's store; they leave the views."""
    if context.invoked_subcommand:
        return
    at = clock(as_of, force=force) or datetime.now(UTC).replace(tzinfo=None)
    settings = load_settings()
    with _alone(settings, "archiving") as report:
        days = archive(settings, at, dry_run=dry_run, report=report)
        swept = None if dry_run else sweep(settings, named_cold_files(settings))
        held = held_back(settings, at)
    for day in days:
        print(
            f"{day.relation} of {day.date}: {len(day.files)} files, {day.bytes / 1e6:.1f} MB"
            f"{' would go' if dry_run else ''} to {settings.archive.store}"
        )
    print(f"{len(days)} days {'would be' if dry_run else 'were'} archived")
    if held:
        print(
            f"{len(held)} days stay, the first {held[0].relation} of {held[0].date}: work on them"
            " is pending; run `ingest cycle`, then this again"
        )
    if swept and swept.files:
        print(f"deleted {swept.files} local files, {swept.bytes / 1e6:.1f} MB")
    if swept and swept.waits:
        print("no local file was deleted: a bundle or a backup copies some; the next cycle does it")
    if days and not dry_run:
        print("next: ingest backup create, since only a full backup knows what is archived")


@group.command(epilog="Example: ingest archive restore market_ticks 2026-01-05 2026-01-09")
def restore(
    table: Annotated[str, typer.Argument(help="Relation, e.g. market_ticks.")],
    first: Annotated[str, typer.Argument(metavar="FROM", help="First date.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="Last date.")],
) -> None:
    """Bring archived days back; views read them from the next publication on."""
    settings = load_settings()
    days = date_of("FROM", first), date_of("TO", last)
    with _alone(settings, "restoring") as report:
        done = bring_back(settings, table, *days, report=report)
    if done.awaited:
        raise IngestError(
            f"the store is taking {len(done.awaited)} objects out of their archive class, which"
            " takes minutes to hours; nothing was brought back yet: run this again later"
        )
    print(f"{table}: {done.files} files brought back, {done.bytes / 1e6:.1f} MB")
    if not done.files:
        print(f"nothing of {first} to {last} is archived: `select * from cold_files` shows what is")
