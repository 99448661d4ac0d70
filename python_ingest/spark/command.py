"""Spark: `ingest export` writes what it reads, `spark` builds there, `collect` takes the rows."""

import importlib.util
import json
import os
import shutil
import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import typer

from python_ingest.cli.clock import AsOf, Force, variables
from python_ingest.cli.dbt_run import require_project, run_dbt
from python_ingest.cli.progress import progress
from python_ingest.errors import BuildFailedError, UsageError
from python_ingest.settings import Settings, load_settings
from python_ingest.spark.builds import begin, collectable, finish
from python_ingest.spark.handover import hand_over
from python_ingest.storage.process_lock import process_lock

app = typer.Typer()

DEFAULT_MASTER = "local[*]"
CONNECT_SECONDS = 5
# A build on Spark is whole: no work is pending, whatever changed.
CHANGES = "path:models/intermediate/changes/"
ON_SPARK = [
    *("--target", "spark"),
    *("--exclude", f"{CHANGES}*_to_restate.sql", f"{CHANGES}*_reference*.sql"),
]


@app.command(epilog="Example: ingest export")
def export() -> None:
    """Write what is still warm, and the corrections, as Parquet beside the cold files.

    Spark then sees all of history without opening the database: `ingest spark` builds on it.
    """
    with progress("exporting", quiet=True) as report:
        done = hand_over(load_settings(), report)
    print(
        f"{done.folder}: {done.ticks:,} ticks, {done.files_written} files written,"
        f" {done.files_linked} linked"
    )
    if done.archived:
        print(
            f"without {len(done.archived)} archived days ({done.archived[0]} to"
            f" {done.archived[-1]}): `ingest archive restore` brings them back"
        )


@app.command(epilog="Example: SPARK_MASTER=spark://10.0.0.5:7077 ingest spark")
def spark(as_of: AsOf = "", force: Force = False) -> None:
    """Build bars, gaps and latest ticks on Spark, from what `ingest export` wrote last.

    The rows are Parquet files below DATA_DIR/spark, all of them made anew. `ingest collect` takes
    them to where analysts read.
    """
    clock = variables(as_of, force=force)
    require_project()
    require_spark(os.environ)
    settings = load_settings()
    with _one_at_a_time(settings):
        build = begin(settings, Path())
        _dbt_build(settings, ON_SPARK, clock)
        finish(settings, build)
    print(f"built in {settings.data_dir / 'spark'}, up to batch {build.batch}")
    print("next: ingest collect, then ingest cycle publishes")


@app.command(epilog="Example: ingest collect && ingest cycle")
def collect() -> None:
    """Take the rows of the last build on Spark into the database, as if it had built them.

    Later builds go on from there: what landed since then is built on DuckDB.
    """
    require_project()
    settings = load_settings()
    with (
        _one_at_a_time(settings),
        process_lock(settings.data_dir / "cycle.lock", "ingest cycle or collect"),
    ):
        build = collectable(settings, Path())
        _dbt_build(settings, ["--full-refresh"], {"collected": build.batch})
    print(f"{settings.database_path} has Spark's rows, up to batch {build.batch}")
    print("next: ingest cycle")


def _one_at_a_time(settings: Settings) -> AbstractContextManager[None]:
    return process_lock(settings.data_dir / "spark.lock", "ingest spark or collect")


def _dbt_build(settings: Settings, arguments: list[str], variables: dict[str, object]) -> None:
    """Build the market models; the tests are run where analysts read, by `ingest cycle`."""
    target_dir = settings.data_dir.resolve() / "dbt" / "spark"
    build = ["--quiet", "build"]
    build += ["--target-path", str(target_dir), "--log-path", str(target_dir / "logs")]
    build += ["--select", "+path:models/marts/market", "--vars", json.dumps(variables)]
    build += ["--exclude-resource-type", "test", "unit_test", *arguments]
    if run_dbt(build):
        raise BuildFailedError("dbt build failed; see the message above")


def require_spark(environment: Mapping[str, str]) -> None:
    """Raise UsageError that says what is missing: PySpark, Java or the master."""
    if importlib.util.find_spec("pyspark") is None:
        raise UsageError("Spark is not installed: pip install -r requirements-spark.lock")
    require_java(environment)
    require_master(environment.get("SPARK_MASTER", DEFAULT_MASTER))


def require_java(environment: Mapping[str, str]) -> None:
    """Raise UsageError where Spark would find no Java."""
    home = environment.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else "java"
    if shutil.which(java, path=environment.get("PATH", "")) is None:
        where = f"JAVA_HOME={home} has none" if home else "none is on the PATH"
        raise UsageError(
            f"Spark needs Java 17, {where}: install it (Debian: apt-get install"
            " openjdk-17-jre-headless) or set JAVA_HOME"
        )


def require_master(master: str) -> None:
    """Raise UsageError where a standalone master is named and none of its addresses answers."""
    if not master.startswith("spark://"):
        return
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
        except (OSError, ValueError):
            continue
        return
    raise UsageError(
        f"no Spark master answers at SPARK_MASTER={master}: start it, or unset SPARK_MASTER to run"
        " on this machine"
    )
