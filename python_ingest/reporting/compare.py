"""Compares the rows of two database files by relation and grain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from python_ingest.reporting.sides import Columns, Sides
from python_ingest.storage.failures import first_line
from python_ingest.storage.sql import quoted

# These columns say when a row was built.
WHEN_BUILT = frozenset({"built_at", "built_batch_id", "built_run"})


EXAMPLES = 3  # of each kind


@dataclass(frozen=True)
class Example:
    """A row that differs: `kind` is added, removed or changed.

    `key`: column and value, of the grain or else of the whole row. `values`: column, value before
    and after, of a changed row.
    """

    kind: str
    key: list[tuple[str, str]]
    values: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Difference:
    """Rows of one relation added, removed and changed; without a grain none is `changed`."""

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
    examples: list[Example] = field(default_factory=list)

    @property
    def is_same(self) -> bool:
        """Whether all rows are equal."""
        counts = (self.added, self.removed, self.changed)
        return not (any(counts) or self.new_columns or self.lost_columns or self.problem)


@dataclass(frozen=True)
class Comparison:
    """Two files: relations of both, by name, and those that only one of them has.

    `landed_since`: batches of the first file that it was not built with.
    """

    differences: list[Difference]
    only_before: list[str]
    only_after: list[str]
    landed_since: str = ""


def _by_key(sides: Sides, relation: str, grain: list[str], columns: list[str]) -> Difference:
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
    joined = (
        f" from (select *, true as there from {old}) as o"
        f" full join (select *, true as there from {new}) as n on {key}"
    )
    before, after, added, removed, changed, *each = sides.numbers(
        f"select {', '.join(counts)}{joined}"
    )
    by_column = {name: count for name, count in zip(values, each, strict=True) if count}
    conditions = {
        "removed": ("n.there is null", removed),
        "added": ("o.there is null", added),
        "changed": (f"{both} and ({' or '.join(differs)})", changed),
    }
    examples = [
        example
        for kind, (condition, count) in conditions.items()
        if count
        for example in _examples(sides, kind, f"{joined} where {condition}", grain, list(by_column))
    ]
    return Difference(
        relation, grain, before, after, added, removed, changed, by_column, examples=examples
    )


def _examples(
    sides: Sides, kind: str, rows: str, grain: list[str], columns: list[str]
) -> list[Example]:
    """Return the first rows of a kind, by their grain; `columns` may have changed."""
    keys = [f"coalesce(o.{quoted(c)}, n.{quoted(c)})" for c in grain]
    pairs = columns if kind == "changed" else []
    chosen = keys + [f"{side}.{quoted(column)}" for column in pairs for side in "on"]
    found = sides.texts(f"select {', '.join(chosen)}{rows} order by {', '.join(keys)}", EXAMPLES)
    examples = []
    for row in found:
        key, values = row[: len(grain)], row[len(grain) :]
        changes = zip(pairs, values[::2], values[1::2], strict=True)
        examples.append(
            Example(
                kind,
                list(zip(grain, key, strict=True)),
                [change for change in changes if change[1] != change[2]],
            )
        )
    return examples


def _as_wholes(sides: Sides, relation: str, columns: list[str]) -> Difference:
    """Compare whole rows, for relations without a grain or with a broken one."""
    chosen = ", ".join(quoted(column) for column in columns)
    old, new = (f"(select {chosen} from {quoted(n)}.main.{quoted(relation)})" for n in sides.names)
    only = {
        "removed": f"(from {old} except all from {new})",
        "added": f"(from {new} except all from {old})",
    }
    before, after, removed, added = sides.numbers(
        f"select (select count(*) from {old}), (select count(*) from {new}),"
        f" (select count(*) from {only['removed']}), (select count(*) from {only['added']})"
    )
    examples = [
        Example(kind, list(zip(columns, row, strict=True)))
        for kind, rows in only.items()
        for row in sides.texts(f"select {chosen} from {rows} order by all", EXAMPLES)
    ]
    return Difference(relation, [], before, after, added, removed, 0, examples=examples)


def _repeated(sides: Sides, relation: str, grain: list[str]) -> int:
    key = ", ".join(quoted(column) for column in grain)
    repeated = f"select count(*) - count(distinct row({key})) from %s.main.{quoted(relation)}"
    return sum(sides.numbers(repeated % quoted(name))[0] for name in sides.names)


def _difference(
    sides: Sides, relation: str, grain: list[str], old: Columns, new: Columns
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
        problem = first_line(error)
        found = Difference(relation, [], 0, 0, 0, 0, 0)
    return replace(found, new_columns=new_columns, lost_columns=lost_columns, problem=problem)


def compare(before: Path, after: Path, grains: dict[str, list[str]]) -> Comparison:
    """Compare every relation of schema `main` that both files and `grains` have.

    `grains`: relation -> its key columns, none where it has no tested grain. Raises UsageError or
    DatabaseError where a file cannot be opened; a relation that cannot be read is a `problem`.
    """
    sides = Sides(before, after)
    old, new = (
        {relation: columns for relation, columns in found.items() if relation in grains}
        for found in map(sides.relations, sides.names)
    )
    with sides.engine:
        return Comparison(
            differences=[
                _difference(sides, name, grains[name], old[name], new[name])
                for name in sorted(old.keys() & new.keys())
            ],
            only_before=sorted(old.keys() - new.keys()),
            only_after=sorted(new.keys() - old.keys()),
            landed_since=sides.landed_since_built(),
        )
