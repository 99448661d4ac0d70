"""A warehouse of its own for a test: rows go straight into raw, dbt runs in a subprocess."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import views_only
from forked import WITHOUT_VIEWS, kill_dbt, run_dbt, settings_of
from testkit import ask_dicts

LANDED_AT = datetime(2030, 1, 1)
TIME_COLUMN = {
    "order_events": "event_time",
    "cash_events": "event_time",
    "market_ticks": "timestamp",
    "corporate_actions": None,
    "statements": "as_of",
}
KIND = {
    "order_events": "orders",
    "cash_events": "cash",
    "market_ticks": "ticks",
    "corporate_actions": "actions",
    "statements": "statements",
}
# Trading is complete when the chains above it are.
BUILD = ("build", "--select", "+marts.trading", "+ohlcv_bars")
NO_MODEL = ("test", "unit_test", "snapshot")
DEFAULTS: dict[str, dict[str, Any]] = {
    "order_events": {
        "exchange": "alpaca",
        "symbol": "AAPL",
        "side": "buy",
        "order_type": "limit",
        "quantity": "100",
    },
    "cash_events": {"kind": "deposit", "currency": "USD"},
    "statements": {"account_id": "main", "occurrence": 1},
    "market_ticks": {"exchange": "alpaca", "symbol": "AAPL", "kind": "trade", "occurrence": 1},
    "corporate_actions": {"exchange": "alpaca", "symbol": "AAPL", "kind": "split"},
}


def content_hash(row: dict[str, Any]) -> int:
    """Of the row's own columns only, so that it does not depend on file or order."""
    text = json.dumps(row, sort_keys=True, default=str)
    return int.from_bytes(hashlib.md5(text.encode()).digest()[:8], "big") >> 1  # noqa: S324


@dataclass
class Warehouse:
    data_dir: Path
    batch: int = field(default=0)
    built: str = ""  # what the build that made it printed
    views: tuple[str, ...] = ()  # the settings of which its views are

    def __post_init__(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            views_only.begin(self.path)

    def copy(self, data_dir: Path) -> "Warehouse":
        """The same rows in another folder."""
        data_dir.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.path, data_dir)
        return Warehouse(data_dir, self.batch, views=self.views)

    @property
    def path(self) -> Path:
        return self.data_dir / "trading.duckdb"

    def land(self, table: str, rows: Iterable[dict[str, Any]]) -> int:
        """Land one batch; columns that are left out take the defaults above or NULL."""
        self.batch += 1
        complete = []
        for number, row in enumerate(rows, start=1):
            full = {"source": "websocket", **DEFAULTS[table], **row}
            if table == "order_events":
                full.setdefault("client_order_id", f"client-{full['order_id']}")
            if table == "statements":
                del full["source"]
            if table == "corporate_actions":
                full["ex_date"] = str(full["ex_date"])
            complete.append(
                full
                | {
                    "batch_id": self.batch,
                    "ingestion_time": LANDED_AT,
                    **(
                        {"tick_id": (self.batch << 32) + number}
                        if table == "market_ticks"
                        else {"row_number": number, "content_hash": content_hash(full)}
                    ),
                }
            )
        times = [datetime.fromisoformat(str(r[TIME_COLUMN[table]])) for r in complete
                 if TIME_COLUMN[table]]  # fmt: skip
        with duckdb.connect(str(self.path)) as connection:
            columns = list(dict.fromkeys(name for row in complete for name in row))
            landed = pa.table(  # noqa: F841 - DuckDB finds it by its name
                {
                    name: [None if row.get(name) is None else str(row[name]) for row in complete]
                    for name in columns
                }
            )
            connection.execute(
                f"insert into raw.{table} ({', '.join(columns)}) select * from landed"
            )
            connection.execute(
                "insert into raw.landings (batch_id, kind, file_name, sha256, format, rows_read,"
                " rows_landed, rows_duplicate, rows_rejected, min_timestamp, max_timestamp,"
                " landed_at, duration_ms) values (?, ?, ?, ?, 'ndjson', ?, ?, 0, 0, ?, ?, ?, 1)",
                [
                    self.batch,
                    KIND[table],
                    f"{table}-{self.batch}",
                    f"sha-{self.batch}",
                    len(complete),
                    len(complete),
                    min(times, default=None),
                    max(times, default=None),
                    LANDED_AT,
                ],
            )
        return self.batch

    def dbt(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run dbt in this warehouse."""
        done = run_dbt(self.data_dir, *arguments, environment={"DATABASE_PATH": str(self.path)})
        if check and done.returncode:
            raise AssertionError(done.stdout[-6000:])
        return done

    def kill_build(self, model: str, after: float) -> None:
        """Build, and kill -9 dbt so many seconds after it has begun with a model."""
        command = [*BUILD, "--exclude-resource-type", *NO_MODEL]
        kill_dbt(self.data_dir, *command, begun=model, after=after)

    def build(self, *arguments: str) -> None:
        """Seeds and every model that trading needs, without tests; views that are there stay."""
        command = [*BUILD, "--exclude-resource-type", *NO_MODEL, *arguments]
        self.dbt(*command, *(WITHOUT_VIEWS if self.views == settings_of(arguments) else ()))
        self.views = settings_of(arguments)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """What a query answers, as dictionaries."""
        return ask_dicts(self.path, query, *parameters)


def utc(text: str) -> datetime:
    """A naive UTC time, as the database keeps it."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
