"""`ingest feeds`: which files are understood, what one feed says, and what a file would give."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from python_ingest.feeds.catalogue import feeds, named, source_of
from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.preview import Preview, preview
from python_ingest.settings import load_settings

app = typer.Typer(help="The vendors' files that are understood, each by a declaration.")


def register(parent: typer.Typer) -> None:
    """Add the command group."""
    parent.add_typer(app, name="feeds", epilog="Example: ingest feeds try binance-trades FILE")


@app.callback(invoke_without_command=True)
def list_feeds(context: typer.Context) -> None:
    """List the feeds; those that nobody compared with a real file are marked."""
    if context.invoked_subcommand is not None:
        return
    for feed in feeds(load_settings().feeds_dir):
        unchecked = "" if feed.checked else " (compared with no real file)"
        print(f"{feed.name:26} {feed.kind:12} {feed.about}{unchecked}")


@app.command(epilog="Example: ingest feeds show binance")
def show(name: Annotated[str, typer.Argument(help="A feed.")]) -> None:
    """Print the declaration of a feed."""
    folder = load_settings().feeds_dir
    for feed in named(name, folder):
        path = source_of(feed, folder)
        print(f"# {path}\n{path.read_text(encoding='utf-8')}")


@app.command(name="try", epilog="Example: ingest feeds try tardis-trades trades.csv.gz")
def try_feed(
    name: Annotated[str, typer.Argument(help="A feed.")],
    path: Annotated[Path, typer.Argument(help="A file, packed or not.")],
    exchange: Annotated[str | None, typer.Option(help="As of `ingest land`.")] = None,
) -> None:
    """Print the first rows of a file as they would land; nothing is landed."""
    settings = load_settings()
    for feed in named(name, settings.feeds_dir):
        wanted = Wanted(KINDS[feed.kind], name, exchange, folder=settings.feeds_dir)
        for found in preview(settings, wanted, path):
            _print(feed.kind, found)


def _print(kind: str, found: Preview) -> None:
    print(
        f"{found.file}: {found.accepted:,} {kind} would be accepted,"
        f" {sum(found.rejected.values()):,} rejected, {sum(found.ignored.values()):,} ignored"
    )
    given = {name for row in found.first for name in row}
    names = [name for name in KINDS[kind].column_names if name in given]
    widest = [max((len(text) for text in row.values()), default=0) for row in found.first]
    for name in names:
        values = zip(found.first, widest, strict=True)
        print(f"  {name:18} " + "  ".join(f"{row.get(name, ''):{width}}" for row, width in values))
    for reason, times in found.rejected.items():
        print(f"rejected {times:,}: {reason}")
    for what, times in found.ignored.items():
        print(f"ignored {times:,}: {what}")
