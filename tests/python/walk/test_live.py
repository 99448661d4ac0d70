"""What `ingest serve` answers at any moment is what a whole build of the same rows gives."""

import random
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from python_ingest.accounting.functions import register
from python_ingest.publication.attached import identity_of
from python_ingest.publication.live_models import SERVED, LiveModels, live_models
from python_ingest.publication.manifest import read_manifest
from python_ingest.publication.publish import publish
from python_ingest.publication.views import Relation
from python_ingest.serving import live_build
from python_ingest.serving.hot_source import HotSource
from python_ingest.serving.live_part import LivePart
from python_ingest.serving.pool import ReaderPool
from python_ingest.serving.results import Question

from . import news
from .ground import BASE_SEED, Ground
from .warehouse import NO_TESTS, Warehouse

MOMENTS = 3
# Days before the one before it leave for cold files.
NEWEST = {
    "exchange": "prop", "symbol": "X", "timestamp": "2024-03-11 09:00:00", "last_price": "11",
    "last_size": "1", "trade_id": "77",
}  # fmt: skip
KINDS: dict[str, st.SearchStrategy[news.Row]] = {
    "ticks": news.ticks,
    "corrections": news.corrections,
    "cash": news.cash,
    "actions": news.actions,
}
# When and with what a row was built, and when its event landed, which is later in the warehouse.
OF_A_BUILD = "columns(lambda c: not starts_with(c, 'built_') and c <> 'reported_at')"
# The newest valuation, which is served as a row of the type `live`.
LIVE_TOO = {"portfolio_snapshots": "account_id = 'all'", "account_snapshots": "account_id <> 'all'"}
NEWEST_VALUES = """
    select * replace ('live' as snapshot_type), snapshot_time::date as date
    from warm.portfolio_snapshots_warm where snapshot_type = 'newest' and {}
"""
# The only trade of its minute, of a warm day and of a cold one: its bars are no more.
BUSTED: list[news.Row] = [
    {"exchange": "nyse", "symbol": "N", "trade_id": trade_id, "action": "bust",
     "timestamp": "2024-03-11 10:00:00"}
    for trade_id in ("6", "3", "4")
]  # fmt: skip


def landed_between(number: int, moments: int) -> list[list[tuple[str, list[news.Row]]]]:
    """What lands before each moment: files of some kinds, in any order of times."""
    found: list[Any] = []
    files = st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0)).flatmap(
        lambda kind: st.tuples(st.just(kind[0]), st.lists(KINDS[kind[0]], min_size=1, max_size=8))
    )

    @seed(number)
    @settings(
        max_examples=moments + 1,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(files, min_size=2, max_size=4))
    def collect(some: list[Any]) -> None:
        found.append(some)

    collect()
    return found[1 : moments + 1]


def built(warehouse: Warehouse) -> None:
    done = warehouse.build(*NO_TESTS)
    assert not done.code, done.printed


def manifest_of(warehouse: Warehouse) -> dict[str, Any]:
    return read_manifest(warehouse.data_dir / "target" / "manifest.json")


def models_of(warehouse: Warehouse) -> LiveModels:
    with warehouse.reader() as connection:
        return live_models(connection, manifest_of(warehouse))


def published(warehouse: Warehouse) -> None:
    live = models_of(warehouse)
    assert (live.served, live.missing) == (SERVED, "")
    publish(warehouse.ingest, manifest=manifest_of(warehouse))


def differences(pool: ReaderPool, warehouse: Warehouse, relation: str) -> list[str]:
    """What is served and what was built, row by row: rows that only one of them has."""
    columns = OF_A_BUILD
    with warehouse.reader() as connection:
        expected = connection.sql(f"select {columns} from {relation}").to_arrow_table()
        if relation in LIVE_TOO:
            newest = connection.sql(NEWEST_VALUES.format(LIVE_TOO[relation])).to_arrow_table()
            expected = pa.concat_tables([expected, newest.select(expected.column_names)])
    served = pool.query(f"select {columns} from {relation}")
    return [
        *only_in(served, expected, f"{relation} served"),
        *only_in(expected, served, f"{relation} built"),
    ]


