"""Ctrl-C: one line and exit code 130, from a command's first moment on; a second one kills.

    ingest = "python_ingest.interrupts:main"

is the console script: it can say that line while the command itself is still being imported.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

_LONGEST_WAIT = 0.5  # seconds
_CODE = 128 + signal.SIGINT
_LINE = "ingest: interrupted; what was acknowledged stays"


def main() -> None:
    """Import and run the command line."""
    signal.signal(signal.SIGINT, _end)
    # Python's own process that frees what a killed one left says so in two lines
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    from python_ingest.cli.main import main as run  # noqa: PLC0415 - this is what takes long

    pressed: list[int] = []

    def press(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, press)
    try:
        run()
    except BaseException:
        # the engine and the libraries make errors of their own of it
        if not pressed:
            raise
        print(_LINE, file=sys.stderr, flush=True)
        # threads that are at work are waited for, but not for long
        last = threading.Timer(_LONGEST_WAIT, os._exit, [_CODE])
        last.daemon = True
        last.start()
        sys.exit(_CODE)


def _end(number: int, frame: FrameType | None) -> None:
    os.write(sys.stderr.fileno(), f"{_LINE}\n".encode())
    os._exit(_CODE)
