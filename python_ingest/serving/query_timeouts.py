"""One thread a pool that interrupts queries at their timeout and limits how many run at once.

Four queries at a time on two cores answer more clients than fifty at a time, so a query waits for
a slot. A query that runs longer than 20 ms releases its slot to the next one and runs on, so that
no query waits for a long one to end.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from python_ingest.errors import DatabaseError
from python_ingest.serving.fair_semaphore import FairSemaphore
from python_ingest.serving.opened import Connection

_TICK_SECONDS = 0.01
_SLOT_SECONDS = 0.02
_CLOSING_SECONDS = 5


@dataclass(eq=False)
class Running:
    """A running query: its start and deadline (`time.monotonic`), and whether it holds a slot.

    `gone` tells whether the client still wants the answer. It is asked until `end` only.
    """

    connection: Connection
    started: float
    deadline: float
    has_slot: bool
    gone: Callable[[], bool]
    interrupted: bool = False
    abandoned: bool = False


def nobody_left() -> bool:
    """Tell that the client is there: it is this process."""
    return False


class QueryTimeouts:
    """The running queries of one pool: call `begin` before each query and `end` after it."""

    def __init__(self, slots: FairSemaphore) -> None:
        self._slots = slots
        self._lock = threading.Lock()
        self._running: set[Running] = set()
        self._busy = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="query-timeouts", daemon=True)
        self._thread.start()

    def begin(
        self, connection: Connection, timeout: float, gone: Callable[[], bool] = nobody_left
    ) -> Running:
        """Wait for a slot, then register the query; `timeout` in seconds counts from then on.

        Raises DatabaseError after `close`.
        """
        # A query that waited longer than the timeout runs without a slot.
        has_slot = self._slots.acquire(timeout)
        now = time.monotonic()
        running = Running(connection, now, now + timeout, has_slot, gone)
        with self._lock:
            if self._closed:
                self._release_slot(running)
                raise DatabaseError("the pool was closed before the query ran")
            self._running.add(running)
        if not self._busy.is_set():
            self._busy.set()
        return running

    def end(self, running: Running) -> None:
        """Remove the query; nothing interrupts its connection after this."""
        with self._lock:
            self._running.remove(running)
            self._release_slot(running)

    def close(self) -> None:
        """Interrupt all running queries until they have ended; no other one begins.

        Once is not enough: one that has begun here may not have begun in the engine. It waits for
        them a while: the engine hears nothing while it hands over rows.
        """
        with self._lock:
            self._closed = True
        self._busy.set()
        self._thread.join(_CLOSING_SECONDS)

    def _release_slot(self, running: Running) -> None:
        if running.has_slot:
            running.has_slot = False
            self._slots.release()

    def _run(self) -> None:
        while self._running or not self._closed:
            self._busy.wait()
            time.sleep(_TICK_SECONDS)
            with self._lock:
                self._check(time.monotonic())
                if not self._running and not self._closed:
                    self._busy.clear()

    def _check(self, now: float) -> None:
        for running in self._running:
            if self._closed:
                running.connection.interrupt()
            elif now >= running.deadline or running.gone():
                running.interrupted = now >= running.deadline
                running.abandoned = not running.interrupted
                running.connection.interrupt()
            if self._slots.waiting and now - running.started > _SLOT_SECONDS:
                self._release_slot(running)
