"""The forms in which a reader gets its rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import pyarrow as pa

if TYPE_CHECKING:
    import pandas
    import polars

Parameters = Sequence[Any] | Mapping[str, Any] | None
Result = TypeVar("Result")


def _arrow(answer: duckdb.DuckDBPyConnection) -> pa.Table:
    return answer.to_arrow_table()


def _dicts(answer: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


class Readable(ABC):
    """Answers queries; values come in as parameters (`?` or `$name`), never in the text.

    Errors: ConnectionTimeoutError, QueryTimeoutError, DiskFullError, QueryError.
    """

    @abstractmethod
    def _run(
        self, sql: str, params: Parameters, fetch: Callable[[duckdb.DuckDBPyConnection], Result]
    ) -> Result: ...

    def query(self, sql: str, params: Parameters = None) -> pa.Table:
        """Return the rows as an Arrow table: the cheapest form for more than a few rows."""
        return self._run(sql, params, _arrow)

    def dicts(self, sql: str, params: Parameters = None) -> list[dict[str, Any]]:
        """Return each row as a dict: the cheapest form for a few rows."""
        return self._run(sql, params, _dicts)

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
