"""A warehouse of its own for a test: rows are landed here, dbt runs in a forked process."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import views_only
from forked import WITHOUT_VIEWS, kill_dbt, run_dbt, settings_of
from testkit import ask_dicts, land_text

from python_ingest.settings import load_settings

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
    "statements": {},
    "market_ticks": {"exchange": "alpaca", "symbol": "AAPL"},
    "corporate_actions": {"exchange": "alpaca", "symbol": "AAPL", "kind": "split"},
}


@dataclass
class Warehouse:
    data_dir: Path
    files: int = 0  # that were landed
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
        return Warehouse(data_dir, self.files, views=self.views)

    @property
    def path(self) -> Path:
        return self.data_dir / "trading.duckdb"

    def land(self, table: str, rows: Iterable[dict[str, Any]]) -> int:
        """Land one file; columns that are left out take the defaults above or are not in it."""
        lines = []
        for row in rows:
            full = {**DEFAULTS[table], **row}
            if table == "order_events":
                full.setdefault("client_order_id", f"client-{full['order_id']}")
            told = {name: str(value) for name, value in full.items() if value is not None}
            lines.append(json.dumps(told) + "\n")
        self.files += 1
        path = self.data_dir / "landed" / f"{table}-{self.files}.ndjson"
        settings = load_settings(
            self.data_dir / "none.toml",
            {"DATA_DIR": str(self.data_dir), "DATABASE_PATH": str(self.path)},
        )
        result = land_text(settings, KIND[table], path, "".join(lines))
        assert (result.error, result.rejected) == (None, 0), result
        assert result.batch_id is not None
        return result.batch_id

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
