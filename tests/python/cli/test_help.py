"""What `--help` prints is what was written."""

from __future__ import annotations

import click
import pytest
import typer
from rich.text import Text

from python_ingest.cli.main import app


def texts(command: click.Command) -> list[str]:
    """Every text of a command and of those below it."""
    found = [command.help or "", command.epilog or ""]
    found += [getattr(option, "help", None) or "" for option in command.params]
    for below in getattr(command, "commands", {}).values():
        found += texts(below)
    return [text for text in found if text]


@pytest.mark.parametrize("text", texts(typer.main.get_command(app)))
def test_nothing_is_taken_for_markup(text: str) -> None:
    """Typer's help takes `[pool]` for a style and leaves it out."""
    assert Text.from_markup(text).plain == text
