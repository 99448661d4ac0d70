"""Reads ranges of one relation, in one or several jobs, and keeps the manifest."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from python_ingest.migration import changes, manifest
from python_ingest.migration.copy_out import copy_range
from python_ingest.migration.manifest import Manifest, Part
from python_ingest.migration.ranges import Range
from python_ingest.migration.relation import Relation
from python_ingest.migration.session import Session, session
from python_ingest.storage.files import move_into_place, sha256_of


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
            seen = changes.look(server, self.relation, span)
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
