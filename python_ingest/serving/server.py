"""`ingest serve`: queries of local clients over Arrow Flight SQL, read only, with a token.

`ServedReader` sends its question as a ticket in one call (`flight_protocol`); every other client
asks by Flight SQL. Both ways end in `_answer`.
"""

import hmac
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any, NamedTuple, TypeVar

import duckdb
import pyarrow as pa
from pyarrow import flight

from python_ingest.errors import IngestError, QueryError, ReadOnlyServerError
from python_ingest.serving.bound_values import one_row, values_of
from python_ingest.serving.flight_errors import as_status
from python_ingest.serving.flight_protocol import TICKET_BEGINS, location, question_of
from python_ingest.serving.flight_sql_catalog import is_listing, listed, schema_of_listing
from python_ingest.serving.flight_sql_messages import packed, unpacked
from python_ingest.serving.open_streams import OpenStreams
from python_ingest.serving.opened import LONGEST_KEPT
from python_ingest.serving.pool import ReaderPool
from python_ingest.serving.prepared import PreparedStatements
from python_ingest.serving.results import Parameters, Question
from python_ingest.serving.sql_allowlist import require_select
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line

_BATCH_ROWS = 10_000
_COLLECTED_BYTES = 8_000_000
# Many clients of gRPC refuse a message of more than 4 MB.
_MESSAGE_BYTES = 2_000_000
_TEXTS_KEPT = 1000

_PLAIN = "select json_deserialize_sql(json_serialize_sql(?))"
_ACTIONS = {
    "CreatePreparedStatement": "Prepares a query.",
    "ClosePreparedStatement": "Forgets a prepared query.",
}

_Result = TypeVar("_Result")


