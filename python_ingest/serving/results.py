"""The forms in which a reader gets its rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import pyarrow as pa

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


class Closing(ABC):
    """Is closed at the end of a `with` block."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Readable(ABC):
    """Answers queries; values come in as parameters (`?` or `$name`), never in the text.

    Errors: ConnectionTimeoutError, QueryTimeoutError, DiskFullError, QueryError.
    """

    @abstractmethod
    def query(self, sql: str, params: Parameters = None, operation: str = "query") -> pa.Table:
        """Return the rows as an Arrow table: the cheapest form for more than a few rows.

        `operation` is the name under which metrics and spans count the query.
        """

    @abstractmethod
    def dicts(
        self, sql: str, params: Parameters = None, operation: str = "query"
    ) -> list[dict[str, Any]]:
        """Return each row as a dict: the cheapest form for a few rows."""

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
    answer = connection.execute(ask.sql, ask.params)
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


class EngineReadable(Readable):
    """Answers from an engine of this process."""

    @abstractmethod
    def run(self, ask: Question, fetch: Callable[[Connection, Question], Rows]) -> Rows:
        """Return what `fetch` makes of a question on a connection."""

    def query(self, sql: str, params: Parameters = None, operation: str = "query") -> pa.Table:
        """Return the rows as an Arrow table."""
        return self.run(Question(sql, params, operation), _arrow)

    def dicts(
        self, sql: str, params: Parameters = None, operation: str = "query"
    ) -> list[dict[str, Any]]:
        """Return each row as a dict."""
        return self.run(Question(sql, params, operation), _dicts)
