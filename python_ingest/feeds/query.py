"""The SQL of `queries/`: a name with a dollar stands for what a feed makes of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import Template

_QUERIES = Path(__file__).parent / "queries"


def query(name: str, **said: str) -> str:
    """Return a query with all its names filled in."""
    return Template(_text(name)).substitute(said)


@cache
def _text(name: str) -> str:
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")
