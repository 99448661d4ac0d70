"""Dual write, for the commands that land; without `[timescale] dual_write` nothing is imported."""

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

from python_ingest.extras import require
from python_ingest.settings import Settings


def _room() -> Any:
    require("migrate", "[timescale] dual_write")
    return import_module("python_ingest.migration.write_twice")


def written_twice(settings: Settings, *, all_day: bool = False) -> AbstractContextManager[None]:
    """Write to TimescaleDB what lands in the block; an unreachable server stops nothing.

    `all_day`: every few seconds, in a thread.
    """
    twice: AbstractContextManager[None] = nullcontext()
    if settings.timescale.dual_write:
        twice = _room().written_twice(settings, all_day=all_day)
    return twice


def states_written_twice(settings: Settings) -> None:
    """Write the orders and trades of a finished build to TimescaleDB."""
    if settings.timescale.dual_write:
        _room().states_written_twice(settings)
