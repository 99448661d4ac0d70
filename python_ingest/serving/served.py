"""A client of `ingest serve`: the same queries as on a pool, over the hot day too.

with ServedReader() as warehouse:
    newest = latest_tick(warehouse, "binance", "BTCUSDT")    # queries.py
"""

from contextlib import AbstractContextManager

import pyarrow as pa
from pyarrow import flight

from python_ingest.errors import (
    ConnectionTimeoutError,
    DatabaseError,
    QueryError,
    QueryTimeoutError,
)
from python_ingest.serving.flight_errors import from_status
from python_ingest.serving.flight_protocol import location, ticket_of, token, token_place
from python_ingest.serving.results import Question, Readable
from python_ingest.settings import Settings, load_settings


class ServedReader(Readable, AbstractContextManager["ServedReader"]):
    """Reads from the server of this machine; thread-safe.

    The token comes from SERVE_TOKEN or from the file beside the data. In `dicts`, UUIDs are texts.

    Errors besides those of a pool: DatabaseError for a wrong token, ConnectionTimeoutError when
    no server answers.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or load_settings()
        self._where = location(settings)
        self._token_place = token_place(settings)
        # The server interrupts a late query itself; this timeout is for a server that hangs.
        limits = settings.pool
        patience = (limits.connection_timeout_ms + limits.query_timeout_ms) / 1000 + 5
        self._options = flight.FlightCallOptions(
            timeout=patience,
            headers=[(b"authorization", f"Bearer {token(settings)}".encode())],
        )
        self._client = flight.FlightClient(self._where)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __exit__(self, *error: object) -> None:
        self.close()

    def table(self, ask: Question) -> pa.Table:
        """Return the rows of a question as an Arrow table."""
        ticket = flight.Ticket(ticket_of(ask))
        try:
            return self._client.do_get(ticket, self._options).read_all()
        except (flight.FlightError, pa.ArrowException) as error:
            raise from_status(error) or self._unanswered(error) from None

    def _unanswered(self, error: Exception) -> DatabaseError:
        """Return what an error means that the server's own code did not send."""
        if isinstance(error, flight.FlightUnavailableError):
            return ConnectionTimeoutError(f"nobody answers at {self._where}: run `ingest serve`")
        if isinstance(error, flight.FlightUnauthenticatedError):
            return DatabaseError(f"{self._where}: the token is wrong ({self._token_place})")
        if isinstance(error, flight.FlightTimedOutError):
            return QueryTimeoutError(f"{self._where} did not answer in time")
        return QueryError(str(error).splitlines()[0])
