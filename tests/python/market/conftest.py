"""Ticks straight into `raw`, and one dbt build after the other on them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt_process import run_dbt

from python_ingest.schema.migrate import migrate

PROJECT = Path(__file__).resolve().parents[3]
EXTRA_EXCHANGES = [
    "nyse,America/New_York,00:00,09:30,16:00,regular,",
    "fx17,America/New_York,17:00,,,all,",
    "globex,America/Chicago,17:00,17:00,16:00,regular,",
]
EXTRA_CALENDAR = [
    "nyse,2024-07-03,09:30,13:00,half day",
    "nyse,2024-07-04,,,Independence Day",
]
EXTRA_INSTRUMENTS = [
    "quoted,MID,fx,,,mid,,,",
    "quoted,ASK,fx,,,ask,,,",
    "prop,BYAGG,crypto,,,agg,,,",
]
MARKET = "+path:models/marts/market"

TICK_COLUMNS = {
    "exchange": "varchar",
    "symbol": "varchar",
    "timestamp": "timestamp",
    "kind": "varchar",
    "venue": "varchar",
    "bid_price": "decimal(18, 8)",
    "ask_price": "decimal(18, 8)",
    "bid_size": "decimal(18, 8)",
    "ask_size": "decimal(18, 8)",
    "last_price": "decimal(18, 8)",
    "last_size": "decimal(18, 8)",
    "volume": "decimal(18, 8)",
    "sequence_number": "bigint",
    "trade_id": "varchar",
    "conditions": "varchar[]",
    "tape": "varchar",
    "source": "varchar",
    "ingestion_time": "timestamp",
}
KEY = (
    "exchange, symbol, kind, venue, timestamp::date, trade_id,"
    " case when trade_id is null then sequence_number end"
)
CONTENT = "exchange, symbol, timestamp, kind, venue, bid_price, ask_price, last_price, last_size"


@dataclass
class Warehouse:
    """A database of its own: `land_*` a batch, `build`, `rows`."""

    data_dir: Path
    project: Path

    @property
    def path(self) -> Path:
        return self.data_dir / "trading.duckdb"

    def connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self.path))
        connection.execute("set timezone = 'UTC'")
        return connection

    def land_ticks(self, relation: str, **views: Any) -> int:
        """Land what `relation` (SQL; names of `views` are registered) selects: one batch.

        Columns that are missing are NULL; a tick that is there already with the same content is
        left out, one with the same key and other content becomes a conflict.
        """
        with self.connect() as connection:
            for name, view in views.items():
                connection.register(name, view)
            given = {c[0] for c in connection.execute(f"describe {relation}").fetchall()}
            columns = ", ".join(
                f"{name if name in given else 'null'}::{kind} as {name}"
                for name, kind in TICK_COLUMNS.items()
            )
            batch = self._next_batch(connection)
            connection.execute(f"""
                create temp table given as
                select * replace (
                        coalesce(source, 'websocket') as source,
                        coalesce(ingestion_time, timestamp) as ingestion_time
                    ),
                    coalesce(trade_id, sequence_number::varchar) is null as nameless,
                    (md5_number_lower(concat_ws('|', {CONTENT}, sequence_number, trade_id,
                        conditions::varchar, tape)) >> 1)::bigint as content_hash
                from (select {columns} from ({relation}))
            """)
            landed = f"""
                select ({batch}::bigint << 32) + row_number() over () as tick_id, *
                from given
                where nameless or content_hash not in (select content_hash from raw.market_ticks)
                qualify nameless
                    or row_number() over (partition by content_hash order by source) = 1
            """
            connection.execute(f"create temp table fresh as {landed}")
            connection.execute(f"""
                insert into raw.tick_confirmations
                select distinct {batch}, ticks.tick_id, 'rest'
                from given
                inner join raw.market_ticks as ticks using (content_hash)
                where not nameless and given.source = 'rest' and ticks.source = 'websocket'
                    and ticks.tick_id not in (select tick_id from raw.tick_confirmations)
            """)
            connection.execute(f"""
                insert into raw.tick_conflicts
                select {batch}, fresh.tick_id, rival.tick_id
                from (select *, ({KEY}) as key from fresh where not nameless) as fresh
                inner join (
                    select tick_id, ({KEY}) as key from raw.market_ticks
                    union all select tick_id, ({KEY}) as key from fresh
                ) as rival on fresh.key is not distinct from rival.key
                where rival.tick_id < fresh.tick_id
            """)
            connection.execute(f"""
                insert into raw.market_ticks by name
                select * exclude (nameless), {batch} as batch_id, 1 as occurrence from fresh
            """)
            self._landed(connection, batch, "ticks")
        return batch

    def land_corrections(self, rows: list[dict[str, Any]]) -> int:
        """Land corrections as one batch; a row that is there already is left out."""
        with self.connect() as connection:
            batch = self._next_batch(connection)
            for number, row in enumerate(rows, start=1):
                values = {"source": "websocket", "ingestion_time": row["timestamp"], **row}
                content_hash = connection.execute(
                    "select (md5_number_lower(?) >> 1)::bigint", [repr(sorted(row.items()))]
                ).fetchall()[0][0]
                known = connection.execute(
                    "select count(*) from raw.tick_corrections where content_hash = ?",
                    [content_hash],
                ).fetchall()[0][0]
                if known:
                    continue
                values |= {"batch_id": batch, "row_number": number, "content_hash": content_hash}
                names = ", ".join(values)
                marks = ", ".join("?" for _ in values)
                connection.execute(
                    f"insert into raw.tick_corrections ({names}) values ({marks})",
                    list(values.values()),
                )
            self._landed(connection, batch, "corrections")
        return batch

    @staticmethod
    def _next_batch(connection: duckdb.DuckDBPyConnection) -> int:
        query = "select coalesce(max(batch_id), 0) + 1 from raw.landings"
        return int(connection.execute(query).fetchall()[0][0])

    @staticmethod
    def _landed(connection: duckdb.DuckDBPyConnection, batch: int, kind: str) -> None:
        connection.execute(
            "insert into raw.landings values"
            " (?, ?, 'test', ?, 'canonical', 0, 0, 0, 0, null, null, now()::timestamp, 0)",
            [batch, kind, str(batch)],
        )

    def dbt(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run dbt in a process of its own, with this database."""
        folders = ["--project-dir", str(self.project), "--profiles-dir", str(PROJECT)]
        done = run_dbt(self.data_dir, *arguments, *folders)
        if check and done.returncode:
            raise AssertionError(done.stdout[-6000:])
        return done

    def build(self, *arguments: str) -> None:
        """Seeds and models, without tests."""
        self.dbt(
            "build",
            "--exclude-resource-type",
            "test",
            "unit_test",
            "--select",
            *MARKET.split(),
            *arguments,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "trading.duckdb"
    with duckdb.connect(str(path)) as connection:
        migrate(connection)
    return path


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the dbt project whose seeds know more exchanges than ours."""
    copy = tmp_path_factory.mktemp("project")
    shutil.copy(PROJECT / "dbt_project.yml", copy)
    for folder in ("models", "macros", "seeds", "tests/generic", "tests/invariants"):
        shutil.copytree(PROJECT / folder, copy / folder)
    seeds = {
        "exchanges": EXTRA_EXCHANGES,
        "exchange_calendar": EXTRA_CALENDAR,
        "instruments": EXTRA_INSTRUMENTS,
    }
    for seed, lines in seeds.items():
        with (copy / "seeds" / f"{seed}.csv").open("a", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
    return copy


@pytest.fixture(scope="session")
def new_warehouse(
    empty_database: Path, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Warehouse]:
    """Make an empty database of its own."""

    def make() -> Warehouse:
        data_dir = tmp_path_factory.mktemp("market")
        shutil.copy(empty_database, data_dir / "trading.duckdb")
        return Warehouse(data_dir, project)

    return make
