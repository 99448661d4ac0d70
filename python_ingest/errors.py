"""What can go wrong, in the user's words: what is wrong, where, and what to do."""


class IngestError(Exception):
    """Could not be done, and nothing was half done (exit code 1)."""


class UsageError(IngestError):
    """The call itself is wrong: unknown option value, bad configuration (exit code 2)."""


class ConfigError(UsageError):
    """A configuration value is wrong; the message names its key."""


class FileRejectedError(IngestError):
    """A file could not be read as a whole; nothing of it was landed."""


class DatabaseBusyError(IngestError):
    """Another process held the database file for longer than we may wait."""


class NotInitialisedError(IngestError):
    """The database has no raw schema yet, or one of another version."""


class BuildFailedError(IngestError):
    """`dbt build` ended with errors; the former publication stays."""


class AuditFailedError(IngestError):
    """What was landed broke a critical expectation; it is not published."""
