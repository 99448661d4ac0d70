"""dbt, and `make docs`, while another process has the database: one line, after one wait."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from dbt_common.exceptions import DbtRuntimeError

from python_ingest.lifecycle.dbt_plugin import Plugin
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

ROOT = Path(__file__).parents[3]
HOLD = """
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer
with open_writer(load_settings()):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def holder(settings: Settings):
    with open_writer(settings) as connection:
        migrate(connection)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_only_the_first_node_of_dbt_waits(
    settings: Settings, holder: subprocess.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = Plugin("warehouse", {})
    creds = SimpleNamespace(
        path=str(settings.database_path), retries=SimpleNamespace(connect_attempts=2)
    )
    waited: list[float] = []
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: (waited.append(seconds), sleep(seconds)))
    for number in range(20):
        with pytest.raises(DbtRuntimeError, match=f"is held by process {holder.pid}"):
            plugin.update_connection_config(creds, {})
        if number == 0:
            of_the_first = len(waited)
            assert of_the_first > 5  # a second, a tenth at a time
    assert len(waited) == of_the_first


def test_make_docs_says_who_has_the_database(settings: Settings, holder: subprocess.Popen) -> None:
    _, _, recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ndocs: ")
    first = recipe.splitlines()[1].strip()
    assert first == "@python -m tools.lineage"
    done = subprocess.run(
        [sys.executable, "-m", "tools.lineage"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert line.startswith(f"ingest: {settings.database_path} is held by process {holder.pid}")
