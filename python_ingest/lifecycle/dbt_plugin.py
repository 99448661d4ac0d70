"""dbt-duckdb plugin: dbt's connection runs with the same settings as `ingest`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from python_ingest.settings import load_settings
from python_ingest.storage.writer import session_config


class Plugin(BasePlugin):
    """Applies database.toml to every connection dbt opens."""

    def initialize(self, config: dict[str, Any]) -> None:
        """Read the settings once; a wrong value stops dbt with its key."""
        self._settings = load_settings()

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Stop before dbt makes an empty database, or opens another one than `ingest` does."""
        path = self._settings.database_path
        if Path(creds.path).resolve() != path.resolve():
            raise DbtRuntimeError(
                f"dbt would open {creds.path}, ingest writes {path}: export DATABASE_PATH={path}"
            )
        if not path.exists():
            raise DbtRuntimeError(f"{path} is not initialised: run `ingest init`")

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Set the limits of database.toml."""
        for name, value in session_config(self._settings).items():
            conn.execute(f"set global {name} = ?", [value])
