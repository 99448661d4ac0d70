"""Writes the server's COPY into a pipe; psycopg's own loop costs twice as much for each row."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

import psycopg
from psycopg import pq

# Bytes of one write; a row is never longer than DuckDB's limit of 2 MB.
BLOCK = 1 << 20


class Feeder(threading.Thread):
    """Writes the server's CSV into a pipe, block by block; `rows`: how many the server sent."""

    def __init__(
        self, connection: psycopg.Connection, copy: str, pipe: int, progress: Callable[[int], None]
    ) -> None:
        super().__init__(daemon=True)
        self._connection = connection
        self._copy = copy
        self._pipe = pipe
        self._progress = progress
        self.error: Exception | None = None
        self.rows = 0

    def run(self) -> None:
        """Copy until the server ends; an exception is stored in `error`."""
        try:
            with os.fdopen(self._pipe, "wb", buffering=0) as out:
                self._feed(out.write)
        except Exception as error:
            self.error = error

    def _feed(self, write: Callable[[bytearray], object]) -> None:
        server = self._connection.pgconn
        server.send_query(self._copy.encode())
        self._wait(server)
        result = server.get_result()
        if result is None or result.status != pq.ExecStatus.COPY_OUT:
            raise psycopg.errors.lookup(_state(result))(_message(result))
        # Rows are appended to one block: collecting and joining them costs four times as much.
        get, block, rows = server.get_copy_data, bytearray(), 0
        while True:
            length, row = get(1)
            if length > 0:
                block += row
                rows += 1
                if len(block) < BLOCK:
                    continue
            elif length == 0:
                self._wait(server)
                continue
            write(block)
            self._progress(rows)
            block, rows = bytearray(), 0
            if length < 0:
                break
        result = server.get_result()
        if result is None or result.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.lookup(_state(result))(_message(result))
        self.rows = result.command_tuples or 0
        while server.get_result() is not None:
            pass

    @staticmethod
    def _wait(server: pq.abc.PGconn) -> None:
        select.select([server.socket], [], [])
        server.consume_input()
        while server.is_busy():
            select.select([server.socket], [], [])
            server.consume_input()


def _state(result: pq.abc.PGresult | None) -> str:
    state = result.error_field(pq.DiagnosticField.SQLSTATE) if result else None
    return state.decode() if state else "XX000"


def _message(result: pq.abc.PGresult | None) -> str:
    text = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) if result else None
    return text.decode(errors="replace") if text else "the server stopped sending"
