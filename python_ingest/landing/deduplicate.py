"""Which rows of a batch were landed before, and which share a key with another content.

Only suspects are compared: rows whose key shows twice in the batch, or is found in the table
within the batch's dates. Everything else is inserted without a second look.
"""

from dataclasses import dataclass

import duckdb
import numpy as np

from python_ingest.feeds.kinds import TICKS, Kind
from python_ingest.feeds.relation import hashed
from python_ingest.landing.identity import CLOCK_TICK, KEYLESS, UNORDERED, place
from python_ingest.landing.query import RELIABLE, SQL
from python_ingest.storage.sql import named_in, quoted, value_of

_BLOCK = 200_000  # keys
# What each tick has; of the other columns a feed may leave some out.
_TOLD = (TICKS.time, "last_price", "last_size")
_OTHERS = ", ".join(
    f"case when {name} is not null then hash({name}) end"
    for name in (quoted(c.name) for c in TICKS.columns if c.in_hash and c.name not in _TOLD)
)


@dataclass(frozen=True)
class Count:
    """One look at a whole batch.

    `first` and `last` time, `low_id` to `high_id` and `low` to `high` of the keys. `unordered`:
    accepted ticks that only the file's order orders. `rise`: what `keys_rise` found.
    """

    read: int
    rejected: int
    others: int
    accepted: int
    first: object
    last: object
    by_trade_id: int
    by_sequence: int
    unordered: int
    low_id: object
    high_id: object
    low: object
    high: object
    rise: bool = False

    @property
    def by_content(self) -> int:
        """Accepted ticks without a key."""
        return self.accepted - self.by_trade_id - self.by_sequence

    @property
    def batch(self) -> str:
        """SQL of the accepted rows; where all are, none is judged again: 3 % of a landing."""
        if self.accepted == self.read:
            return "batch"
        return "(select * from batch where reason is null and ignored is null)"

    def values(self, sql: str) -> dict[str, object]:
        """Return the parameters that a look-up names."""
        return named_in(sql, vars(self))


