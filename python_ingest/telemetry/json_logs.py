"""Log records as structured JSON: rows of `application_logs`, on a stream or in files to land."""

import json
import logging
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from python_ingest.landing.telemetry_files import write_rows
from python_ingest.telemetry.otel import correlation_id

_LINES_A_FILE = 1000
_SECONDS_A_FILE = 60


def row_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return a record as a canonical row; `extra` may give event, service and data (a dict)."""
    exception = None
    if record.exc_info and record.exc_info[0] is not None:
        kind, _, trace = record.exc_info
        # An exception's message may quote a row; the place where it was raised cannot.
        where = "".join(traceback.format_tb(trace))
        exception = {"type": kind.__name__, "message": None, "stack_trace": where}
    correlation = correlation_id.get()
    return {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        "level": record.levelname.lower(),
        "service": getattr(record, "service", "ingest"),
        "component": record.name,
        "message": record.getMessage(),
        "event": getattr(record, "event", None),
        "context": {"correlation_id": str(correlation)} if correlation else None,
        "data": getattr(record, "data", None),
        "exception": exception,
        "source": {
            "file": Path(record.pathname).name,
            "line": record.lineno,
            "function": record.funcName,
        },
    }


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for streams."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a canonical row of logs."""
        return json.dumps(row_of(record), default=str)


class LogSegments(logging.Handler):
    """Keeps rows and writes them as a file for `ingest land logs`.

    At 1000 rows, a minute after the first one, and at the end.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._timer: threading.Timer | None = None
        self._rows: list[dict[str, Any]] = []
        self._keeping = threading.Lock()  # the last to be taken: what holds it waits for nothing
        self._writing = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record; logging must not stop the work that it records."""
        try:
            row = row_of(record)
            json.dumps(row, default=str)  # else the file would be lost that has it
        except Exception:
            self.handleError(record)
            return
        with self._keeping:
            self._rows.append(row)
            is_full = len(self._rows) >= _LINES_A_FILE
            if not is_full and self._timer is None:
                self._timer = threading.Timer(_SECONDS_A_FILE, self.flush)
                self._timer.daemon = True
                self._timer.start()
        if is_full:
            self.flush()

    def flush(self) -> None:
        """Write what was kept."""
        with self._writing:
            with self._keeping:
                if self._timer:
                    self._timer.cancel()
                    self._timer = None
                rows, self._rows = self._rows, []
            try:
                write_rows(self._folder, "logs", rows)
            except OSError:
                with self._keeping:
                    self._rows = (rows + self._rows)[-_LINES_A_FILE:]

    def close(self) -> None:
        """Write what was kept, and end."""
        self.flush()
        super().close()