def only_in(one: pa.Table, other: pa.Table, name: str) -> list[str]:
    with duckdb.connect() as connection:
        connection.register("one", one)
        connection.register("other", other)
        found = connection.execute("from one except all from other order by all limit 5")
        return [f"{name}: {row}" for row in found.fetchall()]


def catch_up(source: HotSource, warehouse: Warehouse) -> None:
    source.look()
    while source._state.identity != identity_of(warehouse.ingest.published_path):
        source.look()


@pytest.fixture(scope="module")
def restated(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Built twice, so that the second build restated, with a day in cold files."""
    warehouse = ground.start(tmp_path_factory.mktemp("live") / "data")
    rows = warehouse.seeds()["retention_policies"]
    for row in rows:
        row["keep_days"] = "1"
    warehouse.seed("retention_policies", rows)
    warehouse.as_of = "2024-03-12 00:00:00"
    warehouse.land("ticks", [NEWEST])
    built(warehouse)
    cold = warehouse.rows("select distinct relation from raw.cold_files")
    assert {"market_ticks", "ohlcv_bars", "orders", "trades", "portfolio_snapshots"} <= {
        relation for (relation,) in cold
    }
    return warehouse


@pytest.fixture
def warehouse(restated: Warehouse, tmp_path: Path) -> Warehouse:
    return restated.copy(tmp_path / "data")


@pytest.mark.parametrize(
    "number", [1, *(pytest.param(number, marks=pytest.mark.slow) for number in range(2, 30))]
)
def test_served_rows_are_those_of_a_build(
    number: int, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serve_and_build(warehouse, number, MOMENTS, monkeypatch) == set(SERVED)


def test_served_rows_are_those_of_a_build_also_after_the_first_one(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It made its relations whole: their SELECTs that restate were compiled beside."""
    warehouse = ground.start(tmp_path / "data")
    assert "ohlcv_bars" in serve_and_build(warehouse, 1, 1, monkeypatch)


def serve_and_build(
    warehouse: Warehouse, number: int, moments: int, monkeypatch: pytest.MonkeyPatch
) -> set[str]:
    """Compare at each moment what is served with a build; return what was served anew."""
    chance, desk = random.Random(number), news.Desk(BASE_SEED + number)  # noqa: S311
    published(warehouse)
    source = HotSource(warehouse.ingest, functions=register)
    changed: set[str] = set()
    with ReaderPool(warehouse.ingest, source=source) as pool:
        for moment, files in enumerate(landed_between(number, moments)):
            before = [pool.query(f"from {name}") for name in SERVED]
            news_of_desk = [("orders", desk.events(9)), ("ticks", desk.ticks(9))]
            for kind, rows in [*files, *news_of_desk, ("corrections", [BUSTED[moment]])]:
                if rows:
                    warehouse.land(kind, rows)
                if chance.random() < 0.3:
                    source.look()  # the next pass begins where this one did
            catch_up(source, warehouse)
            assert source._state.day.note[b"live"].startswith(b"as of")
            changed |= {
                name
                for name, rows in zip(SERVED, before, strict=True)
                if pool.query(f"from {name}") != rows
            }
            built(warehouse)
            found = [line for name in SERVED for line in differences(pool, warehouse, name)]
            assert not found, "\n".join([f"moment {moment}", *found, *warehouse.typed()])
            if moment == 0 or chance.random() < 0.5:
                # Once views are made tables where they have few rows, once they are not.
                monkeypatch.setattr(live_build, "MOST_ROWS", 0 if moment == 0 else 50_000)
                published(warehouse)
                catch_up(source, warehouse)
    return changed


def test_published_rows_are_served_where_a_model_fails(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    published(warehouse)
    source = HotSource(warehouse.ingest, functions=register)
    ask = Question("select * from ohlcv_bars order by all", None, "query")
    with ReaderPool(warehouse.ingest, source=source) as pool:

        def answer() -> tuple[pa.Table, bytes]:
            rows = pa.Table.from_batches(pool.batches(ask, 10, lambda: False))
            return rows, rows.schema.metadata[b"live"]

        before, _ = answer()
        warehouse.land("ticks", [{**NEWEST, "last_price": "12", "trade_id": "78"}])
        source.look()
        live, note = answer()
        assert note.startswith(b"as of ")
        assert not live.equals(before)
        with monkeypatch.context() as patch:
            patch.setattr(LivePart, "restate", _fail)
            warehouse.land("ticks", [{**NEWEST, "last_price": "13", "trade_id": "79"}])
            source.look()
        rows, note = answer()
        assert rows.equals(before)
        assert note == b"published rows: no room for it"
        assert "as it was published: no room for it" in caplog.text
        warehouse.land("ticks", [{**NEWEST, "last_price": "14", "trade_id": "80"}])
        source.look()
        assert answer()[1].startswith(b"as of ")
        built(warehouse)
        assert differences(pool, warehouse, "ohlcv_bars") == []


def _fail(*_: object) -> None:
    raise duckdb.OutOfMemoryException("no room for it")


def test_trading_follows_the_market(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    published(warehouse)
    source = HotSource(warehouse.ingest, functions=register)
    with ReaderPool(warehouse.ingest, source=source) as pool:

        def shown() -> tuple[pa.Table, pa.Table, str]:
            bars = pool.query("from ohlcv_bars order by all")
            orders = pool.query("from orders order by all")
            return bars, orders, source._state.day.note[b"live"].decode()

        restate, between = LivePart.restate, []

        def looked_at(part: LivePart) -> None:
            between.append(shown())
            restate(part)

        monkeypatch.setattr(LivePart, "restate", looked_at)
        warehouse.land("ticks", [{**NEWEST, "last_price": "12", "trade_id": "78"}])
        warehouse.land("orders", news.Desk(BASE_SEED + 1).events(9))
        source.look()
        (bars, orders, note), (newer_bars, same_orders, says_both), last = (*between, shown())
    assert newer_bars != bars
    assert last[0] == newer_bars
    assert same_orders == orders
    assert last[1] != orders
    now = last[2]
    assert now > note
    assert says_both == f"{now}; trading {note}"


def test_a_build_of_every_row_is_followed_as_one_that_restates(
    ground: Ground, warehouse: Warehouse
) -> None:
    first, later = (
        {
            model.relation: model.sql.replace(built.as_of, "as_of")
            for model in models_of(built).models
            if model.materialized == "incremental"
        }
        for built in (ground.built, warehouse)
    )
    assert first == later != {}
    manifest = manifest_of(ground.built)
    for node in manifest["nodes"].values():
        if node["alias"] == "trades_warm":
            del node["meta"]["restating"]
    with ground.built.reader() as connection:
        without = live_models(connection, manifest)
    assert {"ohlcv_bars", "orders", "trades"} & {*without.served} == {"ohlcv_bars"}
    assert without.missing.startswith("trading is left out: the last build made trades_warm whole")


def test_what_is_held_back_is_not_served_live(warehouse: Warehouse) -> None:
    live = models_of(warehouse)
    assert live.served == SERVED
    market, trading = live.parts
    assert {model.chain for model in trading} - {""} == {"trading"}
    # So each served relation is of one moment.
    tables = {model.relation for model in market if model.materialized != "view"}
    reads = live.read_through_views(tables)
    assert not any(reads[m.relation] for m in trading if m.relation.schema == "main")
    assert Relation("main", "ohlcv_bars") in {model.relation for model in market}
    for held, served in (
        ("trading", ("latest_ticks", "ohlcv_bars", "ohlcv_bars_filled")),
        ("bars", ("latest_ticks",)),
        ("ticks", ()),
    ):
        left = live.without({held: "a test failed"})
        assert set(served) <= set(left.served), held
        assert held not in {model.chain for model in left.models}
        assert left.missing == f"{held} is left out: a test failed"


def rows_of(pool: ReaderPool, relations: Collection[str]) -> dict[str, pa.Table]:
    return {name: pool.query(f"select {OF_A_BUILD} from {name}") for name in relations}


def unlike(one: dict[str, pa.Table], other: dict[str, pa.Table]) -> list[str]:
    return [
        line
        for name in one
        for line in (
            *only_in(one[name], other[name], f"{name} beside"),
            *only_in(other[name], one[name], f"{name} in turn"),
        )
    ]


def arrivals(number: int, moments: int) -> list[list[tuple[str, list[news.Row]]]]:
    """Files of each moment: of all kinds, and some that take back a trade of a cold day."""
    desk = news.Desk(BASE_SEED + number)
    return [
        [
            *((kind, rows) for kind, rows in files if rows),
            ("orders", desk.events(9)),
            ("corrections", [BUSTED[moment]]),
            ("ticks", desk.ticks(9)),
            ("orders", desk.events(5)),
        ]
        for moment, files in enumerate(landed_between(number, moments))
    ]


@pytest.mark.parametrize(
    "number", [1, *(pytest.param(number, marks=pytest.mark.slow) for number in range(2, 10))]
)
def test_trading_is_of_the_pass_that_it_followed(
    number: int, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passes of the market go on before the first statement of trading's, and between any two."""
    chance = random.Random(number)  # noqa: S311
    published(warehouse)
    source, in_turn = (HotSource(warehouse.ingest, functions=register) for _ in range(2))
    live = source._state.live
    of_market = {m.relation.name for m in models_of(warehouse).parts[0]} & {*SERVED}
    of_trading = {*SERVED} - of_market
    waiting: list[tuple[str, list[news.Row]]] = []
    run, is_first, passes = LivePart._run, False, 0

    def with_passes_between(part: LivePart, sql: str) -> duckdb.DuckDBPyConnection:
        nonlocal is_first, passes
        if waiting and part in live._build.later and (is_first or chance.random() < 0.05):
            is_first = False
            warehouse.land(*waiting.pop(0))
            live.follow_market()
            passes += 1
        return run(part, sql)

    monkeypatch.setattr(LivePart, "_run", with_passes_between)
    with (
        ReaderPool(warehouse.ingest, source=source) as pool,
        ReaderPool(warehouse.ingest, source=in_turn) as pool_in_turn,
    ):
        for files in arrivals(number, MOMENTS):
            warehouse.land(*files[0])
            live.follow_market()
            in_turn.look()
            expected = rows_of(pool_in_turn, of_trading)
            waiting[:], is_first = files[1:], True
            live.follow_trading()
            assert live._shown[0] > live._shown[1] > "as of"
            assert unlike(rows_of(pool, of_trading), expected) == []
            in_turn.look()
            assert unlike(rows_of(pool, of_market), rows_of(pool_in_turn, of_market)) == []
            while waiting:
                warehouse.land(*waiting.pop(0))
        assert passes >= MOMENTS
        for each in (source, in_turn):
            each.look()
        assert unlike(rows_of(pool, SERVED), rows_of(pool_in_turn, SERVED)) == []


def test_both_parts_run_at_once(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    published(warehouse)
    source, in_turn = (HotSource(warehouse.ingest, functions=register) for _ in range(2))
    live = source._state.live
    restate, running, together = LivePart.restate, set(), 0

    def counted(part: LivePart) -> None:
        nonlocal together
        running.add(part)
        together += len(running) > 1
        try:
            restate(part)
        finally:
            running.discard(part)

    monkeypatch.setattr(LivePart, "restate", counted)
    with (
        ReaderPool(warehouse.ingest, source=source) as pool,
        ReaderPool(warehouse.ingest, source=in_turn) as pool_in_turn,
    ):
        source.start()
        for files in arrivals(1, MOMENTS):
            for kind, rows in files:
                warehouse.land(kind, rows)
                assert not live._failure
        assert together
        in_turn.look()
        until = time.monotonic() + 120
        while unlike(rows_of(pool, SERVED), rows_of(pool_in_turn, SERVED)):
            assert time.monotonic() < until
            time.sleep(0.1)
        until = time.monotonic() + 60
        while b"trading" in source._state.day.note[b"live"]:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert source._state.day.note[b"live"].startswith(b"as of ")
        assert unlike(rows_of(pool, SERVED), rows_of(pool_in_turn, SERVED)) == []
        built(warehouse)
        assert [line for name in SERVED for line in differences(pool, warehouse, name)] == []
