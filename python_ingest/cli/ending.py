"""How a command ends: one clear line and an exit code instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

import duckdb

from python_ingest.errors import IngestError, PublishedInPartError, UsageError
from python_ingest.storage.failures import as_database_error


def ended(run: Callable[[], object]) -> int:
    """Run it; print what stops it, and return the exit code: 0 when nothing does."""
    try:
        run()
    except IngestError as error:
        print(f"ingest: {error}", file=sys.stderr, flush=True)
        return _code(error)
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        print(f"ingest: {as_database_error(error)}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _code(error: IngestError) -> int:
    codes = ((UsageError, 2), (PublishedInPartError, 3))
    return next((code for kind, code in codes if isinstance(error, kind)), 1)
