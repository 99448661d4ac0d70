"""Run `dbt build` and return its results."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from python_ingest.cli import warm
from python_ingest.cli.dbt_results import faults_of, is_of_every_row, logs_of, metrics_of
from python_ingest.errors import BuildFailedError, DiskFullError, IngestError, UsageError
from python_ingest.landing.report import land_records
from python_ingest.settings import Settings
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.writer import open_writer

# Linux kills dbt when we are killed (PR_SET_PDEATHSIG), which loses nothing: nobody else would.
# Who was killed before that word ends it here.
_DBT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv.pop(1)):
    sys.exit(1)
import dbt.cli.main as dbt
from python_ingest.lifecycle.lean_dbt import make_dbt_lean
make_dbt_lean()  # before it reads the project; the plugin would do it afterwards
dbt.cli()
"""
_ROOM_FOR_DBT = 16 << 20  # bytes: its graph, what it parsed, its results
_HEADING = re.compile(r"\w+ Error in \w+ \S+ \(.*\)")  # Runtime Error in model orders (models/...)
_WITHOUT_VIEWS = (
    *(f"resource_type:{kind}" for kind in ("seed", "snapshot", "test")),
    *(f"config.materialized:{kind}" for kind in ("incremental", "table", "cold_export")),
)


@dataclass(frozen=True)
class BuildSummary:
    """How many nodes `dbt build` ran, and how their tests ended.

    `manifest`: dbt's graph. `failed`: what went wrong by unique id, what was not built because of
    it last.
    """

    models: int
    tests_passed: int
    warnings: list[str]
    manifest: Path
    failed: dict[str, str] = field(default_factory=dict)


def run_dbt(arguments: list[str]) -> int:
    """Run dbt in a process of its own; prints what that prints. Returns its code.

    The process is forked from this one where this one keeps the project (warm.py).
    """
    project = warm.kept()
    if project:
        return warm.forked(warm.run_dbt, arguments, project)
    command = [sys.executable, "-c", _DBT, str(os.getpid()), *arguments]
    # Ctrl-C is for us, from its first moment on: Python's own start answers it with a traceback
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, encoding="utf-8", errors="replace", process_group=0
    ) as dbt:
        try:
            for line in dbt.stdout or ():  # printed by us it stands above the progress, not in it
                print(line, end="", flush=True)
        except BaseException:
            dbt.kill()
            raise
    return dbt.returncode


def _record(settings: Settings, document: dict[str, Any]) -> None:
    """Land the results as metrics and logs; an error here does not fail the build."""
    if not settings.observability.enable_metrics:
        return
    records = [("metrics", row) for row in metrics_of(document)]
    records += [("logs", row) for row in logs_of(document)]
    with suppress(IngestError, OSError):
        land_records(settings, records)


def _summary(document: dict[str, Any], manifest: Path) -> BuildSummary:
    results = [(r["unique_id"], r["status"], r["message"] or "") for r in document["results"]]
    kinds = Counter((node.split(".")[0], status) for node, status, _ in results)
    return BuildSummary(
        models=kinds["model", "success"],
        tests_passed=kinds["test", "pass"] + kinds["unit_test", "pass"],
        warnings=[
            f"{node.split('.')[2]}: {message}"
            for node, status, message in results
            if status == "warn"
        ],
        failed={
            **{
                node: _reason(message) or status
                for node, status, message in results
                if status in ("error", "fail", "runtime error")
            },
            **{
                node: "not built, because what it reads failed"
                for node, status, _ in results
                if status == "skipped" and node.startswith("model.")
            },
        },
        manifest=manifest,
    )


def _reason(message: str) -> str:
    """Return what a message of dbt's says first: above an error stand its kind and its node."""
    lines = message.strip().splitlines()
    beneath = [line.strip() for line in lines[1:] if line.strip()]
    if beneath and _HEADING.fullmatch(lines[0].strip()):
        return beneath[0]
    return lines[0] if lines else ""


def require_project() -> None:
    """Raise UsageError, before anything is written, where there is no dbt project."""
    if not Path("dbt_project.yml").exists():
        raise UsageError(f"no dbt_project.yml in {Path.cwd()}: run this in the project's folder")


def forget_other_project(target_dir: Path) -> None:
    """Forget what dbt read of a project in another folder: it would load seeds from there."""
    project, seen = target_dir / "project", str(Path.cwd())
    target_dir.mkdir(parents=True, exist_ok=True)
    if not project.exists() or project.read_text(encoding="utf-8") != seen:
        (target_dir / "partial_parse.msgpack").unlink(missing_ok=True)
        project.write_text(seen, encoding="utf-8")


def _require_room(folder: Path) -> None:
    """Raise DiskFullError where dbt could not write its files: it says that in a traceback."""
    free = shutil.disk_usage(folder).free
    if free < _ROOM_FOR_DBT:
        raise DiskFullError(
            f"dbt's files need {_ROOM_FOR_DBT >> 20} MB in {folder}, {free / 2**20:.1f} MB are free"
        )


def dbt_build(
    settings: Settings, variables: Mapping[str, object], *, views: bool = True
) -> BuildSummary:
    """Build and test every model; what dbt prints of warnings and errors goes to the terminal.

    `variables`: dbt's `--vars`. Without `views` those stay as the last build made them, which is
    right as long as the project is the same. The times, rows and failures of its nodes are landed
    as metrics and logs.

    Raises BuildFailedError when dbt itself fails, DiskFullError when it could not write its files.
    """
    target_dir = settings.data_dir.resolve() / "dbt"
    forget_other_project(target_dir)
    # dbt's debug log costs a fifth of a build in which nothing is new.
    arguments = ["--quiet", "--log-level-file", "info", "build"]
    arguments += ["--target-path", str(target_dir), "--log-path", str(target_dir / "logs")]
    # Unit tests try the SQL on rows of their own, whatever has landed: `make test` runs them.
    arguments += ["--exclude-resource-type", "unit_test"]
    if variables:
        arguments += ["--vars", json.dumps(variables)]
    if not views:  # to exclude them would exclude their tests
        arguments += ["--select", *_WITHOUT_VIEWS]
    results = target_dir / "run_results.json"
    results.unlink(missing_ok=True)
    _require_room(target_dir)
    code = run_dbt(arguments)
    try:
        document = json.loads(results.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        _require_room(target_dir)
        what = "its results cannot be read" if results.exists() else "it did not start"
        raise BuildFailedError(f"dbt build failed, {what}; see the message above") from None
    _record(settings, document)
    summary = _summary(document, target_dir / "manifest.json")
    if any(is_of_every_row(node) for node in summary.failed):
        # where they cannot be read, dbt's own count stays
        with suppress(IngestError, OSError, duckdb.Error), open_writer(settings) as connection:
            read_s3_where_named(connection)
            summary.failed.update(faults_of(connection, document))
    if code and not summary.failed:
        raise BuildFailedError("dbt build failed, nothing was published; see the message above")
    return summary
