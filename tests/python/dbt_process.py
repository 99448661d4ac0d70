"""dbt in a process of its own, forked from one that has imported it: an import takes 2 seconds."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

PROJECT = Path(__file__).parents[2]
_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["dbt.cli.main", "dbt.adapters.duckdb"])
_HANG_SECONDS = 1800  # not slowness


def _dbt(arguments: list[str], environment: dict[str, str], cwd: Path, printed: str) -> None:
    with Path(printed).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = ["dbt", *arguments]
    # In the child, where they are imported already.
    from dbt.adapters.duckdb import connections  # noqa: PLC0415
    from dbt.cli.main import cli  # noqa: PLC0415

    try:
        cli()
    finally:  # a forked process ends without closing what it has open
        connections.DuckDBConnectionManager.close_all_connections()


def run_dbt(
    data_dir: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    cwd: Path = PROJECT,
    target: str = "target",
) -> CompletedProcess[str]:
    """Run dbt on a DATA_DIR; what it printed to both streams is `stdout`."""
    paths = ["--target-path", str(data_dir / target), "--log-path", str(data_dir / "logs")]
    values = {
        **os.environ,
        "DATA_DIR": str(data_dir),
        "PYTHONPATH": str(PROJECT),
        **(environment or {}),
    }
    with tempfile.TemporaryDirectory() as folder:
        printed = Path(folder, "printed")
        command = ["--no-use-colors", *arguments, *paths]
        process = _FORKED.Process(target=_dbt, args=(command, values, cwd, str(printed)))
        process.start()
        process.join(_HANG_SECONDS)
        if process.is_alive():
            process.kill()
            raise TimeoutError(" ".join(["dbt", *arguments]))
        text = printed.read_text() if printed.exists() else ""
    return CompletedProcess(["dbt", *arguments], process.exitcode or 0, text, "")
