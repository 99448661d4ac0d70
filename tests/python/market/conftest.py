"""Ticks landed as any file is, and one dbt build after the other on them."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
import pytest
import views_only
from forked import WITHOUT_VIEWS, run_dbt, settings_of
from testkit import ask

from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.land import land_files
from python_ingest.settings import load_settings

PROJECT = Path(__file__).resolve().parents[3]
EXTRA_EXCHANGES = [
    "nyse,America/New_York,00:00,09:30,16:00,regular,",
    "fx17,America/New_York,17:00,,,all,",
    "globex,America/Chicago,17:00,17:00,16:00,regular,",
]
EXTRA_CALENDAR = [
    "nyse,2024-07-03,,13:00,half day",
    "nyse,2024-07-04,,,Independence Day",
]
EXTRA_INSTRUMENTS = [
    "quoted,MID,fx,,,mid,,,,",
    "quoted,ASK,fx,,,ask,,,,",
    "prop,BYAGG,crypto,,,agg,,,,",
]
MARKET = "+path:models/marts/market"


@dataclass
class Warehouse:
    """A database of its own: `land` a batch, `build`, `rows`."""

    data_dir: Path
    project: Path
    views: tuple[str, ...] = ()  # the settings of which its views are

    @property
    def path(self) -> Path:
        return self.data_dir / "trading.duckdb"

    def connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self.path))
        connection.execute("set timezone = 'UTC'")
        return connection

    def land(self, kind: str, relation: str, **views: Any) -> None:
        """Land what `relation` (SQL; names of `views` are registered) selects, as one file."""
        path = self.data_dir / "given" / f"{uuid4()}.parquet"
        path.parent.mkdir(exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            for name, view in views.items():
                connection.register(name, view)
            given = {c[0]: c[1] for c in connection.execute(f"describe {relation}").fetchall()}
            typed = ", ".join(
                f"{column.name}::{column.type} as {column.name}"
                for column in KINDS[kind].columns
                # a time's text may have digits that the type has not
                if column.name in given
                and not (column.type == "TIMESTAMP" and given[column.name] == "VARCHAR")
            )
            connection.sql(f"select * replace ({typed}) from ({relation})").write_parquet(str(path))
        settings = load_settings(self.data_dir / "none.toml", {"DATA_DIR": str(self.data_dir)})
        (result,) = land_files(settings, kind, [path])
        assert (result.state, result.rejected) == ("landed", 0), result

    def land_rows(self, kind: str, rows: list[dict[str, Any]]) -> None:
        """Land rows as one file; keys that one of them lacks are NULL."""
        names = dict.fromkeys(name for row in rows for name in row)
        table = pa.table({name: [row.get(name) for row in rows] for name in names})
        self.land(kind, "select * from rows", rows=table)

    def dbt(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run dbt in a process of its own, with this database."""
        folders = ["--project-dir", str(self.project), "--profiles-dir", str(PROJECT)]
        done = run_dbt(self.data_dir, *arguments, *folders)
        if check and done.returncode:
            raise AssertionError(done.stdout[-6000:])
        return done

    def build(self, *arguments: str) -> None:
        """Seeds and models, without tests; views that are there stay."""
        without = WITHOUT_VIEWS if self.views == settings_of(arguments) else ()
        command = ["build", "--exclude-resource-type", "test", "unit_test"]
        self.dbt(*command, "--select", *MARKET.split(), *without, *arguments)
        self.views = settings_of(arguments)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return ask(self.path, query)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the dbt project whose seeds know more exchanges than ours."""
    copy = tmp_path_factory.mktemp("project")
    shutil.copy(PROJECT / "dbt_project.yml", copy)
    for folder in (
        "models",
        "macros",
        "seeds",
        "tests/engine",
        "tests/generic",
        "tests/invariants",
    ):
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
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Warehouse]:
    """Make one with an empty database."""

    def make() -> Warehouse:
        warehouse = Warehouse(tmp_path_factory.mktemp("market"), project)
        views_only.begin(warehouse.path)
        return warehouse

    return make
