"""`ingest publish`: give readers the newest build."""

from __future__ import annotations

import typer

from python_ingest.reading.publish import publish
from python_ingest.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="publish", epilog="Example: ingest publish")(publish_command)


def publish_command() -> None:
    """Copy the database to data/published/ and replace what readers open."""
    publication = publish(load_settings())
    print(f"published {publication.path}: {publication.bytes / 1e6:.1f} MB")
