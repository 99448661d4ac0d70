"""dbt's own texts of the models' SELECTs, as the working tree has them now: for selects.py.

A process of its own, since to import dbt takes seconds: `python compiled_models.py FOLDER` writes
there `models.json`, and `trading.duckdb` with what no model makes.
"""

import fcntl
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import FACTORY
from dbt.artifacts.resources import UnitTestOverrides
from dbt.cli.main import dbtRunner
from dbt.compilation import Compiler
from dbt.context.providers import generate_runtime_model_context
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ModelNode, SeedNode, UnitTestDefinition

from python_ingest.schema.migrate import migrate
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer

PROJECT = Path(__file__).resolve().parents[2]
# Always the same place: dbt reads a project whole that it read with other paths before. It keeps
# here what it read, and the next time reads what changed since.
PLACE = PROJECT / "target" / "selects"
MADE = ("view", "table", "incremental")
# Where the rows are, and whose (dbt_project.yml): tests' processes may have other ones.
OF_WAREHOUSES = ("DATABASE_PATH", "TIMESCALE_DSN", "USE_DUCKDB")
# What decides between the two forms of an incremental model.
FORM = ("is_incremental", "has_rows_from_before")
# Views that no source declares.
COLD = re.compile(r"\bcold\.\w+")
TABLES = """
select schema_name, table_name from duckdb_tables()
union all
select schema_name, view_name from duckdb_views() where not internal
"""


def write(folder: Path, project: Manifest | None = None) -> None:
    """Write what selects.py reads; `project`: as dbt has read it, else dbt reads it.

    `models.json` comes last. `models`: by name the relation, what it reads, the text `whole` and of
    an incremental model the one that is `restating`; `unit_tests`: by name the text of its model
    with its overrides; `others`: what no model makes, which is in `trading.duckdb`.
    """
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _empty_place():
            with open_writer(load_settings(), create=True) as connection:
                migrate(connection)
            project = project or _run("parse").result
            seeded = _run("seed", project=project)  # makes the views of cold rows, too
            assert seeded.success, seeded.exception or seeded.result
            told = _told(project)
            DuckDBConnectionManager.close_all_connections()
            with duckdb.connect(load_settings().database_path) as connection:
                tables = connection.execute(TABLES).fetchall()
                connection.execute("checkpoint")
            told["others"] |= {f"{schema}.{name}": [schema, name] for schema, name in tables}
            shutil.move(load_settings().database_path, folder / "trading.duckdb")
    (folder / "models.json").write_text(json.dumps(told))


@contextmanager
def _empty_place() -> Iterator[None]:
    shutil.rmtree(PLACE / "data", ignore_errors=True)
    for name in [n for n in os.environ if n.startswith(OF_WAREHOUSES)]:
        del os.environ[name]
    os.environ["DATA_DIR"] = str(PLACE / "data")
    # what dbt prints is read where it fails
    with redirect_stdout(sys.stderr):
        yield


def _run(command: str, project: Manifest | None = None) -> Any:
    place = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    place += ["--target-path", str(PLACE), "--log-path", str(PLACE / "logs")]
    quiet = ["--quiet", "--log-level-file", "none", "--no-write-json"]
    done = dbtRunner(project).invoke([*quiet, command, *place])
    if done.exception:
        raise done.exception
    return done


def _told(project: Manifest) -> dict[str, Any]:
    nodes = [node for node in project.nodes.values() if isinstance(node, ModelNode)]
    made = {node.name: node for node in nodes if node.config.materialized in MADE}
    seeds = [node for node in project.nodes.values() if isinstance(node, SeedNode)]
    names_of = {node.unique_id: node.name for node in [*made.values(), *seeds]}
    names_of |= {id: f"{each.schema}.{each.name}" for id, each in project.sources.items()}
    adapter = FACTORY.lookup_adapter("duckdb")
    compiler = Compiler(adapter.config)

    def text(node: ModelNode, macros: Mapping[str, Any], values: Mapping[str, Any]) -> str:
        told = {name: lambda *_, value=value, **__: value for name, value in macros.items()}
        if values:
            default = generate_runtime_model_context(node, adapter.config, project)["var"]
            told["var"] = lambda name, *or_else: (
                values[name] if name in values else default(name, *or_else)
            )
        compiler.compile_node(node, project, told, write=False)
        assert node.compiled_code
        return node.compiled_code

    def told_of(node: ModelNode) -> dict[str, Any]:
        forms = {"whole": text(node, dict.fromkeys(FORM, False), {})}
        if node.config.materialized == "incremental":
            forms["restating"] = text(node, dict.fromkeys(FORM, True), {})
        names = [names_of[read] for read in node.depends_on.nodes if read in names_of]
        cold = sorted(set(COLD.findall(forms["whole"])))
        return {"relation": [node.schema, node.alias], "reads": names + cold, **forms}

    def of_test(test: UnitTestDefinition) -> str:
        overrides = test.overrides or UnitTestOverrides()
        macros = {**dict.fromkeys(FORM, False), **overrides.macros}
        return text(made[test.model], macros, overrides.vars)

    with adapter.connection_named("selects"):
        return {
            "others": {seed.name: [seed.schema, seed.alias] for seed in seeds},
            "models": {name: told_of(node) for name, node in made.items()},
            "unit_tests": {test.name: of_test(test) for test in project.unit_tests.values()},
        }


if __name__ == "__main__":
    write(Path(sys.argv[1]))
