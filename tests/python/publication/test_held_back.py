"""What is held back is published as it was before, everything else as it is now."""

from typing import Any

import duckdb
import pytest
from testkit import ask

from python_ingest.errors import BuildFailedError, IngestError
from python_ingest.publication import publish as publishing
from python_ingest.publication.live_models import (
    NONE_BUILT,
    RUN,
    LiveModels,
    Model,
    read_models,
)
from python_ingest.publication.manifest import Chains
from python_ingest.publication.publish import publish
from python_ingest.publication.versions import named_cold_files
from python_ingest.publication.views import Relation
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

CHAINS = {"bars": "bars", "orders": "trading"}
BECAUSE = {"trading": "test fills_have_trades: Got 3 results"}
# Both relations read one table of tombstones; orders reads a relation of another chain too.
WAREHOUSE = """
create schema warm;
create schema state;
create table state.chains as
    select unnest(['bars', 'trading']) as chain, 1::bigint as batch_id;
create table warm.tombstones as select 'none' as relation, 0 as id;
create table warm.bars_warm as select i as id, 1 as value from range(10) r(i);
create table warm.orders_warm as select i as order_id, 1 as value from range(10) r(i);
create view main.bars as
    select * from trading.warm.bars_warm as bars
    where id not in (select id from trading.warm.tombstones where relation = 'bars');
create view main.orders as
    select orders_warm.order_id, orders_warm.value, bars.value as bar
    from trading.warm.orders_warm
    inner join trading.main.bars on orders_warm.order_id = bars.id
    where order_id not in (select id from trading.warm.tombstones where relation = 'orders');
"""
NEWER = """
insert into warm.tombstones values ('bars', 1), ('orders', 2);
update warm.bars_warm set value = 2;
update warm.orders_warm set value = 2;
update state.chains set batch_id = 2;
"""


def change(settings: Settings, sql: str) -> None:
    with open_writer(settings) as connection:
        connection.execute(sql)


@pytest.fixture
def published(settings: Settings) -> Settings:
    change(settings, WAREHOUSE)
    publish(settings, CHAINS)
    change(settings, NEWER)
    return settings


OLD = [(10, 1, 1)]
ORDERS = "select count(*), max(value), max(bar) from orders"
BARS = "select count(*), max(value) from bars"


def test_a_chain_is_held_back_and_the_others_go_on(published: Settings) -> None:
    for _ in range(2):  # the second time from a publication that holds it back already
        publication = publish(published, CHAINS, BECAUSE)
        assert publication.held_back == {"orders": BECAUSE["trading"]}
        assert ask(published.published_path, ORDERS) == OLD
        assert ask(published.published_path, BARS) == [(9, 2)]
    publish(published, CHAINS)
    assert ask(published.published_path, ORDERS) == [(8, 2, 2)]
    schemas = "select distinct schema_name from duckdb_tables() order by all"
    assert ask(published.published_path, schemas) == [("internal",), ("main",)]


# As it was published before what people do not look at lay in one schema.
OLDER = """
create schema warm;
create table warm.tombstones as select 'none' as relation, 0 as id;
create table warm.orders_warm as select i as order_id, 1 as value from range(10) r(i);
create table warm.bars_warm as select i as id, 1 as value from range(10) r(i);
create view main.bars as select * from warm.bars_warm;
create view main.orders as
    select orders_warm.order_id, orders_warm.value, bars.value as bar
    from warm.orders_warm inner join main.bars on orders_warm.order_id = bars.id
    where order_id not in (select id from warm.tombstones where relation = 'orders');
create table main.publication_status as
    select unnest(['bars', 'orders']) as relation, null::varchar as chain, 1::bigint as batch_id,
        null::bigint as marked_with_batch_id, timestamp '2024-01-01' as published_at,
        null::varchar as held_back_because;
"""


