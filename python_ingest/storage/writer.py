"""The one place that takes the database file's write lock.

with open_writer(settings) as connection, transaction(connection):
    connection.execute("insert into raw.audits values (...)")
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import duckdb
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    wait_exponential_jitter,
)

from python_ingest.errors import (
    DatabaseAwayError,
    DatabaseBusyError,
    IngestError,
    NotInitialisedError,
)
from python_ingest.settings import Settings
from python_ingest.storage.cold_views import follow_data_dir
from python_ingest.storage.failures import first_line, is_locked_out
from python_ingest.storage.files import make_folder
from python_ingest.storage.process_lock import HeldError, SharedLock, command_of
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.sql import quoted, sql_path, value_of

# Analysts' tools may be as old as this, and cannot read what DuckDB 2 writes unasked.
STORAGE_VERSION = "v1.5.0"
_BRIEFLY_MS = 500
# A disk that is full after the commit has no room for the checkpoint.
_IS_DETACHED = "but CHECKPOINT during DETACH failed"


# Beside the database, for as long as a process of ours has the file open; and for as long as one
# waits for it, so that whoever had it, as a stream that lags behind, does not take it again before.
_LOCK_FILES, _TURNS = SharedLock(), SharedLock()


class _Closable(Protocol):
    def close(self) -> None: ...


Opened = TypeVar("Opened", bound=_Closable)
Result = TypeVar("Result")


Config = dict[str, str | bool | int | float | list[str]]


def session_config(settings: Settings) -> Config:
    """DuckDB's limits and the format of new files, the same for every session of ours.

    A file that is there already keeps its format.
    """
    return {
        "storage_compatibility_version": STORAGE_VERSION,
        "memory_limit": f"{settings.performance.memory_limit_mb}MB",
        "threads": settings.performance.num_threads,
        "temp_directory": str(settings.performance.temp_directory),
    }


def attached(path: Path, name: str, config: Config) -> duckdb.DuckDBPyConnection:
    """Return an engine of its own, in UTC, with a database file attached read only as `name`.

    That locks writers out and changes nothing beside the file.
    """
    engine = duckdb.connect(config=config)
    try:
        engine.execute("set global TimeZone = 'UTC'")
        engine.execute(f"attach {sql_path(path)} as {quoted(name)} (read_only)")
        read_s3_where_named(engine)
    except BaseException:
        engine.close()
        raise
    return engine


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, HeldError) or is_locked_out(error)


def _holder(error: BaseException | None) -> str:
    match = re.search(r"held in \S+ \(PID (\d+)\)", str(error))
    if not isinstance(error, HeldError) and not match:
        return "another process"
    number = match[1] if match else str(error)
    return f"process {number} ({command_of(number)})"


def identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of what `path` names now; None where nothing is."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class Place:
    """The DATA_DIR that a long-lived writer began with: a mount may go, and leave an empty folder.

    It is made where there is none.
    """

    def __init__(self, settings: Settings) -> None:
        make_folder(settings.data_dir)
        self._data_dir = settings.data_dir
        self._database = settings.data_dir / settings.database_path.name
        self._began = identity(self._data_dir)

    def require(self) -> None:
        """Raise DatabaseAwayError while it is not there; another one with a database may be."""
        try:
            is_there = identity(self._data_dir) == self._began or self._database.exists()
        except OSError as error:  # such as of a server or a device that is gone
            why = first_line(error)
            raise DatabaseAwayError(f"{self._data_dir} cannot be reached: {why}") from error
        if not is_there:
            raise DatabaseAwayError(
                f"{self._data_dir} is not there, or another folder is in its place: mount it again"
            )


def _open_as_named(path: Path, open_file: Callable[[], Opened]) -> Opened | None:
    """Open the file that `path` names; None where another one took its place meanwhile."""
    before = identity(path)
    try:
        opened = open_file()
    except duckdb.Error:
        if before in (None, identity(path)):
            raise
        return None
    if before in (None, identity(path)):
        return opened
    opened.close()
    return None


@contextmanager
def sole_process(settings: Settings, timeout_ms: int | None = None) -> Iterator[None]:
    """Keep every other process of ours from opening the database; threads of this one may.

    DuckDB 2.0.1 reads a file's header before it locks the file: what others commit in between is
    lost. So whoever opens the file takes this lock first (docs/adr/0150).
    Waits for `timeout_ms`, by default for `connection_timeout_ms`. Raises DatabaseBusyError that
    names the holder.
    """
    with ExitStack() as stack:
        _waiting(settings, timeout_ms, lambda: _take_lock_file(settings, stack))
        yield


def _lock_file(settings: Settings) -> Path:
    path = settings.database_path.resolve()  # a link to it and itself have one lock
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(path.name + ".lock")


def _take_lock_file(settings: Settings, stack: ExitStack) -> None:
    stack.enter_context(_LOCK_FILES.held(_lock_file(settings)))


def _take_turn(settings: Settings, stack: ExitStack) -> None:
    """Be the next to have the database; raises HeldError, of who has it, while another one is."""
    lock = _lock_file(settings)
    turn = lock.with_suffix(".turn")
    if _LOCK_FILES.is_held(lock) or _TURNS.is_held(turn):
        return  # a thread of ours has it, or waits
    try:
        stack.enter_context(_TURNS.held(turn))
    except HeldError as waiting:
        holder = lock.read_text(encoding="utf-8") if lock.exists() else ""
        raise HeldError(holder or str(waiting)) from None


def _require_there(settings: Settings) -> None:
    """Raise DatabaseAwayError when a database with rows is gone: nobody wants an empty one.

    What it left behind tells: segments that landed, a publication.
    """
    path = settings.database_path
    if path.exists():
        return
    landed = settings.spool_dir / "landed"
    if settings.published_path.exists() or any(landed.glob("*.json")):
        raise DatabaseAwayError(
            f"{path} is not there, though it was: bring it back, or make a new one with ingest init"
        )


def require_database(settings: Settings) -> None:
    """Raise NotInitialisedError where no database is: who only looks at one makes none.

    Raises DatabaseAwayError where there was one.
    """
    _require_there(settings)
    if not settings.database_path.exists():
        path = settings.database_path.absolute()
        raise NotInitialisedError(f"{path} is not there: run `ingest init`")


@contextmanager
def open_locked(
    settings: Settings, open_file: Callable[[], Opened], *, create: bool = False
) -> Iterator[Opened]:
    """Yield what `open_file` opens of the database file, and close it.

    Waits up to `connection_timeout_ms` for processes that have the file open. Where the file was
    replaced while it was opened, `open_file` is called again. Creates the file if none ever
    existed; `create`: even if one did.
    Raises DatabaseBusyError that names the holder, DatabaseAwayError when the file is gone,
    IngestError when it cannot be opened.
    """
    with ExitStack() as stack:

        def attempt() -> Opened:
            with ExitStack() as held:
                _take_lock_file(settings, held)
                opened = None
                while opened is None:  # whoever replaces it does so once
                    if not create:
                        _require_there(settings)
                    opened = _open_as_named(settings.database_path, open_file)
                held.callback(opened.close)
                stack.push(held.pop_all())
            return opened

        yield _waiting(settings, None, attempt)


def _waiting(settings: Settings, timeout_ms: int | None, attempt: Callable[[], Result]) -> Result:
    """Return what `attempt` does, as soon as nobody else has the database file."""
    path = settings.database_path
    limit = settings.pool.connection_timeout_ms if timeout_ms is None else timeout_ms
    backoff = wait_exponential_jitter(multiplier=0.02, max=0.1, jitter=0.02)
    retrying = Retrying(
        retry=retry_if_exception(_is_busy),
        # the last attempt is at the limit, not after it
        wait=lambda state: min(backoff(state), limit / 1000 - (state.seconds_since_start or 0.0)),
        stop=stop_after_delay(limit / 1000),
    )

    def in_turn(turn: ExitStack) -> Result:
        _take_turn(settings, turn)
        return attempt()

    try:
        with ExitStack() as turn:
            return retrying(in_turn, turn)
    except RetryError as error:
        holder = _holder(error.last_attempt.exception())
        raise DatabaseBusyError(
            f"{path} is held by {holder} since more than {limit} ms; try again when it is done",
            holder,
        ) from None
    except (duckdb.Error, OSError) as error:
        raise IngestError(f"{path}: cannot be opened: {first_line(error)}") from error


class _Attached:
    """The database in an engine that runs already, as a session of its own."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._engine = engine
        engine.execute(f"attach {sql_path(path)}")
        other = (
            "select database_name from duckdb_databases() where not internal and path is not null"
        )
        self._name = quoted(value_of(engine, other))
        self.connection = engine.cursor()
        self.connection.execute(f"use {self._name}")

    def close(self) -> None:
        self.connection.close()
        try:
            self._engine.execute(f"detach {self._name}")
        except duckdb.Error as error:
            if _IS_DETACHED in str(error):
                return  # what was committed is in its log, which whoever opens it next takes over
            self._engine.close()  # the file must not stay open
            raise


