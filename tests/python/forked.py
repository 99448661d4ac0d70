"""dbt and `ingest` in processes of their own, forked from one that has imported what they need.

To import dbt takes 2 seconds, what an audit needs 3, and what dbt keeps in memory of its first
build (warm_dbt.py) 2.
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from subprocess import CompletedProcess

PROJECT = Path(__file__).parents[2]
_FORKED = multiprocessing.get_context("forkserver")
_IMPORTED = ["dbt.cli.main", "dbt.adapters.duckdb", "python_ingest.cli.main"]
# Where there is a pyspark it imports that one's tests, which end the process.
_IMPORTED += [] if find_spec("pyspark") else ["great_expectations"]
_FORKED.set_forkserver_preload([*_IMPORTED, "warm_dbt"])
_HANG_SECONDS = 1800  # not slowness
_QUIET = ("--no-use-colors", "--log-level-file", "none")  # its debug log is a fifth of a build


def _child(arguments: list[str], environment: dict[str, str], cwd: Path, printed: str) -> None:
    for stream, name in ((1, "out"), (2, "err")):
        with Path(printed, name).open("wb") as file:
            os.dup2(file.fileno(), stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = arguments
    # In the child, where they are imported already.
    if arguments[0] == "ingest":
        from python_ingest.cli.main import main  # noqa: PLC0415

        main()
        return
    from dbt.adapters.duckdb import connections  # noqa: PLC0415
    from dbt.cli.main import cli  # noqa: PLC0415

    try:
        cli()
    finally:  # a forked process ends without closing what it has open
        connections.DuckDBConnectionManager.close_all_connections()


def _run(arguments: list[str], environment: Mapping[str, str], cwd: Path) -> CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        process = _FORKED.Process(target=_child, args=(arguments, dict(environment), cwd, folder))
        process.start()
        process.join(_HANG_SECONDS)
        if process.is_alive():
            process.kill()
            raise TimeoutError(" ".join(arguments))
        out, err = (
            path.read_text() if (path := Path(folder, name)).exists() else ""
            for name in ("out", "err")
        )
    return CompletedProcess(arguments, process.exitcode or 0, out, err)


def run_ingest(
    data_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> CompletedProcess[str]:
    """Run `ingest` in the project's folder on a DATA_DIR."""
    values = {**os.environ, "DATA_DIR": str(data_dir), **(environment or {})}
    return _run(["ingest", *arguments], values, PROJECT)


def run_dbt(
    data_dir: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    cwd: Path = PROJECT,
    target: str = "target",
) -> CompletedProcess[str]:
    """Run dbt on a DATA_DIR; what it printed to both streams is `stdout`."""
    paths = ["--target-path", str(data_dir / target), "--log-path", str(data_dir / "logs")]
    values = {**os.environ, "DATA_DIR": str(data_dir), **(environment or {})}
    done = _run(["dbt", *_QUIET, *arguments, *paths], values, cwd)
    return CompletedProcess(["dbt", *arguments], done.returncode, done.stdout + done.stderr, "")
