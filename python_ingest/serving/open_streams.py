"""Answers that are still being sent: how many, and for how long a client may pause."""

import threading
import time
from collections.abc import Generator, Iterator
from itertools import chain

import pyarrow as pa

from python_ingest.errors import ConnectionTimeoutError, QueryTimeoutError

_LOOK_SECONDS = 0.5

Batches = Generator[pa.RecordBatch, None, None]


class OpenStreams:
    """Up to `most` answers whose clients read them bit by bit; each holds a connection.

    A client that takes nothing for `patience` seconds loses its answer, and the connection is free.
    """

    def __init__(self, most: int, patience: float) -> None:
        self._most = most
        self._patience = patience
        self._lock = threading.Lock()
        self._open: set[_Stream] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._close_paused, name="open-streams", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._open)

    def send(self, first: list[pa.RecordBatch], rest: Batches) -> Batches:
        """Return all batches in turn; `first` were taken already.

        Raises ConnectionTimeoutError when too many answers are being sent, and QueryTimeoutError
        on the way when the client paused too long. In both cases `rest` is closed.
        """
        stream = _Stream(first, rest)
        with self._lock:
            if len(self._open) < self._most:
                self._open.add(stream)
                return self._sent(stream)
        rest.close()
        raise ConnectionTimeoutError(
            f"{self._most} large answers are being sent already (half of pool.max_readers):"
            " try again, or narrow the query"
        )

    def _sent(self, stream: "_Stream") -> Batches:
        try:
            yield from stream
        finally:
            self._forget(stream)
            stream.close()

    def close(self) -> None:
        """Give up the answers whose clients pause, and stop the thread."""
        self._stop.set()
        self._thread.join()
        self._give_up(0.0)

    def _forget(self, stream: "_Stream") -> None:
        with self._lock:
            self._open.discard(stream)

    def _give_up(self, patience: float) -> None:
        with self._lock:
            streams = list(self._open)
        for stream in streams:
            if stream.expire(patience):
                self._forget(stream)

    def _close_paused(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            self._give_up(self._patience)


class _Stream:
    """Batches that one thread takes while another may close them in between."""

    def __init__(self, first: list[pa.RecordBatch], rest: Batches) -> None:
        self._batches = chain(first, rest)
        self._rest = rest
        self._busy = threading.Lock()
        self._since = time.monotonic()
        self._expired = 0.0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while True:
            with self._busy:
                if self._expired:
                    raise QueryTimeoutError(
                        f"the answer was given up: its client took nothing for {self._expired:.0f}"
                        " s (pool.query_timeout_ms); narrow the query, or read without a pause"
                    )
                batch = next(self._batches, None)
                self._since = time.monotonic()
            if batch is None:
                return
            yield batch

    def expire(self, patience: float) -> bool:
        """Close when the client paused for longer than that; tell whether it did."""
        if not self._busy.acquire(blocking=False):
            return False  # it is being read
        try:
            paused = time.monotonic() - self._since
            if paused > patience:
                self._expired = paused
                self._batches = chain()
                self._rest.close()
            return bool(self._expired)
        finally:
            self._busy.release()

    def close(self) -> None:
        """Close, whatever the client does."""
        with self._busy:
            self._rest.close()
