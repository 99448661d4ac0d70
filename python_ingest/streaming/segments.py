"""Received frames to durable segments."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from python_ingest.feeds.kinds import KINDS, TICKS, Kind
from python_ingest.feeds.relation import Scan, hashed, validated
from python_ingest.landing import spool
from python_ingest.landing.frames import Frame, lines
from python_ingest.landing.identity import KEYLESS, Identity
from python_ingest.landing.prepare import ignored, read, working_connection, write_segment
from python_ingest.settings import Settings
from python_ingest.storage.sql import columns_of, sql_path
from python_ingest.storage.writer import Place, transaction
from python_ingest.streaming.exchanges import Exchange

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
        finished: list[tuple[spool.Segment, Path]] = []
        others: dict[str, int] = {}
        self._connection.execute(
            "create or replace temp table counted (content_hash bigint, n integer)"
        )
        with spool.scratch(self._settings) as folder:
            text = lines(frames)
            digest = sha256(text).hexdigest()  # as of a log of them
            for kind in self._exchange.kinds:
                marks = self._exchange.marks.get(kind)
                if marks is None or any(mark in others for mark in marks):
                    path = folder / f"{kind}.parquet"
                    scan = self._exchange.scan(kind, text, self._url)
                    write_segment(self._connection, validated(KINDS[kind], scan), path, scan)
                    others = others or ignored(self._connection, path)
                    path = self._numbered(KINDS[kind], path, scan)
                    name = f"{self.name}/{self._number:08d}"
                    finished.append((spool.of_scan(kind, name, digest, scan, others), path))
            for segment, path in finished:
                spool.commit(self._settings, segment, path)
        self._place.require()  # it may have gone meanwhile
        # Only now: a flush that fails is tried again and must give the same numbers.
        self._remember()
        return [segment for segment, _ in finished]

    def close(self) -> None:
        """Let go of the working memory."""
        self._connection.close()

    def _numbered(self, kind: Kind, finished: Path, scan: Scan) -> Path:
        """Give identical ticks without a key their number within the whole stream."""
        if kind is not TICKS:
            return finished
        keys = Identity(scan.trade_id_identifies, scan.sequence_identifies).columns
        keyed = f"(select *, {keys} from {read(finished)})"
        keyless = f"{KEYLESS} and reason is null and ignored is null"
        counted = self._connection.execute(f"select count(*) from {keyed} where {keyless}")
        if counted.fetchall() == [(0,)]:
            return finished
        numbered = finished.with_suffix(".numbered")
        names = columns_of(self._connection, f"select * from {read(finished)}")
        number = "" if "row_number" in names else ", file_row_number + 1 as row_number"
        self._connection.execute(f"""
            create or replace temp view received as
            select * exclude (file_row_number, key_id, key_number) {number},
                ({keyless}) as keyless
            from {hashed(kind, keyed)}
        """)
        self._connection.execute(f"""
            copy (
                select received.* exclude (keyless, content_hash),
                    case when keyless then coalesce(seen.occurrences, 0)
                        + row_number() over (
                            partition by received.content_hash, keyless order by row_number
                        )
                        else 1 end as occurrence
                from received left join seen on seen.content_hash = received.content_hash
            ) to {sql_path(numbered)} (format parquet)
        """)
        self._connection.execute(
            "insert into counted select content_hash, count(*) from received where keyless"
            " group by all"
        )
        return numbered

    def _remember(self) -> None:
        with transaction(self._connection):  # counted once, also where it fails and is tried again
            self._count(time.monotonic())

    def _count(self, now: float) -> None:
        self._connection.execute(
            "update seen set occurrences = occurrences + n, noted = ? from counted"
            " where counted.content_hash = seen.content_hash",
            [now],
        )
        self._connection.execute(
            "insert into seen select content_hash, n, ? from counted"
            " where content_hash not in (select content_hash from seen)",
            [now],
        )
        self._connection.execute("delete from seen where noted < ?", [now - _REMEMBER_SECONDS])
