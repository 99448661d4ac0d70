import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


def ingest(*arguments, cwd, **env):
    return subprocess.run(
        [sys.executable, "-c", "from python_ingest.cli.main import main; main()", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_writes_into_the_data_folder_and_says_what_to_land(tmp_path):
    done = ingest("demo", "--rows", "500", cwd=tmp_path, DATA_DIR="store")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "500 ticks" in done.stdout
    assert "ingest land ticks store/demo/ticks_*.parquet" in done.stdout
    assert (tmp_path / "store/demo/orders.parquet").exists()


def test_json_names_every_file_in_landing_order(tmp_path):
    done = ingest("demo", "--rows", "500", "--days", "2", "--out", "x", "--json", cwd=tmp_path)
    files = json.loads(done.stdout)
    kinds = ["ticks", "ticks", "cash", "orders", "metrics", "logs"]
    assert [entry["kind"] for entry in files] == kinds
    assert all((tmp_path / entry["file"]).exists() for entry in files)


@pytest.mark.parametrize("option", ["rows", "symbols", "days", "orders"])
def test_a_wrong_number_is_one_line_and_exit_code_2(tmp_path, option):
    done = ingest("demo", f"--{option}", "0", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"ingest: --{option} must be")
    assert done.stderr.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_help_shows_an_example(tmp_path):
    assert "Example: ingest demo" in ingest("demo", "--help", cwd=tmp_path).stdout


def test_what_is_installed_finds_it_in_the_project_s_folder_or_says_where_it_is(tmp_path):
    """`pip install .` copies the package alone."""
    shutil.copytree(REPOSITORY / "python_ingest", tmp_path / "installed" / "python_ingest")
    command = [sys.executable, "-P", "-m", "python_ingest", "demo", "--rows", "500", "--out"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    for folder, code in ((REPOSITORY, 0), (tmp_path, 2)):
        done = subprocess.run(
            [*command, str(tmp_path / "x")],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
    assert done.stderr.startswith("ingest: ingest demo: it is in tools/demo of the project's")
    assert done.stderr.count("\n") == 1
