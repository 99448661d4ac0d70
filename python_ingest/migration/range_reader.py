"""Reads ranges of one relation, in one or several jobs, and keeps the manifest."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from python_ingest.errors import IngestError
from python_ingest.migration import manifest
from python_ingest.migration.manifest import Manifest, Part
from python_ingest.migration.ranges import Range
from python_ingest.migration.relation import Relation, between, look
from python_ingest.migration.server import Session, session
from python_ingest.storage.files import move_into_place, sha256_of
from python_ingest.storage.sql import quoted, sql_path


class Listener:
    """Receives progress events. Does nothing by default."""

    def planned(self, ranges: int, resumed: int, rows: int) -> None:
        """`ranges` in all, `resumed` of them read before, about `rows` rows to read."""

    def rows(self, number: int) -> None:
        """`number` more rows were read."""

    def done(self) -> None:
        """The run ended or failed."""

    def changed(self, span: Range, *, still: bool) -> None:
        """A range changed meanwhile and is read again; `still`: it changed again."""


class RangeReader:
    """Reads ranges, in one or several jobs, and keeps the run's manifest."""

    def __init__(self, relation: Relation, folder: Path, run: Manifest, listener: Listener) -> None:
        self.relation = relation
        self.run = run
        self._folder = folder
        self._listener = listener
        self._lock = threading.Lock()
        manifest.save(folder, run, manifest.UNFINISHED)

    def read(self, server: Session, ranges: list[Range], jobs: int) -> None:
        """Read ranges; with several jobs each has a connection of its own."""
        if jobs == 1 or len(ranges) < 2:  # noqa: PLR2004
            for span in ranges:
                self._read(server, span)
            return
        waiting = iter(ranges)

        def work() -> None:
            try:
                with session() as own:
                    for span in waiting:
                        self._read(own, span)
            except BaseException:
                list(waiting)  # the other jobs end
                raise

        with ThreadPoolExecutor(jobs) as pool:
            for job in [pool.submit(work) for _ in range(min(jobs, len(ranges)))]:
                job.result()

    def mark_changing(self, part: Part) -> None:
        """Mark a range that changes on every read."""
        self._keep(replace(part, is_changing=True))

    def extend(self, spans: list[Range]) -> None:
        """Add ranges that were created after the plan."""
        self.run = replace(self.run, plan=tuple(sorted([*self.run.plan, *spans])))

    def _read(self, server: Session, span: Range) -> None:
        name = f"{span.label}-{self.run.run}"
        unfinished = self._folder / f".{name}.parquet"
        rejects = self._folder / f".{name}.rejects.parquet"
        with server.snapshot():
            seen = look(server, self.relation, span)
            rows, refused = copy_range(
                server, self.relation, span, unfinished, rejects, self._listener.rows
            )
        size, sha256 = unfinished.stat().st_size, sha256_of(unfinished)
        if refused:
            move_into_place(rejects, self._folder / rejects.name[1:])
        move_into_place(unfinished, self._folder / unfinished.name[1:])
        self._keep(
            Part(
                start=span.start,
                end=span.end,
                file=unfinished.name[1:],
                rows=rows,
                bytes=size,
                sha256=sha256,
                rejected=sum(refused.values()),
                reasons=refused,
                rejects_file=rejects.name[1:] if refused else None,
                seen=seen,
            )
        )

    def _keep(self, part: Part) -> None:
        with self._lock:
            self.run = self.run.with_part(part)
            manifest.save(self._folder, self.run, manifest.UNFINISHED)


_MEMORY_LIMIT = "600MB"


def copy_range(  # noqa: PLR0913, PLR0917
    server: Session,
    relation: Relation,
    span: Range,
    finished: Path,
    rejects: Path,
    progress: Callable[[int], None],
) -> tuple[int, dict[str, int]]:
    """Write one range to `finished` and its refused rows to `rejects`, within one snapshot.

    Returns the number of rows written, and that of refused rows by reason.
    Raises IngestError when the rows written are not the rows that the server sent.
    """
    kept = ", ".join(f"{c.value} as {quoted(c.name)}" for c in relation.columns)
    fits = " and ".join(column.fits for column in relation.columns)
    reason = f"coalesce({', '.join(column.refusal for column in relation.columns)})"
    with duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "threads": 2}) as parser:
        parser.execute("set TimeZone = 'UTC'")
        parser.execute("set enable_progress_bar = false")
        write = f"{kept} from arriving where {fits}"
        rows, sent = _write(parser, server, relation, span, write, finished, progress)
        refused: dict[str, int] = {}
        if rows < sent:  # in the same snapshot again, for these alone
            write = (
                f"to_json(arriving)::varchar as raw_text, {reason} as reason from arriving"
                f" where not ({fits})"
            )
            _write(parser, server, relation, span, write, rejects, lambda _: None)
            found = parser.execute(
                f"select reason, count(*) from {sql_path(rejects)} group by 1 order by 1"
            )
            refused = dict(found.fetchall())
    if rows + sum(refused.values()) != sent:
        raise IngestError(
            f"{relation.name}, {span.label}: the server sent {sent} rows,"
            f" {rows} + {sum(refused.values())} were read"
        )
    return rows, refused


def _write(  # noqa: PLR0913, PLR0917
    parser: duckdb.DuckDBPyConnection,
    server: Session,
    relation: Relation,
    span: Range,
    selected: str,
    target: Path,
    progress: Callable[[int], None],
) -> tuple[int, int]:
    """Write what is selected of the rows that arrive; return how many were written, and sent."""
    sent = 0
    errors: list[BaseException] = []

    def counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        nonlocal sent
        try:
            for batch in batches:
                sent += batch.num_rows
                progress(batch.num_rows)
                yield batch
        except (Exception, KeyboardInterrupt) as error:  # DuckDB makes one of its own of it
            errors.append(error)
            raise

    columns = ", ".join(column.select for column in relation.columns)
    with server.stream(
        f"select {columns} from {relation.sql_name} where {between(relation, span)}"
    ) as batches:
        parser.register(
            "arriving", pa.RecordBatchReader.from_batches(batches.schema, counted(batches))
        )
        try:
            written = parser.execute(
                f"copy (select {selected}) to {sql_path(target)}"
                " (format parquet, compression zstd, compression_level 1)"
            ).fetchall()
        except duckdb.Error as error:
            if errors:
                raise errors[0] from None
            raise IngestError(
                f"{relation.name}, {span.label}: {str(error).splitlines()[0]}"
            ) from None
    return int(written[0][0]), sent
