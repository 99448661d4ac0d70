"""`ingest demo`: tools/demo of the project's folder; `pip install` does not bring it (ADR 0246)."""

import sys
from importlib import import_module
from pathlib import Path

import typer

from python_ingest.errors import UsageError


def _found() -> typer.Typer:
    """Return the command of tools/demo; UsageError says where it is when it is not here."""
    # The folder that this package is imported from, as after `pip install -e .`, or this one.
    for folder in (Path(__file__).parents[2], Path.cwd()):
        if (folder / "tools" / "demo" / "command.py").exists():
            sys.path.insert(0, str(folder))
            there: typer.Typer = import_module("tools.demo.command").app
            return there
    raise UsageError(
        "ingest demo: it is in tools/demo of the project's folder and not installed: run it there"
    )


app = _found()
