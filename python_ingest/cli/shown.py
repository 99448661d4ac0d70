"""How ages, sizes and rows are shown to people."""

import re
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta

from rich.console import Console, JustifyMethod
from rich.table import Table

# Others, such as a no-break space, are often why a value is none: they are shown.
_BLANKS = re.compile(r"[ \t\r\n]+")
_UNITS = (("days", 86400), ("h", 3600), ("min", 60))


def age(passed: timedelta) -> str:
    """Return whole days, hours, minutes or seconds, the largest of which there are two."""
    seconds = max(0, int(passed.total_seconds()))
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def size(count: float) -> str:
    """Return bytes as MB, or as GB from one on."""
    return f"{count / 1e9:,.1f} GB" if count >= 10**9 else f"{count / 1e6:,.1f} MB"


def shortened(text: str | None, most: int = 100) -> str:
    """Return a text in one line, of `most` characters and dots where it is longer."""
    shown = printable(" ".join(_BLANKS.split(text or "")).strip())
    return shown if len(shown) <= most else f"{shown[:most]}..."


def printable(text: str) -> str:
    """Return a text whose line ends, control and invisible characters are escaped.

    Names and contents of files come from others: they end no line and command no terminal.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of texts; a column whose name begins with `>` is set flush right.

    Only the last column may wrap.
    """
    table = Table(box=None)
    for name in columns:
        justify: JustifyMethod = "right" if name.startswith(">") else "left"
        table.add_column(name.removeprefix(">"), justify=justify, no_wrap=name != columns[-1])
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
