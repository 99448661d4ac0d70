"""The view of ticks, published as a table in the order in which readers ask for the rows.

Ticks are the largest relation and the most read one. The join with their amendments would cost
every reader a third of its time (docs/adr/0005).
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from python_ingest.publication.query import SQL
from python_ingest.publication.views import Relation, View, name_of, with_what_they_read
from python_ingest.storage.sql import quoted

Needed = Sequence[tuple[Relation, View | None]]

TICKS = Relation("main", "market_ticks")
# The table behind the view, and the id that both carry.
RAW_TICKS = Relation("raw", "market_ticks")
KEY = "tick_id"
_WARM_TICKS = Relation("warm_rows", TICKS.name).published()


class Stored(NamedTuple):
    """How the view's rows of the warehouse are published as a table.

    `only_here`: relations that only this view reads, which are not published. `cold`: the view also
    reads files; its own SQL, over an empty RAW_TICKS, is published too and returns their rows.
    `select`: gives all rows. `more`: columns beside the view's own, for the models that are served
    live.
    """

    only_here: frozenset[Relation]
    cold: bool
    select: str
    more: tuple[str, ...] = ()

    @property
    def is_view(self) -> bool:
        """Whether readers see a view over the table."""
        return self.cold or bool(self.more)

    @property
    def table(self) -> Relation:
        """Where the rows lie."""
        return _WARM_TICKS if self.is_view else TICKS


COLD_TICKS = Relation("cold_rows", TICKS.name).published()
"""The view of what lies in files."""
_MORE = ("occurrence", "is_amended")
AMENDED = Relation("live", "amended_ticks").published()
LANDED_TICKS = Relation("live", "landed_ticks").published()


def landed_ticks(columns: Sequence[str]) -> str:
    """Return a SELECT of the ticks as they landed, over what is published."""
    named = ", ".join(map(quoted, columns))
    return SQL.landed_ticks(named, name_of(_WARM_TICKS), name_of(AMENDED))


def stored_ticks(
    needed: Needed, columns: Sequence[str], also: Collection[Relation] = ()
) -> Stored | None:
    """Return how ticks are stored; None where their landed table has other readers than the view.

    `columns`: those of the ticks that readers see. `also`: what else is published, for the models
    behind what is served live; none where there are no such models.
    """
    views = dict(needed)
    if views.get(TICKS) is None or RAW_TICKS not in views:
        return None
    mine = with_what_they_read([TICKS], views)
    # Who reads the view reads what is stored of it.
    elsewhere = {**views, TICKS: None}
    others = with_what_they_read(
        (r for r in views if (r.schema == "main" and r != TICKS) or r in also), elsewhere
    )
    if RAW_TICKS not in mine or RAW_TICKS in others:
        return None
    behind = [views[relation] for relation in mine]
    cold = any(view is not None and view.reads_files for view in behind)
    only_here = frozenset() if cold else frozenset(mine - others - {TICKS})
    if not also:
        return Stored(only_here, cold, f"select * from {name_of(TICKS)}")
    live = SQL.live_ticks(", ".join(map(quoted, [*columns, *_MORE])))
    return Stored(only_here, cold, f"select * from ({live})", _MORE)
