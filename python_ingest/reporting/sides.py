"""Two database files, open side by side."""

import re
from pathlib import Path

import duckdb

from python_ingest.errors import DatabaseError, UsageError
from python_ingest.publication.views import view_texts
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.sql import quoted, sql_path

Columns = dict[str, str]  # name -> type, in order


class Sides:
    """Both files, attached read only to an empty engine as `names`.

    Raises UsageError or DatabaseError where one is no database file, or would read the other.
    """

    def __init__(self, before: Path, after: Path) -> None:
        self.engine = duckdb.connect()
        self.engine.execute("set TimeZone = 'UTC'")
        same = before.stem == after.stem
        self.names = ("before", "after") if same else (before.stem, after.stem)
        for path, name in zip((before, after), self.names, strict=True):
            if not path.is_file():
                raise UsageError(f"{path} is no file")
            try:
                self.engine.execute(f"attach {sql_path(path)} as {quoted(name)} (read_only)")
            except duckdb.Error as error:
                raise DatabaseError(f"{path} cannot be opened: {error}") from error
        read_s3_where_named(self.engine)
        self._require_own_names(before, self.names[0], after.stem)
        self._require_own_names(after, self.names[1], before.stem)

    def _require_own_names(self, path: Path, catalog: str, other: str) -> None:
        """Refuse a file whose views would read the other file instead of its own tables.

        The views of a database that DuckDB 1.5 built, unlike a publication's, name its catalog.
        """
        own = view_texts(self.engine, catalog)
        text = "\n".join(filter(None, own.values())).replace('"', "")
        read = set(re.findall(rf"\b{re.escape(other)}\.(\w+\.\w+)", text))
        if taken := sorted(read & set(map(".".join, own))):
            raise UsageError(
                f"{path}: its views read {other}.{taken[0]}, which would be the other file's; "
                "compare publications, or what DuckDB 2 built (docs/review.md)"
            )

    def relations(self, catalog: str) -> dict[str, Columns]:
        """Return the relations of schema `main`."""
        found: dict[str, Columns] = {}
        rows = self.engine.execute(
            "select table_name, column_name, data_type from duckdb_columns()"
            " where database_name = ? and schema_name = 'main' and not internal"
            " order by table_name, column_index",
            [catalog],
        ).fetchall()
        for table, column, data_type in rows:
            found.setdefault(table, {})[column] = data_type
        return found

    def numbers(self, sql: str) -> list[int]:
        """Return the one row of whole numbers that a query gives."""
        return [int(value) for value in self.engine.execute(sql).fetchall()[0]]

    def texts(self, sql: str, limit: int) -> list[list[str]]:
        """Return the first rows of a query, each value as people read it."""
        rows = self.engine.execute(
            f"select columns(*)::varchar from (select * from ({sql}) limit {limit})"
        ).fetchall()
        return [["NULL" if value is None else str(value) for value in row] for row in rows]

    def landed_since_built(self) -> str:
        """Return which batches the first file holds that none of its chains was built with."""
        catalog = quoted(self.names[0])
        try:
            ((first, last, kinds),) = self.engine.execute(
                "select min(batch_id), max(batch_id), string_agg(distinct kind, ', ' order by kind)"
                f" from {catalog}.raw.landings"
                f" where batch_id > (select max(batch_id) from {catalog}.state.chains)"
            ).fetchall()
        except duckdb.Error:  # a publication keeps neither
            return ""
        return f"{first} to {last} ({kinds})" if first else ""
