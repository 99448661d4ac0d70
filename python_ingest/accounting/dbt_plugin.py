"""dbt-duckdb plugin: the functions of python_ingest.accounting in every model."""

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from python_ingest.accounting.functions import register


class Plugin(BasePlugin):
    """Registers the functions on every connection that dbt opens."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register the folds."""
        register(conn)
