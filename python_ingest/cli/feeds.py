"""`ingest feeds`: which files are understood, what one feed says, and what a file would give."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from python_ingest.errors import FileRejectedError, UsageError
from python_ingest.feeds.catalogue import faults, feeds, named, source_of
from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.markets import UNNAMED, found
from python_ingest.landing.markets import rename as rename_batches
from python_ingest.landing.preview import Preview, preview
from python_ingest.schema.migrate import migrate
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer, require_database

app = typer.Typer()
group = typer.Typer(help="The vendors' files that are understood, each by a declaration.")
app.add_typer(group, name="feeds", epilog="Example: ingest feeds try binance-trades FILE")


@group.callback(invoke_without_command=True)
def list_feeds(context: typer.Context) -> None:
    """List the feeds; those that nobody compared with a real file are marked."""
    if context.invoked_subcommand is not None:
        return
    for feed in feeds(load_settings().feeds_dir):
        unchecked = "" if feed.checked else " (compared with no real file)"
        print(f"{feed.name:26} {feed.kind:12} {feed.about}{unchecked}")
    wrong = faults(load_settings().feeds_dir)
    for fault in wrong:
        print(f"ingest: {fault.what}", file=sys.stderr)
    if wrong:
        raise typer.Exit(1)


@group.command(epilog="Example: ingest feeds show binance")
def show(name: Annotated[str, typer.Argument(help="A feed.")]) -> None:
    """Print the declaration of a feed."""
    folder = load_settings().feeds_dir
    for feed in named(name, folder):
        path = source_of(feed, folder)
        print(f"# {path}\n{path.read_text(encoding='utf-8')}")


@group.command(name="try", epilog="Example: ingest feeds try tardis-trades trades.csv.gz")
def try_feed(
    name: Annotated[str, typer.Argument(help="A feed.")],
    path: Annotated[Path, typer.Argument(help="A file, packed or not.")],
    exchange: Annotated[str | None, typer.Option(help="As of `ingest land`.")] = None,
) -> None:
    """Print the first rows of a file as they would land; nothing is landed."""
    settings = load_settings()
    for feed in named(name, settings.feeds_dir):
        wanted = Wanted(KINDS[feed.kind], name, exchange, folder=settings.feeds_dir)
        try:
            for seen in preview(settings, wanted, path):
                _print(feed.kind, seen)
        except FileRejectedError as error:
            raise FileRejectedError(f"{path}: {error}") from None


@group.command(epilog="Example: ingest feeds markets")
def markets() -> None:
    """List the files of ticks that landed as `binance`, and whose they are as far as rows tell."""
    settings = load_settings()
    require_database(settings)
    with open_writer(settings) as connection:
        migrate(connection)
        batches = found(connection, feeds(settings.feeds_dir))
    for batch in batches:
        symbols = ", ".join(batch.symbols[:3]) + (", ..." if len(batch.symbols) > 3 else "")  # noqa: PLR2004
        print(f"batch {batch.batch_id}  {batch.market or 'unknown':14} {batch.why}")
        print(f"  {batch.file}: {batch.rows:,} ticks of {symbols}; {batch.cold:,} in cold files")
    if not batches:
        print("no ticks of binance")


@group.command(epilog="Example: ingest feeds rename 4 5 --to binance-usdm")
def rename(
    batches: Annotated[list[int], typer.Argument(help="Batches that `markets` lists.")],
    market: Annotated[str, typer.Option("--to", help="Their market, such as binance-usdm.")],
) -> None:
    """Give ticks that landed as `binance` the name of their market; the next build follows."""
    settings = load_settings()
    known = sorted({name for feed in feeds(settings.feeds_dir) for name in feed.exchanges})
    if market not in known or market == UNNAMED:
        raise UsageError(f"--to {market}: no market of a feed (ingest feeds lists them)")
    require_database(settings)
    count = rename_batches(settings, batches, market)
    print(f"{count:,} ticks are of {market} now; the next build makes everything of ticks anew")


def _print(kind: str, seen: Preview) -> None:
    print(
        f"{seen.file}: {seen.accepted:,} {kind} would be accepted,"
        f" {sum(seen.rejected.values()):,} rejected, {sum(seen.ignored.values()):,} ignored"
    )
    given = {name for row in seen.first for name in row}
    names = [name for name in KINDS[kind].column_names if name in given]
    widest = [max((len(text) for text in row.values()), default=0) for row in seen.first]
    for name in names:
        values = zip(seen.first, widest, strict=True)
        print(f"  {name:18} " + "  ".join(f"{row.get(name, ''):{width}}" for row, width in values))
    for reason, times in seen.rejected.items():
        print(f"rejected {times:,}: {reason}")
    for what, times in seen.ignored.items():
        print(f"ignored {times:,}: {what}")
