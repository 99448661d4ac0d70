"""Dual write around what lands, and after a build; cli/dual_write.py asks for it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from python_ingest.landing.report import land_records, metric_record
from python_ingest.migration.dual_write import Drift, begin, replay
from python_ingest.migration.order_states import replay_orders
from python_ingest.settings import Settings
from python_ingest.telemetry.otel import send_gauges

_SECONDS_BETWEEN = 5.0


@contextmanager
def written_twice(settings: Settings, *, all_day: bool = False) -> Iterator[None]:
    """Write to TimescaleDB what lands in the block; an unreachable server stops nothing.

    `all_day`: every few seconds, in a thread.
    """
    begin(settings)
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(_SECONDS_BETWEEN):
            _tell_what_stays_away(replay(settings))

    follower = threading.Thread(target=follow, daemon=True)
    if all_day:
        follower.start()
    try:
        yield
    finally:
        ended.set()
        if all_day:
            follower.join()
        report(settings, replay(settings))


def states_written_twice(settings: Settings) -> None:
    """Write the orders and trades of a finished build to TimescaleDB."""
    report(settings, replay_orders(settings))


def report(settings: Settings, drift: Drift) -> None:
    """Print what TimescaleDB lacks, and land the figures as metrics."""
    _tell_what_stays_away(drift)
    if drift.error:
        print(
            f"TimescaleDB lacks {drift.rows:,} rows of {drift.batches:,} batches: {drift.error};"
            " they are written with the next landing",
            file=sys.stderr,
        )
    if not settings.observability.enable_metrics or not (
        drift.written or drift.error or drift.refused
    ):
        return
    values: dict[str, float] = {
        "timescale_dual_write_rows": drift.written,
        "timescale_drift_batches": drift.batches,
        "timescale_drift_rows": drift.rows,
        "timescale_refused_rows": drift.refused,
    }
    send_gauges("ingest", values)
    records = [
        ("metrics", metric_record(name, value, "dual_write", "timescale"))
        for name, value in values.items()
    ]
    land_records(settings, records)


def _tell_what_stays_away(drift: Drift) -> None:
    if drift.note:
        print(drift.note, file=sys.stderr)
    if drift.lost:
        print(
            f"{drift.lost:,} rows that landed were let go or archived before TimescaleDB had them:"
            " it will not get them",
            file=sys.stderr,
        )
    if drift.refused:
        print(
            f"TimescaleDB refused {drift.refused:,} rows and will not get them, the first because"
            f" of {drift.refusal}",
            file=sys.stderr,
        )
