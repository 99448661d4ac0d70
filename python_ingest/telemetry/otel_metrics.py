"""OpenTelemetry's metrics as rows of `system_metrics`."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData

from python_ingest.landing.telemetry_files import write_rows

# A quantile is known to within one bucket: 25 % of its value, from 50 microseconds to a minute.
BUCKETS_MS = [0.05 * 1.25**step for step in range(64)]


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float, largest: float) -> float:
    """Return the upper bound of the bucket in which the share of all values is reached."""
    wanted, seen = share * sum(counts), 0
    for bound, count in zip(bounds, counts, strict=False):
        seen += count
        if seen >= wanted and count:
            return min(bound, largest)
    return largest


def _values(point: Any) -> dict[str, Any]:
    if not isinstance(point, HistogramDataPoint):
        return {"value": float(point.value)}
    bounds, counts = point.explicit_bounds, point.bucket_counts
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
    return {
        "value": point.sum / point.count,
        "quantiles": {
            name: quantile(bounds, counts, share, point.max) for name, share in shares.items()
        },
    }


def _type(metric: Metric) -> str:
    if isinstance(metric.data, Sum):
        return "counter"
    return "histogram" if isinstance(metric.data, HistogramData) else "gauge"


def rows_of(data: MetricsData, service: str) -> Iterator[dict[str, Any]]:
    """Yield one canonical row a data point: counters as what was added since the last row.

    A histogram's value is its mean. The attributes become `labels.component`, joined by `/`.
    """
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    attributes = point.attributes or {}
                    yield {
                        "timestamp": datetime.fromtimestamp(
                            point.time_unix_nano / 1e9, UTC
                        ).isoformat(),
                        "metric_name": metric.name,
                        "metric_type": _type(metric),
                        "labels": {
                            "service": service,
                            "component": "/".join(str(v) for v in attributes.values()) or None,
                            "environment": os.environ.get("DEPLOYMENT_ENVIRONMENT"),
                            "instance": str(os.getpid()),
                        },
                        **_values(point),
                    }


class SegmentExporter(MetricExporter):
    """Writes each collection as one file for `ingest land metrics`."""

    def __init__(self, folder: Path, service: str) -> None:
        delta = AggregationTemporality.DELTA
        super().__init__(preferred_temporality={Counter: delta, Histogram: delta})
        self._folder = folder
        self._service = service

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Write the rows; if the folder cannot be written, only these rows are lost."""
        try:
            write_rows(self._folder, "metrics", rows_of(metrics_data, self._service))
        except OSError:
            return MetricExportResult.FAILURE
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Do nothing: every export is written at once."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Do nothing: no file stays open."""
