import io
import json
import logging
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import UUID

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from python_ingest.landing import telemetry_files
from python_ingest.landing.land import land_files
from python_ingest.landing.telemetry_files import telemetry_dir
from python_ingest.telemetry.json_logs import JsonFormatter, LogSegments
from python_ingest.telemetry.otel import Telemetry, correlation_id
from python_ingest.telemetry.otel_queries import QueryTelemetry

CORRELATION = UUID("11111111-2222-3333-4444-555555555555")
VALUE = "what no log may show"


@pytest.fixture
def correlated():
    token = correlation_id.set(CORRELATION)
    yield
    correlation_id.reset(token)


@pytest.mark.usefixtures("correlated")
def test_a_span_says_what_the_specification_asks(settings):
    spans = InMemorySpanExporter()
    telemetry = Telemetry(settings, "test", spans)
    queries = QueryTelemetry(settings, telemetry, "test")
    with queries.observe("bars", f"select * from t where a = '{VALUE}'") as outcome:
        outcome.rows = 720
    with pytest.raises(ValueError, match=VALUE), queries.observe("bars", "select 1"):
        raise ValueError(VALUE)
    telemetry.close()
    good, bad = spans.get_finished_spans()
    assert good.name == bad.name == "database.query"
    assert dict(good.attributes) == {
        "db.system": "duckdb",
        "db.operation": "bars",
        "db.statement": "select * from t where a = ?",
        "db.rows_returned": 720,
        "db.success": True,
        "correlation_id": str(CORRELATION),
    }
    assert bad.attributes["db.success"] is False
    assert bad.attributes["db.error"] == "ValueError"
    assert VALUE not in good.to_json() + bad.to_json()


@pytest.mark.usefixtures("correlated")
def test_a_slow_query_is_logged_without_values_and_can_be_landed(settings, caplog):
    from_zero = settings.observability.model_copy(update={"slow_query_threshold_ms": 0})
    always_slow = settings.model_copy(update={"observability": from_zero})
    folder = telemetry_dir(settings)
    handler = LogSegments(folder)
    logging.getLogger("python_ingest.queries").addHandler(handler)
    telemetry = Telemetry(always_slow, "test")
    with QueryTelemetry(always_slow, telemetry, "test").observe("x", f"select '{VALUE}'") as out:
        out.rows = 5
    telemetry.close()
    logging.getLogger("python_ingest.queries").removeHandler(handler)
    handler.close()
    (file,) = folder.glob("logs-*.ndjson")
    (row,) = map(json.loads, file.read_text().splitlines())
    assert (row["level"], row["service"], row["event"]) == ("warning", "test", "slow_query")
    assert row["data"]["statement"] == "select ?"
    assert row["data"]["rows"] == 5
    assert row["context"]["correlation_id"] == str(CORRELATION)
    assert VALUE not in file.read_text() + caplog.text
    (result,) = land_files(settings, "logs", [file])
    assert (result.landed, result.rejected) == (1, 0)


def _kept_by(folder, *messages):
    """The messages that files hold after a handler was given them, each with its `extra`."""
    handler = LogSegments(folder)
    log = logging.Logger("kept")
    log.addHandler(handler)
    for message, extra in messages:
        log.warning(message(handler) if callable(message) else message, extra=extra)
    handler.close()
    lines = [line for file in folder.glob("*.ndjson") for line in file.read_text().splitlines()]
    return {json.loads(line)["message"] for line in lines}


def test_what_a_killed_writer_leaves_is_removed_by_the_next(tmp_path):
    """Each kill of a server in the midst of it left one more unfinished file for ever."""
    killed = os.fork()
    if not killed:  # ended as `kill -9` ends it, once the text is written
        telemetry_files.move_into_place = lambda *_: os._exit(0)
        telemetry_files.write_rows(tmp_path, "logs", [{"message": "lost"}])
    os.waitpid(killed, 0)
    kept = telemetry_files.write_rows(tmp_path, "logs", [{"message": "kept"}])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept]


def test_a_record_that_comes_while_a_file_is_written_is_kept(tmp_path):
    """A timer writes in a thread of its own, also between a record's coming and its being kept."""

    class Written:
        def __init__(self, handler):
            self.handler = handler

        def __str__(self):
            writer = threading.Thread(target=self.handler.flush)
            writer.start()
            writer.join()
            return "second"

    assert _kept_by(tmp_path, ("first", {}), (Written, {})) == {"first", "second"}


def test_a_record_that_cannot_be_written_stops_nobody_and_takes_none_with_it(tmp_path, capsys):
    class Unspeakable:
        def __str__(self):
            raise ValueError(VALUE)

    bad = [("no text", {"data": {("no", "key"): 1}}), (lambda _: Unspeakable(), {})]
    assert _kept_by(tmp_path, ("first", {}), *bad, ("last", {})) == {"first", "last"}
    assert "Logging error" in capsys.readouterr().err


def test_an_exception_is_told_by_its_place_not_by_its_text():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("test_json")
    logger.addHandler(handler)
    try:
        raise RuntimeError(VALUE)
    except RuntimeError:
        logger.exception("could not")
    logger.removeHandler(handler)
    row = json.loads(stream.getvalue())
    assert (row["level"], row["message"], row["exception"]["type"]) == (
        "error",
        "could not",
        "RuntimeError",
    )
    assert row["source"]["file"] == "test_traces_and_logs.py"
    assert f'"{VALUE}"' not in stream.getvalue()


def test_otlp_is_sent_where_the_environment_says(settings, monkeypatch):
    received = {}

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            received[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        telemetry = Telemetry(settings, "test")
        with QueryTelemetry(settings, telemetry, "test").observe("bars", "select 1"):
            pass
        telemetry.close()
        server.shutdown()
    assert b"database.query.duration_ms" in received["/v1/metrics"]
    assert b"database.query" in received["/v1/traces"]
    assert list(telemetry_dir(settings).glob("metrics-*.ndjson"))
