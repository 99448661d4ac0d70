"""Imported by the process that forks dbt: one build of nothing, so that its children find all warm.

What a first build makes and keeps in memory (compiled macros, code that reads and writes the
manifest) takes 2 seconds of each build that comes first.
"""

import os
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

from dbt.adapters.duckdb import connections
from dbt.cli.main import dbtRunner

from python_ingest.schema.migrate import migrate
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_writer

PROJECT = Path(__file__).parents[2]


def warm() -> None:
    """Build the project in an empty database."""
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {"DATA_DIR": folder}):
        os.environ.pop("DATABASE_PATH", None)
        with open_writer(load_settings()) as connection:
            migrate(connection)
        place = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        place += ["--target-path", f"{folder}/target", "--log-path", f"{folder}/logs"]
        with redirect_stdout(None):
            built = dbtRunner().invoke(["--quiet", "--log-level-file", "none", "build", *place])
        connections.DuckDBConnectionManager.close_all_connections()
    assert built.success, built.exception


warm()
