"""Which folder a command works in, and where that was said."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from python_ingest.settings import CONFIG_FILE, Settings


def where(settings: Settings) -> str:
    """Return the whole paths of DATA_DIR and the database, and what named them."""
    has_file = Path(CONFIG_FILE).exists()
    read = f"{CONFIG_FILE} of {Path.cwd()}" if has_file else f"no {CONFIG_FILE} in {Path.cwd()}"
    named = "DATA_DIR" if "DATA_DIR" in os.environ else f"DATA_DIR not set, {read}"
    said = f"{settings.data_dir.absolute()} ({named})"
    if settings.database_path.parent != settings.data_dir or "DATABASE_PATH" in os.environ:
        said += f", database {settings.database_path.absolute()}"
    return said


def say_where_if_new(settings: Settings) -> None:
    """Say which folder a command makes, where the working folder is no project's.

    Whoever calls `ingest land` in another folder than yesterday begins a second warehouse.
    """
    if "DATA_DIR" in os.environ or "DATABASE_PATH" in os.environ:
        return
    if not settings.database_path.exists() and not Path(CONFIG_FILE).exists():
        print(f"ingest: a new warehouse in {where(settings)}", file=sys.stderr, flush=True)
