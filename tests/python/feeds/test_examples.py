"""Every declared feed reads its example as somebody worked it out by hand.

`examples/NAME/` holds a small file under the name that its vendor gives it, and `expected.toml`:
what landing says of it, and the rows, each with the columns that matter. A row that the feed must
not make up is one that is not listed.
"""

import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testkit import ask

from python_ingest.feeds.catalogue import feeds
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.engine import Engine
from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings

HERE = Path(__file__).parent / "examples"
EXAMPLES = sorted(HERE.glob("*/expected*.toml"))
IDS = ("event_id", "order_id", "client_order_id", "exchange_trade_id")
ISO = re.compile(rb"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)Z?(?![\d.+-])")
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
    return ask(settings, f"select {shown} from {of.table} order by {order}")


def told(settings: Settings, results: list[LandingResult]) -> set[str]:
    """The feeds that the files were told to be of."""
    ids = ", ".join(str(result.batch_id) for result in results)
    found = ask(settings, f"select format from raw.landings where batch_id in ({ids})")
    return {name.partition(" ")[0] for (name,) in found}


def require_as_worked_out(
    settings: Settings, engine: Engine, path: Path, folder: Path, without: tuple[str, ...] = ()
) -> None:
    """Land the files of an example from a folder, and compare what came of them."""
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    files = [folder / name for name in said["files"]]
    results = land_files(
        settings,
        said["kind"],
        files,
        said.get("format"),
        exchange=said.get("exchange"),
        engine=engine,
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
    columns = [name for name in said["columns"] if name not in without]
    listed = [dict(zip(said["columns"], row, strict=True)) for row in said["rows"]]
    rows = [tuple(row[name] or None for name in columns) for row in listed]
    assert texts(settings, said["kind"], columns) == rows
    if "reasons" in said:
        reasons = ask(settings, "select reason from raw.rejected_rows order by all")
        assert [row[0] for row in reasons] == said["reasons"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_lands_as_worked_out(settings: Settings, engine: Engine, path: Path) -> None:
    require_as_worked_out(settings, engine, path, path.parent)


def files_with_iso_times() -> list[Path]:
    found = []
    for path in EXAMPLES:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        contents = [(path.parent / name).read_bytes() for name in said["files"]]
        if "error" not in said and any(ISO.search(content) for content in contents):
            found.append(path)
    return found


@pytest.mark.parametrize("spelled", [rb"\1 \2", rb"\1 \2+00:00", rb"\1T\2+0000", rb"\1T\2Z"])
@pytest.mark.parametrize(
    "path", files_with_iso_times(), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_a_time_is_read_as_people_write_it(
    settings: Settings, engine: Engine, tmp_path: Path, path: Path, spelled: bytes
) -> None:
    folder = tmp_path / path.parent.name
    shutil.copytree(path.parent, folder)
    for name in tomllib.loads(path.read_text(encoding="utf-8"))["files"]:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(ISO.sub(spelled, content))
    # an id that is made of the record's own words has the time as it is written
    require_as_worked_out(settings, engine, path, folder, without=IDS)


def test_every_feed_has_an_example() -> None:
    read = {(path.parent.name, tomllib.loads(path.read_text())["kind"]) for path in EXAMPLES}
    assert {(feed.name, feed.kind) for feed in feeds()} <= read
