"""dbt kept warm: a process reads the project once, and forks a child for each run of dbt.

    keep_warm(Path.cwd(), folder)    # 10 s, once
    run_dbt(["build"])       # dbt_run.py: a process of its own, which imports and reads nothing

To import dbt takes 2 seconds of a build; to read the project, and to compile what a first build
compiles, 2 more.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from python_ingest.errors import BuildFailedError
from python_ingest.publication.manifest import read_manifest
from python_ingest.publication.publish import publish
from python_ingest.schema.migrate import migrate
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer

if TYPE_CHECKING:  # to import it takes what is saved here
    from dbt.contracts.graph.manifest import Manifest

# Where the rows are, and whose: the build of nothing has none.
_PLACES = ("DATABASE_PATH", "TIMESCALE_DSN", "USE_DUCKDB")

_kept: list[Manifest] = []


def kept() -> Manifest | None:
    """Return the project that this process keeps, None where it keeps none."""
    return _kept[0] if _kept else None


def keep_warm(project: Path, folder: Path) -> None:
    """Read the project and build it once in an empty database, for the children of this process.

    `folder`: an empty one, for that database.
    """
    _kept[:] = [read_project(project, folder)]


def read_project(project: Path, folder: Path) -> Manifest:
    """Return the project in a folder as dbt reads it, after a build and publication of nothing.

    `folder`: an empty one, in which the empty warehouse of that build stays.
    """
    import pyarrow as pa  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415

    place = ["--project-dir", str(project), "--profiles-dir", str(project)]
    place += ["--target-path", f"{folder}/target", "--log-path", f"{folder}/logs"]
    quiet = ["--quiet", "--log-level-file", "none"]
    with redirect_stdout(None):
        with _empty_place(folder):
            with open_writer(load_settings()) as connection:
                migrate(connection)
            without = ["--exclude-resource-type", "unit_test"]
            built = dbtRunner().invoke([*quiet, "build", *without, *place])
        if built.success:
            manifest = read_manifest(folder / "target" / "manifest.json")
        # after it: a build notes in the nodes what it compiled
        read = dbtRunner().invoke([*quiet, "parse", *place])
    _close()
    if built.success:
        with _empty_place(folder):  # what DuckDB's parser says of the views is known then
            publish(load_settings(), manifest=manifest)
    # A build of nothing folds nothing. pyarrow imports pandas for the first list that becomes an
    # array: a third of a second of each child's first fold.
    pa.array([0])
    if not built.success or not isinstance(read.result, Manifest):
        raise BuildFailedError(f"dbt cannot read the project: {built.exception or read.exception}")
    return read.result


@contextmanager
def _empty_place(folder: Path) -> Iterator[None]:
    before = dict(os.environ)
    for name in [n for n in before if n.startswith(_PLACES)]:
        os.environ.pop(name)
    os.environ["DATA_DIR"] = str(folder)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def forked(work: Callable[..., None], *arguments: object) -> int:
    """Do work in a child of this process; returns its exit code."""
    child = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    child.start()
    child.join()
    return child.exitcode or 0


def run_dbt(arguments: list[str], project: Manifest) -> None:
    """Run dbt on a project that was read, and exit with its code: the work of a child."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    done = dbtRunner(project).invoke(arguments)
    _close()
    sys.exit(0 if done.success else 2 if done.exception else 1)


def _close() -> None:
    """Close what dbt has open: it relies on the end of the process, and a fork has another."""
    from dbt.adapters.duckdb.connections import (  # noqa: PLC0415 - see above
        DuckDBConnectionManager,
    )

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
