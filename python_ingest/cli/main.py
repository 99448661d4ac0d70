"""The console script `ingest`: one thin module per command group."""

from __future__ import annotations

import sys

import typer

from python_ingest.cli import (
    archive,
    audit,
    backup,
    compact,
    compare,
    cycle,
    demo,
    export,
    extract,
    feeds,
    init,
    land,
    migrate,
    publish,
    report,
    restore,
    serve,
    spark,
    stream,
)
from python_ingest.cli.ending import ended

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def ingest() -> None:
    """Land, publish and keep the data of the trading warehouse."""


archive.register(app)
audit.register(app)
backup.register(app)
compare.register(app)
compact.register(app)
cycle.register(app)
demo.register(app)
export.register(app)
extract.register(app)
feeds.register(app)
init.register(app)
land.register(app)
migrate.register(app)
publish.register(app)
report.register(app)
restore.register(app)
serve.register(app)
spark.register(app)
stream.register(app)


def main() -> None:
    """Run the command."""
    sys.exit(ended(app))
