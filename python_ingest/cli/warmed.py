"""Imported by the process that forks cycles (resident.py): all that a cycle imports and reads."""

from contextlib import suppress
from importlib import import_module
from pathlib import Path

from python_ingest.cli.warm import keep_warm

import_module("python_ingest.cli.cycle")
with suppress(ImportError):  # an audit says what it lacks
    import_module("python_ingest.audit.expectations")
keep_warm(Path.cwd())
