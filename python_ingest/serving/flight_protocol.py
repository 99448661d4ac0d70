"""Address and token of `ingest serve`, and the ticket of `ServedReader`: one call instead of four.

A ticket is JSON:

{"sql": text, "params": null, a list or an object, "operation": text}. A parameter is a JSON value
or, where JSON has none, an object of one key: {"decimal": "1.5"}, {"time": "2026-01-05T09:30:00"}
(UTC), {"date": "2026-01-05"}, {"uuid": "..."}.
"""

import json
import os
import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from python_ingest.errors import QueryError, UsageError
from python_ingest.serving.bound_values import in_utc
from python_ingest.serving.results import Question
from python_ingest.settings import Settings
from python_ingest.storage.files import move_into_place

TOKEN_VARIABLE = "SERVE_TOKEN"  # noqa: S105 - a name, no secret
TICKET_BEGINS = b"{"  # no command of Flight SQL does
_LONGEST_TICKET = 1_000_000
_SENSELESS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def location(settings: Settings) -> str:
    """Return the server's address: the loopback interface only."""
    return f"grpc://127.0.0.1:{settings.serve.port}"


def token_path(settings: Settings) -> Path:
    """Return the file of the token that the server made, readable by the server's user only."""
    return settings.data_dir / "serve.token"


def token(settings: Settings, *, make: bool = False) -> str:
    """Return the token from the environment, else from the file.

    `make` creates a file that is missing or empty. Raises UsageError when there is no token.
    """
    if given := _given():
        if not (given.isascii() and given.isprintable()):
            raise UsageError(f"{TOKEN_VARIABLE}: a token has letters, digits and signs of ASCII")
        return given
    path = token_path(settings)
    if make and not (path.exists() and path.stat().st_size):
        _make_token(path)
    why = "it is empty"  # an empty token would let everybody in
    try:
        if kept := path.read_text(encoding="ascii").strip():
            return kept
    except OSError as error:
        why = str(error.strerror)
    except UnicodeDecodeError:
        why = "it is no token"
    raise UsageError(
        f"no token: set {TOKEN_VARIABLE}, or read {path} ({why}), which `ingest serve` makes"
    )


def token_place(settings: Settings) -> str:
    """Return where `token` finds it: what to look at when it is wrong."""
    return TOKEN_VARIABLE if _given() else str(token_path(settings))


def _given() -> str:
    """Return the token of the environment; a file that was read into it has ended with a line."""
    return os.environ.get(TOKEN_VARIABLE, "").strip()


def _make_token(path: Path) -> None:
    """Write a new token for this user only; killed or without room, there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32))
    move_into_place(temporary, path)


def _encoded(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"time": in_utc(value).isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, UUID):
        return {"uuid": str(value)}
    if isinstance(value, list | tuple):
        return [_encoded(each) for each in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise QueryError(
        f"a value of type {type(value).__name__} cannot be sent: give its text, and cast it"
        " (?::time, ?::interval, ?::blob)"
    )


_DECODERS: dict[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "time": lambda text: in_utc(datetime.fromisoformat(text)),
    "date": date.fromisoformat,
    "uuid": UUID,
}


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(each) for each in value]
    if isinstance(value, dict):
        ((name, text),) = value.items()
        return _DECODERS[name](text)
    return value


def ticket_of(ask: Question) -> bytes:
    """Return a question as a ticket. Raises QueryError for a value that no ticket can hold."""
    params: Any = ask.params
    if isinstance(params, Mapping):
        params = {name: _encoded(value) for name, value in params.items()}
    elif params is not None:
        params = [_encoded(value) for value in params]
    ticket = {"sql": ask.sql, "params": params, "operation": ask.operation}
    return json.dumps(ticket).encode()


def question_of(ticket: bytes) -> Question:
    """Return the question in a ticket. Raises QueryError when the ticket is invalid."""
    try:
        if len(ticket) > _LONGEST_TICKET:
            raise ValueError(f"longer than {_LONGEST_TICKET} bytes")
        given = json.loads(ticket)
        json.dumps(given, ensure_ascii=False).encode()  # half of a surrogate pair is no text
        params = given.get("params")
        if isinstance(params, dict):
            params = {str(name): _decoded(value) for name, value in params.items()}
        elif params is not None:
            params = [_decoded(value) for value in params]
        return Question(str(given["sql"]), params, str(given.get("operation") or "query"))
    except _SENSELESS as error:
        kind = type(error).__name__
        raise QueryError(f"not a ticket (docs/serving.md): {kind}: {error}") from None
