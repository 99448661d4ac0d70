"""Landing's own metrics and logs, landed like everybody else's.

They are a batch of their own (kinds `metrics` and `logs`), so that every batch's counts are those
of its file. A command that landed nothing new reports nothing: landing again changes nothing.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from python_ingest.errors import FileRejectedError, IngestError
from python_ingest.feeds import json_lines
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing import spool
from python_ingest.landing.land import LandingResult, land_one
from python_ingest.landing.prepare import working_connection, write_segment
from python_ingest.landing.spool import SERVICE
from python_ingest.landing.telemetry_files import telemetry_dir
from python_ingest.settings import Settings


def _now() -> str:
    return datetime.now(UTC).isoformat()


def metric_record(name: str, value: float, component: str, instance: str) -> dict[str, Any]:
    """Return a gauge in the canonical form of `metrics`."""
    return {
        "timestamp": _now(),
        "metric_name": name,
        "metric_type": "gauge",
        "value": value,
        "labels": {"service": SERVICE, "component": component, "instance": instance},
    }


def log_record(
    level: str, component: str, message: str, *, event: str, data: dict[str, Any]
) -> dict[str, Any]:
    """Return a message in the canonical form of `logs`."""
    return {
        "timestamp": _now(),
        "level": level,
        "service": SERVICE,
        "component": component,
        "message": message,
        "event": event,
        "data": data,
    }


def spool_records(
    settings: Settings, records: Sequence[tuple[str, dict[str, Any]]]
) -> list[spool.Segment]:
    """Make (kind, record) pairs durable; one segment per kind that occurs."""
    segments = []
    for kind in sorted({kind for kind, _ in records}):
        lines = [json.dumps(record) + "\n" for of, record in records if of == kind]
        content = "".join(lines).encode()
        scan = json_lines.scan(KINDS[kind], content)
        with spool.scratch(settings) as folder, working_connection(settings) as connection:
            finished = folder / "segment.parquet"
            others = write_segment(connection, KINDS[kind], scan, finished)
            digest = sha256(content).hexdigest()
            segment = spool.of_scan(kind, f"{SERVICE}/{kind}", digest, scan, others)
            segments.append(spool.commit(settings, segment, finished))
    return segments


def report_landing(settings: Settings, results: Sequence[LandingResult]) -> None:
    """Write what a landing command did to raw.system_metrics and raw.application_logs.

    Never fails: a report that cannot be landed waits in the spool, or is dropped if even that
    is full.
    """
    if not settings.observability.enable_metrics:
        return
    records: list[tuple[str, dict[str, Any]]] = []
    for kind in sorted({result.kind for result in results}):
        of_kind = [r for r in results if r.kind == kind and r.state == "landed"]
        if of_kind:
            records += [("metrics", record) for record in _metrics(kind, of_kind)]
    for result in results:
        if result.state in ("failed", "spooled") or (result.state == "landed" and result.rejected):
            records.append(("logs", _log(result)))
    with suppress(IngestError, OSError):
        land_records(settings, records)


def land_records(settings: Settings, records: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Land (kind, record) pairs; those that cannot be landed now wait in the spool."""
    for segment in spool_records(settings, records):
        land_one(settings, segment)


def land_telemetry(settings: Settings) -> int:
    """Land what readers left in `DATA_DIR/telemetry/`; return the files that were taken.

    A file goes when its rows are durable in the spool; killed before that, they land once all the
    same. One that holds no rows of ours stays where it is.
    """
    taken, records = [], []
    for path in sorted(telemetry_dir(settings).glob("*-*.ndjson")):
        kind = path.name.split("-")[0]
        if kind not in ("metrics", "logs"):
            continue
        with suppress(OSError, ValueError, FileRejectedError):
            json_lines.scan(KINDS[kind], path)
            lines = path.read_text(encoding="utf-8").splitlines()
            records += [(kind, json.loads(line)) for line in lines]
            taken.append(path)
    segments = spool_records(settings, records)
    for path in taken:
        path.unlink()
    for segment in segments:
        land_one(settings, segment)
    return len(taken)


def _metrics(kind: str, results: Sequence[LandingResult]) -> list[dict[str, Any]]:
    seconds = sum(result.seconds for result in results)
    read = sum(result.read for result in results)
    values = {
        "landing_rows_per_second": read / max(seconds, 1e-6),
        "landing_rows_landed": sum(result.landed for result in results),
        "landing_rows_duplicate": sum(result.duplicate for result in results),
        "landing_rows_rejected": sum(result.rejected for result in results),
        "landing_lock_wait_seconds": sum(result.lock_wait_seconds for result in results),
        "landing_segment_age_seconds": max(result.segment_age_seconds for result in results),
    }
    return [metric_record(name, value, "landing", kind) for name, value in values.items()]


def _log(result: LandingResult) -> dict[str, Any]:
    if result.state == "landed":
        level, message = "warning", f"{result.file}: {result.rejected} rows rejected"
    elif result.state == "spooled":
        level, message = "warning", f"{result.file}: spooled, {result.error}"
    else:
        level, message = "error", f"{result.file}: {result.error}"
    data = {"file": result.file, "kind": result.kind, "batch_id": result.batch_id}
    return log_record(level, "landing", message, event=f"landing_{result.state}", data=data)
