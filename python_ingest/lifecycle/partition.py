"""The files of one partition: written elsewhere, read back, compared, renamed, recorded."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

import duckdb

from python_ingest.errors import ExportError
from python_ingest.lifecycle.query import SQL
from python_ingest.storage.cold_place import is_remote, put_in_place, sha256_at
from python_ingest.storage.cold_relations import ColdRelation, as_stored
from python_ingest.storage.files import sha256_of
from python_ingest.storage.sql import literal, named_in, quoted, sql_path, value_of

_FORMAT = (
    # Half of the usual rows a group: reading one symbol's day decodes fewer other rows. Version 2
    # writes the differences of numbers: a tenth less, and quicker both ways (docs/adr/0050).
    "(format parquet, parquet_version v2, compression zstd, compression_level 3,"
    " row_group_size 61440)"
)


class Proof(NamedTuple):
    """What must be equal for the rows and for the file written from them."""

    rows: int
    checksum: str
    min_timestamp: object
    max_timestamp: object
    min_batch_id: int | None
    max_batch_id: int | None


class Written(NamedTuple):
    """A finished file that no manifest row names yet; `path` is below DATA_DIR, or a URL."""

    file_id: int
    date: date
    folder: str
    path: str
    sha256: str
    bytes: int
    proof: Proof


def folder_of(symbol: str) -> str:
    """Return a folder name for any symbol: only [A-Za-z0-9_-], no two symbols share one."""
    digest = md5(symbol.encode(), usedforsecurity=False).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', symbol)[:40]}-{digest}"


@dataclass(frozen=True)
class Place:
    """Where files are made and kept: unfinished in `scratch`, then in `cold_store` or below."""

    data_dir: Path
    scratch: Path
    cold_store: str = ""


class Writer:
    """Writes files of one relation."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        relation: ColdRelation,
        columns: Sequence[tuple[str, str]],
        place: Place,
    ) -> None:
        self._connection = connection
        self._relation = relation
        self._place = place
        self._columns = [name for name, _ in columns]
        self._names = ", ".join(quoted(name) for name in self._columns)
        self._stored = as_stored(columns)
        newest = value_of(connection, "select coalesce(max(file_id), 0) from raw.cold_files")
        self._next_id = int(newest) + 1
        self._version = str(value_of(connection, "select version()"))

    def write(self, day: date, rows: str, *, per_symbol: bool) -> list[Written]:
        """Write what the query `rows` gives for a day, in one file or one per symbol.

        Raises ExportError when a file does not read back as it was written.
        """
        return [
            self.write_file(day, folder, part) for folder, part in self._parts(rows, per_symbol)
        ]

    def _parts(self, rows: str, per_symbol: bool) -> Iterator[tuple[str, str]]:
        if not per_symbol:
            if self._connection.execute(f"select 1 from ({rows}) limit 1").fetchall():
                yield "", rows
            return
        symbols = self._connection.execute(f"select distinct symbol from ({rows})").fetchall()
        for (symbol,) in sorted(symbols):
            yield folder_of(symbol), f"select * from ({rows}) where symbol = {literal(symbol)}"

    def write_file(self, day: date, folder: str, rows: str) -> Written:
        """Write the rows of a query to one file, read it back, and move it to its place.

        Raises ExportError when it does not read back as it was written.
        """
        file_id, self._next_id = self._next_id, self._next_id + 1
        unfinished = self._place.scratch / f"{file_id}.parquet"
        self._connection.execute(
            f"copy (select {self._stored} from ({rows}) order by {self._relation.order_by})"
            f" to {sql_path(unfinished)} {_FORMAT}"
        )
        sha256 = sha256_of(unfinished)
        proof = self.proof_of(rows)
        read = self._proof(f"select {self._names} from read_parquet({sql_path(unfinished)})")
        if read != proof:
            raise ExportError(
                f"{self._relation.name} of {day}: {proof.rows} rows were written and {read.rows}"
                " read back, or their content differs; nothing was deleted. Check the disk under"
                f" {self._place.data_dir} and build again"
            )
        key = Path("cold", self._relation.name, f"date={day}", folder)
        key /= f"{file_id:08d}-{sha256[:12]}.parquet"
        size = unfinished.stat().st_size
        path = put_in_place(
            unfinished, self._place.data_dir, str(key), sha256, self._place.cold_store
        )
        return Written(file_id, day, folder, path, sha256, size, proof)

    def proof_of(self, rows: str) -> Proof:
        """Return the proof of a query with the relation's columns."""
        return self._proof(f"select {self._stored} from ({rows})")

    def _proof(self, stored: str) -> Proof:
        time, batch = quoted(self._relation.time), self._relation.batch
        batches = [f"{end}({quoted(batch)})" if batch else "null" for end in ("min", "max")]
        rows = self._connection.execute(SQL.proof(self._names, time, *batches, stored)).fetchall()
        ((count, checksum, *ends),) = rows
        return Proof(count, f"duckdb {self._version}: {checksum}", *ends)

    def check(self, written: Sequence[Written]) -> None:
        """Raise ExportError unless the bytes on disk are those that were proven.

        A store compares checksums on upload.
        """
        for file in written:
            if is_remote(file.path):
                continue
            if sha256_at(self._place.data_dir, file.path) != file.sha256:
                raise ExportError(
                    f"{file.path} has changed since it was written; nothing was deleted. Check the"
                    f" disk under {self._place.data_dir} and build again"
                )

    def record(self, written: Sequence[Written]) -> None:
        """Name the files in the manifest."""
        for file in written:
            sql, values = SQL.record_file(), {**file._asdict(), **file.proof._asdict()}
            values |= {"relation": self._relation.name, "columns": self._columns}
            self._connection.execute(sql, named_in(sql, values))

    def replace(self, day: date, folder: str | None = None) -> None:
        """Say in the manifest that other files replace those of a day, or of a folder of it."""
        values = {"relation": self._relation.name, "date": day, "folder": folder}
        self._connection.execute(SQL.replace_files(), values)
