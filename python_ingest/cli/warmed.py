"""Imported by the process that forks cycles (resident.py): all that a cycle imports and reads."""

import os
import shutil
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from python_ingest.cli.resident import READ_FOR
from python_ingest.cli.warm import keep_warm

_LOOK_SECONDS = 0.2
_MOST_TRIES = 20


def _end_with(parent: int, read: Event, folder: str) -> None:
    """End this process when its parent has ended: it would read on, and hold the terminal."""
    while os.getppid() == parent:
        if read.wait(_LOOK_SECONDS):
            return
    for _ in range(_MOST_TRIES):  # others write there to the end
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            break
    os._exit(1)


with TemporaryDirectory() as folder:
    read = Event()
    parent = int(os.environ.get(READ_FOR, os.getppid()))  # it may have ended before we began
    watching = Thread(target=_end_with, args=(parent, read, folder), daemon=True)
    watching.start()
    import_module("python_ingest.cli.cycle")
    with suppress(ImportError):  # an audit says what it lacks
        import_module("python_ingest.audit.expectations")
    keep_warm(Path.cwd(), Path(folder))
    read.set()
    watching.join()  # a child is forked of one thread
