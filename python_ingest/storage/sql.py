"""Names and paths as SQL text; values are bound instead."""

from __future__ import annotations

from pathlib import Path


def quoted(identifier: str) -> str:
    """Return an SQL identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def sql_path(path: Path) -> str:
    """A path as an SQL string literal, for statements that take no bound value."""
    return literal(str(path))
