"""Merge the files that late rows added to a day into one, with the proof of an export."""

from dataclasses import dataclass
from datetime import date

import duckdb

from python_ingest.errors import ExportError
from python_ingest.lifecycle.partition import Place, Writer
from python_ingest.lifecycle.query import SQL
from python_ingest.settings import Settings
from python_ingest.storage.cold_files import readable_files
from python_ingest.storage.cold_place import sha256_at
from python_ingest.storage.cold_relations import RELATIONS
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
    return [Partition(*row) for row in connection.execute(SQL.scattered()).fetchall()]


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
    of_it = [relation.name, partition.date, partition.folder]
    paths = connection.execute(SQL.paths_of_partition(), of_it).fetchall()
    of_day = readable_files(connection, relation.name, partition.date, partition.date)
    files = [file for file in of_day if (file.path,) in paths]
    for file in files:
        if sha256_at(place.data_dir, file.path) != file.sha256:
            raise ExportError(
                f"{file.path} is not what was written (its sha256 differs): restore it from the"
                " archive or a backup; nothing was merged"
            )
    writer = Writer(connection, relation, columns, place)
    rows = scan_files(connection, place.data_dir, columns, files)
    written = writer.write_file(partition.date, partition.folder, rows)
    if written.proof.rows != partition.rows:
        raise ExportError(
            f"{relation.name} of {partition.date}: {written.proof.rows} rows were read, the"
            f" manifest has {partition.rows}; nothing was merged"
        )
    writer.check([written])
    writer.replace(partition.date, partition.folder)
    writer.record([written])
    make_view(connection, place.data_dir, relation.name)
