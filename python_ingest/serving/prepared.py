"""Statements that clients prepared: their text and the values bound to it, for a while."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from python_ingest.errors import NotPreparedError
from python_ingest.serving.results import Parameters

MOST = 1000
KEPT_SECONDS = 3600.0
_MOST_BYTES = 64_000_000


@dataclass
class Prepared:
    """A statement: its text, its values (None: not bound yet), when it was used, its bytes."""

    sql: str
    params: Parameters
    used: float
    size: int


class PreparedStatements:
    """Up to `MOST` statements, each until nobody used it for an hour; thread-safe.

    At the limits the one that was not used for longest goes: clients that do not close theirs
    hinder nobody. Raises NotPreparedError for a handle that is not known any more.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Prepared] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, sql: str) -> bytes:
        """Keep a statement; return its handle, which nobody can guess."""
        handle = secrets.token_bytes(16)
        with self._lock:
            size = len(sql)
            self._kept[handle] = Prepared(sql, None, self._clock(), size)
            self._bytes += size
            self._drop_old()
        return handle

    def bind(self, handle: bytes, params: Parameters, size: int) -> None:
        """Give a statement its values, which take `size` bytes; former ones are replaced."""
        with self._lock:
            prepared = self._used(handle)
            size += len(prepared.sql)
            self._bytes += size - prepared.size
            prepared.params, prepared.size = params, size
            self._drop_old()

    def find(self, handle: bytes) -> tuple[str, Parameters]:
        """Return a statement's text and values."""
        with self._lock:
            prepared = self._used(handle)
            return prepared.sql, prepared.params

    def remove(self, handle: bytes) -> None:
        """Forget a statement; an unknown one is forgotten already."""
        with self._lock:
            if prepared := self._kept.pop(handle, None):
                self._bytes -= prepared.size

    def _used(self, handle: bytes) -> Prepared:
        self._drop_old()
        prepared = self._kept.get(handle)
        if prepared is None:
            raise NotPreparedError(
                "this statement is not prepared, or not any more: prepare it again (one that is not"
                f" used for {KEPT_SECONDS / 60:.0f} minutes goes, and beyond {MOST} the oldest)"
            )
        prepared.used = self._clock()
        self._kept.move_to_end(handle)
        return prepared

    def _drop_old(self) -> None:
        oldest = self._clock() - KEPT_SECONDS
        while self._kept:
            handle, prepared = next(iter(self._kept.items()))
            full = len(self._kept) > MOST or self._bytes > _MOST_BYTES
            if not full and prepared.used >= oldest:
                return
            self._kept.pop(handle)
            self._bytes -= prepared.size
