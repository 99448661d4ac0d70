"""Copies held-back relations, and what they read, from the previous publication.

What a held-back relation reads gets names of its own,
`internal.held_back__...`: relations of other chains may share a table, such as the tombstones of
cold rows, and go on with its newest rows.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb

from python_ingest.errors import IngestError
from python_ingest.publication.views import (
    INTERNAL,
    Relation,
    moved_view,
    name_of,
    needed,
    view_texts,
)

FORMER = "former"
_HELD_BACK = "held_back"


class Kept(NamedTuple):
    """A table to make of `select` with the order and index of the table `like`; None: a view."""

    relation: Relation
    select: str
    like: str | None


def _held_back(relation: Relation) -> Relation:
    """Return the name of a relation that held-back ones read; it may have it already."""
    name = relation.published().name if relation.schema != "main" else "__".join(relation)
    if not name.startswith(f"{_HELD_BACK}__"):
        name = f"{_HELD_BACK}__{name}"
    return Relation(INTERNAL, name)


def kept_relations(
    connection: duckdb.DuckDBPyConnection, names: Collection[str], data_dir: Path
) -> Iterator[Kept]:
    """Yield relations `names` of the attached former publication, each after what it reads.

    `data_dir`: where their cold files are now, wherever they were when it was published.
    Raises IngestError when one was never published.
    """
    texts = view_texts(connection, FORMER)
    unknown = sorted(name for name in names if Relation("main", name) not in texts)
    if unknown:
        raise IngestError(
            f"{', '.join(unknown)}: never published, so there is nothing to go on with"
        )
    renamed: dict[Relation, Relation] = {}
    for relation, view in needed(connection, FORMER, only=names):
        if relation.schema != "main" or relation.name not in names:
            renamed[relation] = _held_back(relation)
        target = renamed.get(relation, relation)
        if view is None:
            like = target.name.rpartition("__")[2]
            yield Kept(target, f"select * from {FORMER}.{name_of(relation)}", like)
        else:
            text = texts[relation] or ""
            portable = moved_view(
                connection, text, FORMER, lambda read: renamed.get(read, read), data_dir
            )
            yield Kept(target, portable.select, None)
