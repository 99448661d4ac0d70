"""What is measured of every query, under the specification's names."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.metrics import CallbackOptions, Observation

from python_ingest.settings import Settings
from python_ingest.storage.process_lock import is_locked
from python_ingest.telemetry.otel import Telemetry, correlation_id
from python_ingest.telemetry.otel_metrics import BUCKETS_MS

logger = logging.getLogger("python_ingest.queries")

# Names in quotes stay. One that is not closed ends with the text.
_SPELLED = re.compile(
    r"""
    (?P<name> "(?:[^"]|"")*" )
    | (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
    | \be'(?:\\.|''|[^'\\])*(?:'|\Z)
    | '(?:[^']|'')*(?:'|\Z)
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
    | (?<![\w.])(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?\b
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def without_values(sql: str) -> str:
    """Return a query's text with every literal as `?`, and no comments: logs carry no values."""
    return _SPELLED.sub(lambda found: "" if found["comment"] else found["name"] or "?", sql)


@dataclass
class Query:
    """A query, and how it ended: the caller that runs it fills in `rows`."""

    operation: str
    sql: str
    rows: int = 0
    error: BaseException | None = None


class QueryTelemetry:
    """Counts, times and traces queries; slow and failed ones are logged, without values."""

    def __init__(self, settings: Settings, telemetry: Telemetry, service: str) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._service = service
        self._slow_ms = settings.observability.slow_query_threshold_ms
        meter = telemetry.meter
        self._total = meter.create_counter("database.queries.total")
        self._success = meter.create_counter("database.queries.success")
        self._errors = meter.create_counter("database.queries.errors")
        self._duration = meter.create_histogram(
            "database.query.duration_ms",
            unit="ms",
            explicit_bucket_boundaries_advisory=BUCKETS_MS,
        )

    def observe_pool(self, active: Callable[[], int], available: Callable[[], int]) -> None:
        """Observe, at every export, the pool's connections, the published file and the writer."""
        published, warehouse = self._settings.published_path, self._settings.database_path

        def size_mb() -> float:
            return published.stat().st_size / 1e6 if published.exists() else 0.0

        gauges: dict[str, Callable[[], float | None]] = {
            "database.pool.readers.active": active,
            "database.pool.readers.available": available,
            "database.pool.writer.locked": lambda: is_locked(warehouse),
            "database.size_mb": size_mb,
        }
        for name, value in gauges.items():
            self._telemetry.meter.create_observable_gauge(name, [_observer(value)])

    @contextmanager
    def observe(self, operation: str, sql: str) -> Iterator[Query]:
        """Measure the block as one query."""
        query = Query(operation, sql)
        began, began_ns = time.perf_counter(), time.time_ns()
        try:
            yield query
        except BaseException as raised:
            query.error = raised
            raise
        finally:
            took_ms = (time.perf_counter() - began) * 1000
            self._count(query, took_ms)
            if self._telemetry.traces:
                self._trace(query, began_ns)
            self._log(query, took_ms)

    def _count(self, query: Query, took_ms: float) -> None:
        named = {"operation": query.operation}
        self._total.add(1, named)
        if query.error is None:
            self._success.add(1, named)
        else:
            self._errors.add(1, {**named, "error_type": type(query.error).__name__})
        status = "success" if query.error is None else "error"
        self._duration.record(took_ms, {**named, "status": status})

    def _trace(self, query: Query, began_ns: int) -> None:
        span = self._telemetry.tracer.start_span("database.query", start_time=began_ns)
        span.set_attribute("db.system", "duckdb")
        span.set_attribute("db.operation", query.operation)
        span.set_attribute("db.statement", without_values(query.sql))
        span.set_attribute("db.rows_returned", query.rows)
        span.set_attribute("db.success", query.error is None)
        if query.error is not None:
            span.set_attribute("db.error", type(query.error).__name__)
        if (correlation := correlation_id.get()) is not None:
            span.set_attribute("correlation_id", str(correlation))
        span.end()

    def _log(self, query: Query, took_ms: float) -> None:
        error = query.error
        if error is None and took_ms < self._slow_ms:
            return
        data = {
            "operation": query.operation,
            "duration_ms": round(took_ms, 3),
            "rows": query.rows,
            "statement": without_values(query.sql),
            "error": type(error).__name__ if error else None,
        }
        logger.log(
            logging.ERROR if error else logging.WARNING,
            "query failed after %.0f ms" if error else "query took %.0f ms",
            took_ms,
            extra={
                "event": "query_failed" if error else "slow_query",
                "service": self._service,
                "data": data,
            },
        )


def _observer(
    value: Callable[[], float | None],
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        found = value()
        return [] if found is None else [Observation(found)]

    return observe
