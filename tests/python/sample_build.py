"""The sample, landed and built as `make build` does it."""

import fcntl
import json
import shutil
from pathlib import Path

from forked import run_dbt
from forked import run_ingest as ingest

from python_ingest.publication.manifest import read_manifest
from python_ingest.reporting.compare import compare
from python_ingest.reporting.grain import grains

REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "sample"
MANIFEST = json.loads((SAMPLE / "manifest.json").read_text())
# What a build tells of itself is new each time.
TOLD_BY_BUILDS = {"application_logs", "system_metrics", "system_metrics_1h", "landings"}
# The files are others where the time of a build is part of a row.
FILES = "cold_files"


def make_build(data_dir: Path, parts: int = 1) -> str:
    """Land the sample's files in parts, each with a cycle; returns what was printed."""
    printed = ""
    for part in range(parts):
        for file in MANIFEST["files"][part::parts]:
            done = ingest(data_dir, "land", file["kind"], str(SAMPLE / file["file"]))
            assert done.returncode == 0, done.stderr
            printed += done.stdout
        done = ingest(data_dir, "cycle", "--as-of", MANIFEST["as_of"])
        assert done.returncode == 0, done.stdout + done.stderr
        printed += done.stdout
    return printed


def the_sample(base: Path) -> Path:
    """The DATA_DIR of one build for all workers (`base`: their folder); nobody changes it."""
    data_dir = base / "sample" / "data"
    data_dir.parent.mkdir(exist_ok=True)
    with (data_dir.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (data_dir.parent / "built").exists():
            make_build(data_dir)
            (data_dir.parent / "built").touch()
    return data_dir


def copied(sample: Path, folder: Path) -> Path:
    """A copy of the sample in `folder`, its DATA_DIR, published anew: cold files lie there now."""
    data_dir = folder / "data"
    shutil.copytree(sample, data_dir)
    done = ingest(data_dir, "cycle", "--as-of", MANIFEST["as_of"])
    assert done.returncode == 0, done.stdout + done.stderr
    return data_dir


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
