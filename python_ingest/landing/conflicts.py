"""What decides later between ticks of one key whose content differs: who said which.

Both functions look at what `deduplicate.find_duplicates` left of the batch.
"""

import duckdb

from python_ingest.feeds.kinds import TICKS
from python_ingest.feeds.relation import hashed
from python_ingest.landing.deduplicate import same_content
from python_ingest.landing.identity import KEYLESS
from python_ingest.landing.query import SQL
from python_ingest.storage.sql import quoted

# What each tick has; of the other columns a feed may leave some out.
_TOLD = (TICKS.time, "last_price", "last_size")
_OTHERS = ", ".join(
    f"case when {name} is not null then hash({name}) end"
    for name in (quoted(c.name) for c in TICKS.columns if c.in_hash and c.name not in _TOLD)
)


def record_confirmations(connection: duckdb.DuckDBPyConnection, batch_id: int) -> None:
    """Write which ticks of a websocket this batch repeats from REST or a backfill.

    So that what a tick counts for does not depend on which copy of it came first.
    """
    connection.execute(SQL.record_confirmations(str(batch_id), same_content(TICKS)))


def record_conflicts(connection: duckdb.DuckDBPyConnection, batch_id: int, known: str) -> None:
    """Write pairs of ticks with one key and different content, new ones against the best known.

    Each new tick is paired with the best of all of its key (by the source it was landed with;
    staging heeds confirmations too), and that one, if it is new, with the best before: so every
    loser loses at least one pair, and a key that a million rows share costs a million pairs, not a
    million squared.
    """
    left = hashed(TICKS, SQL.left_of_batch(KEYLESS))
    connection.execute(SQL.new_conflicts(str(batch_id), _OTHERS, left))
    found = connection.execute("select count(*), min(day), max(day) from new_conflicts").fetchone()
    if not found or not found[0]:
        return
    pairs = SQL.record_conflicts(
        batch_id=str(batch_id),
        known=known,
        others=_OTHERS,
        hashed_rivals=hashed(TICKS, "rivals"),
        t_new=SQL.same_key("t", "new"),
        new_best=SQL.same_key("new", "best"),
        new_old=SQL.same_key("new", "old"),
    )
    connection.execute(pairs, {"first": found[1], "last": found[2]})
