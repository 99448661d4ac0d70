"""docs/restore.md, followed literally: its commands, in their order, with a bucket as store."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from s3_server import S3Server

REPOSITORY = Path(__file__).parents[3]
COMMANDS = re.findall(
    r"^```sh\n(.*?)\n```$", (REPOSITORY / "docs" / "restore.md").read_text(), re.M | re.S
)
FIRST = [
    ("ticks", "binance_spot_btcusdt_ws.ndjson.gz"),
    ("cash", "cash.csv"),
    ("logs", "logs.ndjson"),
]
LATER = [("orders", "orders.ndjson"), ("metrics", "metrics.ndjson.gz")]
LATEST = [("ticks", "aig_trades.parquet"), ("corrections", "aig_corrections.csv")]
# When a build looked, which a build at another time cannot repeat.
BUILD_TIMES = {"built_at", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_scd_id"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's folder, with a data folder of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    for item in REPOSITORY.iterdir():
        if item.name not in ("data", "target", "logs") and not item.name.startswith("."):
            (folder / item.name).symlink_to(item)
    return folder


@pytest.fixture
def shell(project: Path, s3: str, s3_server: S3Server) -> Callable[..., str]:
    """A function that runs a line in the project's folder and returns what it printed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {
        **{name: value for name, value in os.environ.items() if name != "DATA_DIR"},
        **s3_server.environment,
        "PATH": path,
        "BACKUP_STORE": f"{s3}/trading",
        "OBSERVABILITY_ENABLE_METRICS": "false",
        "DATABASE_MEMORY_LIMIT_MB": "2000",
        "DATABASE_NUM_THREADS": "2",
        "DBT_TARGET_PATH": str(project.parent / "target"),
        "DBT_LOG_PATH": str(project.parent / "logs"),
    }

    def run(line: str, **more: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", line],
            cwd=project,
            env={**env, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


def marts(data_dir: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row that analysts see, without the columns that say when a build ran.

    `cold_files` says nothing else: which build wrote which file, and when.
    """
    found = {}
    with duckdb.connect(str(data_dir / "trading.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'main'"
        ).fetchall()
        for (name,) in names:
            if name == "cold_files":
                continue
            columns = [row[0] for row in connection.execute(f"describe {name}").fetchall()]
            kept = ", ".join(f'"{column}"' for column in columns if column not in BUILD_TIMES)
            found[name] = connection.execute(f"select {kept} from {name} order by all").fetchall()
    return found


def same(one: Path, other: Path) -> None:
    first, second = marts(one), marts(other)
    assert first.keys() == second.keys()
    assert len(first) > 15
    for name, rows in first.items():
        assert rows == second[name], name
    assert all(first[name] for name in ("market_ticks", "ohlcv_bars", "orders", "positions"))


@pytest.mark.slow  # six builds
def test_the_page_followed_literally(project: Path, shell: Callable[..., str]) -> None:
    land = "; ".join
    shell("ingest init")
    shell(land(f"ingest land {kind} sample/{file}" for kind, file in FIRST))
    build = "dbt build --exclude-resource-type unit_test"
    shell(build)
    steps = iter(COMMANDS)
    done: list[str] = []

    def follow(expected: str, **more: str) -> str:
        line = next(steps)
        assert line.startswith(expected), (expected, line)
        done.append(line)
        return shell(line, **more)

    assert "full" in follow("ingest backup create --full")
    shell(land(f"ingest land {kind} sample/{file}" for kind, file in LATER))
    # what the original says at this moment, before more lands
    with duckdb.connect(str(project / "data" / "trading.duckdb")) as connection:
        (moment,) = connection.execute("select now()::timestamp").fetchone() or (None,)
    assert isinstance(moment, datetime)
    shutil.copytree(project / "data", project / "original")
    shell(f"DATA_DIR=original {build}")
    shell(land(f"ingest land {kind} sample/{file}" for kind, file in LATEST[:1]))
    assert "incremental" in follow("ingest backup create --incremental")
    shell(land(f"ingest land {kind} sample/{file}" for kind, file in LATEST[1:]))
    assert follow("ingest backup list").count("batch") == 2
    assert "every file of every backup" in follow("ingest backup verify")

    follow("ingest restore --to restored")
    follow("DATA_DIR=restored dbt build")
    follow("DATA_DIR=restored ingest publish")
    assert (project / "restored" / "published" / "trading.duckdb").exists()
    follow("ingest restore --to before --at", MOMENT=str(moment))
    follow("DATA_DIR=before dbt build")
    same(project / "original", project / "before")

    follow("mkdir -p restored/spool && cp data/spool/landed/*")
    assert "2 landed" in follow("DATA_DIR=restored ingest land --pending")
    with duckdb.connect() as both:
        for name in ("data", "restored"):
            path = project / name / "trading.duckdb"
            both.execute(f"attach '{path}' as {name} (read_only)")
        assert both.execute(
            "select (select count(*) from data.raw.tick_corrections),"
            " (select count(*) from restored.raw.tick_corrections)"
        ).fetchone() == (2, 2)

    # the second machine: nothing but the bucket is shared
    shell("ingest backup create --incremental")
    follow("ingest restore --to standby --force")
    follow("DATA_DIR=standby dbt build")
    shell(build)
    same(project / "data", project / "standby")
    assert list(steps) == []
    assert done == COMMANDS
