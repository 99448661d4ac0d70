"""The specification's tables in TimescaleDB, with exact types: tables.toml, beside this file.

And their rows in landing's form: canonical columns, validated by landing's own SQL.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.relation import Scan, validated
from python_ingest.landing import spool
from python_ingest.settings import Settings
from python_ingest.storage.files import sha256_of
from python_ingest.storage.sql import quoted


@dataclass(frozen=True)
class Table:
    """One table: its time column, the DuckDB types of its columns, and which it must have.

    `kind`: the kind as which its rows are landed; None: only compared. `same`, `told`: what a row
    that is migrated is known by (missing_rows.py).
    """

    name: str
    time: str
    columns: dict[str, str]
    required: tuple[str, ...]
    kind: str | None = None
    same: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def _table(name: str, said: dict[str, Any]) -> Table:
    columns = {column: type_ for type_, names in said["columns"] for column in names.split()}
    lists = {key: tuple(said.get(key, "").split()) for key in ("required", "same", "told")}
    return Table(name, said["time"], columns, kind=said.get("kind"), **lists)


_TOML = (files("python_ingest.migration") / "tables.toml").read_text(encoding="utf-8")
TABLES = {name: _table(name, said) for name, said in tomllib.loads(_TOML).items()}
FORMAT = "timescale"


def landed_sql(table: Table, columns: Mapping[str, str]) -> str:
    """Return SQL over the relation `extracted`, which has a `row_number` besides its columns.

    It yields what `validated` does. `columns` are the extract's names and DuckDB types. dbt takes
    this text from the manifest, so that rows read from an extract are the rows that landing would
    have made of them.
    """
    kind = KINDS[str(table.kind)]
    taken = {name: columns[name] for name in kind.column_names if name in columns}
    expressions = [quoted(name) for name in taken]
    # where rows come from; in logs it is a place in the code
    if any(column.name == "source" and column.default for column in kind.columns):
        taken["source"] = "VARCHAR"
        expressions = [e for e in expressions if e != '"source"'] + ["'backfill' as source"]
    sql = f"select {', '.join(expressions)}, row_number, null::varchar as raw_text from extracted"
    return validated(kind, Scan(FORMAT, sql, taken, extra=("row_number",)), markets=False)


def into_spool(settings: Settings, kind: str, name: str, finished: Path) -> spool.Segment:
    """Move finished rows of a kind into the spool; `name`: what they are called there."""
    sha256 = sha256_of(finished)
    segment = spool.Segment(
        name=spool.new_name(kind, sha256),
        kind=kind,
        file_name=f"{FORMAT}/{name}",
        sha256=sha256,
        format=FORMAT,
        canonical=False,
        others={},
        one_spelling=True,
    )
    spool.commit(settings, segment, finished)
    return segment
