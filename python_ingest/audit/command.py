"""`ingest audit`: judge what was landed since the last audit that passed."""

from typing import Annotated

import typer

from python_ingest.audit import run
from python_ingest.settings import load_settings

app = typer.Typer()


@app.command(epilog="Example: ingest audit")
def audit(
    accept: Annotated[
        str | None,
        typer.Option(help="Let everything landed so far pass, for this reason; judges nothing."),
    ] = None,
) -> None:
    """Judge what was newly landed; exit code 1 when a critical expectation is broken."""
    settings = load_settings()
    if accept is not None:
        newest = run.accept(settings, accept)
        print(f"audit: accepted up to batch {newest}: {accept}")
        return
    result = run.audit(settings)
    for line in result.warnings:
        print(f"warning: {line}")
    result.require()
    print(f"audit: {result.summary}" + (f", see {result.docs}" if result.docs else ""))
