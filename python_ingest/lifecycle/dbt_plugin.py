"""dbt-duckdb plugin: applies the settings of `ingest` to dbt's connection and exports rows.

SQL knows neither rename nor fsync, so the materialisation `cold_export` (macros/retention) calls
`store` through dbt's `adapter.store_relation`.
"""

import gc
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.duckdb.utils import TargetConfig
from dbt_common.exceptions import DbtRuntimeError

from python_ingest.errors import IngestError
from python_ingest.lifecycle.export import Leaving, export
from python_ingest.lifecycle.lean_dbt import make_dbt_lean
from python_ingest.lifecycle.other_form import keep_other_forms
from python_ingest.schema.version import require_current
from python_ingest.settings import load_settings
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import make_view
from python_ingest.storage.s3_session import read_s3_where_named
from python_ingest.storage.writer import session_config, sole_process, transaction


class Plugin(BasePlugin):
    """Applies database.toml to every connection dbt opens."""

    def initialize(self, config: dict[str, Any]) -> None:
        """Read the settings once; a wrong value stops dbt with a message that names its key."""
        make_dbt_lean()
        keep_other_forms()
        self._one_export = Lock()  # dbt has several threads, the manifest one numbering
        self._settings = load_settings()
        self._alone = ExitStack()  # until the process ends, as dbt's connection
        self._busy: str | None = None

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Keep other processes of ours from the database while dbt has it open.

        Stops before dbt makes an empty database, or opens another one than `ingest` does.
        """
        path = self._settings.database_path
        if Path(creds.path).resolve() != path.resolve():
            raise DbtRuntimeError(
                f"dbt would open {creds.path}, ingest writes {path}: export DATABASE_PATH={path}"
            )
        if not path.exists():
            raise DbtRuntimeError(
                f"{path.resolve()} is not there: run `ingest init`, or name the folder of the"
                " warehouse by DATA_DIR"
            )
        if self._busy:  # each node of dbt asks anew, and would wait as long as the one before
            raise DbtRuntimeError(self._busy)
        # As long as dbt waits for others: 1, 2, 4 ... seconds between its attempts.
        seconds = 2 ** (creds.retries.connect_attempts - 1) - 1 if creds.retries else 0
        try:
            self._alone.enter_context(sole_process(self._settings, timeout_ms=seconds * 1000))
        except IngestError as error:
            self._busy = str(error)
            raise DbtRuntimeError(self._busy) from error

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Set the limits of database.toml; stop where the schema is another version's."""
        try:
            require_current(conn)
        except IngestError as error:
            raise DbtRuntimeError(str(error)) from error
        self._connection = conn
        gc.freeze()  # else Python scans dbt's manifest for garbage: a tenth of a build
        for name, value in session_config(self._settings).items():
            conn.execute(f"set global {name} = ?", [value])
        # All models wait during a checkpoint; closing the file makes one anyway.
        conn.execute("set global checkpoint_threshold = '1GB'")
        read_s3_where_named(conn)

    def store(self, target_config: TargetConfig) -> None:
        """Make the views over cold files, or export one relation: `task` says which.

        It uses its own connection, outside dbt's transactions.
        """
        task: dict[str, Any] = target_config.config
        try:
            with self._connection.cursor() as connection:
                connection.execute("set TimeZone = 'UTC'")
                if "views" in task:
                    self._make_views(connection, task["views"])
                else:
                    self._export(connection, task)
        except IngestError as error:
            raise DbtRuntimeError(str(error)) from error

    def _make_views(
        self, connection: duckdb.DuckDBPyConnection, views: dict[str, list[list[str]]]
    ) -> None:
        with transaction(connection):
            for relation, columns in views.items():
                typed = [(name, kind) for name, kind in columns if name != "date"]
                make_view(connection, self._settings.data_dir, relation, [*typed, ("date", "DATE")])

    def _export(self, connection: duckdb.DuckDBPyConnection, task: dict[str, Any]) -> None:
        leaving = Leaving(
            RELATIONS[task["export"]],
            task["sql"],
            per_symbol=bool(task["per_symbol"]),
            cold_store=self._settings.retention.cold_store,
        )
        with self._one_export:
            export(connection, self._settings.data_dir, leaving)
