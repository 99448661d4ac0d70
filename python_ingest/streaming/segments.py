"""Received frames to durable segments."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from python_ingest.feeds.kinds import TICKS
from python_ingest.feeds.relation import hashed
from python_ingest.landing import spool
from python_ingest.landing.batch import identity_of
from python_ingest.landing.frames import Frame, lines, readings
from python_ingest.landing.identity import KEYLESS
from python_ingest.landing.prepare import read, working_connection
from python_ingest.settings import Settings
from python_ingest.storage.sql import columns_of, sql_path, value_of
from python_ingest.storage.statements import Statements
from python_ingest.storage.writer import Place, transaction
from python_ingest.streaming.exchanges import Exchange

_SQL = Statements(Path(__file__).with_name("queries"))
# Identical ticks without a key carry the same time, so they cannot be far apart.
_REMEMBER_SECONDS = 600


class SegmentWriter:
    """Writes the frames of one stream; counts identical ticks without a key over all of them.

    Not thread-safe: one flush at a time.
    """

    def __init__(self, settings: Settings, exchange: Exchange, place: Place, url: str = "") -> None:
        self._settings = settings
        self._place = place
        self._exchange = exchange
        self._url = url
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self.name = f"stream-{exchange.name}-{started}"
        self._number = 0
        self._connection = working_connection(settings)
        self._connection.execute(
            "create table seen (content_hash bigint, occurrences integer, noted double)"
        )

    def write(self, frames: Sequence[Frame]) -> list[spool.Segment]:
        """Make the frames durable; return the segments, none for a kind without rows.

        Raises DatabaseAwayError, before anything is written, while DATA_DIR is not there.
        """
        self._place.require()
        self._number += 1
        self._connection.execute(
            "create or replace temp table counted (content_hash bigint, n integer)"
        )
        exchange, name = self._exchange, f"{self.name}/{self._number:08d}"
        market = exchange.market(self._url)
        with spool.scratch(self._settings) as folder:
            read_frames = readings(
                self._connection, name, exchange.name, market, exchange.kinds, lines(frames), folder
            )
            finished = [(segment, self._numbered(segment, path)) for segment, path in read_frames]
            for segment, path in finished:
                spool.commit(self._settings, segment, path)
        self._place.require()  # it may have gone meanwhile
        # Only now: a flush that fails is tried again and must give the same numbers.
        self._remember()
        return [segment for segment, _ in finished]

    def close(self) -> None:
        """Let go of the working memory."""
        self._connection.close()

    def _numbered(self, segment: spool.Segment, finished: Path) -> Path:
        """Give identical ticks without a key their number within the whole stream."""
        if segment.kind != TICKS.name:
            return finished
        keys = identity_of(segment).columns
        keyed = f"(select *, {keys} from {read(finished)})"
        keyless = f"{KEYLESS} and reason is null and ignored is null"
        if not value_of(self._connection, f"select count(*) from {keyed} where {keyless}"):
            return finished
        numbered = finished.with_suffix(".numbered")
        names = columns_of(self._connection, f"select * from {read(finished)}")
        number = "" if "row_number" in names else ", file_row_number + 1 as row_number"
        self._connection.execute(_SQL.received(number, keyless, hashed(TICKS, keyed)))
        self._connection.execute(_SQL.numbered(sql_path(numbered)))
        self._connection.execute(_SQL.count_received())
        return numbered

    def _remember(self) -> None:
        now = time.monotonic()
        with transaction(self._connection):  # counted once, also where it fails and is tried again
            self._connection.execute(_SQL.count_again(), {"now": now})
            self._connection.execute(_SQL.count_new(), {"now": now})
            self._connection.execute("delete from seen where noted < ?", [now - _REMEMBER_SECONDS])
