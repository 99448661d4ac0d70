"""Every database file that we make can be opened by DuckDB 1.5."""

import ast
from pathlib import Path

import duckdb
from lifecycle.conftest import make_warehouse

import python_ingest
from python_ingest.lifecycle.compaction import compact_database
from python_ingest.publication.publish import publish
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings
from python_ingest.storage.sql import sql_path
from python_ingest.storage.writer import open_writer

READABLE = "v1.5.0+"


def storage_version(path: Path) -> str:
    """In which format a file is written, as DuckDB says."""
    with duckdb.connect() as connection:
        connection.execute(f"attach {sql_path(path)} as asked (read_only)")
        (found,) = connection.execute(
            "select tags['storage_version'] from duckdb_databases() where database_name = 'asked'"
        ).fetchall()
    return str(found[0])


def test_a_new_database_and_its_publication(settings: Settings) -> None:
    with open_writer(settings, create=True) as connection:
        migrate(connection)
    make_warehouse(settings, 300, ["A"])
    assert storage_version(settings.database_path) == READABLE
    with open_writer(settings) as connection:
        connection.execute("create view market_ticks as from raw.market_ticks")
    publish(settings)
    assert storage_version(settings.published_path) == READABLE


def test_a_file_keeps_its_format_until_it_is_compacted(settings: Settings) -> None:
    settings.database_path.parent.mkdir(parents=True)
    with duckdb.connect(config={"storage_compatibility_version": "v1.0.0"}) as older:
        older.execute(f"attach {sql_path(settings.database_path)} as made")
        older.execute("use made")
        migrate(older)
    make_warehouse(settings, 300, ["A"])
    assert storage_version(settings.database_path) == "v1.0.0+"
    assert compact_database(settings, enough=0)
    assert storage_version(settings.database_path) == READABLE


def test_whoever_may_make_a_file_has_the_one_configuration() -> None:
    """Each `duckdb.connect` with a path is read only, or has `session_config`."""
    bare = []
    for path in Path(python_ingest.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            named = [ast.unparse(part) for part in (call.func, *call.args)]
            if "duckdb.connect" not in named or named[-1] == "duckdb.connect":
                continue
            given = {word.arg: ast.unparse(word.value) for word in call.keywords}
            if given.get("read_only") != "True" and "session_config(" not in given.get(
                "config", ""
            ):
                bare.append(f"{path.name}:{call.lineno}")
    assert bare == []
