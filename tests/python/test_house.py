"""What `make house` counts, and that it can fail."""

import sys
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from house import (
    REPOSITORY,
    RUN_QUERY,
    SPARK_MACRO,
    TRANSACTION,
    Figure,
    dbt_modules,
    python_sql_lines,
    room_figures,
    source_figures,
    table,
)

MODULE = '''
"""select a from b: a docstring is no SQL that runs."""

NAMES = ("select", "from where it came")
QUERY = f"""
    select {NAMES}
    from ticks
"""
NOT_SQL = "run the command with these settings"


def work(connection):
    """Delete from nothing."""
    connection.execute("delete from ticks"
                       " where true")
'''


def test_sql_in_python_is_counted_by_its_lines():
    assert python_sql_lines(MODULE) == 4 + 2


def test_modules_that_plugins_import_run_in_dbt_too():
    assert {"python_ingest.lifecycle.dbt_plugin", "python_ingest.storage.cold_views"} <= {
        *dbt_modules()
    }


def test_bodies_of_spark_and_transactions_are_not_counted():
    macros = "{% macro spark__a() -%}\n  x\n{%- endmacro %}\n{% macro b() %}\n  y\n{% endmacro %}"
    assert SPARK_MACRO.sub("", macros).split() == "{% macro b() %} y {% endmacro %}".split()
    assert TRANSACTION.search("/* {'app': 'dbt'} */ COMMIT")
    assert not TRANSACTION.search("/* {'app': 'dbt'} */ create table commits")


def test_a_query_by_another_name_is_one():
    text = "{% call statement('x', fetch_result=true) %} run_query (sql) run_query_of(x)"
    assert len(RUN_QUERY.findall(text)) == 2


def test_a_goal_that_is_missed_is_named_with_what_misses_it():
    figures = [Figure("models over 150 lines", 1, 0, where=("models/long.sql",)), Figure("a", 2)]
    assert [figure.is_met for figure in figures] == [False, True]
    assert "missed\n  models/long.sql" in table(figures)


def test_figures_of_the_files_are_there():
    values = {figure.name: figure.value for figure in source_figures()}
    assert values["SQL lines of models"] > 1000
    assert 0 < values["the same with SQL in Python"] < 50


def test_lines_of_the_core_and_of_extras_add_up():
    figures = room_figures()
    values = {figure.name: figure.value for figure in figures}
    rooms = [
        f.value
        for f in figures
        if f.name.startswith(("Python lines of core,", "Python lines of extra,"))
    ]
    core = [f.value for f in figures if f.name.startswith("Python lines of core,")]
    assert sum(rooms) == values["Python lines"]
    assert sum(core) == values["Python lines of the core"]
    assert {"Python lines of core, landing", "Python lines of extra, serving"} <= values.keys()


def test_lines_are_those_of_what_is_installed():
    files = WheelBuilder(str(REPOSITORY)).recurse_included_files()
    modules = [Path(file.path) for file in files if file.path.endswith(".py")]
    lines = {figure.name: figure.value for figure in room_figures()}["Python lines"]
    assert lines == sum(len(module.read_text().splitlines()) for module in modules)
