"""One thread that looks after running queries: it ends late ones and lends the turns of long ones.

A turn is a place among the few queries that run at once: four at a time on two cores answer more
clients than fifty at a time. So that a long query keeps nobody waiting, its turn goes to the
next after a moment and the long one runs on beside them.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from python_ingest.reading.gate import FairGate
from python_ingest.reading.opened import Connection

_TICK_SECONDS = 0.01
_TURN_SECONDS = 0.02


@dataclass(eq=False)
class Running:
    """A query that runs: when it must end and whether it still has its turn."""

    connection: Connection
    started: float
    deadline: float
    has_turn: bool
    interrupted: bool = False


class Watch:
    """Holds the running queries of one pool."""

    def __init__(self, turns: FairGate) -> None:
        self._turns = turns
        self._lock = threading.Lock()
        self._running: set[Running] = set()
        self._busy = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._look_after, name="reader-watch", daemon=True)
        self._thread.start()

    def begin(self, connection: Connection, timeout: float) -> Running:
        """Wait for a turn, then note that a query runs on `connection` (seconds)."""
        # Turns are lent after a moment, so the wait is short; who waited too long runs anyway.
        has_turn = self._turns.enter(timeout)
        now = time.monotonic()
        running = Running(connection, now, now + timeout, has_turn)
        with self._lock:
            self._running.add(running)
        if not self._busy.is_set():
            self._busy.set()
        return running

    def end(self, running: Running) -> None:
        """Note that the query is over; nothing interrupts its connection after this."""
        with self._lock:
            self._running.remove(running)
            self._give_turn(running)

    def close(self) -> None:
        """Interrupt what runs and stop the thread."""
        with self._lock:
            self._closed = True
            for running in self._running:
                running.connection.interrupt()
        self._busy.set()
        self._thread.join()

    def _give_turn(self, running: Running) -> None:
        if running.has_turn:
            running.has_turn = False
            self._turns.leave()

    def _look_after(self) -> None:
        while not self._closed:
            self._busy.wait()
            time.sleep(_TICK_SECONDS)
            with self._lock:
                self._check(time.monotonic())
                if not self._running and not self._closed:
                    self._busy.clear()

    def _check(self, now: float) -> None:
        for running in self._running:
            if now >= running.deadline:
                running.interrupted = True
                running.connection.interrupt()
            if self._turns.waiting and now - running.started > _TURN_SECONDS:
                self._give_turn(running)
