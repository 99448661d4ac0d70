"""What landing a file would do, without landing it."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing import spool
from python_ingest.landing.input_files import files_in
from python_ingest.landing.prepare import read, read_file, working_connection
from python_ingest.settings import Settings
from python_ingest.storage.sql import quoted

_SHOWN = 3  # rows


@dataclass(frozen=True)
class Preview:
    """What a file holds: how many rows would be accepted, why others would not, the first ones.

    `first` has the columns with a value, as texts.
    """

    file: str
    accepted: int
    rejected: dict[str, int]
    ignored: dict[str, int]
    first: list[dict[str, str]]


def preview(settings: Settings, wanted: Wanted, path: Path) -> list[Preview]:
    """Read a file, or each file of a zip, as landing would. Raises FileRejectedError as it does."""
    found = []
    with working_connection(settings) as connection, files_in(settings, path) as files:
        for file in files:
            if not file.no_data:
                try:
                    with spool.scratch(settings) as folder:
                        segment, rows = read_file(settings, wanted, file, folder, connection)
                        found.append(_preview(connection, segment, rows, file.whole_name))
                except FileRejectedError as error:
                    if file.inside is None:
                        raise
                    raise FileRejectedError(f"{file.inside} in it: {error}") from None
    return found


def _preview(
    connection: duckdb.DuckDBPyConnection, segment: spool.Segment, finished: Path, name: str
) -> Preview:
    rows = f"select * from {read(finished)}"
    accepted = f"from ({rows}) where reason is null and ignored is null"
    names = KINDS[segment.kind].column_names
    texts = ", ".join(f"{quoted(name)}::varchar" for name in names)
    first = connection.execute(f"select {texts} {accepted} order by file_row_number").fetchmany(
        _SHOWN
    )
    rejected = connection.execute(
        f"select reason, count(*) from ({rows}) where reason is not null"
        " group by all order by 2 desc, 1"
    ).fetchall()
    ((count,),) = connection.execute(f"select count(*) {accepted}").fetchall()
    given = [{n: v for n, v in zip(names, row, strict=True) if v is not None} for row in first]
    return Preview(name, count, dict(rejected), segment.others, given)
