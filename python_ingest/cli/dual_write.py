"""Dual write, for the commands that land; without `[timescale] dual_write` nothing is imported."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

from python_ingest.extras import require
from python_ingest.settings import Settings


def _room() -> Any:
    require("migrate", "[timescale] dual_write")
    return import_module("python_ingest.migration.write_twice")


def written_twice(settings: Settings) -> AbstractContextManager[None]:
    """Write to TimescaleDB what lands in the block; an unreachable server stops nothing."""
    twice: AbstractContextManager[None] = nullcontext()
    if settings.timescale.dual_write:
        twice = _room().written_twice(settings)
    return twice


def written_twice_meanwhile(settings: Settings) -> AbstractContextManager[None]:
    """Do the same every few seconds in a thread, for a command that lands all day."""
    twice: AbstractContextManager[None] = nullcontext()
    if settings.timescale.dual_write:
        twice = _room().written_twice_meanwhile(settings)
    return twice


def states_written_twice(settings: Settings) -> None:
    """Write the orders and trades of a finished build to TimescaleDB."""
    if settings.timescale.dual_write:
        _room().states_written_twice(settings)