class _Token(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Refuses every call without the token."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._expected = f"Bearer {token}".encode()

    def start_call(self, info: Any, headers: Mapping[str, list[str]]) -> None:
        given = (headers.get("authorization") or [""])[0]
        if not hmac.compare_digest(given.encode(), self._expected):
            raise flight.FlightUnauthenticatedError("the token is missing or wrong")


def _call(handler: Callable[..., _Result]) -> Callable[..., _Result]:
    """Turn whatever a handler raises into a status."""

    @wraps(handler)
    def told(*given: Any) -> _Result:
        try:
            return handler(*given)
        except Exception as error:
            raise as_status(error) from None

    return told


class _Checked(NamedTuple):
    """A query that may run.

    `plain`: its text as the engine writes it, which can be part of another query.
    `parameters`: `1`, `2`, ... or names.
    """

    plain: str
    parameters: frozenset[str]


class Server(flight.FlightServerBase):  # type: ignore[misc]
    """Answers tickets (`flight_protocol`) and Flight SQL; listens once made."""

    def __init__(self, settings: Settings, pool: ReaderPool, token: str) -> None:
        self._pool = pool
        self._published = settings.published_path.stem
        self._prepared = PreparedStatements()
        limits = settings.pool
        self._streams = OpenStreams((limits.max_readers + 1) // 2, limits.query_timeout_ms / 1000)
        self._parser = duckdb.connect(config={"threads": 1, "memory_limit": "64MB"})
        self._kept = lru_cache(_TEXTS_KEPT)(self._parsed)
        try:
            super().__init__(location(settings), middleware={"token": _Token(token)})
        except (pa.ArrowException, OSError) as error:
            raise IngestError(
                f"cannot listen on {location(settings)} (serve.port): {str(error).splitlines()[0]}"
            ) from None

    def stopped(self, seconds: float) -> bool:
        """Stop; False when calls are open after that time, since their clients read nothing."""
        self._streams.close()
        stopping = threading.Thread(target=self.shutdown, name="shutdown", daemon=True)
        stopping.start()
        stopping.join(seconds)
        return not stopping.is_alive()

    def _parsed(self, sql: str) -> _Checked:
        try:
            with self._parser.cursor() as connection:
                require_select(connection, sql)
                plain = _plain(connection, sql)
                (statement,) = connection.extract_statements(sql)
        except RecursionError:
            raise QueryError("the query is nested too deep: name its parts in a WITH") from None
        except duckdb.Error as error:
            raise QueryError(f"the query cannot be parsed: {first_line(error)}") from None
        return _Checked(plain, frozenset(statement.named_parameters))

    def _checked(self, sql: str) -> _Checked:
        """Return a query that may run. Raises QueryError for everything else."""
        return self._kept(sql) if len(sql) <= LONGEST_KEPT else self._parsed(sql)

    @_call
    def get_flight_info(self, context: Any, descriptor: Any) -> Any:
        """Check a command, and return the ticket of its answer: the command itself.

        The schema of a query's answer is told by the answer. So it cannot differ from what was
        told before the publication was replaced.
        """
        name, command = self._command(descriptor)
        schema = None
        if is_listing(name):
            schema = schema_of_listing(name, command)
        else:
            self._question(name, command)
        endpoint = flight.FlightEndpoint(descriptor.command, [])
        return flight.FlightInfo(schema, descriptor, [endpoint], -1, -1)

    @_call
    def get_schema(self, context: Any, descriptor: Any) -> Any:
        """Return the schema of a command's answer."""
        name, command = self._command(descriptor)
        if is_listing(name):
            return flight.SchemaResult(schema_of_listing(name, command))
        return flight.SchemaResult(self._schema(self._checked(self._asked(name, command)[0])))

    @_call
    def do_get(self, context: Any, ticket: Any) -> Any:
        """Send the answer to a ticket: one of ours, or a command of Flight SQL."""
        if ticket.ticket.startswith(TICKET_BEGINS):
            ask = question_of(ticket.ticket)
            self._checked(ask.sql)
            return self._answer(ask, context.is_cancelled)
        name, command = unpacked(ticket.ticket)
        if is_listing(name):
            return flight.RecordBatchStream(listed(self._pool, self._published, name, command))
        return self._answer(self._question(name, command), context.is_cancelled)

    @_call
    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Bind values to a prepared statement."""
        name, command = self._command(descriptor)
        if name != "CommandPreparedStatementQuery" or command is None:
            raise _read_only(name)
        handle = command.prepared_statement_handle
        sql, _ = self._prepared.find(handle)
        row = one_row(chunk.data for chunk in reader)
        values = values_of(row, self._checked(sql).parameters)
        self._prepared.bind(handle, values, row.nbytes)

    @_call
    def do_action(self, context: Any, action: Any) -> list[Any]:
        """Prepare a statement, or forget it."""
        if action.type not in _ACTIONS:
            raise _read_only(action.type)
        name, command = unpacked(action.body.to_pybytes())
        if name != f"Action{action.type}Request":
            raise QueryError(f"{action.type} needs its own request, not {name}")
        if action.type == "CreatePreparedStatement":
            return [flight.Result(self._prepare(command.query))]
        self._prepared.remove(command.prepared_statement_handle)
        return []

    @_call
    def list_actions(self, context: Any) -> list[Any]:
        """Return the two actions."""
        return [flight.ActionType(name, what) for name, what in _ACTIONS.items()]

    @_call
    def list_flights(self, context: Any, criteria: Any) -> Iterator[Any]:
        """Refuse."""
        raise _read_only("ListFlights")

    @_call
    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Refuse."""
        raise _read_only("DoExchange")

    def _command(self, descriptor: Any) -> tuple[str, Any]:
        if descriptor.descriptor_type != flight.DescriptorType.CMD:
            raise QueryError("a path names nothing here: send a command of Arrow Flight SQL")
        return unpacked(descriptor.command)

    def _asked(self, name: str, command: Any) -> tuple[str, Parameters]:
        """Return the text of a command and its values. Raises NotPreparedError."""
        if name == "CommandStatementQuery":
            return command.query, None
        if name == "CommandPreparedStatementQuery":
            return self._prepared.find(command.prepared_statement_handle)
        raise _read_only(name)

    def _question(self, name: str, command: Any) -> Question:
        """Return what a command asks, checked. Raises QueryError, NotPreparedError."""
        sql, params = self._asked(name, command)
        checked = self._checked(sql)
        if checked.parameters and params is None:
            raise QueryError(
                f"the query has {len(checked.parameters)} parameters: prepare it and bind values"
            )
        return Question(sql, params, "query")

    def _schema(self, checked: _Checked) -> pa.Schema:
        return self._pool.describe(checked.plain, sorted(checked.parameters)).schema

    def _prepare(self, sql: str) -> bytes:
        checked = self._checked(sql)
        schema = b""
        try:
            schema = self._schema(checked).serialize().to_pybytes()
        except QueryError:
            # With NULL for its values a query may make no sense.
            if not checked.parameters:
                raise
        # The engine takes a text for a value of any type.
        names = sorted(checked.parameters, key=lambda name: (len(name), name))
        parameters = pa.schema([pa.field(name, pa.string()) for name in names])
        return packed(
            "ActionCreatePreparedStatementResult",
            prepared_statement_handle=self._prepared.add(sql),
            dataset_schema=schema,
            parameter_schema=parameters.serialize().to_pybytes(),
        )

    def _answer(self, ask: Question, gone: Callable[[], bool]) -> Any:
        """Send a small answer at once; send a large one while it is computed.

        A client that reads slowly holds a connection only while the answer is large.
        """
        batches = self._pool.batches(ask, _BATCH_ROWS, gone)
        taken: list[pa.RecordBatch] = []
        size = 0
        for batch in batches:
            taken += _pieces(batch)
            size += batch.nbytes
            if size > _COLLECTED_BYTES:
                schema = batch.schema
                sent = _sent(self._streams.send(taken, batches))
                return flight.GeneratorStream(schema, sent)
        return flight.RecordBatchStream(pa.Table.from_batches(taken))


def _plain(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Return a query without comments and semicolon at its end."""
    try:
        ((plain,),) = connection.execute(_PLAIN, [sql]).fetchall()
    except duckdb.SerializationException:  # nested deeper than the engine writes, not than it reads
        text = sql.encode()
        ends = (at for at, _ in duckdb.tokenize(sql) if text[at : at + 1] == b";")
        return text[: next(ends, None)].decode() + "\n"
    return str(plain)


def _sent(batches: Generator[pa.RecordBatch, None, None]) -> Iterator[pa.RecordBatch]:
    try:
        for batch in batches:
            yield from _pieces(batch)
    except Exception as error:
        raise as_status(error) from None
    finally:
        batches.close()


def _pieces(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
    """Divide a batch until each part fits a message, or is one row."""
    half = batch.num_rows // 2
    if not half or batch.nbytes <= _MESSAGE_BYTES:
        return [batch]
    return _pieces(batch.slice(0, half)) + _pieces(batch.slice(half))


def _read_only(name: str) -> ReadOnlyServerError:
    return ReadOnlyServerError(
        f"{name}: the server is read only; it runs one SELECT at a time, and neither writes,"
        " nor begins transactions, nor cancels"
    )
