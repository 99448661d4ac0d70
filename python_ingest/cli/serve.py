"""`ingest serve`: the newest ticks and everything published, for local clients."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from python_ingest.reading.flight_protocol import TOKEN_VARIABLE, location, token, token_path
from python_ingest.reading.hot_source import SERVE_LOGGER, HotSource
from python_ingest.reading.pool import ReaderPool
from python_ingest.reading.server import Server
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.process_lock import process_lock
from python_ingest.telemetry.json_logs import JsonFormatter, LogSegments
from python_ingest.telemetry.segment_files import telemetry_dir


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="serve", epilog="Example: SERVE_PORT=8815 ingest serve")(serve)


@contextmanager
def _logged(settings: Settings) -> Iterator[None]:
    """Write logs as JSON lines to standard error, and to files that landing takes."""
    stream = logging.StreamHandler()
    stream.setFormatter(JsonFormatter())
    kept = LogSegments(telemetry_dir(settings))
    everything, hot_day = logging.getLogger("python_ingest"), logging.getLogger(SERVE_LOGGER)
    everything.addHandler(stream)
    hot_day.addHandler(kept)
    try:
        yield
    finally:
        everything.removeHandler(stream)
        hot_day.removeHandler(kept)
        kept.close()


def serve() -> None:
    """Answer queries of this machine until SIGTERM or Ctrl-C: Arrow Flight, read only.

    `market_ticks` and `latest_ticks` show a tick within a second of its arrival in the spool.
    """
    settings = load_settings()
    # DuckDB imports pandas (43 MB) to check bound values; no pandas values are bound here.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with process_lock(settings.data_dir / "serve.lock", "ingest serve"):
        secret = token(settings, make=True)
        source = HotSource(settings, threads=1)
        with _logged(settings), ReaderPool(settings, source=source, service="serve") as pool:
            server = Server(settings, pool, secret)
            source.start()
            row = pool.dicts("select count(*) as ticks, min(timestamp) as since from hot.ticks")[0]
            where = TOKEN_VARIABLE if not token_path(settings).exists() else token_path(settings)
            print(
                f"serving {location(settings)}: {row['ticks']:,} ticks in memory,"
                f" {settings.published_path} behind them; token: {where}",
                file=sys.stderr,
                flush=True,
            )
            stop.wait()
        server.shutdown()
