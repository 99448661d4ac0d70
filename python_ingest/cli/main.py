"""The console script `ingest`: one thin module per command group, imported when asked for."""

import re
import sys
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from python_ingest.cli.ending import ended
from python_ingest.extras import require

# Name: module and what it does, in the order of use. The commands themselves say the same.
# The core's lie here, the others in the rooms of extras.
COMMANDS = {
    "init": ("cli.init", "Make the database and its raw schema; harmless when they are there."),
    "land": ("cli.land", "Land files; each is landed whole or not at all, and never twice."),
    "feeds": ("cli.feeds", "The vendors' files that are understood, each by a declaration."),
    "rejected": (
        "cli.rejected",
        "Show which rows of which file were rejected, why, and the first of each reason.",
    ),
    "stream": (
        "streaming.command",
        "Receive ticks until SIGTERM or Ctrl-C; a tenth of a second later they are durable.",
    ),
    "cycle": ("cli.cycle", "Land what is pending, build and test, export, audit, publish."),
    "publish": (
        "cli.publish",
        "Copy the database to data/published/ and replace what readers open; make a bundle of it.",
    ),
    "serve": (
        "serving.command",
        "Answer queries of this machine until SIGTERM or Ctrl-C: Arrow Flight, read only.",
    ),
    "audit": (
        "audit.command",
        "Judge what was newly landed; exit code 1 when a critical expectation is broken.",
    ),
    "doctor": (
        "doctor.command",
        "Look at everything and change nothing; exit code 1 when something wants mending.",
    ),
    "report": (
        "reporting.command",
        "Write one self-contained HTML page: bars, portfolio, returns, positions, data health.",
    ),
    "archive": (
        "archiving.command",
        "Take cold files beyond their policy's days to the archive's store; they leave the views.",
    ),
    "compact": (
        "cli.compact",
        "Merge the files of a day that late rows scattered, delete unread ones, shrink the"
        " database.",
    ),
    "backup": ("recovery.command", "Make, verify and list backups."),
    "restore": (
        "recovery.command",
        "Restore from the backups into a new DATA_DIR; `dbt build` there makes the marts.",
    ),
    "compare": (
        "reporting.command",
        "Print, as Markdown for a pull request, which rows were added, removed and changed.",
    ),
    "extract": ("migration.command", "Read other databases into Parquet."),
    "migrate": (
        "migration.command",
        "Extract tables of TimescaleDB and land what is not here yet, as source 'backfill'.",
    ),
    "migration": ("migration.command", "How the move from TimescaleDB stands."),
    "export": (
        "spark.command",
        "Write what is still warm, and the corrections, as Parquet beside the cold files.",
    ),
    "spark": (
        "spark.command",
        "Build bars, gaps and latest ticks on Spark, from what `ingest export` wrote last.",
    ),
    "collect": (
        "spark.command",
        "Take the rows of the last build on Spark into the database, as if it had built them.",
    ),
    "demo": (
        "cli.demo",
        "Write a seeded market (Parquet ticks) and order events, cash, metrics and logs on it.",
    ),
}

# Whose extra has packages; what lies on S3 asks for [s3] when it is opened.
NEEDS = {
    "audit": "audit",
    "extract": "migrate",
    "migrate": "migrate",
    "migration": "migrate",
    "serve": "serve",
    "stream": "stream",
}
_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")


def command(name: str) -> Any:
    """Import a command and return it; UsageError says what to install where it lacks an extra."""
    if name in NEEDS:
        require(NEEDS[name], f"ingest {name}")
    module = import_module(f"python_ingest.{COMMANDS[name][0]}")
    found = typer.main.get_group(module.app).commands[name]
    # The help would keep our line ends and break the lines of a narrow terminal besides.
    found.help = _LINE_END.sub(" ", found.help or "")
    return found


class _Imported(TyperGroup):
    """What is registered stands for a command in the help, which needs no more of it."""

    _is_listing = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if self._is_listing or cmd_name not in self.commands:
            return super().get_command(ctx, cmd_name)
        return command(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._is_listing = True
        super().format_help(ctx, formatter)


app = typer.Typer(
    cls=_Imported,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _say_version(asked: bool) -> None:
    if asked:
        print(f"trading-warehouse {version('trading-warehouse')}")
        raise typer.Exit


@app.callback()
def ingest(
    asked: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Land, publish and keep the data of the trading warehouse."""


for _name, (_, _help) in COMMANDS.items():
    app.command(name=_name, help=_help)(lambda: None)


def main() -> None:
    """Run the command."""
    if isinstance(sys.stdout, TextIOWrapper):
        # a locale that lacks a letter of a file's name ends no landing
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(ended(app))
