"""Health of the data: freshness, gaps, rejected rows, the last build, retention, migration."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from python_ingest.reporting.figures import Ask, Table, table

_SLOWEST_SHOWN = 10
_ALWAYS = {"Freshness": "freshness", "Gaps": "gaps", "Rejected rows": "rejected"}
# Where there is nothing to say of them they are left out; a publication may lack the relation.
_SOMETIMES = {
    "Slowest of the last build": ("slowest", "system_metrics"),
    "Retention": ("retention", "cold_files"),
    "Migration": ("migration", "migration_status"),
}


def _is_there(ask: Ask, relation: str) -> bool:
    return bool(
        ask(
            "select 1 as found from information_schema.tables"
            " where table_schema = 'main' and table_name = $relation limit 1",
            {"relation": relation},
        )
    )


def last_build(ask: Ask, published: Path) -> dict[str, str]:
    """Return when the file was published, how large it is, and when bars last changed."""
    found = published.stat()
    said = {
        "Published": f"{datetime.fromtimestamp(found.st_mtime, UTC):%Y-%m-%d %H:%M:%S} UTC",
        "Size": f"{found.st_size / 1e6:,.1f} MB",
    }
    (row,) = ask("select max(built_at)::timestamp(0)::varchar as at from ohlcv_bars", {})
    if row["at"]:
        said["Bars last changed"] = f"{row['at']} UTC"
    return said


def tables(ask: Ask) -> dict[str, Table]:
    """Return title -> rows of each part that this publication has."""
    parts = {title: table(ask, name) for title, name in _ALWAYS.items()}
    for title, (name, relation) in _SOMETIMES.items():
        if _is_there(ask, relation):
            shown = table(ask, name, _SLOWEST_SHOWN if name == "slowest" else 50)
            if shown.rows:
                parts[title] = shown
    return parts
