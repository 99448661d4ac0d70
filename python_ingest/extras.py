"""Packages that only some commands need, and what to install where they are missing.

require("serve", "ingest serve")    # UsageError: ... pip install 'trading-warehouse[serve]'
if why := lacking("audit"): ...     # what can be left out is left out
"""

from importlib.util import find_spec

from python_ingest.errors import UsageError

# Modules of the extras of pyproject.toml; an extra without packages is always there.
MODULES = {
    "audit": ("great_expectations", "pandas"),
    "migrate": ("adbc_driver_manager", "adbc_driver_postgresql", "psycopg", "opentelemetry.sdk"),
    "s3": ("boto3", "fsspec", "obstore"),
    "serve": ("google.protobuf", "opentelemetry.sdk"),
    "stream": ("websockets",),
}


def lacking(extra: str) -> str | None:
    """Return which package of an extra is not installed and what to do; None where all are."""
    for module in MODULES[extra]:
        if not _is_there(module):
            return f"{module} is not installed: pip install 'trading-warehouse[{extra}]'"
    return None


def require(extra: str, what: str) -> None:
    """Raise UsageError, which says what to install, where `what` cannot be done without it."""
    if why := lacking(extra):
        raise UsageError(f"{what}: {why}")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is not there
        return False
