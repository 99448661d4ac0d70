"""A door for a limited number at once, first come, first served."""

from __future__ import annotations

import threading
from collections import deque


class FairGate:
    """Lets `places` threads in at once and the others one by one in the order they came.

    `threading.Semaphore` keeps no order: under load it starved single readers for seconds.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    @property
    def free(self) -> int:
        """Places that nobody has."""
        return self._free

    @property
    def waiting(self) -> int:
        """Threads that stand in line."""
        return len(self._waiting)

    def enter(self, timeout: float) -> bool:
        """Take a place; False when none became free within `timeout` seconds."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            ticket = threading.Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        if ticket.acquire(timeout=timeout):
            return True
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                return False
        return True  # the place was handed over in this very moment

    def leave(self) -> None:
        """Hand the place to the next in line."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
