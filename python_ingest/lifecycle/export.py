"""Move rows from DuckDB to Parquet: write, read back, prove, and only then delete.

Manifest, delete and view change in one database transaction: after a kill either all of it is done
or nothing (sweep.py deletes files that no manifest row names).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from python_ingest.lifecycle.partition import Place, Writer, Written
from python_ingest.lifecycle.query import SQL
from python_ingest.storage.cold_files import archived_dates, locations, readable_files
from python_ingest.storage.cold_relations import ColdRelation
from python_ingest.storage.cold_views import make_view, scan, view_columns
from python_ingest.storage.failures import as_database_error
from python_ingest.storage.files import scratch
from python_ingest.storage.sql import quoted, value_of
from python_ingest.storage.writer import transaction


@dataclass(frozen=True)
class Leaving:
    """The rows that a policy exports, with `is_kept` (false: deleted without a file).

    `per_symbol`: a folder, and so a file, per symbol and day. `cold_store`: where the files are
    kept, s3://bucket/prefix; empty: below DATA_DIR.
    """

    relation: ColdRelation
    sql: str
    per_symbol: bool = False
    cold_store: str = ""


def export(connection: duckdb.DuckDBPyConnection, data_dir: Path, leaving: Leaving) -> None:
    """Move the leaving rows to files.

    For a relation whose rows never change, each day is a transaction. For a relation whose rows are
    restated, every day with a leaving row or a tombstone is rewritten, all in one transaction.
    Raises ExportError when a file does not read back as written; then its rows stay.
    """
    unfinished = data_dir / "cold" / "tmp"
    mover = _Mover(connection, data_dir, leaving)
    days = mover.days()
    try:
        for some in [days] if leaving.relation.restated and days else [[day] for day in days]:
            with scratch(unfinished) as folder, transaction(connection):
                mover.move(some, folder)
    except (duckdb.Error, OSError) as error:
        raise as_database_error(error) from error


class _Mover:
    """One export: the connection, whose rows, and the columns their files have."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, data_dir: Path, leaving: Leaving
    ) -> None:
        self._connection = connection
        self._data_dir = data_dir
        self._leaving = leaving
        self._relation = leaving.relation
        columns = view_columns(connection, leaving.relation.name)
        self._columns = [column for column in columns if column[0] != "date"]
        self._names = ", ".join(quoted(name) for name, _ in self._columns)
        self._key_type = dict(self._columns)[self._relation.key]

    def days(self) -> list[date]:
        """Return the days to write, oldest first."""
        time = quoted(self._relation.time)
        days = set(self._column(f"select distinct {time}::date from ({self._leaving.sql})"))
        if self._relation.restated:
            days |= self._days_with_tombstones()
        if days:  # an archived day is not written to: it comes back whole, or its rows stay warm
            name = self._relation.name
            days -= set(archived_dates(self._connection, name, min(days), max(days)))
        return sorted(days)

    def move(self, days: Sequence[date], folder: Path) -> None:
        """Write files for these days, prove them, then change manifest, table and view."""
        place = Place(self._data_dir, folder, self._leaving.cold_store)
        writer = Writer(self._connection, self._relation, self._columns, place)
        written: list[Written] = []
        rewritten: list[date] = []
        for day in days:
            if self._is_written_already(writer, day):
                continue
            rewritten.append(day)
            content = self._content(day)
            written += writer.write(day, content, per_symbol=self._leaving.per_symbol)
        writer.check(written)
        for day in rewritten if self._relation.restated else []:
            writer.replace(day)
        writer.record(written)
        self._note_removed(days)
        if self._relation.restated:
            self._clear_tombstones(days)
        for day in days:
            self._delete(day)
        make_view(self._connection, self._data_dir, self._relation.name)

    def _days_with_tombstones(self) -> set[date]:
        of_it = {"relation": self._relation.name}
        if not self._column(f"{SQL.tombstones(self._key_type)} limit 1", of_it):
            return set()
        known = readable_files(self._connection, self._relation.name)
        files = self._files_sql([file.path for file in known])
        key = quoted(self._relation.key)
        return set(self._column(SQL.days_of_tombstones(files, key, self._key_type), of_it))

    def _files_sql(self, paths: Sequence[str]) -> str:
        """Key and date of every row in files."""
        places = locations(self._connection, self._data_dir, paths)
        return scan([(self._relation.key, self._key_type), ("date", "DATE")], places)

    def _of_day(self, day: date) -> str:
        """SQL of one day's leaving rows."""
        return SQL.of_day(self._leaving.sql, quoted(self._relation.time), str(day))

    def _content(self, day: date) -> str:
        """SQL of the day's new file; a restated relation's valid cold rows are included.

        They are few and lie behind a view of all its files, so they are looked up once.
        """
        kept = self._kept(day)
        if not self._relation.restated:
            return kept
        view = f"cold.{quoted(self._relation.name)}"
        self._connection.execute(SQL.day_content(kept, self._names, view, str(day)))
        return "select * from temp.day_content"

    def _kept(self, day: date) -> str:
        """SQL of those of one day's leaving rows that a file keeps."""
        return f"select {self._names} from ({self._of_day(day)}) where is_kept"

    def _is_written_already(self, writer: Writer, day: date) -> bool:
        """Whether the leaving rows equal the day's file, as after a rebuild without changes."""
        files = readable_files(self._connection, self._relation.name, day, day)
        if not self._relation.restated or len(files) != 1:
            return False
        proof = writer.proof_of(self._kept(day))
        return (proof.rows, proof.checksum) == (files[0].rows, files[0].checksum)

    def _note_removed(self, days: Sequence[date]) -> None:
        batch = self._relation.batch
        if not batch:
            return
        for day in days:
            note = SQL.note_removed(quoted(batch), self._of_day(day), str(day))
            self._connection.execute(note, {"relation": self._relation.name})

    def _clear_tombstones(self, days: Sequence[date]) -> None:
        """Delete tombstones that the new files made needless; archived files may need theirs.

        What a file replaced earlier held had its tombstones deleted then.
        """
        key, of_it = quoted(self._relation.key), {"relation": self._relation.name}
        cleared = "delete from warm.tombstones where relation = $relation"
        if value_of(self._connection, SQL.has_archived(), of_it):
            read = self._column(SQL.files_until_now(), {**of_it, "days": list(days)})
            rows = [*map(self._of_day, days), self._files_sql(read)]
            keys = " union all ".join(f"select {key} from ({some})" for some in rows)
            cleared += f" and id::{self._key_type} in ({keys})"
        self._connection.execute(cleared, of_it)

    def _delete(self, day: date) -> None:
        """Delete one day's exported rows from their table."""
        key, time = quoted(self._relation.key), quoted(self._relation.time)
        leaving = self._of_day(day)
        expected = value_of(self._connection, f"select count(*) from ({leaving})")
        where = SQL.on_day(time, str(day))
        if self._relation.restated:
            where += f" and {key} in (select {key} from ({leaving}))"
        deleted = value_of(self._connection, f"delete from {self._relation.home} where {where}")
        if deleted != expected:
            raise duckdb.Error(
                f"{self._relation.name} of {day}: {expected} rows were to leave, {deleted} would"
                " be deleted: nothing was"
            )

    def _column(self, sql: str, values: Mapping[str, object] | None = None) -> list[Any]:
        """Return the first column of what a query gives."""
        return [row[0] for row in self._connection.execute(sql, values).fetchall()]
