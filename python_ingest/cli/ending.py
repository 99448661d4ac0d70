"""How a command ends: one clear line and an exit code instead of a traceback."""

import sys
from collections.abc import Callable

from python_ingest.errors import IngestError, PublishedInPartError, UsageError
from python_ingest.storage.disk_full import in_full, is_disk_full


def ended(run: Callable[[], object]) -> int:
    """Run it; print what stops it, and return the exit code: 0 when nothing does."""
    try:
        run()
    except IngestError as error:
        print(f"ingest: {in_full(error)}", file=sys.stderr, flush=True)
        return _code(error)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        import duckdb  # noqa: PLC0415 - what needs no database need not wait for it

        from python_ingest.storage import failures  # noqa: PLC0415

        known = (OSError, duckdb.IOException, duckdb.OutOfMemoryException)
        is_known = isinstance(error, known) or failures.is_damaged_file(error)
        if not is_known and not is_disk_full(error):
            raise
        print(f"ingest: {failures.as_database_error(error)}", file=sys.stderr, flush=True)
        return 1
    return 0


def _code(error: IngestError) -> int:
    codes = ((UsageError, 2), (PublishedInPartError, 3))
    return next((code for kind, code in codes if isinstance(error, kind)), 1)
