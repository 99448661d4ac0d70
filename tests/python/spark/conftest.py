"""One cluster for all tests of this folder, and a warehouse that both engines build."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from market.conftest import PROJECT, Warehouse, new_warehouse, project

from .cluster import Cluster

__all__ = ["new_warehouse", "project"]

# C1 and the serial collector: the processes are short-lived, and share two cores. A build's code
# does not fit into C1's own 48 MB.
JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"
DEFAULTS = f"""
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 1g
spark.driver.defaultJavaOptions {JAVA}
spark.executor.memory 700m
spark.executor.defaultJavaOptions {JAVA}
spark.sql.shuffle.partitions 4
"""


def ingest(
    warehouse: Warehouse, *arguments: str | Path, environment: dict[str, str] | None = None
) -> None:
    """Run `ingest` in a process of its own, with this warehouse's database."""
    subprocess.run(
        [sys.executable, "-m", "python_ingest", *arguments],
        check=True,
        cwd=warehouse.project,
        env=os.environ
        | {"DBT_PROFILES_DIR": str(PROJECT), "DATA_DIR": str(warehouse.data_dir)}
        | (environment or {}),
    )


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def warehouse(new_warehouse: Callable[[], Warehouse]) -> Warehouse:
    """One for all tests: to make Spark's catalogue takes longer than most of them."""
    return new_warehouse()


@pytest.fixture(scope="session")
def spark_environment(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What makes `ingest` and dbt use the cluster."""
    conf = tmp_path_factory.mktemp("conf")
    (conf / "spark-defaults.conf").write_text(DEFAULTS)
    return {
        "DBT_PROFILES_DIR": str(PROJECT),
        "SPARK_CONF_DIR": str(conf),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_MASTER": cluster.url,
    }


@pytest.fixture(scope="session")
def start_spark(spark_environment: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Start dbt on the cluster; its output is in `stdout`."""

    def start(warehouse: Warehouse, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                Path(sys.executable).with_name("dbt"),
                *arguments,
                "--project-dir",
                warehouse.project,
                "--target-path",
                warehouse.data_dir / "target_spark",
                "--log-path",
                warehouse.data_dir / "logs_spark",
                "--no-use-colors",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=PROJECT,
            env=os.environ | spark_environment | {"DATA_DIR": str(warehouse.data_dir)},
        )

    return start
