"""The stream: receive, keep at once, spool every second, land behind, come back after a drop.

What passes by itself ends no stream: a full disk, a folder that cannot be written, a database that
is away. What was received is held meanwhile, up to a bound; then nothing more is read, and what the
exchange did not keep for us is a gap in the logs. A refusal ends a stream only before the exchange
has accepted it once: what it accepted, it will accept again.
"""

import asyncio
import contextlib
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import duckdb
from websockets.asyncio import client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.protocol import State

from python_ingest.errors import DatabaseAwayError, IngestError
from python_ingest.landing import spool
from python_ingest.landing.engine import Engine
from python_ingest.landing.frames import Frame, FrameLog
from python_ingest.landing.land import LandingResult, land_one
from python_ingest.landing.report import log_record, metric_record, spool_records
from python_ingest.settings import Settings
from python_ingest.storage.failures import first_line
from python_ingest.storage.writer import Place
from python_ingest.streaming.exchanges import Exchange
from python_ingest.streaming.segments import SegmentWriter

# A frame must fit a line of the spool's reader.
_MAX_FRAME = 1_900_000
# What is held in memory at most, twice: what is being written, and what came meanwhile.
_MAX_HELD_BYTES = 128 << 20
_MAX_METRICS = 1000
_RETRY_SECONDS = 1.0
# How long a frame waits for others with which it is made durable.
_KEEP_SECONDS = 0.1
# For the database, which it tries to get again: whoever stops the stream waits no longer.
_PATIENCE_MS = 500
_SAY_AGAIN_SECONDS = 60.0
_METRICS_SECONDS = 60.0
_KEPT_A_MINUTE = int(_METRICS_SECONDS / _KEEP_SECONDS)

# Between connections that did not last: the first one is followed at once by another.
_SHORT_SECONDS = 10.0
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 30.0
# After one that brought frames: what is lost meanwhile counts, and exchanges allow a call a second.
_LONGEST_WAIT_AFTER_FRAMES = 2.0
_GREETING_SECONDS = 20.0
# An exchange that refuses a subscription says so in its first frames.
_FIRST_FRAMES = 10
# Besides all from 500: too slow, too early, too often.
_HTTP_PASSING = (408, 425, 429)


# What passes by itself, or when somebody makes room.
_PASSING = (IngestError, OSError, duckdb.Error)


