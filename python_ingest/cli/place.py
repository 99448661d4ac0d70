"""Which folder a command works in, and where that was said."""

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


def say_where(settings: Settings) -> None:
    """Say which folder is used where nothing named one: whoever is elsewhere makes a second one."""
    if not {"DATA_DIR", "DATABASE_PATH"} & set(os.environ) and not Path(CONFIG_FILE).exists():
        print(f"ingest: working in {where(settings)}", file=sys.stderr, flush=True)
