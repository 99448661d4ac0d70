"""The specification's tables in TimescaleDB, with exact types: tables.toml, beside this file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Table:
    """One table: its time column, the DuckDB types of its columns, and which it must have.

    `kind`: the kind as which its rows are landed; None: only compared.
    """

    name: str
    time: str
    columns: dict[str, str]
    required: tuple[str, ...]
    kind: str | None = None


def _table(name: str, told: dict[str, Any]) -> Table:
    columns = {column: type_ for type_, names in told["columns"] for column in names.split()}
    return Table(name, told["time"], columns, tuple(told["required"].split()), told.get("kind"))


_TOLD = (files("python_ingest.migration") / "tables.toml").read_text(encoding="utf-8")
TABLES = {name: _table(name, told) for name, told in tomllib.loads(_TOLD).items()}
