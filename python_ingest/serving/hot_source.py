"""Keeps the hot day up to date from publications and the spool."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa

from python_ingest.errors import IngestError
from python_ingest.landing.prepare import working_connection
from python_ingest.landing.spool import Segment
from python_ingest.publication.attached import identity_of
from python_ingest.serving.hot import HotDay
from python_ingest.serving.live_day import Functions, LiveDay
from python_ingest.serving.opened import Connection, Opened
from python_ingest.serving.spool_reader import SpoolReader
from python_ingest.settings import Settings

SERVE_LOGGER = "python_ingest.serve"
logger = logging.getLogger(SERVE_LOGGER)

# How often the spool is listed where its folder has not changed, and how often that is asked.
_LOOK_SECONDS, _GLANCE_SECONDS = 0.2, 0.01
_SEGMENTS_AT_ONCE = 100


class HotSource:
    """Connections to the published file and, in memory, to the newest ticks.

    For a new publication a second hot day is filled: with the publication, and with every segment
    that it does not hold. Readers get it when it is complete. A segment leaves the spool only
    after a publication holds it. So nothing is missing if the publication is still the same after
    the spool was read.

    `functions`: makes functions known to an engine that models call.

    Raises NotPublishedError when nothing has been published.
    """

    def __init__(self, settings: Settings, functions: Functions | None = None) -> None:
        self._settings = settings
        self._functions = functions
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._builder = ThreadPoolExecutor(1, "hot-day-builder")
        self._building: Future[_State] | None = None
        self._following: _State | None = None  # complete, and shown after its next pass
        self._left: list[_State] = []
        self._state = self._build()
        # Models take longer than ticks, which need not wait for them; nor bars for positions.
        self._threads_that_follow = [
            threading.Thread(target=self._follow, args=[look, news], name=name, daemon=True)
            for name, look, news in (
                ("hot-day", self._look_for_ticks, self._changed_at),
                ("live-market", self._look_live, self._changed_at),
                ("live-trading", self._look_for_trading, self._passes),
            )
        ]

    def start(self) -> None:
        """Start the threads that keep the day up to date."""
        for thread in self._threads_that_follow:
            thread.start()

    def take(self) -> tuple[Opened, Connection]:
        """Return a connection to the newest state."""
        with self._lock:
            day = self._state.day
            return day, day.take()

    def close(self) -> None:
        """Stop the threads; the engine closes when the last connection is returned."""
        self._stop.set()
        for thread in self._threads_that_follow:
            while thread.is_alive():
                self._interrupt()  # once is not enough: it ends one statement of many
                thread.join(_GLANCE_SECONDS)
        self._builder.shutdown()
        if self._building and not self._building.exception():
            self._building.result().close()
        for state in (*self._left, self._following, self._state):
            if state is not None:
                state.close()

    def _interrupt(self) -> None:
        with self._lock:
            for state in (*self._left, self._following, self._state):
                if state is not None:
                    state.live.interrupt()

    def look(self) -> None:
        """Add new segments, and what models make of them.

        Switches readers to the next publication's day when it is ready.
        """
        self._look_for_ticks()
        self._look_live()
        self._look_for_trading()
        self._close_left()

    def _look_live(self) -> None:
        """Run the market's models; readers get the next day after a pass of all models over it.

        No former pass is ahead of it, so no row that was shown is gone for a moment.
        """
        with self._lock:
            following, state = self._following, self._state
        if following is None:
            state.live.follow_market()
            return
        try:
            following.live.follow()
        finally:
            with self._lock:
                self._state, self._following = following, None
                self._left.append(state)  # its ticks may be being added

    def _look_for_trading(self) -> None:
        with self._lock:
            state = self._state
        state.live.follow_trading()

    def _look_for_ticks(self) -> None:
        self._close_left()
        with self._lock:
            following, state = self._following, self._state
        if following is not None:  # first: it has what readers saw
            following.add_new_segments()
        state.add_new_segments()
        if following is None:
            self._look_for_publication()

    def _look_for_publication(self) -> None:
        """Begin to build the next day, or take it when it is ready.

        Raises NotPublishedError when the file is gone, and what building raised.
        """
        if self._building is None:
            if identity_of(self._settings.published_path) != self._state.identity:
                self._building = self._builder.submit(self._build)
        elif self._building.done():
            building, self._building = self._building, None
            following = building.result()
            following.add_new_segments()
            with self._lock:
                self._following = following

    def _close_left(self) -> None:
        while self._left:
            self._left.pop().close()

    def _build(self) -> "_State":
        """Fill a new day; readers use the former one meanwhile, which still gets new segments."""
        while True:
            state = _State(self._settings, self._functions)
            try:
                state.add_new_segments()
                state.live.follow()
                if identity_of(self._settings.published_path) == state.identity:
                    return state
            except BaseException:
                state.close()
                raise
            state.close()

    def _follow(self, look: Callable[[], None], news: Callable[[], int]) -> None:
        """Call `look` repeatedly, at once when `news` is another number.

        An error is logged once, and `look` called again.
        """
        failing = ""
        while not self._stop.is_set():
            before = news()
            try:
                look()
                failing = ""
            except Exception as error:  # a thread that dies says nothing, and rows stay old
                if self._stop.is_set():
                    return
                name = type(error).__name__
                if name != failing:
                    _warn("cannot follow the spool or the publication, trying again", name)
                failing = name
                self._stop.wait(_LOOK_SECONDS)
            self._wait_for_news(news, before)

    def _wait_for_news(self, news: Callable[[], int], before: int) -> None:
        """Wait until something comes; it may have come while the last look went on."""
        until = time.monotonic() + _LOOK_SECONDS
        while news() == before and time.monotonic() < until:
            if self._stop.wait(_GLANCE_SECONDS):
                return

    def _passes(self) -> int:
        return self._state.live.passes

    def _changed_at(self) -> int:
        try:
            return self._settings.spool_dir.stat().st_mtime_ns
        except OSError:
            return 0


class _State:
    """A hot day and the reader of the spool that fills it."""

    def __init__(self, settings: Settings, functions: Functions | None) -> None:
        self.identity = identity_of(settings.published_path)
        now = datetime.now(UTC).replace(tzinfo=None)
        self.day = HotDay(settings, now - timedelta(hours=settings.serve.hot_hours))
        self._spool = SpoolReader(settings, self.day.contents)
        self._reading = working_connection(settings)
        self.live = LiveDay(settings, self.day, functions)

    def close(self) -> None:
        self.live.close()
        self.day.retire()
        self._reading.close()

    def add_new_segments(self) -> None:
        waiting = self._spool.unread()
        for begin in range(0, len(waiting), _SEGMENTS_AT_ONCE):
            segments = waiting[begin : begin + _SEGMENTS_AT_ONCE]
            rows = [self._rows(segment) for segment in segments]
            found = [table for table in rows if table is not None and table.num_rows]
            if found:
                self.day.add(pa.concat_tables(found))
            for segment in segments:
                self._spool.mark_read(segment)

    def _rows(self, segment: Segment) -> pa.Table | None:
        try:
            return self._spool.rows(self._reading, segment)
        except duckdb.OutOfMemoryException:
            raise
        except (duckdb.Error, IngestError) as error:
            # One damaged file must not stop the others; landing reports it too.
            _warn(f"segment {segment.name} cannot be read and is left out", type(error).__name__)
            return None


def _warn(what: str, error: str) -> None:
    logger.warning("%s: %s", what, error, extra={"event": "hot_day_behind", "service": "serve"})
