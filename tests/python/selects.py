"""What a model's SELECT gives of a few rows, in milliseconds and without dbt.

    bars = selects.of("int_minute_bars", {"int_bar_ticks": [{"symbol": "A", "price": 1}, ...]})

Between dbt's unit tests, which try one model over what it reads, and a build: rows are given for
any relations above a model, and the SELECTs between run in memory. The texts are dbt's own, of the
working tree: one process compiles them for all workers (compiled_models.py).
"""

import fcntl
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from forked import compile_models

from python_ingest.accounting.functions import register
from python_ingest.storage.sql import columns_of, dicts, quoted, sql_path

# Rows of a relation, or a SELECT that gives them. A column that a row leaves out is NULL.
Rows = Sequence[Mapping[str, Any]] | str
# A run that knows every batch.
_RUN = "update state.run set run_number = 1, batch_id = 1000000"
_DIFFERENCES = """
select '+ ' || one::varchar
from (select {columns} from found except all select {columns} from expected) as one
union all
select '- ' || one::varchar
from (select {columns} from expected except all select {columns} from found) as one
"""


def of(model: str, given: Mapping[str, Rows], *, restating: bool = False) -> list[dict[str, Any]]:
    """Return the rows of a model over given ones, in the order of its SELECT.

    `given`: rows by the name of a model, of a seed or of a table of another schema
    (`raw.cash_events`), which the model reads directly or through others; under the model's own
    name, what its table had before. What nobody gives is as a build of nothing leaves it: empty,
    or made of the seeds. `restating`: an incremental model has two SELECTs; this one gives its
    region, which what its meta calls `pending` has to name. Models between are always run whole.
    The project's vars have their defaults. What the model never reads cannot be given.
    """
    warehouse = _warehouse()
    form = "restating" if restating else "whole"
    with warehouse.given(model, {model: [], **given} if restating else given):
        return dicts(warehouse.connection.execute(warehouse.models[model][form]))


def differences(test: str, model: str, given: Mapping[str, Rows], expected: Rows) -> list[str]:
    """Return how what a unit test expects and what its SELECT gives differ; nothing, as it passes.

    Each is a row: `+` is not expected, `-` is missing. Only columns that are expected count.
    """
    warehouse = _warehouse()
    with warehouse.given(model, given):
        run = warehouse.connection.execute
        # planned once: to plan a text takes most of its time
        run(f"create temp table found as {warehouse.unit_tests[test]}")
        run("create temp table expected as from found limit 0")
        columns = warehouse.insert("expected", expected)
        return [row[0] for row in run(_DIFFERENCES.format(columns=columns)).fetchall()]


def above(model: str) -> set[str]:
    """Return all that a model reads, directly or through others: what `of` may be given."""
    found, left = set(), [model]
    while left:
        node = _warehouse().models.get(left.pop())
        new = set(node["reads"]) - found if node else set()
        found |= new
        left += new
    return found


@cache
def _warehouse() -> "_Warehouse":
    """The warehouse of this worker; its texts are compiled once for all workers."""
    folder = Path(os.environ["READ_BY_DBT"], "selects")
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "models.json").exists():
            done = compile_models(folder)
            assert done.returncode == 0, done.stdout + done.stderr
    return _Warehouse(folder)


class _Warehouse:
    """An empty warehouse in memory, of which models are made when somebody asks for them."""

    def __init__(self, folder: Path) -> None:
        told = json.loads((folder / "models.json").read_text())
        self.models: dict[str, dict[str, Any]] = told["models"]
        self.unit_tests: dict[str, str] = told["unit_tests"]
        self._others: dict[str, list[str]] = told["others"]
        self._made: set[str] = set()
        self.connection = duckdb.connect()
        run = self.connection.execute
        register(self.connection)
        # As in a build (profiles.yml), but for threads: of three rows each is of no use.
        run("set TimeZone = 'UTC'; set disabled_optimizers = 'common_subplan'; set threads = 1")
        run(f"attach {sql_path(folder / 'trading.duckdb')} as empty (read_only)")
        run("attach ':memory:' as trading; use trading")
        for relation, (schema, _) in self._others.items():
            run(f"create schema if not exists {schema}")
            name = self._name(relation)
            run(f"create table if not exists {name} as from empty.{name}")
        run("detach empty")
        run(_RUN)
        for schema in {node["relation"][0] for node in self.models.values()}:
            run(f"create schema if not exists {schema}")

    @contextmanager
    def given(self, model: str, given: Mapping[str, Rows]) -> Iterator[None]:
        """While it is entered, relations have the given rows, and models between have theirs."""
        for name in [*self.models[model]["reads"], *given]:
            self._make(name)
        run = self.connection.execute
        run("begin")
        try:
            for name, rows in given.items():
                run(f"delete from {self._name(name)}")
                self.insert(self._name(name), rows)
            for name in self._between(model, given):
                run(f"delete from {self._name(name)}")
                run(f"insert into {self._name(name)} {self.models[name]['whole']}")
            yield
        finally:
            run("rollback")

    def insert(self, relation: str, rows: Rows) -> str:
        """Insert rows, with NULL for what they leave out; return the columns that they name."""
        types = columns_of(self.connection, relation)
        if isinstance(rows, str):
            self.connection.execute(f"insert into {relation} by name {rows}")
            return ", ".join(columns_of(self.connection, f"({rows})"))
        columns = {column: types[column] for row in rows for column in row}
        if rows:
            row = ", ".join(f"cast(? as {kind})" for kind in columns.values())
            names = ", ".join(map(quoted, columns))
            self.connection.execute(
                f"insert into {relation} ({names}) values {', '.join([f'({row})'] * len(rows))}",
                [_bound(row.get(column)) for row in rows for column in columns],
            )
        return ", ".join(map(quoted, columns or types))

    def _name(self, relation: str) -> str:
        node = self.models.get(relation)
        schema, name = node["relation"] if node else self._others[relation]
        return f"{quoted(schema)}.{quoted(name)}"

    def _make(self, model: str) -> None:
        """Make a model and what it reads, as a build of nothing does."""
        if model in self.models and model not in self._made:
            for read in self.models[model]["reads"]:
                self._make(read)
            text = self.models[model]["whole"]
            self.connection.execute(f"create table {self._name(model)} as {text}")
            self._made.add(model)

    def _between(self, model: str, given: Collection[str]) -> list[str]:
        """Return the models between given relations and one, each after those that it reads."""
        is_below: dict[str, bool] = {}  # of a model after those of what it reads

        def visit(name: str) -> bool:
            if name not in is_below:
                node = self.models.get(name) if name not in given else None
                reads = [visit(read) for read in node["reads"]] if node else []
                is_below[name] = name in given or any(reads)
            return is_below[name]

        for read in self.models[model]["reads"]:
            visit(read)
        unread = set(given) - is_below.keys() - {model}
        assert not unread, f"{model} reads none of {unread}, or only through what is given"
        return [name for name, below in is_below.items() if below and name not in given]


def _bound(value: Any) -> Any:
    """Return a value as it is bound: its own text, which is cast exactly."""
    return value if value is None or isinstance(value, bool | list | dict) else str(value)
