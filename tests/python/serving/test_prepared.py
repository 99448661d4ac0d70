"""What is kept of prepared statements, and what clients see of errors."""

import json

import pyarrow as pa
import pytest
from pyarrow import flight

from python_ingest import errors
from python_ingest.errors import (
    ConfigError,
    ConnectionTimeoutError,
    DatabaseError,
    DiskFullError,
    NotPreparedError,
    NotPublishedError,
    OutOfMemoryError,
    QueryCancelledError,
    QueryError,
    QueryTimeoutError,
    ReadOnlyServerError,
)
from python_ingest.serving.flight_errors import as_status, from_status
from python_ingest.serving.prepared import KEPT_SECONDS, MOST, PreparedStatements


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def statements(clock):
    return PreparedStatements(clock)


def test_a_statement_ages_from_its_last_use(statements, clock):
    used, unused = statements.add("select 1"), statements.add("select 2")
    for _ in range(3):
        clock.now += KEPT_SECONDS * 0.9
        assert statements.find(used) == ("select 1", None)
    with pytest.raises(NotPreparedError, match="prepare it again"):
        statements.find(unused)
    assert len(statements) == 1


def test_beyond_the_limit_the_one_that_was_not_used_for_longest_goes(statements):
    first, second = statements.add("select 1"), statements.add("select 2")
    for _ in range(MOST - 2):
        statements.add("select 3")
    statements.bind(first, [1], 8)
    statements.add("select 4")
    assert len(statements) == MOST
    assert statements.find(first) == ("select 1", [1])
    with pytest.raises(NotPreparedError):
        statements.find(second)


def test_large_statements_are_fewer(statements):
    handles = [statements.add("x" * 1_000_000) for _ in range(200)]
    assert 10 < len(statements) < 100
    for handle in handles:
        statements.remove(handle)
    for _ in range(10):
        handle = statements.add("select ?")
        for _ in range(100):
            statements.bind(handle, ["x"], 1_000_000)  # the former values go
    assert len(statements) == 10


def test_handles_cannot_be_guessed_and_one_that_is_closed_is_gone(statements):
    handle = statements.add("select 1")
    assert statements.add("select 1") != handle
    assert len(handle) == 16
    statements.remove(handle)
    statements.remove(handle)
    with pytest.raises(NotPreparedError):
        statements.bind(handle, [], 0)


STATUSES = [
    (QueryError("x"), pa.ArrowInvalid),
    (OutOfMemoryError("x"), pa.ArrowInvalid),
    (ReadOnlyServerError("x"), pa.ArrowNotImplementedError),
    (NotPreparedError("x"), pa.ArrowKeyError),
    (QueryTimeoutError("x"), flight.FlightTimedOutError),
    (QueryCancelledError("x"), flight.FlightInternalError),  # its client is gone
    (ConnectionTimeoutError("x"), flight.FlightUnavailableError),
    (NotPublishedError("x"), flight.FlightUnavailableError),
    (DiskFullError("x"), flight.FlightInternalError),
    (DatabaseError("x"), flight.FlightInternalError),
    (ConfigError("x"), flight.FlightInternalError),
    (RuntimeError("/home/me/code.py"), flight.FlightInternalError),
]


class _Failing(flight.FlightServerBase):
    """Raises what it is told to, at once or after a batch."""

    error: Exception

    def do_get(self, context, ticket):
        if ticket.ticket == b"at once":
            raise as_status(self.error) from self.error

        def batches():
            yield pa.record_batch({"a": [1]})
            raise as_status(self.error) from self.error

        return flight.GeneratorStream(pa.schema([("a", pa.int64())]), batches())


@pytest.fixture(scope="module")
def failing():
    with _Failing("grpc://127.0.0.1:0") as server:
        yield server, flight.FlightClient(f"grpc://127.0.0.1:{server.port}")


@pytest.mark.parametrize("when", [b"at once", b"later"])
@pytest.mark.parametrize(("error", "status"), STATUSES, ids=lambda each: repr(each)[:40])
def test_every_error_has_a_status_and_never_a_traceback(failing, error, status, when):
    server, client = failing
    server.error = error
    with pytest.raises(status) as found:
        client.do_get(flight.Ticket(when)).read_all()
    assert "Traceback" not in str(found.value)
    assert ".py" not in str(found.value)
    back = from_status(found.value)
    if not isinstance(error, errors.IngestError):
        assert "its log says where" in str(found.value)
    elif status in {pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError}:
        assert issubclass(type(error), type(back))
        assert str(back) == str(error)
    elif isinstance(error, DatabaseError):
        assert type(back) is type(error)
        assert str(back) == str(error)


def test_what_others_say_is_not_taken_for_ours():
    assert from_status(flight.FlightUnavailableError("no route")) is None
    told = json.dumps({"error": "SystemExit", "message": "x"}).encode()
    assert type(from_status(flight.FlightServerError("x", told))) is QueryError
