"""OpenTelemetry of one process: metrics into our own tables always, over OTLP when configured."""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from uuid import UUID

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from python_ingest.landing.telemetry_files import telemetry_dir
from python_ingest.settings import Settings
from python_ingest.telemetry.otel_metrics import SegmentExporter

EXPORT_INTERVAL_MS = 60_000

# The application sets its correlation id here; every span of a query carries it.
correlation_id: ContextVar[UUID | None] = ContextVar("correlation_id", default=None)


def otlp_configured() -> bool:
    """Whether OpenTelemetry's own environment variable names a collector."""
    return bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))


class Telemetry:
    """A meter and a tracer as `[observability]` says; without collector and metrics, no-ops."""

    def __init__(
        self, settings: Settings, service: str, span_exporter: SpanExporter | None = None
    ) -> None:
        resource = Resource.create({SERVICE_NAME: service})
        self._meters: MeterProvider | None = None
        self._traces: TracerProvider | None = None
        self.meter = metrics.NoOpMeterProvider().get_meter(service)
        self.tracer = trace.NoOpTracerProvider().get_tracer(service)
        if settings.observability.enable_metrics:
            exporter = SegmentExporter(telemetry_dir(settings), service)
            readers: list[MetricReader] = [
                PeriodicExportingMetricReader(exporter, EXPORT_INTERVAL_MS)
            ]
            if otlp_configured():
                readers.append(_otlp_reader())
            self._meters = MeterProvider(readers, resource, shutdown_on_exit=False)
            self.meter = self._meters.get_meter(service)
        if settings.observability.enable_tracing and (otlp_configured() or span_exporter):
            if span_exporter is None:
                from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
                    OTLPSpanExporter,
                )

                span_exporter = OTLPSpanExporter()
            self._traces = TracerProvider(resource=resource, shutdown_on_exit=False)
            self._traces.add_span_processor(BatchSpanProcessor(span_exporter))
            self.tracer = self._traces.get_tracer(service)

    @property
    def traces(self) -> bool:
        """Whether spans go anywhere."""
        return self._traces is not None

    def close(self) -> None:
        """Write and send what is left."""
        if self._meters:
            self._meters.shutdown()
        if self._traces:
            self._traces.shutdown()


def _otlp_reader() -> MetricReader:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )

    return PeriodicExportingMetricReader(OTLPMetricExporter())


def send_gauges(service: str, values: Mapping[str, float]) -> None:
    """Send values once over OTLP, where a collector is configured; for the end of a command."""
    if not otlp_configured():
        return
    resource = Resource.create({SERVICE_NAME: service})
    provider = MeterProvider([_otlp_reader()], resource, shutdown_on_exit=False)
    meter = provider.get_meter(service)
    for name, value in values.items():
        meter.create_gauge(name).set(value)
    provider.shutdown()
