"""dbt with python_ingest.lifecycle.lean_dbt says what it says without."""

import io
import json
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dbt import compilation
from dbt.adapters.base.impl import BaseAdapter
from dbt.adapters.duckdb.relation import DuckDBRelation
from dbt.adapters.events.types import SQLQuery
from dbt.adapters.exceptions import ApproximateMatchError
from dbt.artifacts.resources import InjectedCTE
from dbt.clients.jinja import MacroGenerator
from dbt.context.macros import MacroNamespaceBuilder
from dbt.exceptions import PackageNotFoundForMacroError
from dbt.tracking import track_behavior_change_warn
from dbt_common.clients import jinja, system
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.types import Note
from dbt_common.utils.encoding import JSONEncoder

from python_ingest.lifecycle.lean_dbt import _Lazy, _Names, _Namespace, make_dbt_lean

ADAPTERS = ["dbt_duckdb", "dbt"]
# Every name that a project, a package, an adapter and dbt may each have a macro of.
MACROS = {
    package: {
        name: SimpleNamespace(name=name, package_name=package, unique_id=f"{package}.{name}")
        for name in names.split()
    }
    for package, names in {
        "dbt": "a b c d only_dbt ours",
        "dbt_duckdb": "a b c only_duckdb",
        "ours": "a b only_ours",
        "theirs": "a c only_theirs dbt",
    }.items()
}


@pytest.fixture(autouse=True)
def lean() -> None:
    make_dbt_lean()


def meant(found: Any) -> Any:
    """What a name leads to, macros as their ids."""
    return found.macro.unique_id if isinstance(found, MacroGenerator) else found


@pytest.mark.parametrize("package", ["ours", "theirs", "dbt"])
def test_a_name_means_the_same_macro_to_a_node(package: str) -> None:
    once = MacroNamespaceBuilder("ours", package, None, ADAPTERS).build_namespace(MACROS, {})
    names = _Names(once, ["ref"])
    lean = _Namespace(names, lambda listed: MacroGenerator(listed.macro, context))
    context = _Lazy(names.all, lambda name: lean.macros[name])
    context.update(lean)  # as dbt does
    assert names.all | lean.keys() == {"ref", *once}
    for name, expected in once.items():
        if isinstance(expected, MacroGenerator):
            assert meant(context[name]) == meant(expected), name
            assert context[name].context is context
        else:
            found = {inner: meant(context[name][inner]) for inner in expected}
            assert found == {inner: meant(expected[inner]) for inner in expected}, name
    for inside in (None, "dbt", "ours", "theirs"):
        for name in ("a", "b", "c", "d", "only_duckdb", "only_ours", "only_theirs", "none"):
            expected = once.get_from_package(inside, name)
            found = lean.get_from_package(inside, name)
            assert (found and meant(found)) == (expected and meant(expected)), (inside, name)
    with pytest.raises(PackageNotFoundForMacroError):
        lean.get_from_package("nobody", "a")
    with pytest.raises(KeyError):
        lean["ours"]["none"]


def test_a_lazy_value_is_made_once_and_what_is_set_comes_first() -> None:
    made: list[str] = []
    lazy = _Lazy({"a", "b"}, lambda name: made.append(name) or name.upper())
    assert ("a" in lazy, "none" in lazy, made) == (True, False, [])
    assert (lazy["a"], lazy.get("a"), lazy.get("none", 1), made) == ("A", "A", 1, ["a"])
    lazy["b"] = "ours"
    lazy["more"] = "more"
    assert (lazy["b"], lazy["more"], "more" in lazy, made) == ("ours", "more", True, ["a"])
    with pytest.raises(KeyError):
        lazy["none"]


@pytest.mark.parametrize("native", [False, True])
def test_a_template_finds_what_is_made_when_it_asks(native: bool) -> None:
    context = _Lazy({"lazy"}, lambda name: f"{name} value")
    text = "{{ lazy }}{{ other is defined }}{{ range is defined }}"
    template = jinja.get_template(text, context, native=native)
    assert template.render(context) == "lazy valueFalseTrue"


