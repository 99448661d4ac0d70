"""`ingest publish`: give readers the newest build."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from python_ingest.cli.clock import date_of
from python_ingest.cli.progress import steps
from python_ingest.cli.shown import print_table, size
from python_ingest.errors import UsageError
from python_ingest.publication.bundle import DATES, write_bundle
from python_ingest.publication.descriptions import Descriptions, descriptions
from python_ingest.publication.manifest import read_manifest
from python_ingest.publication.publish import publish
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.process_lock import process_lock

app = typer.Typer()


@app.command(
    "publish",
    epilog="Example: ingest publish --bundle august.duckdb --from 2024-08-01 --to 2024-08-31",
)
def publish_command(
    bundle: Annotated[
        Path | None,
        typer.Option(help="Copy what is published, cold rows too, into this new file instead."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Of a bundle: first UTC date of cold relations.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Of a bundle: last UTC date of cold relations.")
    ] = None,
) -> None:
    """Copy the database to data/published/ and replace what readers open; make a bundle of it."""
    settings = load_settings()
    first = date_of("--from", since) if since else None
    last = date_of("--to", until) if until else None
    if bundle:
        with steps() as say:
            made = write_bundle(settings, bundle, first, last, lambda it: say(f"copying {it}"))
        print_table(("relation", ">rows"), [(name, f"{n:,}") for name, n in made.rows.items()])
        if (first or last) and not any(made.rows.get(name) for name in DATES):
            print("ingest: warning: nothing published is of those dates", file=sys.stderr)
        print(f"{made.path}, {size(made.bytes)}, is whole: it reads no other file")
        return
    if first or last:
        raise UsageError("--from and --to are for --bundle: a publication always has all rows")
    described, missing = _described(settings)
    with process_lock(settings.data_dir / "cycle.lock", "ingest cycle, compact or publish"):
        publication = publish(settings, described=described)
    print(f"published {publication.path}: {publication.bytes / 1e6:.1f} MB{missing}")


def _described(settings: Settings) -> tuple[Descriptions, str]:
    """Return what the models mean, as the last cycle read it, and why it is not known."""
    path = settings.data_dir / "dbt" / "manifest.json"
    if not path.exists():  # built by dbt alone
        return {}, f", without descriptions: {path} is not there (ingest cycle)"
    try:
        return descriptions(read_manifest(path)), ""
    except UsageError as error:
        return {}, f", without descriptions: {error}"