def test_a_publication_of_an_earlier_version_goes_on(published: Settings) -> None:
    (version,) = (published.published_path.parent / "versions").iterdir()
    file = version / published.published_path.name
    file.unlink()
    published.published_path.unlink()
    with duckdb.connect(str(file)) as connection:
        connection.execute(OLDER)
    published.published_path.hardlink_to(file)
    assert read_models_of(published).missing == NONE_BUILT
    for _ in range(2):
        publish(published, CHAINS, BECAUSE)
        assert ask(published.published_path, ORDERS) == OLD
        assert ask(published.published_path, BARS) == [(9, 2)]
        schemas = "select distinct schema_name from duckdb_tables() order by all"
        assert ask(published.published_path, schemas) == [("internal",), ("main",)]


def read_models_of(settings: Settings) -> LiveModels:
    with duckdb.connect(str(settings.published_path), read_only=True) as reader:
        return read_models(reader, settings.published_path.stem)


def test_readers_are_told_of_when_a_relation_is_and_why(published: Settings) -> None:
    status = (
        "select relation, chain, batch_id, marked_with_batch_id, held_back_because,"
        " published_at < max(published_at) over () as is_older"
        " from publication_status order by relation"
    )
    publish(published, CHAINS, BECAUSE)
    assert ask(published.published_path, status) == [
        ("bars", "bars", 2, None, None, False),
        ("orders", "trading", 1, 1, BECAUSE["trading"], True),
    ]
    publish(published, CHAINS)
    assert ask(published.published_path, status) == [
        ("bars", "bars", 2, None, None, False),
        ("orders", "trading", 2, 2, None, False),
    ]


def test_files_that_a_held_back_relation_names_are_kept(settings: Settings) -> None:
    change(settings, WAREHOUSE)
    cold = settings.data_dir / "cold" / "orders" / "1.parquet"
    cold.parent.mkdir(parents=True)
    duckdb.sql("select 100 as order_id, 1 as value, 1 as bar").write_parquet(str(cold))
    change(
        settings,
        "create schema raw; create table raw.cold_files as select 'orders' as relation,"
        " 1::bigint as file_id, 'cold/orders/1.parquet' as path, date '2024-01-01' as date,"
        " 1::bigint as rows, '' as checksum, '' as sha256, null::varchar[] as columns,"
        " 'local' as state, 1::bigint as max_batch_id;"
        "create schema cold;"
        f"create view cold.orders as select * from read_parquet('{cold}');"
        "create or replace view main.orders as"
        " select order_id, value, 1 as bar from trading.warm.orders_warm"
        " union all select * from trading.cold.orders;",
    )
    publish(settings, CHAINS)
    change(settings, NEWER + "delete from raw.cold_files;")
    for _ in range(settings.publish.keep + 1):
        publish(settings, CHAINS, BECAUSE)
    assert named_cold_files(settings) == {"cold/orders/1.parquet"}
    assert ask(settings.published_path, ORDERS) == [(11, 1, 1)]


def test_without_a_former_publication_nothing_is_published(settings: Settings) -> None:
    change(settings, WAREHOUSE)
    with pytest.raises(IngestError, match=r"nothing was published.*: test fills_have_trades: Got"):
        publish(settings, CHAINS, BECAUSE)
    assert not settings.published_path.exists()


def test_a_relation_that_was_never_published_holds_everything_back(published: Settings) -> None:
    change(published, "create view main.trips as select 1 as id")
    before = published.published_path.stat().st_ino
    with pytest.raises(IngestError, match=r"^trips: never published"):
        publish(published, {**CHAINS, "trips": "trading"}, BECAUSE)
    assert published.published_path.stat().st_ino == before


