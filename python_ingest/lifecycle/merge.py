"""Merge the files that late rows added to a day into one, with the proof of an export."""

from dataclasses import dataclass
from datetime import date

import duckdb

from python_ingest.errors import ExportError
from python_ingest.lifecycle.partition import Place, Writer
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import READABLE, readable_files
from python_ingest.storage.cold_place import sha256_at
from python_ingest.storage.cold_relations import RELATIONS, ColdRelation
from python_ingest.storage.cold_views import make_view, scan_files, view_columns
from python_ingest.storage.failures import as_database_error
from python_ingest.storage.files import scratch
from python_ingest.storage.writer import open_writer, transaction


@dataclass(frozen=True)
class Partition:
    """A day, or a symbol's folder of it, that lies in several files."""

    relation: str
    date: date
    folder: str
    files: int
    rows: int


def scattered(connection: duckdb.DuckDBPyConnection) -> list[Partition]:
    """Return the partitions that lie in more than one file."""
    found = connection.execute(
        "select relation, date, folder, count(*), sum(rows)::bigint from raw.cold_files"
        f" where {READABLE} group by all having count(*) > 1 order by all"
    ).fetchall()
    return [Partition(*row) for row in found]


def merge(settings: Settings, *, dry_run: bool = False) -> list[Partition]:
    """Write each scattered partition anew as one file; return what was, or would be, merged.

    One transaction a partition. Raises ExportError when a file is not what the manifest says.
    """
    unfinished = settings.data_dir / "cold" / "tmp"
    with open_writer(settings) as connection:
        partitions = scattered(connection)
        if dry_run:
            return partitions
        try:
            for partition in partitions:
                with scratch(unfinished) as folder, transaction(connection):
                    place = Place(settings.data_dir, folder, settings.retention.cold_store)
                    _merge(connection, place, partition)
        except (duckdb.Error, OSError) as error:
            raise as_database_error(error) from error
    return partitions


def _merge(connection: duckdb.DuckDBPyConnection, place: Place, partition: Partition) -> None:
    relation = RELATIONS[partition.relation]
    columns = [c for c in view_columns(connection, relation.name) if c[0] != "date"]
    where = f"relation = ? and date = ? and folder = ? and {READABLE}"
    values = [relation.name, partition.date, partition.folder]
    files = connection.execute(
        f"select path, sha256 from raw.cold_files where {where}", values
    ).fetchall()
    for path, sha256 in files:
        if sha256_at(place.data_dir, path) != sha256:
            raise ExportError(
                f"{path} is not what was written (its sha256 differs): restore it from the archive"
                " or a backup; nothing was merged"
            )
    writer = Writer(connection, relation, columns, place)
    merged = {path for path, _ in files}
    of_day = readable_files(connection, relation.name, partition.date, partition.date)
    rows = scan_files(
        connection, place.data_dir, columns, [file for file in of_day if file.path in merged]
    )
    written = writer.write_file(partition.date, partition.folder, rows)
    _require_all(relation, partition, written.proof.rows)
    writer.check([written])
    connection.execute(
        "update raw.cold_files set state = 'replaced', replaced_at = now()::timestamp"
        f" where {where}",
        values,
    )
    writer.record([written])
    make_view(connection, place.data_dir, relation.name)


def _require_all(relation: ColdRelation, partition: Partition, rows: int) -> None:
    if rows != partition.rows:
        raise ExportError(
            f"{relation.name} of {partition.date}: {rows} rows were read, the manifest has"
            f" {partition.rows}; nothing was merged"
        )
