"""What a relation and its columns mean stands in the catalogue of the published file."""

import re

import pytest
from sample_build import REPOSITORY
from testkit import ask

from python_ingest.cli.publish import publish_command
from python_ingest.publication.descriptions import Description, descriptions
from python_ingest.publication.manifest import read_manifest
from python_ingest.publication.publish import publish
from python_ingest.storage.writer import open_writer

COLUMNS = (
    "select table_name, column_name, data_type, comment from duckdb_columns()"
    " where database_name = current_database() and schema_name = 'main' and not internal"
)
RELATIONS = (
    "select table_name, comment from duckdb_tables() where schema_name = 'main' and not internal"
    " union all select view_name, comment from duckdb_views()"
    " where schema_name = 'main' and not internal"
)
SCHEMAS = (
    "select schema_name from duckdb_schemas()"
    " where database_name = current_database() and not internal"
)
UNIT = re.compile(
    r"in (quote currency|its quote currency|base currency|units of the instrument|percent)"
    r"|in (the quote currency|`currency`|`commission_currency`)|a ratio",
    re.IGNORECASE,
)
# What people add up, and what it is in.
MONEY = {
    ("trades", "price"): "In quote currency",
    ("trades", "quantity"): "In units of the instrument",
    ("trades", "commission"): "in `commission_currency`",
    ("positions", "net_pnl"): "In quote currency, of inverse contracts in settle currency",
    ("round_trips", "net_pnl"): "In `currency`",
    ("portfolio_snapshots", "equity"): "In base currency",
    ("portfolio_snapshots", "total_pnl_pct"): "in percent",
    ("account_snapshots", "margin_used"): "In base currency",
    ("ohlcv_bars", "close"): "In quote currency",
    ("ohlcv_bars", "volume"): "In units of the instrument",
    ("ohlcv_bars", "timestamp"): "UTC",
    ("landings", "duration_ms"): "Milliseconds",
}


@pytest.fixture(scope="module")
def columns(sample) -> list[tuple[str, str, str, str | None]]:
    return ask(sample / "published" / "trading.duckdb", COLUMNS)


def test_every_relation_and_column_of_the_sample_is_described(sample, columns):
    relations = ask(sample / "published" / "trading.duckdb", RELATIONS)
    assert len(relations) > 20
    assert len(columns) > 400
    assert [name for name, comment in relations if not comment] == []
    assert [(name, column) for name, column, _, comment in columns if not comment] == []
    assert all("\n" not in comment for *_, comment in columns)


def test_people_find_what_the_guide_lists_and_nothing_else(sample):
    guide = (REPOSITORY / "docs" / "analysts.md").read_text()
    listed = {*re.findall(r"^\| `(\w+)` \|", guide, re.MULTILINE)}
    listed |= {"publication_status", "missing_files"}
    published = sample / "published" / "trading.duckdb"
    assert {name for name, _ in ask(published, RELATIONS)} == listed - {"migration_status"}
    assert set(ask(published, SCHEMAS)) == {
        ("internal",)
    }  # besides main, which DuckDB calls its own


def test_every_amount_says_what_it_is_in(columns):
    amounts = [each for each in columns if each[2].startswith("DECIMAL")]
    assert len(amounts) > 100
    unclear = [(name, column) for name, column, _, comment in amounts if not UNIT.search(comment)]
    assert unclear == []


@pytest.mark.parametrize(("column", "unit"), MONEY.items(), ids=map(".".join, MONEY))
def test_units_of(columns, column, unit):
    (comment,) = [comment for *name, _, comment in columns if tuple(name) == column]
    assert unit in comment


def test_descriptions_are_those_of_the_models(sample, columns):
    described = descriptions(read_manifest(sample / "dbt" / "manifest.json"))
    for name, column, _, comment in columns:
        if name in described:
            assert described[name].columns[column] == comment


MADE = """
create or replace table orders as select 1 as order_id, 2.5 as "Odd ""name";
create or replace view shown as select order_id, order_id + 1 as other from trading.main.orders;
"""


def test_a_text_that_is_gone_leaves_no_comment(settings):
    with open_writer(settings) as connection:
        connection.execute(MADE)
    said = {
        "orders": Description("It's an order.", {"order_id": "The id.", 'odd "name': "Odd; 'it'."}),
        "shown": Description("A view.", {"other": "Another one."}),
        "not_there": Description("Nothing.", {}),
    }
    publish(settings, described=said)
    shown = "select table_name, column_name, comment from ({}) where table_name in {} order by all"
    wanted = shown.format(COLUMNS, ("orders", "shown"))
    assert ask(settings.published_path, wanted) == [
        ("orders", 'Odd "name', "Odd; 'it'."),
        ("orders", "order_id", "The id."),
        ("shown", "order_id", None),
        ("shown", "other", "Another one."),
    ]
    told = f"select * from ({RELATIONS}) where table_name in ('orders', 'shown') order by all"
    assert ask(settings.published_path, told) == [
        ("orders", "It's an order."),
        ("shown", "A view."),
    ]
    publish(settings)
    assert {row[-1] for row in ask(settings.published_path, wanted)} == {None}
    assert {row[-1] for row in ask(settings.published_path, told)} == {None}


@pytest.mark.parametrize(
    ("manifest", "says"),
    [(None, "is not there (ingest cycle)"), ("{", "is no manifest"), ("[]", "is no manifest")],
)
def test_without_a_manifest_it_publishes_and_says_so(settings, capsys, manifest, says):
    with open_writer(settings) as connection:
        connection.execute(MADE)
    if manifest is not None:
        (settings.data_dir / "dbt").mkdir()
        (settings.data_dir / "dbt" / "manifest.json").write_text(manifest)
    publish_command()
    assert says in capsys.readouterr().out
    comments = f"select table_name from ({COLUMNS}) where comment is not null"
    assert set(ask(settings.published_path, comments)) == {("publication_status",)}
