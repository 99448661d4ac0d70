"""`ingest serve --page`: the report's page over HTTP on the loopback interface, read only.

`/` is the page without data, `/live` the data as JSON. The questions are the report's own; a client
names a series and sends no SQL. Every request needs the token of `ingest serve`, as the password of
HTTP's basic authentication or as a bearer: so it stands in no address and in no log.
"""

import base64
import binascii
import hmac
import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from python_ingest.errors import IngestError
from python_ingest.reporting import figures
from python_ingest.reporting.figures import Ask, Chart, Series
from python_ingest.reporting.page import as_json, drawn, live_page, moving_parts, standing_parts
from python_ingest.reporting.report import moving, standing
from python_ingest.storage.failures import first_line, without_text

logger = logging.getLogger("python_ingest.serve")

# How long what is not live is kept while the publication stays: a scan of all bars and landings.
_KEPT_SECONDS = 30
_MOST_SYMBOLS = 100
_IDLE_SECONDS = 30
_HEADERS = {
    # The page's own script and style stand in it; nothing is loaded from anywhere.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Served:
    """What answers: `ask`, and `live`, which says since when rows are live or why they are not."""

    ask: Ask
    live: str


class LiveReport:
    """Answers for the page. Thread-safe.

    `open_reader` gives what asks what is served; `published`: the file behind it.
    """

    def __init__(
        self, open_reader: Callable[[], AbstractContextManager[Served]], published: Path
    ) -> None:
        self._open_reader = open_reader
        self._published = published
        self._lock = threading.Lock()
        self._kept: tuple[tuple[Any, float], list[Series], dict[str, str]] | None = None

    def _kept_parts(self, ask: Ask) -> tuple[list[Series], dict[str, str]]:
        # The file may be replaced already: the server reads the new one first.
        (newest,) = ask("select max(published_at) as at from publication_status", {})
        now = newest["at"], time.monotonic()
        with self._lock:
            if self._kept is not None:
                (published, at), series, parts = self._kept
                if published == now[0] and now[1] - at < _KEPT_SECONDS:
                    return series, parts
            series = figures.series(ask, [], [], _MOST_SYMBOLS)
            parts = standing_parts(standing(ask, self._published))
            self._kept = now, series, parts
            return series, parts

    def answer(self, exchange: str, symbol: str, timeframe: str) -> str:
        """Return what the page shows now, with one chart, as JSON. Raises IngestError."""
        with self._open_reader() as served:
            series, parts = self._kept_parts(served.ask)
            shown = moving(served.ask)
            charts: list[Chart] = []
            if timeframe:
                charts.append(figures.chart(served.ask, exchange, symbol, timeframe))
            is_live = served.live.startswith("as of ")
            how_new = re.sub(r"T(\S{8})\.\S+\+00:00", r" \1", served.live)
            answer: dict[str, Any] = drawn(series, charts, shown) | {
                "parts": moving_parts(shown) | parts,
                "is_live": is_live,
                "said": (
                    f"Bars, positions and portfolio are live, {how_new}; all else is as published."
                    if is_live
                    else f"Not live, {served.live}."
                ),
            }
        return as_json(answer)


class PageServer(ThreadingHTTPServer):
    """Listens on the loopback interface once made; `start` answers until `close`.

    Raises IngestError when it cannot listen.
    """

    daemon_threads = True

    def __init__(self, port: int, token: str, report: LiveReport) -> None:
        self.token = token
        self.report = report
        self.page = live_page()
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise IngestError(
                f"cannot listen on 127.0.0.1:{port} (serve.page_port): {error.strerror}"
            ) from None
        self._thread = threading.Thread(target=self.serve_forever, name="page", daemon=True)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.server_port}/"

    def start(self) -> None:
        """Answer in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening; an answer that is being sent is not waited for."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that leaves in the middle of an answer is no fault."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "ingest", ""
    timeout = _IDLE_SECONDS
    server: PageServer

    def do_GET(self) -> None:
        """Answer the page, or its data."""
        address = urlsplit(self.path)
        if not self._is_for_us():
            self._send(HTTPStatus.FORBIDDEN, "this name is not 127.0.0.1")
        elif not self._has_token():
            self._send(HTTPStatus.UNAUTHORIZED, "the token of ingest serve is the password")
        elif address.path == "/":
            self._send(HTTPStatus.OK, self.server.page, "text/html")
        elif address.path == "/live":
            self._send(*self._live(parse_qs(address.query)), "application/json")
        else:
            self._send(HTTPStatus.NOT_FOUND, "there are / and /live")

    def _is_for_us(self) -> bool:
        """Whether the address was ours: a page elsewhere can have its own name lead here."""
        name, _, port = self.headers.get("Host", "").rpartition(":")
        return name in {"127.0.0.1", "localhost"} and port == str(self.server.server_port)

    def _has_token(self) -> bool:
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return False
        return hmac.compare_digest(given.encode(), self.server.token.encode())

    def _live(self, asked: dict[str, list[str]]) -> tuple[HTTPStatus, str]:
        names = [asked.get(name, [""])[0] for name in ("exchange", "symbol", "timeframe")]
        try:
            return HTTPStatus.OK, self.server.report.answer(*names)
        except (IngestError, OSError) as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, as_json({"error": first_line(error)})
        except Exception as error:  # else the browser hears nothing, and nobody is told
            logger.error(
                "the page failed: %s",
                without_text(error),
                extra={"event": "call_failed", "service": "serve"},
            )
            said = f"ingest serve failed ({type(error).__name__}); its log says where"
            return HTTPStatus.INTERNAL_SERVER_ERROR, as_json({"error": said})

    def _send(self, status: HTTPStatus, text: str, kind: str = "text/plain") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="ingest serve", charset="UTF-8"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Write no log: it would be a line a second for each page."""
