"""What can go wrong, in the user's words: what is wrong, where, and what to do."""


class IngestError(Exception):
    """Could not be done, and nothing was half done (exit code 1)."""

    retryable = False  # whether the same call may succeed a moment later


class UsageError(IngestError):
    """The call itself is wrong: unknown option value, bad configuration (exit code 2)."""


class ConfigError(UsageError):
    """A configuration value is wrong; the message names its key."""


class FileRejectedError(IngestError):
    """A file could not be read as a whole; nothing of it was landed."""


class DatabaseError(IngestError):
    """The database could not do what was asked."""


class DatabaseBusyError(DatabaseError):
    """Another process held the database file for longer than we may wait; `holder` names it."""

    retryable = True

    def __init__(self, message: str, holder: str = "another process") -> None:
        super().__init__(message)
        self.holder = holder


class DatabaseAwayError(DatabaseError):
    """There was a database, and its file is gone; an empty one in its place would hide that."""

    retryable = True


class ConnectionTimeoutError(DatabaseError):
    """No connection of the pool became free in time."""

    retryable = True


class QueryTimeoutError(DatabaseError):
    """A query ran longer than it may and was interrupted."""


class WriteConflictError(DatabaseError):
    """Two transactions changed the same rows; this one was rolled back."""

    retryable = True


FREE_SPACE = "free space and run again"


class DiskFullError(DatabaseError):
    """There is no room left for a file; `what` says for which, and what became of it."""

    def __init__(self, what: str) -> None:
        told = FREE_SPACE in what  # by another process of ours
        super().__init__(what if told else f"the disk is full: {what}; {FREE_SPACE}")


class QueryError(DatabaseError):
    """DuckDB refused the query: its text, its parameters or its need of memory."""


class OutOfMemoryError(QueryError):
    """A query needed more memory than DuckDB may take."""


class QueryCancelledError(DatabaseError):
    """The client of the server went away or cancelled while its query ran."""


class ReadOnlyServerError(DatabaseError):
    """The server answers queries and has no call that would write, cancel or begin something."""


class NotPreparedError(DatabaseError):
    """The server does not know this prepared statement, or not any more."""


class NotPublishedError(DatabaseError):
    """Nothing that readers could open has been published yet."""


class NotInitialisedError(IngestError):
    """The database has no raw schema yet, or one of another version."""


class StoreError(IngestError):
    """The place of backups or archived files cannot be read or written; the message names it."""


class BackupError(IngestError):
    """There is no backup that could do what was asked."""


class BackupDamagedError(BackupError):
    """A backup is not what was written; the message says which part of it."""


class BuildFailedError(IngestError):
    """`dbt build` ended with errors; the former publication stays."""


class PublishedInPartError(IngestError):
    """Some chains of models stay as they were published before, the others are new (code 3)."""


class NothingBeforeError(IngestError):
    """What was held back has no former publication with which it could go on."""


class AuditFailedError(IngestError):
    """What was landed broke a critical expectation; it is not published."""


class ExportError(IngestError):
    """A cold file is not what was written; its rows are still in the database."""