@dataclass
class Totals:
    """What a stream did so far; delays run from receipt to durable, those of a minute.

    `waiting` segments are durable and not landed, because of `trouble`. They are `busy` when for
    each of them only another process held the database.
    """

    frames: int = 0
    segments: int = 0
    landed: int = 0
    duplicate: int = 0
    rejected: int = 0
    connections: int = 0
    gaps: int = 0
    waiting: int = 0
    trouble: str | None = None
    busy: bool = False
    others: dict[str, int] = field(default_factory=dict)
    oldest_delay_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT_A_MINUTE))


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
        self._landing = settings.waiting(min(settings.pool.connection_timeout_ms, _PATIENCE_MS))
        self._engine = Engine(self._landing)
        self._exchange = exchange
        self._symbols = list(symbols)
        self._url = exchange.url(symbols, url)
        self._max_seconds = max_seconds
        self._max_frames = max_frames
        self._say = say
        self._frames: list[Frame] = []
        self._log = self._new_log()
        self._keeping = asyncio.Lock()
        self._held_bytes = 0
        # The time at which the last frame came, or the connection that may bring some.
        self._heard: int | None = None
        self._is_connected = self._is_accepted = self._has_frames = False
        self._full = asyncio.Event()
        self._room = asyncio.Event()
        self._stop = asyncio.Event()
        self._ended = asyncio.Event()  # nothing more is received
        self._place = Place(settings)
        self._writer = SegmentWriter(settings, exchange, self._place, self._url)
        self._to_land: queue.Queue[spool.Segment | None] = queue.Queue()
        self._records: list[tuple[str, dict[str, Any]]] = []
        self._stopped = threading.Event()
        self._dead: BaseException | None = None
        self._away = False
        self._said: dict[str, float] = {}
        self.totals = Totals()

    def stop(self) -> None:
        """End the stream: spool what was received, land it if the database is free."""
        self._stop.set()
        self._stopped.set()

    async def run(self) -> Totals:
        """Receive until stopped.

        Raises IngestError when the exchange refuses the subscription, when what was received
        could not be made durable, and when landing died.
        """
        loop = asyncio.get_running_loop()

        def interrupted() -> None:
            self.stop()
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one kills

        with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread
            loop.add_signal_handler(signal.SIGTERM, self.stop)
            loop.add_signal_handler(signal.SIGINT, interrupted)
        lander = threading.Thread(target=self._land, args=(loop,), name="lander")
        lander.start()
        spooling = asyncio.create_task(self._spool())
        keeping = asyncio.create_task(self._keep())
        receiving = asyncio.create_task(self._receive())
        stopping = asyncio.create_task(self._stop.wait())
        tasks = {receiving, stopping, spooling, keeping}
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self.stop()
        receiving.cancel()
        received = await asyncio.gather(receiving, return_exceptions=True)
        if self._heard is not None and not self._is_connected:
            self._record_gap(self._heard)  # until now: nobody comes back to tell it
        self._ended.set()
        self._full.set()
        spooled = await asyncio.gather(spooling, keeping, return_exceptions=True)
        self._to_land.put(None)
        await asyncio.to_thread(lander.join)
        self._writer.close()
        for outcome in (*received, *spooled):
            if isinstance(outcome, Exception):
                raise outcome
        if self._dead:
            raise IngestError(
                f"landing stopped: {type(self._dead).__name__}: {first_line(self._dead)};"
                " what was received waits in the spool: ingest land --pending"
            ) from self._dead
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
                began = time.monotonic()
                self._has_frames = False
                try:
                    if await self._greet(connection):
                        await self._receive_frames(connection)
                except ConnectionClosed as error:
                    self._say(f"connection lost: {error}")
                finally:
                    self._is_connected &= connection.state is State.OPEN
                    await connection.close()
                self._is_connected = False
                # a server that hangs up at once must not be called in a tight loop
                lasted = time.monotonic() - began
                short_lived = 0 if lasted > _SHORT_SECONDS else short_lived + 1
                await asyncio.sleep(_wait_before(short_lived, after_frames=self._has_frames))
        except WebSocketException as error:
            raise IngestError(f"{self._url}: {error}") from error

    async def _greet(self, connection: ClientConnection) -> bool:
        """Subscribe, and tell since when nothing was received; return whether that was accepted.

        Raises IngestError when the exchange refuses the first time.
        """
        try:
            async with asyncio.timeout(_GREETING_SECONDS):
                if self._exchange.greet:
                    await self._exchange.greet(connection, self._symbols, os.environ)
        except (IngestError, TimeoutError) as error:
            what = str(error) or f"{self._url} says nothing: is the address right?"
            self._refused(what, is_final=not self.totals.connections)
            return False
        self.totals.connections += 1
        self._is_connected = True
        self._say(f"connected to {self._url}")
        if self._heard is not None:
            self._record_gap(self._heard)
        self._heard = time.time_ns()
        return True

    def _refused(self, what: str, *, is_final: bool) -> None:
        if is_final:
            raise IngestError(what)
        self._complain(f"trying again: {what}")

    def _explain(self, error: Exception) -> Exception | None:
        fatal = client.process_exception(error)  # type: ignore[attr-defined]
        status = error.response.status_code if isinstance(error, InvalidStatus) else 0
        may_pass = status >= 500 or status in _HTTP_PASSING  # noqa: PLR2004
        if fatal is None or may_pass or self.totals.connections:
            fatal = None
            self._say(f"cannot connect to {self._url}, trying again: {error}")
        return fatal

    async def _receive_frames(self, connection: ClientConnection) -> None:
        for number in count():
            frame = await connection.recv(decode=False)
            self._heard = time.time_ns()
            self._frames.append((self._heard, frame))
            self._held_bytes += len(frame)
            if number < _FIRST_FRAMES:
                refusal = self._exchange.refusal(frame)
                if refusal is not None:
                    self._refused(refusal, is_final=not self._is_accepted)
                    return
                self._is_accepted = self._has_frames = True
            filled = max(len(self._frames) / self._max_frames, self._held_bytes / _MAX_HELD_BYTES)
            if filled >= 1:
                self._full.set()
            if filled >= 2:  # noqa: PLR2004
                # the disk is slower than the exchange: stop reading, it will wait for us
                self._complain("holding as much as may be held, nothing more is read for now")
                self._room.clear()
                await self._room.wait()

    def _record_gap(self, last: int) -> None:
        now = time.time_ns()
        what = f"nothing was received {_span(last, now)}"
        self.totals.gaps += 1
        self._say(f"gap: {what}")
        data = {"exchange": self._exchange.name, "symbols": self._symbols}
        data |= {"from": _time(last), "to": _time(now)}
        record = log_record("warning", "stream", what, event="stream_gap", data=data)
        self._records.append(("logs", record))

    def _new_log(self) -> FrameLog:
        exchange = self._exchange
        return FrameLog(self._settings, exchange.name, exchange.market(self._url), exchange.kinds)

    async def _keep(self) -> None:
        """Make durable what was received, long before it is a segment."""
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _KEEP_SECONDS)
            async with self._keeping:
                await self._keep_in(self._log, self._frames)

    async def _keep_in(self, log: FrameLog, frames: list[Frame]) -> None:
        """Append those frames to their log that are not in it."""
        more = frames[log.kept :]
        if not more:
            return
        try:
            self._place.require()
            await asyncio.to_thread(log.append, more)
        except _PASSING as error:  # their segment is written all the same
            self._complain(f"cannot keep frames before they are spooled: {first_line(error)}")
        else:
            self._note_delay(more)

    async def _spool(self) -> None:
        """Write what was received, at most every `max_seconds` or `max_frames`."""
        measured = begun = time.monotonic()
        while True:
            # from start to start: the time a flush takes is not added to the wait
            wait = begun + self._max_seconds - time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), max(wait, 0.001))
            begun = time.monotonic()
            stopping = self._ended.is_set()
            self._full.clear()
            async with self._keeping:
                frames, self._frames = self._frames, []
                log, self._log = self._log, self._new_log()
                self._held_bytes = 0
                self._room.set()
                # a segment takes its time, for which the last ones need not wait
                await self._keep_in(log, frames)
            if frames:
                await self._write(frames, log)
            if time.monotonic() - measured > _METRICS_SECONDS or stopping:
                measured = time.monotonic()
                longest = max(self.totals.oldest_delay_seconds, default=0.0)
                delay = "stream_spool_delay_seconds", longest, "stream", self._exchange.name
                self._records.append(("metrics", metric_record(*delay)))
            if self._records:
                await self._write_records()
            if stopping:
                self._require_told()
                return

    async def _write_records(self) -> None:
        """Make our own metrics and logs durable; they are kept for the next time if that fails."""
        records, self._records = self._records, []
        try:
            self._place.require()
            for segment in await asyncio.to_thread(spool_records, self._settings, records):
                self._to_land.put(segment)
        except _PASSING as error:
            self._complain(f"cannot spool what the stream says of itself: {first_line(error)}")
            waiting = [*records, *self._records]  # also what came meanwhile
            gaps = [record for record in waiting if record[0] == "logs"]
            metrics = [record for record in waiting if record[0] != "logs"]
            self._records = [*gaps, *metrics[-_MAX_METRICS:]]

    def _require_told(self) -> None:
        """Raise IngestError where a gap is in no log at the end."""
        gaps = [record["message"] for kind, record in self._records if kind == "logs"]
        if gaps:
            raise IngestError(
                f"{len(gaps)} gaps could not be made durable in the logs, the last one: {gaps[-1]}"
            )

    async def _write(self, frames: list[Frame], log: FrameLog) -> None:
        while True:
            try:
                segments = await asyncio.to_thread(self._writer.write, frames)
                break
            except _PASSING as error:
                if self._stop.is_set():
                    lost = [*frames[log.kept :], *self._frames]
                    if not lost:
                        raise IngestError(
                            f"what was received waits as it came: ingest land --pending; it could"
                            f" not be spooled: {first_line(error)}"
                        ) from error
                    raise IngestError(
                        f"{len(lost)} received frames {_span(lost[0][0], lost[-1][0])} could not be"
                        f" made durable: {first_line(error)}"
                    ) from error
                self._complain(f"cannot spool, trying again: {first_line(error)}")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), _RETRY_SECONDS)
        self.totals.frames += len(frames)
        self.totals.segments += len(segments)
        self._note_delay(frames[log.kept :])
        with contextlib.suppress(OSError):  # landed again, it brings nothing
            log.remove()
        for segment in segments:
            for name, number in segment.others.items() if segment.kind == "ticks" else ():
                self.totals.others[name] = self.totals.others.get(name, 0) + number
            self._to_land.put(segment)

    def _note_delay(self, frames: Sequence[Frame]) -> None:
        """Note when the oldest of some frames is durable."""
        if frames:
            self.totals.oldest_delay_seconds.append((time.time_ns() - frames[0][0]) / 1e9)

    def _complain(self, text: str) -> None:
        """Say what is wrong, and the same again only after a while."""
        now = time.monotonic()
        since = now - _SAY_AGAIN_SECONDS
        self._said = {said: at for said, at in self._said.items() if at > since}
        if text not in self._said:
            self._said[text] = now
            self._say(text)

    def _land(self, loop: asyncio.AbstractEventLoop) -> None:
        """Land segments as they come (own thread); a fault of ours ends the stream."""
        try:
            with self._engine:
                while (segment := self._to_land.get()) is not None:
                    self._land_segment(segment)
        except BaseException as error:  # a thread that dies says nothing by itself
            self._dead = error
            loop.call_soon_threadsafe(self.stop)

    def _land_segment(self, segment: spool.Segment) -> None:
        """Land one; again and again while what is wrong may pass, until the stream stops."""
        if self._stopped.is_set() and self._away:
            self.totals.waiting += 1  # for what the one before it waits
            return
        result = self._land_one(segment)
        while result.may_pass and not self._stopped.is_set():
            self._complain(f"segments wait in the spool: {result.error}")
            self._stopped.wait(_RETRY_SECONDS)
            result = self._land_one(segment)
        self._count(segment, result)

    def _land_one(self, segment: spool.Segment) -> LandingResult:
        """Land one where DATA_DIR is what it was: elsewhere a new database would be made."""
        try:
            self._place.require()
        except DatabaseAwayError as error:
            name, kind = segment.file_name, segment.kind
            return LandingResult(name, kind, "failed", error=str(error), may_pass=True)
        result = land_one(self._landing, segment, self._engine)
        if result.state == "failed" and not result.may_pass:
            with contextlib.suppress(DatabaseAwayError):
                self._place.require()
                return result
            return replace(result, may_pass=True)  # it went meanwhile
        return result

    def _count(self, segment: spool.Segment, result: LandingResult) -> None:
        if result.state in ("spooled", "failed"):
            self._away = result.may_pass
            is_busy = result.state == "spooled"
            if not is_busy or not self.totals.waiting:  # else what else is wrong was told before
                self.totals.trouble = result.error
                self.totals.busy = is_busy
            self.totals.waiting += 1
            if not result.may_pass:
                self._say(f"{segment.name} waits in the spool: {result.error}")
        elif result.error:
            self._complain(result.error)
        if segment.kind == "ticks":
            self.totals.landed += result.landed
            self.totals.duplicate += result.duplicate
            self.totals.rejected += result.rejected


def _wait_before(short_lived: int, *, after_frames: bool) -> float:
    """Return how many seconds to wait after so many connections in a row that did not last."""
    if short_lived <= 1:
        return 0.0
    longest = _LONGEST_WAIT_AFTER_FRAMES if after_frames else _LONGEST_WAIT
    return min(_FIRST_WAIT * 2.0 ** min(short_lived - 1, 30), longest)


def _time(clock: int) -> str:
    """A clock's nanoseconds as an ISO time."""
    return datetime.fromtimestamp(clock / 1e9, UTC).isoformat()


def _span(since: int, until: int) -> str:
    return f"from {_time(since)} to {_time(until)}"
