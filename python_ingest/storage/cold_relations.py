"""Whose old rows are kept in Parquet files, and how: one list, cold_relations.toml."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from python_ingest.storage.sql import quoted


@dataclass(frozen=True)
class ColdRelation:
    """A relation whose old rows are kept in Parquet files.

    `home` is the table it leaves, `key` the column that tells its rows apart, `time` the column
    whose UTC date is the partition, `batch` the column that says with which batch a row came or was
    built, `order_by` how a file is sorted. Rows of a relation that is not `restated` never change.
    `defaults` is what rows of a file say that was written before there was the column.
    """

    name: str
    home: str
    key: str
    time: str
    order_by: str
    batch: str | None = None
    restated: bool = True
    defaults: Mapping[str, str] = field(default_factory=dict)


_TOLD = (files("python_ingest.storage") / "cold_relations.toml").read_text(encoding="utf-8")
RELATIONS = {name: ColdRelation(name, **told) for name, told in tomllib.loads(_TOLD).items()}


# A file keeps only types that Spark reads too; a HUGEINT would even become a DOUBLE.
_STORED = {"UUID": "VARCHAR", "JSON": "VARCHAR", "HUGEINT": "DECIMAL(38, 0)"}
_TYPE_NAME = re.compile(r'"[^"]*"|\b\w+\b')


def stored_type(sql_type: str) -> str:
    """Return the type in which a file keeps values of `sql_type`; names of fields stay."""
    return _TYPE_NAME.sub(lambda found: _STORED.get(found[0].upper(), found[0]), sql_type)


def as_stored(columns: Iterable[tuple[str, str]]) -> str:
    """Return SQL that selects (name, type) columns as a file keeps them."""
    each = ((quoted(name), stored_type(kind)) for name, kind in columns)
    return ", ".join(f"{name}::{kind} as {name}" for name, kind in each)
