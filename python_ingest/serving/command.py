"""`ingest serve`: the newest ticks and everything published, for local clients."""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import Annotated, Any

import typer

from python_ingest.accounting.functions import register as functions
from python_ingest.landing.telemetry_files import telemetry_dir
from python_ingest.reporting.live_page import LiveReport, PageServer, Served
from python_ingest.serving.flight_protocol import location, token, token_place
from python_ingest.serving.hot_source import SERVE_LOGGER, HotSource
from python_ingest.serving.live_day import LIVE
from python_ingest.serving.pool import ReaderPool
from python_ingest.serving.server import Server
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.process_lock import process_lock
from python_ingest.telemetry.json_logs import JsonFormatter, LogSegments
from python_ingest.told import Told

app = typer.Typer()

_LAST_CALLS_SECONDS = 5.0


class _NoPandas(MetaPathFinder):
    """DuckDB imports pandas (43 MB) to check bound values; no pandas values are bound here.

    None in `sys.modules` would do for DuckDB, but pyarrow would take it for pandas.
    """

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Raise as if it were not installed."""
        if fullname == "pandas":
            raise ModuleNotFoundError("not in ingest serve", name=fullname)


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


@contextmanager
def _paged(
    settings: Settings, pool: ReaderPool, secret: str, port: int | None
) -> Iterator[PageServer | None]:
    """Serve the report's page on a port until the block ends; on none without one."""
    if port is None:
        yield None
        return

    @contextmanager
    def opened() -> Iterator[Served]:
        with pool.reader() as reader:

            def ask(sql: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
                return reader.dicts(sql, values or None, "page")

            yield Served(ask, reader.note.get(LIVE, b"published rows").decode())

    server = PageServer(port, secret, LiveReport(opened, settings.published_path))
    server.start()
    try:
        yield server
    finally:
        server.close()


@app.command(epilog="Example: ingest serve --page")
def serve(
    page: Annotated[
        bool, typer.Option("--page", help="Serve the report's page too, live, to a browser here.")
    ] = False,
    page_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Its port; default: serve.page_port (8816)."),
    ] = None,
) -> None:
    """Answer queries of this machine until SIGTERM or Ctrl-C: Arrow Flight, read only.

    `market_ticks` shows a tick within a second of its arrival in the spool; bars, orders, positions
    and the portfolio are as if a build ran now. A browser asks for a name and a password: any, and
    the token.
    """
    settings = load_settings()
    port = page_port or (settings.serve.page_port if page else None)
    sys.meta_path.insert(0, _NoPandas())
    told = Told(signal.SIGTERM, signal.SIGINT)
    with process_lock(settings.data_dir / "serve.lock", "ingest serve"):
        secret = token(settings, make=True)
        source = HotSource(settings, functions)
        with (
            _logged(settings),
            ReaderPool(settings, source=source, service="serve") as pool,
            _paged(settings, pool, secret, port) as served,
        ):
            server = Server(settings, pool, secret)
            source.start()
            row = pool.dicts("select count(*) as ticks, min(timestamp) as since from hot.ticks")[0]
            print(
                f"serving {location(settings)}: {row['ticks']:,} ticks in memory,"
                f" {settings.published_path} behind them; token: {token_place(settings)}",
                file=sys.stderr,
                flush=True,
            )
            if served:
                said = f"page: {served.address} (any name, the token as password)"
                print(said, file=sys.stderr, flush=True)
            told.wait()
        all_ended = server.stopped(_LAST_CALLS_SECONDS)
        print(f"stopped serving {location(settings)}", file=sys.stderr, flush=True)
        if not all_ended:
            os._exit(0)  # gRPC would wait for a client that reads nothing
