"""Which rows differ between two database files, relation by relation, told by their grain."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from python_ingest.errors import DatabaseError, UsageError
from python_ingest.storage.sql import quoted, sql_path

# They say when a row was built, not what it says.
WHEN_BUILT = frozenset({"built_at", "built_batch_id"})

Columns = dict[str, str]


@dataclass(frozen=True)
class Difference:
    """What became of the rows of one relation; without a grain nothing is `changed`."""

    relation: str
    grain: list[str]
    before: int
    after: int
    added: int
    removed: int
    changed: int
    changed_columns: dict[str, int] = field(default_factory=dict)
    new_columns: list[str] = field(default_factory=list)
    lost_columns: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def is_same(self) -> bool:
        """Whether every row says what it said."""
        counts = (self.added, self.removed, self.changed)
        return not (any(counts) or self.new_columns or self.lost_columns or self.problem)


@dataclass(frozen=True)
class Comparison:
    """Two files: relations of both, by name, and those that only one of them has."""

    differences: list[Difference]
    only_before: list[str]
    only_after: list[str]


class _Sides:
    """Both files, attached read only to an empty engine."""

    def __init__(self, before: Path, after: Path) -> None:
        self.engine = duckdb.connect()
        self.engine.execute("set TimeZone = 'UTC'")
        # Under their own names where they differ: views may name their catalog.
        same = before.stem == after.stem
        self.names = ("before", "after") if same else (before.stem, after.stem)
        for path, name in zip((before, after), self.names, strict=True):
            if not path.is_file():
                raise UsageError(f"{path} is no file")
            try:
                self.engine.execute(f"attach {sql_path(path)} as {quoted(name)} (read_only)")
            except duckdb.Error as error:
                raise DatabaseError(f"{path} cannot be opened: {error}") from error

    def relations(self, catalog: str) -> dict[str, Columns]:
        found: dict[str, Columns] = {}
        rows = self.engine.execute(
            "select table_name, column_name, data_type from duckdb_columns()"
            " where database_name = ? and schema_name = 'main' and not internal"
            " order by table_name, column_index",
            [catalog],
        ).fetchall()
        for table, column, data_type in rows:
            found.setdefault(table, {})[column] = data_type
        return found

    def numbers(self, sql: str) -> list[int]:
        row = self.engine.execute(sql).fetchone() or ()
        return [int(value) for value in row]


def _by_key(sides: _Sides, relation: str, grain: list[str], columns: list[str]) -> Difference:
    """Compare row by row, found by their grain."""
    old, new = (f"{quoted(name)}.main.{quoted(relation)}" for name in sides.names)
    key = " and ".join(f"o.{quoted(c)} is not distinct from n.{quoted(c)}" for c in grain)
    values = [column for column in columns if column not in grain]
    differs = [f"o.{quoted(c)} is distinct from n.{quoted(c)}" for c in values]
    both = "o.there and n.there"
    counts = [
        "count(o.there)",
        "count(n.there)",
        "count(*) filter (where o.there is null)",
        "count(*) filter (where n.there is null)",
        f"count(*) filter (where {both} and ({' or '.join(differs) or 'false'}))",
        *(f"count(*) filter (where {both} and {one})" for one in differs),
    ]
    before, after, added, removed, changed, *each = sides.numbers(
        f"select {', '.join(counts)} from (select *, true as there from {old}) as o"
        f" full join (select *, true as there from {new}) as n on {key}"
    )
    by_column = {name: count for name, count in zip(values, each, strict=True) if count}
    return Difference(relation, grain, before, after, added, removed, changed, by_column)


def _as_wholes(sides: _Sides, relation: str, columns: list[str]) -> Difference:
    """Compare rows as wholes, for what has no grain or breaks it."""
    chosen = ", ".join(quoted(column) for column in columns)
    old, new = (f"(select {chosen} from {quoted(n)}.main.{quoted(relation)})" for n in sides.names)
    before, after, added, removed = sides.numbers(
        f"select (select count(*) from {old}), (select count(*) from {new}),"
        f" (select count(*) from (from {new} except all from {old})),"
        f" (select count(*) from (from {old} except all from {new}))"
    )
    return Difference(relation, [], before, after, added, removed, 0)


def _repeated(sides: _Sides, relation: str, grain: list[str]) -> int:
    key = ", ".join(quoted(column) for column in grain)
    repeated = f"select count(*) - count(distinct ({key},)) from %s.main.{quoted(relation)}"
    return sum(sides.numbers(repeated % quoted(name))[0] for name in sides.names)


def _difference(
    sides: _Sides, relation: str, grain: list[str], old: Columns, new: Columns
) -> Difference:
    shared = [c for c in new if old.get(c) == new[c] and c not in WHEN_BUILT]
    new_columns = [f"{c} {new[c]}" for c in new if old.get(c) != new[c]]
    lost_columns = [f"{c} {old[c]}" for c in old if new.get(c) != old[c]]
    problem = ""
    try:
        if grain and set(grain) <= set(shared):
            repeated = _repeated(sides, relation, grain)
            problem = f"{repeated:,} rows repeat their grain" if repeated else ""
        if grain and set(grain) <= set(shared) and not problem:
            found = _by_key(sides, relation, grain, shared)
        else:
            found = _as_wholes(sides, relation, shared)
    except duckdb.Error as error:
        problem = str(error).splitlines()[0]
        found = Difference(relation, [], 0, 0, 0, 0, 0)
    counted = {name: getattr(found, name) for name in ("before", "after", "added", "removed")}
    return Difference(
        relation,
        found.grain,
        **counted,
        changed=found.changed,
        changed_columns=found.changed_columns,
        new_columns=new_columns,
        lost_columns=lost_columns,
        problem=problem,
    )


def compare(before: Path, after: Path, grains: dict[str, list[str]]) -> Comparison:
    """Compare every relation of schema `main` that both files have.

    `grains` names each relation's key columns. Raises UsageError or DatabaseError where a file
    cannot be opened; a relation that cannot be read is a `problem` of its own.
    """
    sides = _Sides(before, after)
    old, new = (sides.relations(name) for name in sides.names)
    with sides.engine:
        return Comparison(
            differences=[
                _difference(sides, name, grains.get(name, []), old[name], new[name])
                for name in sorted(old.keys() & new.keys())
            ],
            only_before=sorted(old.keys() - new.keys()),
            only_after=sorted(new.keys() - old.keys()),
        )