def keys_rise(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the ticks of `batch` have keys that are rising numbers: then all of them differ.

    To see that takes a third of the time of counting different keys, and ends where it is not so.
    """
    key = "coalesce(try_cast(key_id as bigint), key_number)"
    before = value_of(connection, "select current_setting('preserve_insertion_order')")
    connection.execute("set preserve_insertion_order = true")
    last = None
    try:
        with connection.sql(f"select {key} as key from batch").to_arrow_reader(_BLOCK) as reader:
            for block in reader:
                if block["key"].null_count:
                    return False
                keys = np.from_dlpack(block["key"])  # to_numpy imports pandas
                if (last is not None and keys[0] <= last) or not (keys[1:] > keys[:-1]).all():
                    return False
                last = keys[-1]
    finally:
        connection.execute(f"set preserve_insertion_order = {before}")
    return True


def count(connection: duckdb.DuckDBPyConnection, kind: Kind, *, rise: bool = False) -> Count:
    """Count the relation `batch` in one scan; `rise`: what `keys_rise` found."""
    of_ticks = "0, 0, 0, null, null, null, null"
    if kind.is_ordered:  # rising numbers order their ticks
        of_ticks = SQL.of_ticks("0" if rise else SQL.count_unordered(UNORDERED))
    row = connection.execute(SQL.count(kind.time, of_ticks)).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without groups has one row
    values = (*row, rise)
    return Count(*values)


def _several(connection: duckdb.DuckDBPyConnection, table: str, key: str, rows: str) -> bool:
    """Make `table` of the keys (SQL) that several of the rows have; False where it is empty."""
    return bool(value_of(connection, SQL.several(table, key, rows)))


def find_duplicates(
    connection: duckdb.DuckDBPyConnection, kind: Kind, counted: Count, *, given: bool, known: str
) -> bool:
    """Make `dropped` (row_number) and `repeated` (row_number, occurrence); False if both empty.

    What was compared stays in `suspect_batch`, `suspects` and `known_copies`: it tells conflicts.

    `given`: the batch numbers the occurrences itself, as the segments of one stream do. `known`:
    what was landed before, the table itself or together with the cold files of the batch's dates.
    """
    if not _collect_suspects(connection, kind, counted, known) and not given:
        return False
    _judge(connection, kind, counted, given=given, known=known)
    return True


def _collect_suspects(
    connection: duckdb.DuckDBPyConnection, kind: Kind, counted: Count, known: str
) -> int:
    """Make `suspect_batch`, the rows to compare without their verdicts; return how many."""
    key = SQL.tick_key() if kind.is_ordered else "content_hash"
    accepted = counted.batch
    looks = []
    if not counted.rise and _several(connection, "several_of_key", key, accepted):
        looks.append(f"where {key} in (select key from several_of_key)")
    look_ups = known_ticks(known, counted) if kind.is_ordered else [SQL.by_hash(known, kind.time)]
    looks += [f"semi join {look_up}" for look_up in look_ups]
    rows = f"select b.* exclude (reason, ignored, raw_text) from {accepted} as b"
    connection.execute(f"create or replace temp table suspect_batch as {rows} limit 0")
    return sum(
        value_of(
            connection,
            f"insert into suspect_batch from ({rows} {look})"
            " where row_number not in (select row_number from suspect_batch)",
            counted.values(look),
        )
        for look in looks
    )


def known_ticks(table: str, counted: Count) -> list[str]:
    """Return the right side of a semi join of `b` with `table` for each way a tick is known.

    By trade id, by sequence number, and (a wider net) by time where it has no key. Each names
    the range of its own column, so that row groups are pruned by it. A known tick of the same
    content is the same, whatever its own feed says of its numbers.
    """
    ways = (
        (counted.by_trade_id, SQL.by_trade_id),
        (counted.by_sequence, SQL.by_sequence),
        (counted.by_content, SQL.by_content),
    )
    return [look_up(table) for there, look_up in ways if there]


def _judge(
    connection: duckdb.DuckDBPyConnection, kind: Kind, counted: Count, *, given: bool, known: str
) -> None:
    ticks = kind.is_ordered
    columns = "exchange, symbol, " if ticks else ""
    keyed = f"not ({KEYLESS})" if ticks else ("false" if kind.occurrences else "true")
    number = SQL.number_of_content(
        f"source not in {RELIABLE}, row_number" if ticks else "row_number"
    )
    number = f"case when keyed then {number} else occurrence end" if given else number
    compared = hashed(kind, counted.batch if given else "suspect_batch")
    more = ", source, coalesce(trade_id, sequence_number::varchar) as id" if ticks else ""
    more += ", occurrence" if given else ""
    # A struct with names: DuckDB 1.5 makes no table of one without.
    told = ", ".join(f"'{number}': {sql}" for number, sql in enumerate(kind.besides))
    besides = f"{{{told}}}" if kind.keeps_copies else "0"
    connection.execute(SQL.suspects(number, kind.time, columns, besides, keyed, more, compared))
    highest = "max(occurrence)" if kind.occurrences else "1"
    alike = "t.content_hash = suspects.content_hash"
    if not kind.keeps_hash:  # it is computed of those only that are of a suspect's time
        alike = "t.timestamp = suspects.time and t.exchange = suspects.exchange"
        alike += " and t.symbol = suspects.symbol"
    copies = hashed(kind, SQL.copies(known, kind.time, alike))
    more = ", min(tick_id) as tick_id, min(source) as source" if ticks else ""
    connection.execute(SQL.known_copies(kind.time, columns, besides, highest, more, copies))
    connection.execute(SQL.dropped(same_content(kind)))
    if kind.occurrences:
        connection.execute(SQL.repeated())


def find_places(
    connection: duckdb.DuckDBPyConnection, counted: Count, *, newest_first: bool
) -> bool:
    """Make `places` (row_number, place) of the unordered ticks of which a clock tick has several.

    Another unordered tick is the first of its own. False where all are.
    """
    if not counted.unordered:
        return False
    unordered = f"(select * from {counted.batch} where {UNORDERED})"
    if not _several(connection, "several_of_clock", CLOCK_TICK, unordered):
        return False
    connection.execute(SQL.places(place(newest_first=newest_first), unordered, CLOCK_TICK))
    return True


def same_content(kind: Kind) -> str:
    """Return what joins a suspect `s` with a `known` row that says the same."""
    on = "known.content_hash = s.content_hash and known.time = s.time"
    if kind.keeps_copies:
        on += " and known.besides = s.besides"
    if kind.is_ordered:
        on += " and known.exchange = s.exchange and known.symbol = s.symbol"
    return on


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
    )
    connection.execute(pairs, {"first": found[1], "last": found[2]})
