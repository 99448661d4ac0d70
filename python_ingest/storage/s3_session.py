"""Who we are on S3, and DuckDB sessions that read cold files there.

Endpoint and credentials come from the environment only (AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL,
AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN).
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from python_ingest.errors import ConfigError
from python_ingest.extras import require

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

    from python_ingest.storage.s3_files import S3Files

SCHEME = "s3://"


class Login(NamedTuple):
    """Credentials, region and endpoint; no endpoint: Amazon's."""

    key_id: str
    secret: str
    token: str | None
    region: str
    endpoint: str | None


def s3_login(what: str) -> Login:
    """Return what the environment says; ConfigError for `what` where it lacks credentials."""
    env = os.environ
    missing = [n for n in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not env.get(n)]
    if missing:
        raise ConfigError(f"{what}: set {' and '.join(missing)} in the environment")
    return Login(
        env["AWS_ACCESS_KEY_ID"],
        env["AWS_SECRET_ACCESS_KEY"],
        env.get("AWS_SESSION_TOKEN"),
        env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
        env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None,
    )


def read_s3(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a session, and those of the same engine, read S3 with the environment's credentials.

    Raises ConfigError when they are not there, UsageError where the extra [s3] is not installed.
    """
    login = s3_login("cold files lie on S3")
    require("s3", "cold files lie on S3")
    if not connection.filesystem_is_registered("s3"):
        connection.register_filesystem(_files(login))


@lru_cache(maxsize=1)
def _files(login: Login) -> S3Files:
    """Return the process's one file system, so that its sessions share a listing."""
    # most processes read no cold file on S3
    from obstore.store import S3Store  # noqa: PLC0415

    from python_ingest.storage.s3_files import S3Files  # noqa: PLC0415

    config: S3Config = {
        "access_key_id": login.key_id,
        "secret_access_key": login.secret,
        "region": login.region,
        # other stores than Amazon's seldom have a host name per bucket
        "virtual_hosted_style_request": login.endpoint is None,
    }
    if login.token:
        config["session_token"] = login.token
    if login.endpoint:
        config["endpoint"] = login.endpoint
    client: ClientConfig = {"allow_http": (login.endpoint or "").startswith("http://")}
    return S3Files(lambda bucket: S3Store(bucket, config=config, client_options=client))


def read_s3_where_named(connection: duckdb.DuckDBPyConnection) -> None:
    """Do so where a view of any attached database names a file there; else it costs nothing."""
    named = "select 1 from duckdb_views() where not internal and contains(sql, ?) limit 1"
    if connection.execute(named, [f"'{SCHEME}"]).fetchall():
        read_s3(connection)
