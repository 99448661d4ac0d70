"""DuckDB sessions that read cold files on S3: httpfs from its wheel, credentials in memory only."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from python_ingest.errors import ConfigError
from python_ingest.storage.sql import literal, sql_path

SCHEME = "s3://"


def read_s3(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a session, and those of the same engine, read S3 with the environment's credentials.

    The same variables as storage/s3_store.py. Raises ConfigError when they are not there.
    """
    env = os.environ
    missing = [n for n in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not env.get(n)]
    if missing:
        raise ConfigError(f"cold files lie on S3: set {' and '.join(missing)} in the environment")
    secret = {
        "key_id": env["AWS_ACCESS_KEY_ID"],
        "secret": env["AWS_SECRET_ACCESS_KEY"],
        "region": env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
    }
    if env.get("AWS_SESSION_TOKEN"):
        secret["session_token"] = env["AWS_SESSION_TOKEN"]
    encrypted = "true"
    endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL")
    if endpoint:
        url = urlsplit(endpoint)
        # other stores than Amazon's seldom have a host name per bucket
        secret |= {"endpoint": url.netloc, "url_style": "path"}
        encrypted = "true" if url.scheme == "https" else "false"
    given = ", ".join(f"{name} {literal(value)}" for name, value in secret.items())
    connection.execute(f"load {sql_path(_extension())}")
    connection.execute(
        f"create or replace temporary secret cold_store (type s3, use_ssl {encrypted}, {given})"
    )


def read_s3_where_named(connection: duckdb.DuckDBPyConnection) -> None:
    """Do so where a view of any attached database names a file there; else it costs nothing."""
    named = "select 1 from duckdb_views() where not internal and contains(sql, ?) limit 1"
    if connection.execute(named, [f"'{SCHEME}"]).fetchall():
        read_s3(connection)


def _extension() -> Path:
    try:
        folder = Path(str(files("duckdb_extension_httpfs")))
    except ModuleNotFoundError:
        folder = Path()
    path = folder / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
    if not path.exists():
        raise ConfigError(
            "cold files lie on S3, and httpfs is not there: install duckdb-extension-httpfs"
            f"=={duckdb.__version__}"
        )
    return path
