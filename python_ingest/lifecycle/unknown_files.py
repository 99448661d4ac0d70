"""Cold files that the database does not name: leftovers of a killed export, or the only copy.

A killed export wrote them and did not commit, so the database has their rows. A database that was
put back from before they were written, or made anew, has them not.
"""

from collections.abc import Collection
from datetime import date
from pathlib import Path

import duckdb

from python_ingest.errors import ExportError
from python_ingest.storage.cold_files import exists
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import scan, view_columns
from python_ingest.storage.failures import raise_if_interrupted
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.sql import columns_of, quoted, sql_path


def require_leftovers(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, unknown: Collection[str]
) -> None:
    """Raise ExportError unless the database has every row of these files, paths below `data_dir`.

    One that cannot be read may be the only copy too.
    """
    if not unknown:
        return
    read_s3_where_named(connection)
    only = [path for path in sorted(unknown) if not _is_elsewhere(connection, data_dir, path)]
    if only:
        raise ExportError(
            f"{len(only)} cold files that the database does not name have rows that it lacks, the"
            f" first is {data_dir / only[0]}; no file was deleted. If the database is new or an"
            " older copy, put back the newest one or restore a backup (docs/restore.md); else move"
            " these files away"
        )


def _is_elsewhere(connection: duckdb.DuckDBPyConnection, data_dir: Path, path: str) -> bool:
    """Whether the database has every row of a file: warm, or in files that it reads."""
    _, name, folder, *_ = Path(path).parts
    relation = RELATIONS.get(name)
    if relation is None or not exists(connection, relation.home):
        return False
    try:
        day = date.fromisoformat(folder.removeprefix("date="))
        place = data_dir / path
        in_file = columns_of(
            connection, f"from read_parquet({sql_path(place)}, hive_partitioning = false)"
        )
        # A row that is restated may be equal and built anew.
        columns = [
            (column, kind)
            for column, kind in view_columns(connection, name)
            if column in in_file and not (relation.restated and column.startswith("built_"))
        ]
        if not columns:
            return False
        names = ", ".join(quoted(column) for column, _ in columns)
        time = quoted(relation.time)
        found = connection.execute(
            f"select 1 from (({scan(columns, [str(place)])}) except"
            f" (select {names} from {relation.home} where {time} >= timestamp '{day}'"
            f" and {time} < timestamp '{day}' + interval 1 day"
            f" union all select {names} from cold.{quoted(name)} where date = date '{day}'))"
            " limit 1"
        ).fetchall()
    except (duckdb.Error, ValueError) as error:
        raise_if_interrupted(error)
        return False
    return not found
