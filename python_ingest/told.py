"""Whether a signal came, for who stays until one does.

    told = Told(signal.SIGTERM)
    while not told.wait(10):
        look()

An Event will not do: a signal that the system gives to another thread wakes nobody who waits for
one without an end, and its handler must not take the lock that the waiting thread holds.
"""

import math
import signal
import time

_GLANCE_SECONDS = 0.1


class Told:
    """Takes signals from now on. Made in the main thread."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self._came = False
        for number in numbers:
            signal.signal(number, self._come)

    def _come(self, *_: object) -> None:
        self._came = True

    def is_set(self) -> bool:
        """Whether one came."""
        return self._came

    def wait(self, seconds: float = math.inf) -> bool:
        """Wait until one comes, or for so long; return whether one came."""
        ends = time.monotonic() + seconds
        while not self._came and (left := ends - time.monotonic()) > 0:
            time.sleep(min(_GLANCE_SECONDS, left))
        return self._came
