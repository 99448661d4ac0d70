"""What `--help` prints is what was written."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
import typer
from rich.text import Text
from typer.testing import CliRunner

from python_ingest.cli import main
from python_ingest.cli.main import COMMANDS, app, command


def texts(command: click.Command) -> list[str]:
    """Every text of a command and of those below it."""
    found = [command.help or "", command.epilog or ""]
    found += [getattr(option, "help", None) or "" for option in command.params]
    for below in getattr(command, "commands", {}).values():
        found += texts(below)
    return [text for text in found if text]


ALL = [typer.main.get_command(app), *map(command, COMMANDS)]


@pytest.mark.parametrize("text", [text for one in ALL for text in texts(one)])
def test_nothing_is_taken_for_markup(text: str) -> None:
    """Typer's help takes `[pool]` for a style and leaves it out."""
    assert Text.from_markup(text).plain == text


@pytest.mark.parametrize("name", COMMANDS)
def test_a_line_ends_where_a_paragraph_or_the_terminal_does(name: str) -> None:
    """The lines of our docstrings are longer than a terminal of 80 columns has."""
    assert all("\n" not in part for part in (command(name).help or "").split("\n\n"))


def test_each_module_of_commands_is_listed_and_says_the_same_of_itself() -> None:
    package = Path(main.__file__).parents[1]
    modules = {
        ".".join(path.relative_to(package).with_suffix("").parts)
        for path in package.rglob("*.py")
        if re.search(r"^app = (typer|_found)", path.read_text("utf-8"), re.M)
    } - {"cli.main"}
    assert {module for module, _ in COMMANDS.values()} == modules
    said = {name: (command(name).help or "").split("\n\n")[0] for name in COMMANDS}
    assert {name: " ".join(text.split()) for name, text in said.items()} == {
        name: line for name, (_, line) in COMMANDS.items()
    }


def test_help_imports_nothing_heavy() -> None:
    """To import what all commands need took a second of each."""
    code = (
        "import sys; from python_ingest.cli.main import main\n"
        "try: main()\n"
        "except SystemExit:\n"
        "    print(sorted({'duckdb', 'pyarrow', 'pydantic', 'dbt'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (
        0,
        f"trading-warehouse {version('trading-warehouse')}\n",
    )
