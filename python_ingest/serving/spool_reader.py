"""Finds spool segments, landed or not, that a publication may lack; reads their ticks."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from python_ingest.errors import IngestError
from python_ingest.feeds.kinds import TICKS
from python_ingest.feeds.relation import hashed
from python_ingest.landing.batch import segment_rows
from python_ingest.landing.identity import KEYS, place
from python_ingest.landing.spool import Segment, kept, read_description
from python_ingest.serving.query import SQL
from python_ingest.settings import Settings
from python_ingest.storage.sql import quoted

Read = TypeVar("Read")
# What a file that is damaged, or gone, is told by.
FAILURES = (IngestError, duckdb.Error, pa.ArrowException, OSError)
Content = tuple[str, str]  # kind and sha256, as the manifest of landings has them


class SpoolReader:
    """Finds each segment of some kinds once, except those whose content is in `known`.

    Not thread-safe.
    """

    def __init__(
        self, settings: Settings, known: set[Content], kinds: Collection[str] = (TICKS.name,)
    ) -> None:
        self._settings = settings
        self._known = known
        self._kinds = kinds
        self._seen: set[str] = set()

    def unread(self) -> list[Segment]:
        """Return the segments that were not marked as read, oldest first.

        A segment that is removed meanwhile is left out: it is published, or held nothing new.
        """
        found = []
        for name, path in sorted(kept(self._settings).items()):
            if name in self._seen:
                continue
            _, kind, *_ = [*name.split("-"), ""]  # what is no segment has none
            if kind in self._kinds:
                try:
                    segment = read_description(path)
                except (OSError, ValueError):
                    continue  # moved, removed or damaged; the next call tries again
                if (segment.kind, segment.sha256) not in self._known:
                    found.append(segment)
                    continue
            self._seen.add(name)
        return found

    def mark_read(self, segment: Segment) -> None:
        """Leave the segment out of `unread` from now on."""
        self._seen.add(segment.name)

    def rows(self, connection: duckdb.DuckDBPyConnection, segment: Segment) -> pa.Table | None:
        """Return a segment's accepted ticks; None when its file is gone.

        Columns: the canonical ones, `nanoseconds`, `place`, `content_hash`, `row_number`, `key_id`,
        `key_number` and `occurrence`. Equal ticks without a key are numbered 1, 2, ... within the
        file or stream; all others have 1.
        """

        def accepted(path: Path) -> pa.Table:
            sql, given = segment_rows(connection, segment, path)
            ticks = SQL.accepted(
                rows=hashed(TICKS, f"(from ({sql}) where reason is null and ignored is null)"),
                columns=", ".join(map(quoted, (*TICKS.read_names, *KEYS))),
                place=place(newest_first=segment.newest_first),
                occurrence="occurrence" if given else SQL.nth_of_content(),
            )
            return connection.sql(ticks).to_arrow_table()

        return self.read(segment, accepted)

    def read(self, segment: Segment, what: Callable[[Path], Read]) -> Read | None:
        """Return what is read of a segment's file, which landing may move; None when it is gone."""
        for folder in (self._settings.spool_dir, self._settings.spool_dir / "landed"):
            path = folder / f"{segment.name}.parquet"
            try:
                return what(path)
            except FAILURES:
                if path.exists():
                    raise
        return None
