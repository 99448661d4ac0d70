"""The stream: receive, spool every second, land in the background, come back after a drop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio import client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from python_ingest.errors import IngestError
from python_ingest.landing import spool
from python_ingest.landing.land import land_one
from python_ingest.landing.report import log_record, metric_record, spool_records
from python_ingest.settings import Settings
from python_ingest.streaming.exchanges import Exchange
from python_ingest.streaming.segments import Frame, SegmentWriter

# A frame must fit a line of the spool's reader.
_MAX_FRAME = 1_900_000
_LAND_RETRY_SECONDS = 1.0
_LONGEST_WAIT = 30.0
_METRICS_SECONDS = 60.0


@dataclass
class Totals:
    """What a stream did so far; delays run from receipt to durable."""

    frames: int = 0
    segments: int = 0
    landed: int = 0
    duplicate: int = 0
    rejected: int = 0
    connections: int = 0
    others: dict[str, int] = field(default_factory=dict)
    oldest_delay_seconds: list[float] = field(default_factory=list)


class Stream:
    """One subscription. `run` returns after SIGTERM, SIGINT or `stop`, with nothing in memory."""

    def __init__(  # noqa: PLR0913
        self,
        settings: Settings,
        exchange: Exchange,
        symbols: Sequence[str],
        *,
        url: str | None = None,
        max_seconds: float = 1.0,
        max_frames: int = 100_000,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._settings = settings
        self._exchange = exchange
        self._symbols = list(symbols)
        self._url = exchange.url(symbols, url)
        self._max_seconds = max_seconds
        self._max_frames = max_frames
        self._say = say
        self._frames: list[Frame] = []
        self._last_clock: int | None = None
        self._full = asyncio.Event()
        self._room = asyncio.Event()
        self._stop = asyncio.Event()
        self._writer = SegmentWriter(settings, exchange)
        self._to_land: queue.Queue[spool.Segment | None] = queue.Queue()
        self._records: list[tuple[str, dict[str, Any]]] = []
        self.totals = Totals()

    def stop(self) -> None:
        """End the stream: spool what was received, land it if the database is free."""
        self._stop.set()

    async def run(self) -> Totals:
        """Receive until stopped. Raises IngestError when the exchange refuses the subscription."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread
                loop.add_signal_handler(number, self.stop)
        lander = threading.Thread(target=self._land, name="lander")
        lander.start()
        spooling = asyncio.create_task(self._spool())
        receiving = asyncio.create_task(self._receive())
        stopping = asyncio.create_task(self._stop.wait())
        tasks = {receiving, stopping, spooling}
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self.stop()
        receiving.cancel()
        received = await asyncio.gather(receiving, return_exceptions=True)
        self._full.set()
        spooled = await asyncio.gather(spooling, return_exceptions=True)
        self._to_land.put(None)
        await asyncio.to_thread(lander.join)
        self._writer.close()
        for outcome in (*received, *spooled):
            if isinstance(outcome, Exception):
                raise outcome
        return self.totals

    async def _receive(self) -> None:
        """Connect, and again after every drop (websockets waits longer each time)."""
        short_lived = 0
        connections = connect(
            self._url,
            max_size=_MAX_FRAME,
            compression=None,
            close_timeout=1,
            process_exception=self._explain,
        )
        try:
            async for connection in connections:
                before = self._last_clock
                try:
                    await self._exchange.greet(connection, self._symbols, os.environ)
                    self.totals.connections += 1
                    self._say(f"connected to {self._url}")
                    if before is not None:
                        self._record_gap(before)
                    await self._receive_frames(connection)
                except ConnectionClosed as error:
                    self._say(f"connection lost: {error}")
                finally:
                    await connection.close()
                # a server that hangs up at once must not be called in a tight loop
                short_lived = 0 if self._last_clock != before else short_lived + 1
                await asyncio.sleep(min(0.1 * 2**short_lived, _LONGEST_WAIT) if short_lived else 0)
        except WebSocketException as error:
            raise IngestError(f"{self._url}: {error}") from error

    def _explain(self, error: Exception) -> Exception | None:
        fatal = client.process_exception(error)  # type: ignore[attr-defined]
        if fatal is None:
            self._say(f"cannot connect to {self._url}, trying again: {error}")
        return fatal

    async def _receive_frames(self, connection: ClientConnection) -> None:
        while True:
            frame = await connection.recv(decode=False)
            self._last_clock = time.time_ns()
            self._frames.append((self._last_clock, frame))
            if len(self._frames) >= self._max_frames:
                self._full.set()
                if len(self._frames) >= 2 * self._max_frames:
                    # the disk is slower than the exchange: stop reading, it will wait for us
                    self._room.clear()
                    await self._room.wait()

    def _record_gap(self, last: int) -> None:
        since, until = (
            datetime.fromtimestamp(ns / 1e9, UTC).isoformat() for ns in (last, time.time_ns())
        )
        self._say(f"gap: nothing was received from {since} to {until}")
        data = {"exchange": self._exchange.name, "symbols": self._symbols}
        self._records.append(
            (
                "logs",
                log_record(
                    "warning",
                    "stream",
                    f"nothing was received from {since} to {until}",
                    event="stream_gap",
                    data={**data, "from": since, "to": until},
                ),
            )
        )

    async def _spool(self) -> None:
        """Write what was received, at most every `max_seconds` or `max_frames`."""
        measured = begun = time.monotonic()
        while True:
            # from start to start: the time a flush takes is not added to the wait
            wait = begun + self._max_seconds - time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), max(wait, 0.001))
            begun = time.monotonic()
            stopping = self._stop.is_set()
            self._full.clear()
            frames, self._frames = self._frames, []
            self._room.set()
            if frames:
                await self._write(frames)
            if time.monotonic() - measured > _METRICS_SECONDS or stopping:
                measured = time.monotonic()
                self._records.append(("metrics", self._delay_metric()))
            if self._records:
                records, self._records = self._records, []
                for segment in await asyncio.to_thread(spool_records, self._settings, records):
                    self._to_land.put(segment)
            if stopping and not self._frames:
                return

    async def _write(self, frames: list[Frame]) -> None:
        while True:
            try:
                segments = await asyncio.to_thread(self._writer.write, frames)
                break
            except IngestError as error:
                if self._stop.is_set():
                    raise IngestError(
                        f"{len(frames)} received frames could not be made durable: {error}"
                    ) from error
                self._say(f"cannot spool, trying again: {error}")
                await asyncio.sleep(_LAND_RETRY_SECONDS)
        self.totals.frames += len(frames)
        self.totals.segments += len(segments)
        self.totals.oldest_delay_seconds.append((time.time_ns() - frames[0][0]) / 1e9)
        for segment in segments:
            for name, number in segment.others.items() if segment.kind == "ticks" else ():
                self.totals.others[name] = self.totals.others.get(name, 0) + number
            self._to_land.put(segment)

    def _delay_metric(self) -> dict[str, Any]:
        delays = self.totals.oldest_delay_seconds[-60:]
        return metric_record(
            "stream_spool_delay_seconds", max(delays, default=0.0), "stream", self._exchange.name
        )

    def _land(self) -> None:
        """Land segments as they come (own thread); what the database has no time for waits."""
        while (segment := self._to_land.get()) is not None:
            result = land_one(self._settings, segment)
            while result.state == "spooled" and not self._stop.is_set():
                self._say(f"segment waits: {result.error}")
                time.sleep(_LAND_RETRY_SECONDS)
                result = land_one(self._settings, segment)
            if result.state == "failed":
                self._say(f"{segment.name} waits in the spool: {result.error}")
            if segment.kind == "ticks":
                self.totals.landed += result.landed
                self.totals.duplicate += result.duplicate
                self.totals.rejected += result.rejected
