"""Column lineage of small SELECTs: the engine binds them, tools/lineage reads the plan."""

import duckdb
import pytest

from python_ingest.accounting.functions import BOOK_EVENTS_SQL, STARTS_SQL
from tools.lineage.plan import Column, UnknownLineageError, lineage
from tools.lineage.warehouse import columns_of, empty_warehouse, own_functions

TABLES = {
    "main.p": {"a": "int", "b": "int", "t": "timestamp", "tags": "int[]"},
    "main.q": {"c": "int", "d": "int", "parent": "int"},
    "main.events": {"starts": STARTS_SQL, "events": BOOK_EVENTS_SQL, "side": "varchar"},
}


@pytest.fixture(scope="module")
def warehouse():
    with empty_warehouse(TABLES, "trading") as connection:
        yield connection


def short(column: Column) -> tuple[str, str]:
    """What it is made from and decided by: `p.a q.c`."""
    return tuple(
        " ".join(sorted(f"{relation.removeprefix('main.')}.{name}" for relation, name in sources))
        for sources in (column.made_from, column.decided_by)
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param(
            # The query of ADR 0246: sqlglot 30.30.0 says that x comes from q.d.
            "select a as x, b as y from p union all by name select d as y, c as x from q",
            {"x": ("p.a q.c", ""), "y": ("p.b q.d", "")},
            id="a union by name",
        ),
        pytest.param(
            "with a as (select * from p), b as (select b as a, a as b from a)"
            " select * exclude (b), b + 1 as b from (select a, b from b) order by a",
            {"a": ("p.b", ""), "b": ("p.a", "")},
            id="CTEs that swap names; the last order decides nothing",
        ),
        pytest.param(
            "select b, sum(a) over (partition by b order by t rows 2 preceding) as s,"
            " row_number() over (order by t) as n from p",
            {"b": ("p.b", ""), "s": ("p.a", "p.b p.t"), "n": ("", "p.t")},
            id="a window",
        ),
        pytest.param(
            "select sum(a) filter (where b > 0) as s, max_by(a, t) as last, count(*) as n,"
            " list({'k': a, 'l': b} order by t) as both from p",
            {
                "s": ("p.a", "p.b"),
                "last": ("p.a", "p.t"),
                "n": ("", ""),
                "both": ("p.a p.b", "p.t"),
            },
            id="aggregates",
        ),
        pytest.param(
            "select p.a, q.c, p.a + q.c as s from p left join q on p.b = q.d"
            " where p.t > '2024-01-01'",
            {
                "a": ("p.a", "p.b p.t q.d"),
                "c": ("q.c", "p.b p.t q.d"),
                "s": ("p.a q.c", "p.b p.t q.d"),
            },
            id="a join and a filter",
        ),
        pytest.param(
            "select p.a, q.c from p join q on p.a > q.c or p.b = q.d",
            {"a": ("p.a", "p.a p.b q.c q.d"), "c": ("q.c", "p.a p.b q.c q.d")},
            id="a join by no comparison",
        ),
        pytest.param(
            "select p.a, q.c from p join q on p.b = q.d and (p.a = 1 or q.parent = 1)",
            {"a": ("p.a", "p.a p.b q.d q.parent"), "c": ("q.c", "p.a p.b q.d q.parent")},
            id="a join by a comparison and another condition",
        ),
        pytest.param(
            "select p.a, q.c from p asof join q on p.b = q.d and p.a >= q.parent",
            {"a": ("p.a", "p.a p.b q.d q.parent"), "c": ("q.c", "p.a p.b q.d q.parent")},
            id="an asof join",
        ),
        pytest.param(
            "select a, (select max(c) from q where q.d = p.b) as m, a in (select c from q) as i,"
            " exists (select 1 from q where q.d = p.b) as e from p",
            {
                "a": ("p.a", "p.b q.d"),
                "m": ("q.c", "p.b q.d"),
                "i": ("p.a q.c", "p.b q.d"),
                "e": ("p.b q.d", "p.b q.d"),
            },
            id="subqueries",
        ),
        pytest.param(
            "select case when a > 0 then b end as v, case when a > 0 then 1 else -1 end as w,"
            " if(a > 0, error('no'), b) as x from p",
            {"v": ("p.b", "p.a"), "w": ("p.a", ""), "x": ("p.b", "p.a")},
            id="conditions decide, and are the source where values are constants",
        ),
        pytest.param(
            "select b, unnest(tags) as tag, list_transform(tags, lambda t: t + a) as more from p",
            {"b": ("p.b", "p.tags"), "tag": ("p.tags", "p.tags"), "more": ("p.a p.tags", "p.tags")},
            id="lists and a lambda that captures",
        ),
        pytest.param(
            "with recursive up as (select c, d, parent from q where d = 1 union all"
            " select up.c, q.d, q.parent from up join q on up.parent = q.c)"
            " select c as root, d as leaf from up",
            {"root": ("q.c", "q.c q.d q.parent"), "leaf": ("q.d", "q.c q.d q.parent")},
            id="recursion",
        ),
        pytest.param(
            "select distinct on (b) a from p order by b, t",
            {"a": ("p.a", "p.b p.t")},
            id="distinct on, by an order",
        ),
        pytest.param(
            "select a from (select a, b from p order by t limit 1)",
            {"a": ("p.a", "p.t")},
            id="an order decides what a limit takes",
        ),
        pytest.param(
            "select columns('^[ab]$') + 1, a as c, c * 2 as twice from p where twice > 2",
            {
                "a": ("p.a", "p.a"),
                "b": ("p.b", "p.a"),
                "c": ("p.a", "p.a"),
                "twice": ("p.a", "p.a"),
            },
            id="columns() and aliases that others use",
        ),
    ],
)
def test_lineage_of(warehouse, sql, expected):
    columns, _ = columns_of(warehouse, sql)
    assert {name: short(column) for name, column in columns.items()} == expected


def test_a_fold_is_a_step(warehouse):
    columns, _ = columns_of(
        warehouse, "select fold_positions(starts, events, side)[1].cost as cost from events"
    )
    assert short(columns["cost"])[0] == "events.events events.side events.starts"
    assert columns["cost"].functions & own_functions() == {"fold_positions"}


def test_a_table_function_is_a_step(warehouse):
    columns, _ = columns_of(warehouse, "select range as n from range(3)")
    assert columns["n"].functions == {"range"}


def test_what_is_not_known_is_no_guess(warehouse):
    with pytest.raises(UnknownLineageError, match="operator EXCEPT"):
        columns_of(warehouse, "select a from p except select c from q")
    with pytest.raises(UnknownLineageError, match="nothing"):
        columns_of(warehouse, "select nothing from p")
    with pytest.raises(UnknownLineageError, match="LIMIT of an expression"):
        columns_of(warehouse, "select a from p limit (select max(c) from q)")
    with pytest.raises(UnknownLineageError, match="operator NEW"):
        lineage({"type": "LOGICAL_NEW", "children": []})


def test_no_row_is_read(warehouse):
    """Each relation is an empty table, so that a plan ends at what a SELECT names."""
    assert warehouse.execute("select count(*) from p").fetchall() == [(0,)]
    with pytest.raises(duckdb.CatalogException):
        warehouse.execute("from elsewhere")
