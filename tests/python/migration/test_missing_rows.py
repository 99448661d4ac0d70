"""What a migration has still to land, beside a matching of single rows."""

from collections import Counter

import duckdb
import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_ingest.feeds.kinds import TICKS
from python_ingest.migration.missing_rows import missing_rows, rows_here, told_by

Rows = list[tuple[int, str | None]]

quick = hypothesis.settings(deadline=None, max_examples=25)  # no test depends on how fast it is
rows = st.lists(st.tuples(st.integers(1, 2), st.sampled_from([None, "a", "b", "c"])), max_size=7)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    """Tables `judged` and `landed`: ticks that differ in price and trade id alone."""
    connection = duckdb.connect(config={"threads": 1})
    columns = ", ".join(f"null::{c.type} as {c.name}" for c in TICKS.columns)
    for table in ("judged", "landed"):
        connection.execute(
            f"create table {table} as select {columns}, null::smallint as nanoseconds,"
            " 1 as row_number, 1 as occurrence, null::varchar as reason limit 0"
        )
    return connection


def missing(connection: duckdb.DuckDBPyConnection, there: Rows, here: Rows) -> Rows:
    """Return (price, trade id) of what is missing, each with a new occurrence of its content."""
    for table, content in (("judged", there), ("landed", here)):
        connection.execute(f"delete from {table}")
        connection.execute(
            f"insert into {table} by name select last_price, trade_id, row_number,"
            " row_number() over (partition by last_price, trade_id) as occurrence from (select"
            " unnest($prices::int[]) as last_price, unnest($ids::varchar[]) as trade_id,"
            " unnest(range(len($prices::int[]))) as row_number)",
            {"prices": [price for price, _ in content], "ids": [told for _, told in content]},
        )
    told = told_by("market_ticks", {"trade_id": "VARCHAR"})
    connection.execute(
        "create or replace temp table known as "
        + rows_here("market_ticks", TICKS, told, "landed", "true")
    )
    connection.execute(
        "create or replace temp view there_now as select * exclude (occurrence) from judged"
    )
    sql = missing_rows("market_ticks", TICKS, told, "known").replace("judged", "there_now")
    found = connection.execute(
        f"select last_price, trade_id, occurrence from (with {sql}) order by all"
    ).fetchall()
    numbers = Counter(here)
    for price, trade_id, occurrence in found:
        numbers[price, trade_id] += 1
        assert occurrence == numbers[price, trade_id]
    return [(price, trade_id) for price, trade_id, _ in found]


def unmatched(there: Rows, here: Rows) -> int:
    """Rows there that are no row here: equal ones first, then as many pairs as there can be."""
    equal = Counter(there) & Counter(here)
    left, right = (list((Counter(side) - equal).elements()) for side in (there, here))
    partner: dict[int, int] = {}

    def placed(one: int, tried: set[int]) -> bool:
        price, told = left[one]
        for other, (its_price, its_told) in enumerate(right):
            is_same = price == its_price and (told is None or its_told is None)
            if is_same and other not in tried:
                tried.add(other)
                if other not in partner or placed(partner[other], tried):
                    partner[other] = one
                    return True
        return False

    return sum(not placed(one, set()) for one in range(len(left)))


@quick
@given(rows, rows)
def test_what_is_missing_is_what_no_row_here_can_be(
    connection: duckdb.DuckDBPyConnection, there: Rows, here: Rows
) -> None:
    found = missing(connection, there, here)
    assert len(found) == unmatched(there, here)
    assert not Counter(found) - Counter(there)
    assert missing(connection, there, here + found) == []


def test_another_trade_of_the_same_instant_price_and_size_is_another(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert missing(connection, [(1, "a"), (1, "b")], [(1, "b")]) == [(1, "a")]
    assert missing(connection, [(1, "a")], [(1, "b")]) == [(1, "a")]
    # a tick from before the column was there may be any
    assert missing(connection, [(1, None)], [(1, "b")]) == []
    assert missing(connection, [(1, "a")], [(1, None)]) == []


def test_a_rounded_number_tells_nothing() -> None:
    assert told_by("system_metrics", {"value": "DOUBLE"}) == ("value",)
    for rounded in ("FLOAT", "DECIMAL(18,8)"):
        assert told_by("system_metrics", {"value": rounded, "quantiles": "JSON"}) == ("quantiles",)
