"""Compares the rows of two database files by relation and grain."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from python_ingest.reporting.sides import Columns, Sides
from python_ingest.storage.failures import first_line
from python_ingest.storage.sql import quoted
from python_ingest.storage.statements import Statements

# These columns say when a row was built.
WHEN_BUILT = frozenset({"built_at", "built_batch_id", "built_run"})
EXAMPLES = 3  # of each kind
_KINDS = ("removed", "added", "changed")
SQL = Statements(Path(__file__).with_name("queries"))


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


def _compared(sides: Sides, relation: str, grain: list[str], columns: list[str]) -> Difference:
    """Compare rows that are found by their grain; without one, what only one of both sides has."""
    chosen = ", ".join(map(quoted, columns))
    old, new = (f"(select {chosen} from {quoted(n)}.main.{quoted(relation)})" for n in sides.names)
    values = [column for column in columns if grain and column not in grain]
    differs = [f"o.{quoted(c)} is distinct from n.{quoted(c)}" for c in values]
    if grain:
        same = " and ".join(f"o.{quoted(c)} is not distinct from n.{quoted(c)}" for c in grain)
        sides.engine.execute(SQL.by_grain(old, new, same, " or ".join(differs) or "false"))
    else:
        sides.engine.execute(SQL.whole_rows(old, new))
    conditions = [f"kind = '{kind}'" for kind in _KINDS]
    conditions += [f"kind = 'changed' and {one}" for one in differs]
    counts = [f"count(*) filter (where {condition})" for condition in conditions]
    removed, added, changed, *by_column = sides.numbers(
        f"select {', '.join(counts)} from differing"
    )
    changes = {column: count for column, count in zip(values, by_column, strict=True) if count}
    before, after = (sides.numbers(f"select count(*) from {side}")[0] for side in (old, new))
    examples = [
        example
        for kind in _KINDS
        for example in _examples(sides, kind, grain or columns, [*changes])
    ]
    return Difference(
        relation, grain, before, after, added, removed, changed, changes, examples=examples
    )


def _examples(sides: Sides, kind: str, grain: list[str], columns: list[str]) -> list[Example]:
    """Return the first rows of a kind, by their grain; `columns` may have changed."""
    keys = [f"coalesce(o.{quoted(c)}, n.{quoted(c)})" for c in grain]
    pairs = columns if kind == "changed" else []
    chosen = keys + [f"{side}.{quoted(column)}" for column in pairs for side in "on"]
    rows = f"select {', '.join(chosen)} from differing where kind = '{kind}'"
    examples = []
    for row in sides.texts(f"{rows} order by {', '.join(keys)}", EXAMPLES):
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
        if not set(grain) <= set(shared):
            grain = []
        if grain and (repeated := _repeated(sides, relation, grain)):
            problem, grain = f"{repeated:,} rows repeat their grain", []
        found = _compared(sides, relation, grain, shared)
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
