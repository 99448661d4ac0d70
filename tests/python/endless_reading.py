"""Imported by a resident cycle of tests whose project is never read to its end.

Who reads it imports this first (preloaded.py), reads, and then goes on for as long as a test wants.
"""

import time
from pathlib import Path

from preloaded import also_preload

from python_ingest.cli import warm

_read = warm.keep_warm


def _for_ever(project: Path, folder: Path) -> None:
    _read(project, folder)
    while True:
        time.sleep(1)


warm.keep_warm = _for_ever
also_preload(__name__)
