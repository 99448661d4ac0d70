"""Ctrl-C: one line and exit code 130, from a command's first moment on; a second one kills.

    ingest = "python_ingest.interrupts:main"

is the console script: it can say that line while the command itself is still being imported.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:  # an import takes time in which the key is answered with a traceback
    from pathlib import Path
    from types import FrameType

# To end orderly a command has this long, in seconds; to be killed loses nothing either.
_LONGEST_WAIT = 1.0
_CODE = 128 + signal.SIGINT
_LINE = "ingest: interrupted; what was acknowledged stays"
_PLAIN = "\r\x1b[2K\x1b[?25h"  # a bar of progress hides the cursor; the key itself shows ^C
_said = allocate_lock()
# A command that lands names its spool here, so that the line can say what waits there.
spool: Path | None = None


def main() -> None:
    """Import and run the command line."""
    signal.signal(signal.SIGINT, _end)
    # Python's own process that frees what a killed one left says so in two lines
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    import threading  # noqa: PLC0415 - not before the key is heard

    from python_ingest.cli.main import main as run  # noqa: PLC0415 - this is what takes long

    pressed: list[int] = []

    def stop_listening() -> None:
        # Python takes half a second to free what there was, in which it hears no key itself:
        # the system would end without a word, and as killed, a command that is done.
        if not pressed:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    atexit.register(stop_listening)  # as the first one: runs last

    def press(number: int, frame: FrameType | None) -> None:
        if _is_importing(frame):
            _end(number, frame)
        pressed.append(number)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # where it is raised in a destructor or a thread nobody catches it
        sys.unraisablehook = lambda _: None
        threading.excepthook = lambda _: None
        raise KeyboardInterrupt

    try:
        signal.signal(signal.SIGINT, press)
        _start_waiting()
        run()
    except BaseException:
        # the engine and the libraries make errors of their own of it
        if not pressed:
            raise
        _say()
        sys.exit(_CODE)


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported: one in C++ aborts the process at an exception."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _start_waiting() -> None:
    """Wait for Ctrl-C in a thread: it is told of one while the main thread is in the engine."""
    from threading import Thread  # noqa: PLC0415 - as above

    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    Thread(target=_wait_for_ctrl_c, args=(heard,), daemon=True).start()


def _wait_for_ctrl_c(heard: int) -> None:
    """End the process at the second Ctrl-C, or when the first one did not for too long."""
    while os.read(heard, 1)[0] != signal.SIGINT:
        pass
    select.select([heard], [], [], _LONGEST_WAIT)
    _end(signal.SIGINT, None)


def _end(number: int, frame: FrameType | None) -> None:
    _say()
    os._exit(_CODE)


def _say() -> None:
    """Print the line, once."""
    if _said.acquire(blocking=False):
        plain = _PLAIN if os.isatty(sys.stderr.fileno()) else ""
        os.write(sys.stderr.fileno(), f"{plain}{_LINE}{_waiting()}\n".encode())


def _waiting() -> str:
    """Say how many segments wait to be landed."""
    try:
        number = len([*spool.glob("*.parquet")]) if spool else 0
    except OSError:
        return ""
    what = f"{number:,} in the spool wait{'s' * (number == 1)} for"
    return f"; {what}: ingest land --pending" if number else ""
