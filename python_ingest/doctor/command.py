"""`ingest doctor`: one screen for people, an exit code for monitoring."""

from typing import Annotated

import typer

from python_ingest.doctor.findings import examine
from python_ingest.settings import load_settings

app = typer.Typer()


@app.command(epilog="Example: ingest doctor --checksums")
def doctor(
    checksums: Annotated[
        bool,
        typer.Option("--checksums", help="Read every cold file, too, and compare its SHA-256."),
    ] = False,
) -> None:
    """Look at everything and change nothing; exit code 1 when something wants mending.

    A line that begins with ! is followed by the command that mends it. A running command is not
    waited for: who has the database is named, and all else is looked at.
    """
    wanting = 0
    for finding in examine(load_settings(), checksums=checksums):
        wanting += bool(finding.mend)
        print(f"{'!' if finding.mend else ' '} {finding.about:<10}{finding.text}")
        if finding.mend:
            print(f"{'':<12}-> {finding.mend}")
    print(f"to mend: {wanting or 'nothing'}")
    if wanting:
        raise typer.Exit(1)
