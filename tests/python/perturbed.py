"""What really depends on what: columns that a SELECT reads are changed, and it is asked again.

Nothing here reads a plan, so it can say that lineage is wrong. Rows of a relation are put into the
empty warehouse of tools/lineage/warehouse.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

import duckdb

from tools.lineage.plan import Column, Source
from tools.lineage.warehouse import Typed

ROWS = 1000  # of each relation
NAMED = re.compile(r"\b\w+\.\w+\b(?!\.)")  # schema.relation, also behind a database's name
TIMES = ("TIMESTAMP", "DATE", "TIME")
NUMBERS = ("DECIMAL", "DOUBLE", "FLOAT", "BIGINT", "INTEGER", "HUGEINT", "SMALLINT", "TINYINT")


def fill(connection: duckdb.DuckDBPyConnection, columns: Typed, warehouse: str) -> None:
    """Put the first rows of each relation of an attached warehouse into the empty tables."""
    for relation in columns:
        connection.execute(f"insert into {relation} from {warehouse}.{relation} limit {ROWS}")


def invented(kind: str) -> str:
    """An expression of few values of a type by the number i, so that rows join; else NULL."""
    value = "null"
    if kind == "VARCHAR":
        value = "if(i % 2 = 0, 'a', 'b')"
    elif kind == "BOOLEAN":
        value = "i % 2 = 0"
    elif kind.startswith(NUMBERS):
        value = "i % 3"
    elif kind.startswith(TIMES):
        value = "timestamp '2024-08-01' + to_hours((i % 3)::int)"
    return f"cast({value} as {kind})"


def invent(connection: duckdb.DuckDBPyConnection, relation: str, typed: Mapping[str, str]) -> None:
    """Put eight rows into a relation of which the sample has none."""
    values = ", ".join(f'{invented(kind)} as "{column}"' for column, kind in typed.items())
    connection.execute(f"insert into {relation} select {values} from range(8) as r(i)")


def ways(column: str, kind: str) -> Iterator[str]:
    """Expressions that give a column other values: the next row's, none, half of them others."""
    name = f'"{column}"'
    yield f"coalesce(lead({name}) over (order by rowid), first({name}) over (order by rowid))"
    yield "null"
    other = name
    if kind == "VARCHAR":
        other = f"{name} || 'x'"
    elif kind == "BOOLEAN":
        other = f"not {name}"
    elif kind.startswith(NUMBERS):
        other = f"({name} + 1)::{kind}"
    elif kind.startswith(TIMES):
        other = f"({name} + interval 1 day)::{kind}"
    anything = invented(kind).replace("i %", "rowid %")
    yield f"if(rowid % 2 = 0, coalesce({other}, {anything}), {name})"


@dataclass
class Tried:
    """Pairs of a column and a source.

    wrong: the source changes the column, though lineage does not say so. claimed: lineage says that
    the column is made from it, and its relation has rows; confirmed: those where it did change the
    column. refused: how many changes stopped the SELECT.
    """

    wrong: set[tuple[str, Source]] = field(default_factory=set)
    claimed: set[tuple[str, Source]] = field(default_factory=set)
    confirmed: set[tuple[str, Source]] = field(default_factory=set)
    refused: int = 0


def outcome(connection: duckdb.DuckDBPyConnection, sql: str, names: list[str]) -> dict[str, object]:
    """A number for the values of each column of a SELECT, whatever their order."""
    sums = ", ".join(f'sum(hash("{name}")::hugeint)' for name in names)
    (found,) = connection.execute(f"select {sums} from ({sql})").fetchall()
    return dict(zip(names, found, strict=True))


def tried(
    connection: duckdb.DuckDBPyConnection, sql: str, lineage: Mapping[str, Column], columns: Typed
) -> Tried:
    """Change each column of each relation that a SELECT reads; `lineage` says what may follow."""
    found = Tried()
    lineage = {name: it for name, it in lineage.items() if "now" not in it.functions}
    names = list(lineage)
    read = set(columns) & set(NAMED.findall(sql.replace('"', "")))
    if not connection.execute(f"from ({sql}) limit 1").fetchall():
        for relation in read:
            if not connection.execute(f"from {relation} limit 1").fetchall():
                invent(connection, relation, columns[relation])
    before = outcome(connection, sql, names)
    assert before == outcome(connection, sql, names)
    for relation in sorted(read):
        if not connection.execute(f"from {relation} limit 1").fetchall():
            continue
        connection.execute(f"create temp table kept as from {relation}")
        for column, kind in columns[relation].items():
            source = Source(relation, column)
            found.claimed |= {(it, source) for it in names if source in lineage[it].made_from}
            for way in ways(column, kind):
                connection.execute(f"delete from {relation}")
                try:
                    connection.execute(
                        f'insert into {relation} select * replace ({way} as "{column}") from kept'
                    )
                    after = outcome(connection, sql, names)
                except duckdb.Error:
                    found.refused += 1
                    continue
                changed = {name for name in names if after[name] != before[name]}
                found.confirmed |= {(name, source) for name in changed}
                found.wrong |= {(it, source) for it in changed if source not in lineage[it].all}
        connection.execute(f"delete from {relation}")
        connection.execute(f"insert into {relation} from kept")
        connection.execute("drop table kept")
    found.confirmed &= found.claimed
    return found


def together(all_of: list[Tried]) -> tuple[int, int]:
    """How many pairs were claimed, and how many of them confirmed."""
    return (
        len(list(chain.from_iterable(it.claimed for it in all_of))),
        len(list(chain.from_iterable(it.confirmed for it in all_of))),
    )
