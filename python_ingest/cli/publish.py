"""`ingest publish`: give readers the newest build."""

from __future__ import annotations

import sys

import typer

from python_ingest.errors import UsageError
from python_ingest.reading.descriptions import Descriptions, descriptions
from python_ingest.reading.publish import publish
from python_ingest.reporting.grain import read_manifest
from python_ingest.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="publish", epilog="Example: ingest publish")(publish_command)


def publish_command() -> None:
    """Copy the database to data/published/ and replace what readers open."""
    settings = load_settings()
    publication = publish(settings, described=_described(settings))
    print(f"published {publication.path}: {publication.bytes / 1e6:.1f} MB")


def _described(settings: Settings) -> Descriptions:
    """Return what the models mean, as the last cycle read it."""
    path = settings.data_dir / "dbt" / "manifest.json"
    if not path.exists():  # built by dbt alone
        print(f"ingest: without descriptions: {path} is not there (ingest cycle)", file=sys.stderr)
        return {}
    try:
        return descriptions(read_manifest(path))
    except UsageError as error:
        print(f"ingest: without descriptions: {error}", file=sys.stderr)
        return {}
