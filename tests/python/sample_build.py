"""The sample, landed and built as `make build` does it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from dbt_process import run_dbt

from python_ingest.reporting.compare import compare
from python_ingest.reporting.grain import grains, read_manifest

REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "sample"
MANIFEST = json.loads((SAMPLE / "manifest.json").read_text())
# What a build tells of itself is new each time.
TOLD_BY_BUILDS = {"application_logs", "system_metrics", "system_metrics_1h", "landings"}
# The files are others where the time of a build is part of a row.
FILES = "cold_files"


def ingest(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "python_ingest", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )


def make_build(data_dir: Path) -> str:
    """Land the sample in two parts, each with a cycle, so that the second builds incrementally."""
    printed = ""
    files = MANIFEST["files"]
    for part in (files[::2], files[1::2]):
        for file in part:
            done = ingest(data_dir, "land", file["kind"], str(SAMPLE / file["file"]))
            assert done.returncode == 0, done.stderr
            printed += done.stdout
        done = ingest(data_dir, "cycle", "--as-of", MANIFEST["as_of"])
        assert done.returncode == 0, done.stdout + done.stderr
        printed += done.stdout
    return printed


def dbt(data_dir: Path, *arguments: str) -> str:
    done = run_dbt(data_dir, *arguments, target="dbt")
    assert done.returncode == 0, done.stdout
    return done.stdout


def assert_same_rows(before: Path, after: Path, built: Path) -> None:
    """Two files of the DATA_DIR `built` agree, row by row, but for when a row was built."""
    found = compare(before, after, grains(read_manifest(built / "dbt" / "manifest.json")))
    assert len(found.differences) > 10
    for difference in found.differences:
        if difference.relation in TOLD_BY_BUILDS:
            assert difference.removed == difference.changed == 0, difference
        elif difference.relation != FILES:
            assert difference.is_same, difference
    assert found.only_before == found.only_after == []