def manifest(**parents: list[str]) -> dict[str, Any]:
    """A graph of dbt: nodes by name with what they read; a name's first word says what it is."""
    nodes, sources = {}, {}
    chains = {"ticks": "ticks", "bars": "bars", "fills": "trading", "metrics": "metrics"}
    ids = {}
    for name in parents:
        kind, _, rest = name.partition("_")
        ids[name] = f"{kind}.trading.{rest}"
        chain = chains.get(rest)
        node = {
            "resource_type": kind,
            "name": rest,
            "alias": rest,
            "schema": "raw" if kind == "source" else "main",
            "config": {"meta": {"chain": chain} if chain else {}},
        }
        (sources if kind == "source" else nodes)[ids[name]] = node
    parent_map = {ids[name]: [ids[each] for each in read] for name, read in parents.items()}
    child_map: dict[str, list[str]] = {node: [] for node in parent_map}
    for node, read in parent_map.items():
        for each in read:
            child_map[each].append(node)
    return {"nodes": nodes, "sources": sources, "parent_map": parent_map, "child_map": child_map}


GRAPH = Chains(
    manifest(
        source_market_ticks=[],
        source_system_metrics=[],
        seed_instruments=[],
        model_stg_ticks=["source_market_ticks"],
        model_ticks=["model_stg_ticks"],
        model_bars=["model_ticks", "seed_instruments"],
        model_fills=["model_bars"],
        model_metrics=["source_system_metrics"],
        model_export_fills=["model_fills"],
        test_of_ticks=["model_stg_ticks"],
        test_of_fills_and_bars=["model_fills", "model_bars"],
        test_of_metrics_and_bars=["model_metrics", "model_bars"],
        model_compared=["model_metrics", "model_bars", "model_fills"],
        test_of_what_is_compared=["model_compared"],
        test_of_nothing=[],
    )
)


@pytest.mark.parametrize(
    ("failed", "held"),
    [
        ("model.trading.fills", {"trading"}),
        ("model.trading.bars", {"bars", "trading"}),
        ("model.trading.metrics", {"metrics"}),
        ("model.trading.export_fills", {"trading"}),
        ("seed.trading.instruments", {"bars", "trading"}),
        ("test.trading.of_ticks", {"ticks", "bars", "trading"}),
        ("test.trading.of_fills_and_bars", {"trading"}),
        ("test.trading.of_metrics_and_bars", {"metrics", "bars", "trading"}),
        ("test.trading.of_what_is_compared", {"metrics", "bars", "trading"}),
        (GRAPH.source("raw.system_metrics"), {"metrics"}),
    ],
)
def test_what_failed_holds_back_its_chain_and_those_below(failed: str, held: set[str]) -> None:
    found = GRAPH.held_back({failed: "wrong"})
    assert found.keys() == held
    (reason,) = set(found.values())
    assert reason.endswith("wrong")


@pytest.mark.parametrize("node", ["test.trading.of_nothing", "operation.trading.on-run-end-0"])
def test_what_belongs_to_no_chain_stops_everything(node: str) -> None:
    with pytest.raises(BuildFailedError, match="nothing was published"):
        GRAPH.held_back({node: "wrong"})


BUILT = """
create table state.run as select 1::bigint as run_number, timestamp '2024-01-02' as started_at;
create table state.vanished_rows (relation varchar);
"""
LIVE = LiveModels(
    database="trading",
    models=(
        Model(
            relation=Relation("main", "bars"),
            chain="bars",
            materialized="view",
            sql="select bars_warm.* from warm.bars_warm cross join state.run",
            reads=(Relation("warm", "bars_warm"), RUN),
        ),
    ),
    served=("bars",),
    missing="",
)


def test_who_publishes_by_hand_leaves_the_server_its_models(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the newest publication, until something is built that they may not be of."""
    monkeypatch.setattr(publishing, "live_models", lambda *_: LIVE)
    change(published, BUILT)
    publish(published, CHAINS, manifest={"nodes": {}})
    change(published, "update warm.bars_warm set value = 3")
    publish(published)
    assert read_models_of(published) == LIVE
    assert ask(published.published_path, BARS) == [(9, 3)]
    change(published, "update state.run set run_number = 2")
    publish(published)
    assert read_models_of(published).missing == NONE_BUILT
