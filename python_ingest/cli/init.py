"""`ingest init`: make the database, or bring its raw schema up to date."""

import typer

from python_ingest.cli.place import say_where
from python_ingest.schema.migrate import migrate
from python_ingest.schema.version import current_version
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer

app = typer.Typer()


@app.command(epilog="Example: ingest init")
def init() -> None:
    """Make the database and its raw schema; harmless when they are there."""
    settings = load_settings()
    say_where(settings)
    with open_writer(settings, create=True) as connection:
        is_new = current_version(connection) == 0
        applied = migrate(connection)
        version = current_version(connection)
    done = ", ".join(applied) if applied else "already up to date"
    if is_new:
        done = f"made, schema version {version}"
    print(f"{settings.database_path}: {done}")
