"""How ages and sizes are shown to people."""

from __future__ import annotations

from datetime import timedelta

_UNITS = (("days", 86400), ("h", 3600), ("min", 60))


def age(passed: timedelta) -> str:
    """Return whole days, hours, minutes or seconds, the largest of which there are two."""
    seconds = max(0, int(passed.total_seconds()))
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def size(count: float) -> str:
    """Return bytes as MB, or as GB from one on."""
    return f"{count / 1e9:,.1f} GB" if count >= 10**9 else f"{count / 1e6:,.1f} MB"
