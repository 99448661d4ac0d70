"""`ingest serve`: queries of local clients over Arrow Flight, read only, with a token."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import flight

from python_ingest.errors import IngestError, QueryError
from python_ingest.reading.flight_protocol import location, question_of
from python_ingest.reading.opened import Connection
from python_ingest.reading.pool import ReaderPool
from python_ingest.reading.results import Question
from python_ingest.reading.sql_allowlist import require_select
from python_ingest.settings import Settings

_BATCH_ROWS = 10_000
_TEXTS_KEPT = 1000


class _Token(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Refuses every call without the token."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._expected = f"Bearer {token}".encode()

    def start_call(self, info: Any, headers: Mapping[str, list[str]]) -> None:
        given = (headers.get("authorization") or [""])[0]
        if not hmac.compare_digest(given.encode(), self._expected):
            raise flight.FlightUnauthenticatedError("the token is missing or wrong")


class Server(flight.FlightServerBase):  # type: ignore[misc]
    """Answers tickets (`flight_protocol`) with Arrow and no other call; listens once made."""

    def __init__(self, settings: Settings, pool: ReaderPool, token: str) -> None:
        self._pool = pool
        self._max_bytes = settings.serve.max_result_mb * 1_000_000
        parser = duckdb.connect(config={"threads": 1, "memory_limit": "64MB"})

        @lru_cache(_TEXTS_KEPT)
        def checked(sql: str) -> None:
            with parser.cursor() as connection:
                require_select(connection, sql)

        self._check = checked
        try:
            super().__init__(location(settings), middleware={"token": _Token(token)})
        except (pa.ArrowException, OSError) as error:
            raise IngestError(
                f"cannot listen on {location(settings)} (serve.port): {str(error).splitlines()[0]}"
            ) from None

    def do_get(self, context: Any, ticket: Any) -> Any:
        """Run the ticket's query; an error is sent as its class name and text."""
        try:
            ask = question_of(ticket.ticket)
            self._check(ask.sql)
            return flight.RecordBatchStream(self._pool.run(ask, self._bounded))
        except IngestError as error:
            told = {"error": type(error).__name__, "message": str(error)}
            raise flight.FlightServerError(str(error), json.dumps(told).encode()) from None

    def _bounded(self, connection: Connection, ask: Question) -> pa.Table:
        """Collect an answer, so that a client that reads slowly holds no connection."""
        batches, size = [], 0
        with connection.relation(ask.sql, ask.params).to_arrow_reader(_BATCH_ROWS) as reader:
            for batch in reader:
                batches.append(batch)
                size += batch.nbytes
                if size > self._max_bytes:
                    raise QueryError(
                        f"the answer is larger than {self._max_bytes / 1e6:.0f} MB"
                        " (serve.max_result_mb): narrow it, or read the published file"
                    )
            return pa.Table.from_batches(batches, reader.schema)
