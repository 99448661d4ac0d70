"""A warehouse that lands small files, and what is in it."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testkit import asking, new_database

from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings, load_settings

Tables = dict[str, list[tuple[Any, ...]]]
Land = Callable[[], LandingResult]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    env = {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_TEMP_DIRECTORY": str(tmp_path / "temp"),
        "DATABASE_NUM_THREADS": "2",
        "BACKUP_STORE": str(tmp_path / "store"),
        "BACKUP_KEEP": "3",
    }
    return load_settings(tmp_path / "none.toml", env)


def contents(path: Path, at: object = None) -> Tables:
    """Every row of every raw table; `at`: of the batches that had landed by then."""
    found: Tables = {}
    with asking(path) as connection:
        names = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw' order by all"
        ).fetchall()
        landed = "true"
        if at is not None:
            landed = "batch_id in (select batch_id from raw.landings where landed_at <= $at)"
        for (name,) in names:
            columns = [row[0] for row in connection.execute(f"describe raw.{name}").fetchall()]
            of_batch = landed if "batch_id" in columns and name != "audits" else "true"
            found[name] = connection.execute(
                f"select * from raw.{name} where {of_batch} order by all",
                {"at": at} if "$at" in of_batch else {},
            ).fetchall()
    return found


@pytest.fixture
def land(settings: Settings, tmp_path: Path) -> Land:
    """Land one more file: trades (some known, some bad), quotes without ids, orders, or logs."""
    rng = random.Random(7)  # noqa: S311
    number = 0

    def ticks() -> tuple[str, str]:
        first = rng.randrange(0, 400)
        lines = ["exchange,symbol,timestamp,last_price,last_size,trade_id"]
        lines += [
            f"x,s{n % 7},2024-01-02T00:00:00.{n % 1000:03d}Z,{1 + n / 8},2,{n}"
            for n in range(first, first + 300)
        ]
        lines.append(f"x,s,never,1,1,bad{number}")
        return "ticks", "\n".join(lines)

    def quotes() -> tuple[str, str]:
        lines = ["exchange,symbol,timestamp,bid_price"]
        return "ticks", "\n".join(lines + ["x,q,2024-01-02T00:00:00Z,1"] * rng.randrange(1, 9))

    def cash() -> tuple[str, str]:
        lines = ["event_id,event_time,kind,amount,currency"]
        lines += [f"{n},2024-01-02T00:00:00Z,deposit,{n}.25,USD" for n in range(number, number + 3)]
        return "cash", "\n".join(lines)

    def logs() -> tuple[str, str]:
        lines = ["timestamp,level,service,message"]
        lines += [f"2024-01-02T00:00:0{n}Z,info,a,message {number}" for n in range(3)]
        return "logs", "\n".join(lines)

    def one() -> LandingResult:
        nonlocal number
        number += 1
        kind, text = [ticks, quotes, cash, logs][number % 4]()
        path = tmp_path / f"{number}-{kind}.csv"
        path.write_text(text + "\n")
        (result,) = land_files(new_database(settings), kind, [path])
        assert result.state in ("landed", "already landed"), result
        return result

    return one
