"""The forms in which a reader gets its rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pyarrow as pa

from python_ingest.storage.sql import dicts

if TYPE_CHECKING:
    import pandas
    import polars

    from python_ingest.serving.opened import Connection

Parameters = Sequence[Any] | Mapping[str, Any] | None
Rows = TypeVar("Rows", bound=Sized)


class Question(NamedTuple):
    """A query: its text, its values, and the name under which it is counted."""

    sql: str
    params: Parameters
    operation: str


class Readable(ABC):
    """Answers queries; values come in as parameters (`?` or `$name`), never in the text.

    Errors: ConnectionTimeoutError, QueryTimeoutError, DiskFullError, QueryError.
    """

    @abstractmethod
    def table(self, ask: Question) -> pa.Table:
        """Return the rows of a question as an Arrow table."""

    def rows(self, ask: Question) -> list[dict[str, Any]]:
        """Return each row of a question as a dict."""
        rows: list[dict[str, Any]] = self.table(ask).to_pylist()
        return rows

    def query(self, sql: str, params: Parameters = None, operation: str = "query") -> pa.Table:
        """Return the rows as an Arrow table: the cheapest form for more than a few rows.

        `operation` is the name under which metrics and spans count the query.
        """
        return self.table(Question(sql, params, operation))

    def dicts(
        self, sql: str, params: Parameters = None, operation: str = "query"
    ) -> list[dict[str, Any]]:
        """Return each row as a dict: the cheapest form for a few rows."""
        return self.rows(Question(sql, params, operation))

    def pandas(self, sql: str, params: Parameters = None) -> pandas.DataFrame:
        """Return a pandas frame of Arrow-backed columns, so that DECIMAL stays exact."""
        import pandas  # noqa: PLC0415 - half a second that other readers need not pay

        frame: pandas.DataFrame = self.query(sql, params).to_pandas(types_mapper=pandas.ArrowDtype)
        return frame

    def polars(self, sql: str, params: Parameters = None) -> polars.DataFrame:
        """Return a polars frame; DECIMAL stays exact."""
        import polars  # noqa: PLC0415 - optional: only who asks for polars needs it

        frame = polars.from_arrow(self.query(sql, params))
        assert isinstance(frame, polars.DataFrame)  # noqa: S101 - a table gives a frame
        return frame


def _arrow(connection: Connection, ask: Question) -> pa.Table:
    return connection.relation(ask.sql, ask.params).to_arrow_table()


def _dicts(connection: Connection, ask: Question) -> list[dict[str, Any]]:
    return dicts(connection.execute(ask.sql, ask.params))


class EngineReadable(Readable):
    """Answers from an engine of this process."""

    @abstractmethod
    def run(self, ask: Question, fetch: Callable[[Connection, Question], Rows]) -> Rows:
        """Return what `fetch` makes of a question on a connection."""

    def table(self, ask: Question) -> pa.Table:
        """Return the rows of a question as an Arrow table."""
        return self.run(ask, _arrow)

    def rows(self, ask: Question) -> list[dict[str, Any]]:
        """Return each row of a question as a dict."""
        return self.run(ask, _dicts)
