"""Move rows from DuckDB to Parquet: write, read back, prove, and only then delete.

Manifest, delete and view change in one database transaction: after a kill either all of it is done
or nothing (sweep.py deletes files that no manifest row names).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from python_ingest.lifecycle.partition import Place, Writer, Written
from python_ingest.storage.cold_files import READABLE, archived_dates, locations, readable_files
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
        days = set(
            self._dates(
                f"select distinct {quoted(self._relation.time)}::date from ({self._leaving.sql})"
            )
        )
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
            self._replace_files(day)
        writer.record(written)
        self._note_removed(days)
        if self._relation.restated:
            self._clear_tombstones(days, written)
        for day in days:
            self._delete(day)
        make_view(self._connection, self._data_dir, self._relation.name)

    def _days_with_tombstones(self) -> set[date]:
        name, key = self._relation.name, quoted(self._relation.key)
        stones = f"select id::{self._key_type} as id from warm.tombstones where relation = ?"
        if not self._count(f"select count(*) from ({stones})", name):
            return set()
        files = self._files_sql([f.path for f in readable_files(self._connection, name)])
        return set(
            self._dates(f"select distinct date from ({files}) where {key} in ({stones})", name)
        )

    def _files_sql(self, paths: Sequence[str]) -> str:
        """Key and date of every row in files."""
        places = locations(self._connection, self._data_dir, paths)
        return scan([(self._relation.key, self._key_type), ("date", "DATE")], places)

    def _of_day(self, day: date) -> str:
        """SQL of one day's leaving rows; constants, so that only its row groups are read."""
        time = quoted(self._relation.time)
        return (
            f"select * from ({self._leaving.sql}) where {time} >= timestamp '{day}'"
            f" and {time} < timestamp '{day}' + interval 1 day"
        )

    def _content(self, day: date) -> str:
        """SQL of the day's new file; a restated relation's valid cold rows are included.

        They are few and lie behind a view of all its files, so they are looked up once.
        """
        kept = f"select {self._names} from ({self._of_day(day)}) where is_kept"
        if not self._relation.restated:
            return kept
        view = f"cold.{quoted(self._relation.name)}"
        self._connection.execute(
            "create or replace temp table day_content as"
            f" {kept} union all select {self._names} from {view} where date = date '{day}'"
        )
        return "select * from temp.day_content"

    def _is_written_already(self, writer: Writer, day: date) -> bool:
        """Whether the leaving rows equal the day's file, as after a rebuild without changes."""
        files = readable_files(self._connection, self._relation.name, day, day)
        if not self._relation.restated or len(files) != 1:
            return False
        proof = writer.proof_of(f"select {self._names} from ({self._of_day(day)}) where is_kept")
        return (proof.rows, proof.checksum) == (files[0].rows, files[0].checksum)

    def _replace_files(self, day: date) -> None:
        self._connection.execute(
            "update raw.cold_files set state = 'replaced', replaced_at = now()::timestamp"
            f" where relation = ? and date = ? and {READABLE}",
            [self._relation.name, day],
        )

    def _note_removed(self, days: Sequence[date]) -> None:
        if not self._relation.batch:
            return
        for day in days:
            self._connection.execute(
                "insert into raw.removed_rows"
                f" select ?, date '{day}', {quoted(self._relation.batch)}, count(*),"
                f" now()::timestamp from ({self._of_day(day)}) where not is_kept group by all",
                [self._relation.name],
            )

    def _clear_tombstones(self, days: Sequence[date], written: Sequence[Written]) -> None:
        """Delete tombstones that the new files made needless; archived files may need theirs.

        What a file replaced earlier held had its tombstones deleted then.
        """
        name, key = self._relation.name, quoted(self._relation.key)
        archived = self._count(
            "select count(*) from raw.cold_files where relation = ? and state = 'archived'", name
        )
        where = "relation = ?"
        if archived:
            rows = " union all ".join(f"select {key} from ({self._of_day(day)})" for day in days)
            paths = [
                row[0]
                for row in self._connection.execute(
                    f"select path from raw.cold_files where relation = ? and ({READABLE}"
                    " or replaced_at = now()::timestamp) and date in (select unnest(?::date[]))",
                    [name, list(days)],
                ).fetchall()
            ]
            files = self._files_sql(paths)
            where += f" and id::{self._key_type} in ({rows} union all select {key} from ({files}))"
        self._connection.execute(f"delete from warm.tombstones where {where}", [name])

    def _delete(self, day: date) -> None:
        """Delete one day's exported rows from their table."""
        key, time = quoted(self._relation.key), quoted(self._relation.time)
        expected = self._count(f"select count(*) from ({self._of_day(day)})")
        where = f"{time} >= timestamp '{day}' and {time} < timestamp '{day}' + interval 1 day"
        if self._relation.restated:
            where += f" and {key} in (select {key} from ({self._of_day(day)}))"
        deleted = self._count(f"delete from {self._relation.home} where {where}")
        if deleted != expected:
            raise duckdb.Error(
                f"{self._relation.name} of {day}: {expected} rows were to leave, {deleted} would"
                " be deleted: nothing was"
            )

    def _count(self, sql: str, *values: str) -> int:
        return int(value_of(self._connection, sql, list(values)))

    def _dates(self, sql: str, *values: str) -> list[date]:
        return [row[0] for row in self._connection.execute(sql, list(values)).fetchall()]
