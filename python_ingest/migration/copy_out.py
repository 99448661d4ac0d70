"""One range of one relation, from the server into a Parquet file.

    rows, refused = copy_range(server, relation, span, finished, rejects, progress)

The server sends columns; at the same time DuckDB casts them to exact types and writes Parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from python_ingest.errors import IngestError
from python_ingest.migration.ranges import Range
from python_ingest.migration.relation import Relation, between
from python_ingest.migration.session import Session
from python_ingest.storage.sql import quoted, sql_path

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
