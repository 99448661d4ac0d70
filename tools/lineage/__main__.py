"""`python -m tools.lineage MANIFEST PAGE`: the page of column lineage (`make docs`).

MANIFEST is what `dbt compile --full-refresh` leaves; the database is that of the settings. Without
arguments it only says, in a line, why the database cannot be opened now: dbt would need many.
"""

import json
import sys
from pathlib import Path

from python_ingest.cli.ending import ended
from python_ingest.settings import load_settings
from python_ingest.storage.writer import open_briefly
from tools.lineage.page import page
from tools.lineage.warehouse import relations, types


def main(*paths: Path) -> None:
    """Do what the arguments say."""
    if paths:
        make_page(*paths)
    else:
        with open_briefly(load_settings()):
            pass


def make_page(manifest_path: Path, out: Path) -> None:
    """Write the page; says which relation has no lineage, and ends with 1 then."""
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    with open_briefly(load_settings()) as connection:
        columns = types(connection)
        (database,) = connection.execute("select current_database()").fetchone() or ("",)
    found = relations(manifest, columns, database)
    out.write_text(page(found, columns, manifest), encoding="utf-8")
    for relation in found.values():
        if relation.unknown:
            print(f"no lineage of {relation.name}: {relation.unknown}", file=sys.stderr)
    if any(relation.unknown for relation in found.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(ended(lambda: main(*map(Path, sys.argv[1:]))))
