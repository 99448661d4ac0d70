"""Every mart and intermediate table, row by row, against one full refresh of the same rows."""

import re
import shutil
from pathlib import Path
from typing import Any

import duckdb

from .warehouse import NO_TESTS, Warehouse

# Marts that no full refresh rebuilds; never_rebuilt.py says what must be true of them.
NEVER_REBUILT = {"ohlcv_bar_revisions", "system_metrics_1h", "cold_files"}
# When and with what a row was built.
OF_A_BUILD = re.compile(r"^built_")
SHOWN = 3
WIDTH = 400


def compared(nodes: list[dict[str, Any]]) -> list[str]:
    """The relations, as `schema.name`: marts that analysts see, and what they are made of."""
    found = (
        f"{node['schema']}.{node['alias']}"
        for node in nodes
        if node["type"] == "model"
        and node["materialized"] in ("table", "view", "incremental", "restate")
        and node["schema"] in ("main", "intermediate")
        and "/changes/" not in node["path"]  # what a build has still to do, or did last
        and node["name"] not in NEVER_REBUILT
    )
    return sorted(found, key=lambda relation: (not relation.startswith("main."), relation))


def _keep(warehouse: Warehouse, relations: list[str], side: str, kept: Path) -> dict[str, str]:
    """Copy relations without the columns that tell of builds; returns what cannot be read."""
    failed = {}
    with warehouse.reader() as connection:
        connection.execute(f"attach '{kept}' as kept")
        connection.execute(f"create schema kept.{side}")
        for relation in relations:
            name = relation.replace(".", "_")
            try:
                columns = connection.execute(f"describe {relation}").fetchall()
                names = ", ".join(f'"{c[0]}"' for c in columns if not OF_A_BUILD.search(c[0]))
                connection.execute(
                    f"create table kept.{side}.{name} as select {names} from {relation}"
                )
            except duckdb.Error as error:
                failed[relation] = str(error).splitlines()[0]
        connection.execute("detach kept")
    return failed


def differences(warehouse: Warehouse, refreshed: Warehouse, work: Path) -> list[str]:
    """What differs, as lines to read: relation, counts, and some rows of each side alone."""
    relations = compared(warehouse.zygote.nodes)
    kept = work / "compared.duckdb"
    kept.unlink(missing_ok=True)
    built = _keep(warehouse, relations, "built", kept)
    expected = _keep(refreshed, relations, "expected", kept)
    lines = [f"{relation}: {error}" for relation, error in {**expected, **built}.items()]
    with duckdb.connect(str(kept)) as connection:
        for relation in relations:
            if relation in built or relation in expected:
                continue
            lines += _differing(connection, relation)
    kept.unlink()
    return lines


def _differing(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    name = relation.replace(".", "_")
    counts = [
        connection.execute(f"select count(*) from {side}.{name}").fetchall()[0][0]
        for side in ("built", "expected")
    ]
    lines = []
    for side, other in (("built", "expected"), ("expected", "built")):
        only = f"(from {side}.{name} except all from {other}.{name})"
        (number,) = connection.execute(f"select count(*) from {only}").fetchall()[0]
        if number:
            found = connection.execute(f"select * from {only} order by all limit {SHOWN}")
            names = [column[0] for column in found.description]
            lines.append(f"  {number} rows only {'built' if side == 'built' else 'refreshed'}:")
            for row in found.fetchall():
                values = zip(names, row, strict=True)
                text = ", ".join(f"{name}={value}" for name, value in values if value is not None)
                lines.append(f"    {text[:WIDTH]}")
    if lines or counts[0] != counts[1]:
        lines.insert(0, f"{relation}: {counts[0]} rows built, {counts[1]} refreshed")
    return lines


def against_a_full_refresh(warehouse: Warehouse, work: Path) -> list[str]:
    """Refresh a copy of the warehouse, compare, and remove the copy."""
    copy = work / "refreshed"
    shutil.rmtree(copy, ignore_errors=True)
    refreshed = warehouse.copy(copy)
    done = refreshed.build("--full-refresh", *NO_TESTS)
    lines = (
        [f"the full refresh failed:\n{done.why}"]
        if done.code
        else differences(warehouse, refreshed, work)
    )
    shutil.rmtree(copy)
    return lines
