"""dbt with python_ingest.lifecycle.lean_dbt says what it says without."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from dbt.adapters.events.types import SQLQuery
from dbt.clients.jinja import MacroGenerator
from dbt.context.macros import MacroNamespaceBuilder
from dbt.exceptions import PackageNotFoundForMacroError
from dbt.tracking import track_behavior_change_warn
from dbt_common.clients import jinja
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.types import Note

from python_ingest.lifecycle.lean_dbt import _Namespace, make_dbt_lean

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


def meant(namespace: Any) -> Any:
    """What each name leads to, macros as their ids."""
    if isinstance(namespace, MacroGenerator):
        return namespace.macro.unique_id
    return {name: meant(namespace[name]) for name in namespace}


@pytest.mark.parametrize("package", ["ours", "theirs", "dbt"])
def test_a_name_means_the_same_macro_to_a_node(package: str) -> None:
    context: dict[str, Any] = {}
    once = MacroNamespaceBuilder("ours", package, None, ADAPTERS).build_namespace(MACROS, context)
    lean = _Namespace(once, lambda listed: MacroGenerator(listed.macro, context))
    assert lean.keys() == set(once)
    for name, expected in once.items():
        if isinstance(expected, MacroGenerator):
            assert meant(lean[name]) == meant(expected), name
        else:
            assert {inner: meant(lean[name][inner]) for inner in expected} == meant(expected), name
    for inside in (None, "dbt", "ours", "theirs"):
        for name in ("a", "b", "c", "d", "only_duckdb", "only_ours", "only_theirs", "none"):
            expected = once.get_from_package(inside, name)
            found = lean.get_from_package(inside, name)
            assert (found and meant(found)) == (expected and meant(expected)), (inside, name)
    with pytest.raises(PackageNotFoundForMacroError):
        lean.get_from_package("nobody", "a")
    with pytest.raises(KeyError):
        lean["ours"]["none"]


def test_a_template_that_was_compiled_before_reads_its_own_context() -> None:
    text = "{{ first }} {{ second }}"
    rendered = [
        jinja.get_template(text, {"first": "one"}).render({"second": second}) for second in "ab"
    ]
    assert rendered == ["one a", "one b"]
    assert jinja.get_template("{{ n }}", {}, native=True).render({"n": 1}) == 1
    assert jinja.get_template("{{ n }}", {}).render({"n": 1}) == "1"


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