@pytest.mark.parametrize("name", ["Orders", "orders", "none"])
def test_a_relation_is_found_as_dbt_finds_it(name: str) -> None:
    relations = [
        DuckDBRelation.create(database="db", schema=schema, identifier=table)
        for schema, table in (("main", "orders"), ("main", "orders_warm"), ("warm", "orders"))
    ]
    adapter = SimpleNamespace(
        config=SimpleNamespace(quoting={"database": True, "schema": True, "identifier": True})
    )
    adapter._make_match_kwargs = partial(BaseAdapter._make_match_kwargs, adapter)
    arguments = (adapter, relations, "db", "main", name)
    try:
        expected = BaseAdapter._make_match.__wrapped__(*arguments)
    except ApproximateMatchError:
        with pytest.raises(ApproximateMatchError):
            BaseAdapter._make_match(*arguments)
    else:
        assert BaseAdapter._make_match(*arguments) == expected


def test_what_is_written_is_what_dbt_writes(tmp_path: Path) -> None:
    content = {"when": datetime(2024, 1, 2), "exact": Decimal("1.5"), "none": None, "name": "ü"}
    system.write_json(str(tmp_path / "lean.json"), content)
    expected = io.StringIO()
    json.dump(content, expected, cls=JSONEncoder)
    assert (tmp_path / "lean.json").read_text() == expected.getvalue()
    assert system.read_json(str(tmp_path / "lean.json"))["exact"] == 1.5


def test_a_template_that_was_compiled_before_reads_its_own_context() -> None:
    text = "{{ first }} {{ second }}"
    rendered = [
        jinja.get_template(text, {"first": "one"}).render({"second": second}) for second in "ab"
    ]
    assert rendered == ["one a", "one b"]
    assert jinja.get_template("{{ n }}", {}, native=True).render({"n": 1}) == 1
    assert jinja.get_template("{{ n }}", {}).render({"n": 1}) == "1"


@pytest.mark.parametrize("edges", ["ab bc ac", "ab bc ca", "aa"])
def test_a_cycle_is_told_as_dbt_tells_it(edges: str) -> None:
    linker = compilation.Linker()
    for model, reads in edges.split():
        linker.dependency(model, reads)
    assert linker.find_cycles() == type(linker).find_cycles.__wrapped__(linker)
    assert (linker.find_cycles() is None) == (edges == "ab bc ac")


@pytest.mark.parametrize(
    "sql",
    [
        "with a as (select 1) select * from a",
        "\n\n-- with b\n/* with\nc */ WITH\n\na as (select 1)\nselect * from a\n",
        "with recursive a as (select 1) select * from a",
        "select 1 as within",
        "/* /* */ with */ select 1",
        "within",
    ],
)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_what_is_read_is_put_where_dbt_puts_it(sql: str, count: int) -> None:
    ctes = [
        InjectedCTE(id=str(n), sql=f" __dbt__cte__{n} as (\nselect {n}\n)") for n in range(count)
    ]
    inject = compilation.inject_ctes_into_sql
    assert inject(sql, ctes) == inject.__wrapped__(sql, ctes)


def test_whoever_listens_hears_all_and_else_warnings_are_heard() -> None:
    heard: list[tuple[str, str]] = []
    sql, note = {"conn_name": "c", "sql": "select 1"}, {"msg": "so"}
    manager = EventManager()
    manager.add_callback(track_behavior_change_warn)
    manager.loggers.append(
        SimpleNamespace(
            level=EventLevel.WARN,
            filter=lambda _: True,
            write_line=lambda message: heard.append((message.info.name, message.info.msg)),
        )
    )
    manager.fire_event(SQLQuery(**sql))
    manager.fire_event(Note(**note))
    manager.fire_event(Note(**note), level=EventLevel.WARN)
    assert [name for name, _ in heard] == ["Note", "Note"]
    manager.loggers[0].level = EventLevel.DEBUG
    manager.fire_event(SQLQuery(**sql))
    assert [name for name, _ in heard] == ["Note", "Note", "SQLQuery"]
    assert "select 1" in heard[2][1]
    manager.loggers.clear()
    manager.add_callback(lambda message: heard.append((message.info.name, message.data.sql)))
    manager.fire_event(SQLQuery(**sql))
    assert heard[3] == ("SQLQuery", "select 1")


def test_an_event_is_what_it_was_given() -> None:
    event = SQLQuery(conn_name="c", sql="select 1")
    assert (event.sql, event.conn_name) == ("select 1", "c")
    event.sql = "select 2"
    assert event.to_dict()["sql"] == "select 2"
