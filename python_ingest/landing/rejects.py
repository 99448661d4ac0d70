"""The rejected rows of a file: recorded once, and why they were rejected."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from python_ingest.feeds.kinds import Kind
from python_ingest.landing.spool import Segment
from python_ingest.storage.sql import quoted


@dataclass(frozen=True)
class Reason:
    """Why rows of a file are rejected: how many, and the first of them, as it was read.

    `known`: how many of them were recorded when the file landed before.
    """

    reason: str
    rows: int
    known: int
    line: int
    text: str | None


_IS_KNOWN = """exists (
            select 1 from raw.rejected_rows as before
            where before.sha256 = $sha256 and before.kind = $kind
                and before.row_number = batch.row_number and before.reason = batch.reason
        )"""


def rejected_where(kind: Kind, rows: str, why: str, more: str = "") -> str:
    """Return SQL of a segment's rows, those rejected of which `why` (SQL) gives a reason.

    They carry their values as `raw_text`, since no text is kept of a row that was accepted.
    `more`: columns to add (SQL); they may ask for that reason, `late_reason`.
    """
    fields = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in kind.column_names)
    return f"""
        select * exclude (late_reason) replace (
            coalesce(reason, late_reason) as reason,
            case when late_reason is null then raw_text
                else to_json(struct_pack({fields}))::varchar end as raw_text
        ) {more}
        from (
            select *, case when reason is null and ignored is null then {why} end as late_reason
            from {rows}
        )"""


def reasons(connection: duckdb.DuckDBPyConnection, segment: Segment) -> list[Reason]:
    """Return why rows of the relation `batch` are rejected; ask before they are recorded."""
    found = connection.execute(
        f"""
        select reason, count(*), count(*) filter (where is_known),
            min(coalesce(line_number, row_number)), arg_min(raw_text, row_number)
        from (select *, {_IS_KNOWN} as is_known from batch where reason is not null)
        group by reason order by 2 desc, 4
        """,
        {"kind": segment.kind, "sha256": segment.sha256},
    ).fetchall()
    return [Reason(*row) for row in found]


def record(
    connection: duckdb.DuckDBPyConnection, segment: Segment, batch_id: int, clock: str
) -> int:
    """Record the rejected rows of the relation `batch` that are not yet; return how many."""
    row = connection.execute(
        f"""
        insert into raw.rejected_rows (
            batch_id, kind, source_file, sha256, row_number, line_number, raw_text, reason,
            rejected_at
        )
        select $batch_id, $kind, $file, $sha256, row_number, line_number, raw_text, reason, {clock}
        from batch
        where reason is not null and not {_IS_KNOWN}
        """,
        {
            "batch_id": batch_id,
            "kind": segment.kind,
            "file": segment.file_name,
            "sha256": segment.sha256,
        },
    ).fetchone()
    return int(row[0]) if row else 0
