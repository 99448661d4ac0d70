"""A warehouse that an earlier version built, from its archive."""

import re
import tarfile
from pathlib import Path

import duckdb


def unpack(archive: Path, folder: Path) -> Path:
    """Return its DATA_DIR; the views over cold files name the files in there."""
    with tarfile.open(archive) as packed:
        # Python 3.11.2, that of Debian 12, has no filters yet.
        packed.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        packed.extractall(folder)  # noqa: S202 - an archive of ours
    data_dir = folder / "data"
    with duckdb.connect(str(data_dir / "trading.duckdb")) as connection:
        views = "select sql from duckdb_views() where contains(sql, '/cold/')"
        for (sql,) in connection.execute(views).fetchall():
            moved = re.sub(r"'/[^']*(/cold/[^']*)'", rf"'{data_dir}\1'", sql)
            connection.execute(moved.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1))
    return data_dir
