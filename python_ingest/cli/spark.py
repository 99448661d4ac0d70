"""`ingest spark`: build the market models on Spark, or say in one line why that cannot be."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from python_ingest.cli.dbt_run import require_project
from python_ingest.errors import BuildFailedError, UsageError
from python_ingest.lifecycle.handover import current_folder
from python_ingest.settings import load_settings

EPILOG = "Example: SPARK_MASTER=spark://10.0.0.5:7077 ingest spark"
DEFAULT_MASTER = "local[*]"
CONNECT_SECONDS = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="spark", epilog=EPILOG)(spark)


def spark(
    as_of: Annotated[
        str | None, typer.Option(help="Clock for completeness, UTC; default: now.")
    ] = None,
) -> None:
    """Build bars, gaps and latest ticks on Spark, from what `ingest export` wrote last.

    The rows are Parquet files below DATA_DIR/spark.
    """
    require_project()
    require_spark(os.environ)
    if current_folder(load_settings().data_dir / "export") is None:
        raise UsageError("nothing has been exported for Spark yet: run `ingest export`")
    arguments = [sys.executable, "-c", "import dbt.cli.main as dbt; dbt.cli()", "--quiet", "build"]
    arguments += ["--target", "spark", "--select", "+path:models/marts/market"]
    # The tests are run where analysts read: on DuckDB.
    arguments += ["--exclude-resource-type", "test", "unit_test"]
    if as_of:
        arguments += ["--vars", f'{{"as_of": "{as_of}"}}']
    if subprocess.run(arguments, check=False).returncode:  # noqa: S603 - our own arguments
        raise BuildFailedError("dbt build on Spark failed; see the message above")
    print(f"built in {load_settings().data_dir / 'spark'}")


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
