"""Our errors as statuses of Arrow Flight, and back.

A client sees a status code and a text, never a traceback. pyarrow gives some codes only to its own
Arrow errors, and then adds a formatted traceback to the text, unless it cannot be formatted.
"""

import json
import logging
from collections.abc import Callable

import pyarrow as pa
from pyarrow import flight

from python_ingest import errors
from python_ingest.errors import (
    ConnectionTimeoutError,
    DatabaseError,
    IngestError,
    NotPreparedError,
    NotPublishedError,
    QueryError,
    QueryTimeoutError,
    ReadOnlyServerError,
)
from python_ingest.storage.failures import without_text

logger = logging.getLogger("python_ingest.serve")

_DETAIL = ". Detail: "  # what follows it was added by pyarrow


class _WithoutTraceback:
    @property
    def __cause__(self) -> BaseException | None:  # Python's `traceback` reads it first
        raise AttributeError("not for clients")


class InvalidArgument(_WithoutTraceback, pa.ArrowInvalid):  # type: ignore[misc]
    """INVALID_ARGUMENT."""


class Unimplemented(_WithoutTraceback, pa.ArrowNotImplementedError):  # type: ignore[misc]
    """UNIMPLEMENTED."""


class NotFound(_WithoutTraceback, pa.ArrowKeyError):  # type: ignore[misc]
    """NOT_FOUND."""


_QUIET: dict[type[DatabaseError], type[Exception]] = {
    QueryError: InvalidArgument,
    ReadOnlyServerError: Unimplemented,
    NotPreparedError: NotFound,
}
_INTERNAL: Callable[[str, bytes], Exception] = flight.FlightInternalError
_NAMED: dict[type[DatabaseError], Callable[[str, bytes], Exception]] = {
    QueryTimeoutError: flight.FlightTimedOutError,
    ConnectionTimeoutError: flight.FlightUnavailableError,
    NotPublishedError: flight.FlightUnavailableError,
}


def as_status(error: Exception) -> Exception:
    """Return what a handler must raise so that the client sees this error."""
    if isinstance(error, _WithoutTraceback):
        return error
    if not isinstance(error, IngestError):
        logger.error(
            "a call failed: %s",
            without_text(error),
            extra={"event": "call_failed", "service": "serve"},
        )
        name = type(error).__name__
        return _INTERNAL(f"ingest serve failed ({name}); its log says where", b"")
    for kind, status in _QUIET.items():
        if isinstance(error, kind):
            return status(str(error))
    told = json.dumps({"error": type(error).__name__, "message": str(error)}).encode()
    named = next((each for kind, each in _NAMED.items() if isinstance(error, kind)), _INTERNAL)
    return named(str(error), told)


def from_status(error: Exception) -> DatabaseError | None:
    """Return the error of ours that a client received; None when the server did not send it."""
    text = str(error).split(_DETAIL)[0]
    for kind, status in _QUIET.items():
        if isinstance(error, status.__mro__[2]):
            return kind(text)
    try:
        told = json.loads(getattr(error, "extra_info", b"") or b"")
    except ValueError:
        return None
    found = getattr(errors, str(told["error"]), QueryError)
    return found(str(told["message"])) if issubclass(found, DatabaseError) else QueryError(text)