@contextmanager
def open_writer(
    settings: Settings, *, create: bool = False, engine: duckdb.DuckDBPyConnection | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Hold the database file for writing; waits for others up to `connection_timeout_ms`.

    `engine`: one that runs already, with its own limits. Raises DatabaseBusyError that names the
    holder, DatabaseAwayError when there was a file and it is gone, unless `create`.
    """
    with ExitStack() as stack:
        if engine:
            path = settings.database_path
            attached = open_locked(settings, lambda: _Attached(engine, path), create=create)
            connection = stack.enter_context(attached).connection
        else:
            whole = open_locked(settings, lambda: _connect(settings), create=create)
            connection = stack.enter_context(whole)
        connection.execute("set TimeZone = 'UTC'")
        follow_data_dir(connection, settings.data_dir)
        yield connection


@contextmanager
def open_briefly(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Hold the database file to read a little of it, read only; waits half a second for others.

    Raises as `open_writer`, and NotInitialisedError where there is none.
    """
    require_database(settings)
    path = str(settings.database_path)
    with open_locked(
        settings.waiting(_BRIEFLY_MS), lambda: duckdb.connect(path, read_only=True)
    ) as connection:
        yield connection


def _connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(settings.database_path), config=session_config(settings))


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit when the block ends, roll back when it raises."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
