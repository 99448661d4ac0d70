"""dbt and `ingest` in processes of their own, forked from one that has imported what they need.

That one is made once, for all workers of pytest: to import dbt takes 2 seconds of CPU, what an
audit needs 3, to read the project and build it once in an empty database (warm_dbt.py) 24. The dbt
of `ingest cycle` is forked from the child that runs `ingest`.
"""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from subprocess import CompletedProcess

from python_ingest.cli.main import COMMANDS

PROJECT = Path(__file__).parents[2]
_FORKED = multiprocessing.get_context("forkserver")
_IMPORTED = ["dbt.cli.main", "dbt.adapters.duckdb"]
_IMPORTED += [f"python_ingest.{module}" for module, _ in COMMANDS.values()]
# Where there is a pyspark it imports that one's tests, which end the process.
_IMPORTED += [] if find_spec("pyspark") else ["great_expectations"]
_FORKED.set_forkserver_preload([*_IMPORTED, "warm_dbt"])
WITHOUT_VIEWS = ("--exclude", "config.materialized:view")
_ASKED, _ADDRESS = "fork-server-asked", "fork-server-address"
_HANG_SECONDS = 1800  # not slowness
_QUIET = ("--no-use-colors", "--log-level-file", "none")  # its debug log is a fifth of a build


def offer(folder: Path) -> None:
    """In the process that starts workers: start the one that forks when one of them asks for it.

    It lives as long as this process. `folder`: the workers' READ_BY_DBT.
    """
    os.mkfifo(folder / _ASKED)
    asked = os.open(folder / _ASKED, os.O_RDWR)  # both, so that nobody waits for another to open it

    def start() -> None:
        os.read(asked, 1)
        forkserver.ensure_running()
        part = folder / f"{_ADDRESS}.part"
        part.write_text(forkserver._forkserver._forkserver_address)
        part.replace(folder / _ADDRESS)

    threading.Thread(target=start, daemon=True).start()


@cache
def _join() -> None:
    """In a worker: fork from the process of all of them, for which multiprocessing has no call."""
    folder = Path(os.environ["READ_BY_DBT"])
    (folder / _ASKED).write_bytes(b"1")
    while not (folder / _ADDRESS).exists():
        time.sleep(0.05)
    shared = forkserver._forkserver
    shared._forkserver_address = (folder / _ADDRESS).read_text()
    shared._forkserver_alive_fd = os.open(os.devnull, os.O_RDONLY)
    shared.ensure_running = lambda: None


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
        from python_ingest.cli import dbt_run  # noqa: PLC0415
        from python_ingest.cli.main import main  # noqa: PLC0415
        from python_ingest.cli.warm import forked  # noqa: PLC0415

        # a process of its own all the same
        dbt_run.run_dbt = lambda dbt: forked(_dbt, dbt)
        main()
    elif arguments[0] == "compile":
        from compiled_models import write  # noqa: PLC0415
        from warm_dbt import MANIFEST  # noqa: PLC0415

        write(Path(arguments[1]), MANIFEST)
    else:
        _dbt(arguments[1:])


def _dbt(arguments: list[str]) -> None:
    # What cannot be imported is left out in silence: each child would read the project itself.
    assert "warm_dbt" in sys.modules, "the process that forks dbt could not import warm_dbt"
    from dbt.adapters.duckdb import connections  # noqa: PLC0415
    from dbt.cli.main import cli, dbtRunner  # noqa: PLC0415
    from warm_dbt import manifest_for  # noqa: PLC0415

    try:
        manifest = manifest_for(arguments)
        if manifest is None:
            # The static parser would wait for threads that are in the parent only.
            os.environ["DBT_STATIC_PARSER"] = "false"
            cli(arguments)
        done = dbtRunner(manifest).invoke(arguments)
        sys.exit(0 if done.success else 2 if done.exception else 1)
    finally:  # a forked process ends without closing what it has open
        connections.DuckDBConnectionManager.close_all_connections()


def _start(
    arguments: list[str], environment: Mapping[str, str], cwd: Path, printed: str
) -> ForkServerProcess:
    if "PYTEST_XDIST_WORKER" in os.environ:
        _join()
    process = _FORKED.Process(target=_child, args=(arguments, dict(environment), cwd, printed))
    process.start()
    return process


def _run(arguments: list[str], environment: Mapping[str, str], cwd: Path) -> CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        process = _start(arguments, environment, cwd, folder)
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
    values = {**os.environ, "DATA_DIR": str(data_dir), **(environment or {})}
    done = _run(_dbt_command(data_dir, arguments, target), values, cwd)
    return CompletedProcess(["dbt", *arguments], done.returncode, done.stdout + done.stderr, "")


def compile_models(folder: Path) -> CompletedProcess[str]:
    """Write what selects.py reads into a folder.

    Several workers fork dbt anyway. One pytest without workers may run tests of selects.py only:
    a new process is there sooner, which reads what changed since the former one.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        return _run(["compile", str(folder)], os.environ, PROJECT)
    command = [sys.executable, str(Path(__file__).with_name("compiled_models.py")), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def settings_of(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the --vars of a build: they are what views of one project depend on."""
    at = arguments.index("--vars") if "--vars" in arguments else len(arguments)
    return tuple(arguments[at : at + 2])


def kill_dbt(data_dir: Path, *arguments: str, begun: str, after: float) -> None:
    """Run dbt on a DATA_DIR, and kill -9 it so many seconds after it has begun with a model."""
    values = {**os.environ, "DATA_DIR": str(data_dir)}
    with tempfile.TemporaryDirectory() as folder:
        process = _start(_dbt_command(data_dir, arguments, "target"), values, PROJECT, folder)
        printed = Path(folder, "out")
        while True:
            ended = not process.is_alive()
            text = printed.read_text() if printed.exists() else ""
            if re.search(rf"START .*\.{begun} ", text):
                break
            assert not ended, text
            time.sleep(0.01)
        time.sleep(after)
        process.kill()
        process.join()
    assert process.exitcode == -signal.SIGKILL, f"{begun}: dbt had ended"


def _dbt_command(data_dir: Path, arguments: tuple[str, ...], target: str) -> list[str]:
    paths = ["--target-path", str(data_dir / target), "--log-path", str(data_dir / "logs")]
    return ["dbt", *_QUIET, *arguments, *paths]
