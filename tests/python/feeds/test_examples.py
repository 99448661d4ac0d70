"""Every declared feed reads its example as somebody worked it out by hand.

`examples/NAME/` holds a small file under the name that its vendor gives it, and `expected.toml`:
what landing says of it, and the rows, each with the columns that matter. A row that the feed must
not make up is one that is not listed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.feeds.catalogue import feeds
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings

HERE = Path(__file__).parent / "examples"
EXAMPLES = sorted(HERE.glob("*/expected*.toml"))
Rows = Callable[[str], list[tuple[Any, ...]]]


def texts(settings: Settings, kind: str, columns: list[str]) -> list[tuple[Any, ...]]:
    """The landed rows in the order of the file, decimals without needless zeros."""
    of = KINDS[kind]
    order = f"{of.id}" if of.id else "batch_id, row_number"
    shown = ", ".join(
        f"regexp_replace(regexp_replace({c}::varchar, '(\\.[0-9]*?)0+$', '\\1'), '\\.$', '')"
        if of.column(c).type.startswith("DECIMAL")
        else f"{c}::varchar"
        for c in columns
    )
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        return connection.execute(f"select {shown} from {of.table} order by {order}").fetchall()


def told(settings: Settings, results: list[LandingResult]) -> set[str]:
    """The feeds that the files were told to be of."""
    ids = ", ".join(str(result.batch_id) for result in results)
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        found = connection.execute(f"select format from raw.landings where batch_id in ({ids})")
        return {name.partition(" of ")[0] for (name,) in found.fetchall()}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_lands_as_worked_out(settings: Settings, path: Path) -> None:
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    files = [path.parent / name for name in said["files"]]
    results = land_files(
        settings, said["kind"], files, said.get("format"), exchange=said.get("exchange")
    )
    if "error" in said:
        assert [said["error"] in (result.error or "") for result in results] == [True] * len(files)
        return
    assert [result.error for result in results] == [None] * len(results)
    if not said.get("format"):
        assert told(settings, results) == {path.parent.name}
    counts = ("landed", "duplicate", "rejected", "ignored")
    found = {name: sum(getattr(result, name) for result in results) for name in counts}
    assert found == {name: said.get(name, 0) for name in counts}
    rows = [[text if text != "" else None for text in row] for row in said["rows"]]
    assert texts(settings, said["kind"], said["columns"]) == [tuple(row) for row in rows]
    if "reasons" in said:
        with duckdb.connect(str(settings.database_path), read_only=True) as connection:
            reasons = connection.execute("select reason from raw.rejected_rows order by all")
            assert [row[0] for row in reasons.fetchall()] == said["reasons"]


def test_every_feed_has_an_example() -> None:
    read = {(path.parent.name, tomllib.loads(path.read_text())["kind"]) for path in EXAMPLES}
    assert {(feed.name, feed.kind) for feed in feeds()} <= read
