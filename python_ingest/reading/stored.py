"""Views that are published as tables, in the order in which readers ask for the rows.

Ticks are the largest relation and the most read one. The join with their amendments would cost
every reader a third of its time (docs/adr/0064).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from python_ingest.reading.views import Relation, View

Needed = Sequence[tuple[Relation, View | None]]

# The view, the landed table behind it, and the id that both carry.
_STORED = ((Relation("main", "market_ticks"), Relation("raw", "market_ticks"), "tick_id"),)


class Stored(NamedTuple):
    """A view whose rows of the warehouse are published as a table.

    `only_here`: relations that only this view reads, which are not published. `cold`: the view also
    reads files; its own SQL, over an empty `landed`, is published too and returns their rows.
    """

    view: Relation
    landed: Relation
    key: str
    only_here: frozenset[Relation]
    cold: bool

    @property
    def table(self) -> Relation:
        """Where the rows lie."""
        return Relation("warm_rows", self.view.name) if self.cold else self.view

    @property
    def rest(self) -> Relation:
        """The view of what lies in files."""
        return Relation("cold_rows", self.view.name)


def _reach(views: dict[Relation, View | None], start: Relation) -> set[Relation]:
    found, waiting = set(), [start]
    while waiting:
        relation = waiting.pop()
        if relation not in found:
            found.add(relation)
            view = views[relation]
            waiting += view.reads if view else []
    return found


def stored_views(needed: Needed) -> list[Stored]:
    """Return the views to store; one whose landed table has other readers stays a view."""
    views = dict(needed)
    found = []
    for view, landed, key in _STORED:
        if views.get(view) is None or landed not in views:
            continue
        mine = _reach(views, view)
        others: set[Relation] = set()
        for relation in views:
            if relation.schema == "main" and relation != view:
                others |= _reach(views, relation)
        if landed in mine and landed not in others:
            behind = [views[relation] for relation in mine]
            cold = any(v is not None and v.reads_files for v in behind)
            only_here = frozenset() if cold else frozenset(mine - others - {view})
            found.append(Stored(view, landed, key, only_here, cold))
    return found
