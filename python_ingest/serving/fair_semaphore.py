"""A fair semaphore: waiting threads enter in the order in which they came."""

import threading
from collections import deque


class FairSemaphore:
    """Admits up to `slots` threads at once; the others wait, and the first to wait enters first.

    `threading.Semaphore` keeps no order: under load it starved single readers for seconds.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    @property
    def free(self) -> int:
        """Free slots."""
        return self._free

    @property
    def waiting(self) -> int:
        """Threads that wait for a slot."""
        return len(self._waiting)

    def __enter__(self) -> None:
        """Take a slot, however long that takes, until the block ends."""
        self.acquire(threading.TIMEOUT_MAX)

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self, timeout: float) -> bool:
        """Take a slot; False when none became free within `timeout` seconds."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            ticket = threading.Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        try:
            if ticket.acquire(timeout=max(timeout, 0)):
                return True
        except BaseException:  # Ctrl-C, while it waited
            if not self._gave_up(ticket):
                self.release()
            raise
        return not self._gave_up(ticket)

    def _gave_up(self, ticket: threading.Lock) -> bool:
        """Wait no longer; False where `release` has just passed the slot on."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                return True
        return False

    def release(self) -> None:
        """Pass the slot to the thread that has waited longest, or free it."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
