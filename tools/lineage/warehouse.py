"""Asks DuckDB for the lineage of each relation of a built warehouse, one SELECT at a time.

Every relation is an empty table of a database in memory, so that a plan ends at the relations that
a SELECT names, not at what their views read, and no row is read.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from python_ingest.accounting.functions import register
from python_ingest.storage.cold_relations import RELATIONS
from tools.lineage.plan import Column, Sources, UnknownLineageError, lineage, merged

Manifest = Mapping[str, Any]  # dbt's manifest.json of a `dbt compile --full-refresh`
SNAPSHOT = "dbt snapshot"
Typed = Mapping[str, Mapping[str, str]]  # schema.relation -> column -> type


@dataclass(frozen=True)
class Relation:
    """A relation and how it is made.

    made_as: dbt's materialization, or source, seed, table. node: dbt's id of what makes it, ""
    where dbt knows none. columns: empty where no SELECT makes it. unknown: why it has no lineage.
    """

    name: str
    made_as: str
    node: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    decided_by: Sources = frozenset()
    unknown: str = ""


def own_functions() -> frozenset[str]:
    """Names of the functions of Python that models call: the folds of python_ingest.accounting."""

    def names(connection: duckdb.DuckDBPyConnection) -> set[str]:
        found = connection.execute("select distinct function_name from duckdb_functions()")
        return {name for (name,) in found.fetchall()}

    with duckdb.connect() as without, duckdb.connect() as having:
        register(having)
        return frozenset(names(having) - names(without))


def types(connection: duckdb.DuckDBPyConnection) -> Typed:
    """The columns of each relation of a warehouse, in order."""
    found: dict[str, dict[str, str]] = {}
    for relation, column, kind in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where not internal and database_name = current_database()"
        " order by schema_name, table_name, column_index"
    ).fetchall():
        found.setdefault(relation, {})[column] = kind
    return found


def empty_warehouse(columns: Typed, database: str) -> duckdb.DuckDBPyConnection:
    """A database in memory with each of these relations as an empty table, and the folds."""
    connection = duckdb.connect()
    register(connection)
    connection.execute(f"attach ':memory:' as \"{database}\"")
    connection.execute(f'use "{database}"')
    for relation, typed in columns.items():
        schema, name = relation.split(".", 1)
        connection.execute(f'create schema if not exists "{schema}"')
        listed = ", ".join(f'"{column}" {kind}' for column, kind in typed.items())
        connection.execute(f'create table "{schema}"."{name}" ({listed})')
    return connection


def bound(connection: duckdb.DuckDBPyConnection, sql: str) -> Mapping[str, Any]:
    """The plan of a SELECT as the engine binds it; raises UnknownLineageError where it cannot."""
    (text,) = connection.execute("select json_serialize_plan(?)", [sql]).fetchone() or ("{}",)
    answer = json.loads(text)
    if answer["error"]:
        raise UnknownLineageError(answer["error_message"])
    (plan,) = answer["plans"]
    return dict(plan)


def columns_of(
    connection: duckdb.DuckDBPyConnection, sql: str
) -> tuple[dict[str, Column], Sources]:
    """The lineage of each column of a SELECT, and what decides its rows."""
    rows = lineage(bound(connection, sql))
    return dict(zip(connection.sql(sql).columns, rows.columns, strict=True)), rows.decided_by


def selects(manifest: Manifest) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each relation that a SELECT makes: its name, the SELECT, dbt's node.

    What an export selects is what the files hold of which `cold.<relation>` shows the rows.
    """
    for node in manifest["nodes"].values():
        if node["resource_type"] not in {"model", "snapshot"} or not node.get("compiled_code"):
            continue
        names = [f"{node['schema']}.{node['alias']}"]
        if node["config"]["materialized"] == "cold_export":
            cold = node["name"].removeprefix("export_")
            names = [f"cold.{cold}", f"cold.{cold}_in_files"]
        for name in names:
            yield name, node["compiled_code"].strip().rstrip(";"), node


def _added(made: Mapping[str, Column], column: str, node: Mapping[str, Any]) -> Column:
    """The lineage of a column of the relation: of its SELECT, or of what is added to that."""
    if column in made:
        return made[column]
    if node["resource_type"] == "snapshot":  # dbt_valid_from and its like: when dbt saw the row
        return Column(decided_by=merged(made.values()).all, functions=frozenset({SNAPSHOT}))
    if column == "date" and node["config"]["materialized"] == "cold_export":  # of the file's folder
        return made[RELATIONS[node["name"].removeprefix("export_")].time]
    raise UnknownLineageError(f"{node['unique_id']} selects no {column}")


def relations(manifest: Manifest, columns: Typed, database: str) -> dict[str, Relation]:
    """Each relation of the warehouse by its name: of which columns each of its columns is made."""
    found: dict[str, Relation] = {}
    with empty_warehouse(columns, database) as connection:
        for name, sql, node in selects(manifest):
            if name not in columns:
                continue
            made_as, unique_id = node["config"]["materialized"], node["unique_id"]
            try:
                selected, by = columns_of(connection, sql)
                made = {column: _added(selected, column, node) for column in columns[name]}
                found[name] = Relation(name, made_as, unique_id, made, by)
            except UnknownLineageError as error:
                found[name] = Relation(name, made_as, unique_id, unknown=str(error))
    known = {
        f"{node['schema']}.{node.get('identifier') or node['alias']}": node
        for node in [*manifest["sources"].values(), *manifest["nodes"].values()]
        if node["resource_type"] in {"source", "seed"}
    }
    for name in columns:
        if name not in found:
            node = known.get(name, {"resource_type": "table", "unique_id": ""})
            found[name] = Relation(name, node["resource_type"], node["unique_id"])
    return found
