"""The main job end to end, as `make build` does it, judged by pandas, polars and fractions."""

import gzip
import json
import shutil
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
from sample_build import (
    MANIFEST,
    REPOSITORY,
    SAMPLE,
    assert_same_rows,
    dbt,
    ingest,
    make_build,
)

UNIT = 10**8
PROVEN = """
select proven.run_number >= built.run_number
from state.chains as proven, state.chains as built
where proven.chain = 'data tests' and built.chain = 'ticks'
"""


@pytest.fixture(scope="session")
def built(sample, tmp_path_factory) -> Path:
    """A copy that may be changed."""
    return shutil.copytree(sample, tmp_path_factory.mktemp("copy") / "data", symlinks=True)


@pytest.fixture
def published(built):
    path = built / "published" / "trading.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def recorded_trades() -> list[tuple[int, int, int, int]]:
    """(minute, trade id, price, size) of every recorded trade, in units of 1e-8."""
    trades = []
    with gzip.open(SAMPLE / "binance_spot_btcusdt_ws.ndjson.gz", "rt") as lines:
        for line in lines:
            data = json.loads(line.split(" ", 1)[1]).get("data", {})
            if data.get("e") == "trade":
                price, size = (int(Fraction(data[key]) * UNIT) for key in ("p", "q"))
                trades.append((data["T"] // 60_000, data["t"], price, size))
    return trades


def units(column: str) -> str:
    return f"({column}::decimal(38, 8) * {UNIT})::hugeint"


@pytest.fixture
def bars(published) -> list[tuple]:
    return published.execute(
        f"""
        select
            epoch_ms(timestamp) // 60000, {units("open")}, {units("high")},
            {units("low")}, {units("close")}, {units("volume")},
            trade_count
        from ohlcv_bars where symbol = 'BTCUSDT' and timeframe = '1m' order by timestamp
        """
    ).fetchall()


def test_minute_bars_equal_polars(bars, recorded_trades):
    frame = pl.DataFrame(recorded_trades, ["minute", "id", "price", "size"], orient="row")
    expected = (
        frame.sort("minute", "id")
        .group_by("minute", maintain_order=True)
        .agg(
            pl.first("price").alias("open"),
            pl.max("price").alias("high"),
            pl.min("price").alias("low"),
            pl.last("price").alias("close"),
            pl.sum("size").alias("volume"),
            pl.len().cast(pl.Int64).alias("count"),
        )
    )
    assert len(bars) > 3
    assert bars == expected.rows()


def test_minute_bars_equal_pandas(bars, recorded_trades):
    frame = pd.DataFrame(recorded_trades, columns=["minute", "id", "price", "size"])
    grouped = frame.sort_values(["minute", "id"]).groupby("minute")
    expected = (
        grouped["price"]
        .agg(["first", "max", "min", "last"])
        .join(grouped["size"].agg(["sum", "count"]))
    )
    assert bars == [tuple(row) for row in expected.itertuples(name=None)]


def test_vwap_is_exact_and_rounded_half_up(published, recorded_trades):
    notional, volume = defaultdict(Fraction), defaultdict(Fraction)
    for minute, _, price, size in recorded_trades:
        notional[minute] += Fraction(price * size, UNIT**2)
        volume[minute] += Fraction(size, UNIT)
    rows = published.execute(
        "select epoch_ms(timestamp) // 60000, vwap from ohlcv_bars"
        " where symbol = 'BTCUSDT' and timeframe = '1m'"
    ).fetchall()
    assert rows
    for minute, vwap in rows:
        exact = notional[minute] / volume[minute]
        assert Fraction(vwap) == Fraction(int(exact * UNIT + Fraction(1, 2)), UNIT)


def test_everything_the_specification_names_is_there(published):
    counts = {
        name: published.execute(f"select count(*) from {name}").fetchone()[0]
        for name in (
            "market_ticks ohlcv_bars orders trades positions current_positions"
            " portfolio_snapshots system_metrics application_logs landings"
        ).split()
    }
    assert all(counts.values()), counts
    landed = published.execute(
        "select count(*) from landings where file_name not like 'ingest/%'"
    ).fetchone()
    assert landed == (len(MANIFEST["files"]),)
    assert published.execute("select count(*) from rejected_rows").fetchone() == (0,)


@pytest.mark.parametrize(("name", "elsewhere"), [("landings", []), ("rejected_rows", ["sha256"])])
def test_what_landing_kept_is_shown_whole(built, name, elsewhere):
    with duckdb.connect(str(built / "trading.duckdb"), read_only=True) as connection:
        kept = connection.sql(f"from raw.{name}")
        shown = set(connection.sql(f"from main.{name}").columns)
        assert set(kept.columns) - set(elsewhere) == shown


def test_messages_of_other_kinds_are_counted_by_kind(published):
    kinds: dict[str, int] = defaultdict(int)
    with gzip.open(SAMPLE / "binance_spot_btcusdt_ws.ndjson.gz", "rt") as lines:
        for line in lines:
            message = json.loads(line.split(" ", 1)[1])
            message = message.get("data", message)
            is_quote = {"u", "b", "a"} <= set(message)
            kinds[message.get("e", "bookTicker" if is_quote else "unnamed")] += 1
    for kind in ("trade", "aggTrade", "bookTicker"):
        kinds.pop(kind, None)
    ((total, by_kind),) = published.execute(
        "select rows_ignored, ignored from landings where format = 'binance'"
    ).fetchall()
    assert (total, json.loads(by_kind)) == (sum(kinds.values()), kinds)


def test_nothing_of_timescaledb_is_built_or_published(built):
    names = "select schema_name || '.' || {0}_name from duckdb_{0}s() where not internal"
    for path in (built / "trading.duckdb", built / "published" / "trading.duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.sql(f"{names.format('table')} union {names.format('view')}")
            relations = {name for (name,) in found.fetchall()}
        assert "main.ohlcv_bars" in relations
        assert not [name for name in relations if "timescale" in name or "migration" in name]


def test_views_are_ones_that_an_older_engine_reads(built):
    """DuckDB 2 keeps `if()` in a view as a function that 1.5 does not know (ADR 0120)."""
    with duckdb.connect(str(built / "trading.duckdb"), read_only=True) as connection:
        views = dict(
            connection.execute(
                "select view_name, sql from duckdb_views() where not internal"
            ).fetchall()
        )
    assert "round_trips" in views
    assert not [name for name, sql in views.items() if '"if"(' in sql]


def test_a_build_lands_what_its_nodes_did(published):
    rows = published.execute(
        "select count(distinct labels.component), min(value) from system_metrics"
        " where metric_name = 'dbt.node.duration_ms' and labels.component like 'model.%'"
    ).fetchone()
    assert rows[0] > 20
    assert rows[1] > 0


def kept(built: Path) -> Path:
    """Return a copy of what is published now."""
    copy = built / "before.duckdb"
    copy.write_bytes((built / "published" / "trading.duckdb").read_bytes())
    return copy


def assert_published_is(built: Path, before: Path) -> None:
    assert_same_rows(before, built / "published" / "trading.duckdb", built)


@pytest.mark.long
def test_a_second_build_changes_nothing(built):
    before = kept(built)
    printed = make_build(built)
    assert printed.count("already landed") == len(MANIFEST["files"])
    assert_published_is(built, before)


@pytest.mark.long
def test_samples_leave_also_where_their_roll_up_left_before_them(tmp_path):
    """Both are exported in one run, in any order; the samples are of one week, eleven years ago."""
    as_of = ("--vars", json.dumps({"as_of": MANIFEST["as_of"]}))
    assert ingest(tmp_path, "land", "metrics", str(SAMPLE / "metrics.ndjson.gz")).returncode == 0
    dbt(tmp_path, "seed", "--select", "retention_policies")
    dbt(tmp_path, "run", "--select", "+system_metrics_1h", *as_of)
    for export in ("export_system_metrics_1h", "export_system_metrics"):
        dbt(tmp_path, "run", "--select", export, *as_of)
    with duckdb.connect(str(tmp_path / "trading.duckdb"), read_only=True) as connection:
        oldest = connection.execute("select min(timestamp)::date::varchar from raw.system_metrics")
        assert oldest.fetchall() == [("2024-08-08",)]


def test_a_day_is_judged_until_a_build_has_proven_it(built, tmp_path):
    shutil.copytree(built, tmp_path / "data")
    with duckdb.connect(str(tmp_path / "data" / "trading.duckdb")) as connection:
        assert connection.execute(PROVEN).fetchall() == [(True,)]
        connection.execute(
            "update warm.ohlcv_bars_warm set volume = volume + 1 where timeframe = '1h'"
        )
    dbt(tmp_path / "data", "test", "--select", "bars_add_up")
    with duckdb.connect(str(tmp_path / "data" / "trading.duckdb")) as connection:
        connection.execute("update state.chains set run_number = -1 where chain = 'data tests'")
    with pytest.raises(AssertionError, match="bars_add_up"):
        dbt(tmp_path / "data", "test", "--select", "bars_add_up")
    with duckdb.connect(str(tmp_path / "data" / "trading.duckdb")) as connection:
        assert connection.execute(PROVEN).fetchall() == [(False,)]


@pytest.mark.long
def test_a_test_that_fails_holds_back_its_chain_and_no_other(built, tmp_path):
    data_dir = tmp_path / "data"
    shutil.copytree(built, data_dir)
    database, published = data_dir / "trading.duckdb", data_dir / "published" / "trading.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("update state.chains set run_number = -1 where chain = 'data tests'")
        connection.execute("delete from warm.trades_warm where symbol = 'BTCUSDT'")
    log = tmp_path / "news.ndjson"
    log.write_text(
        '{"timestamp":"2024-08-08T23:59:59Z","level":"info","service":"s","message":"x"}'
    )
    assert ingest(data_dir, "land", "logs", str(log)).returncode == 0

    cycle = ingest(data_dir, "cycle", "--as-of", MANIFEST["as_of"])
    assert cycle.returncode == 3, cycle.stderr
    assert "because of test every_counted_fill_has_a_trade_and_an_order" in cycle.stderr
    told = "select chain, held_back_because is null, count(*) from publication_status group by all"
    rows = "select count(*) filter (symbol = 'BTCUSDT') from trades"
    news = "select count(*) from application_logs where service = 's'"
    with duckdb.connect(str(published), read_only=True) as reader:
        held = {chain for chain, is_current, _ in reader.execute(told).fetchall() if not is_current}
        assert held == {"trading"}
        assert reader.execute(rows).fetchall() != [(0,)]
        assert reader.execute(news).fetchall() == [(1,)]


@pytest.mark.long
def test_a_full_refresh_changes_nothing(tmp_path):
    """The sample lands in two parts here, so what is published was built incrementally."""
    make_build(tmp_path, parts=2)
    before = kept(tmp_path)
    as_of = json.dumps({"as_of": MANIFEST["as_of"]})
    dbt(tmp_path, "run", "--full-refresh", "--vars", as_of)
    assert ingest(tmp_path, "publish").returncode == 0
    assert_published_is(tmp_path, before)


def test_freshness_of_what_was_landed_is_looked_at(built):
    assert "PASS freshness of raw.market_ticks" in dbt(built, "source", "freshness")


def test_every_analysis_answers_its_question(built):
    dbt(built, "compile", "--select", "path:analyses")
    compiled = sorted((built / "dbt" / "compiled" / "trading" / "analyses").glob("*.sql"))
    assert {path.name for path in compiled} == {
        path.name for path in (REPOSITORY / "analyses").glob("*.sql")
    }
    with duckdb.connect(str(built / "trading.duckdb"), read_only=True) as connection:
        empty = [p.stem for p in compiled if not connection.execute(p.read_text()).fetchall()]
    assert empty == []


def test_the_order_lifecycle_of_the_specification(tmp_path):
    """Created, submitted, filled, position: the specification's integration test."""
    data_dir = tmp_path / "data"
    common = {
        "order_id": "6a1f8a1c-6f5e-4b39-9d53-0a4f9f1d2c33",
        "client_order_id": "first",
        "exchange": "alpaca",
        "symbol": "AAPL",
        "side": "buy",
        "order_type": "limit",
        "quantity": "100",
        "price": "150",
    }
    steps = [
        {"event_id": "1", "event_type": "created", "event_time": "2025-10-20T14:30:00Z"},
        {"event_id": "2", "event_type": "submitted", "event_time": "2025-10-20T14:30:01Z"},
        {
            "event_id": "3",
            "event_type": "fill",
            "event_time": "2025-10-20T14:30:02Z",
            "trade_id": "t-1",
            "fill_quantity": "100",
            "fill_price": "150.50",
        },
    ]
    events = tmp_path / "events.ndjson"
    events.write_text("".join(json.dumps({**common, **step}) + "\n" for step in steps))
    assert ingest(data_dir, "land", "orders", str(events)).returncode == 0
    as_of = ("--vars", json.dumps({"as_of": "2025-10-21 00:00:00"}))
    without = ("--indirect-selection", "buildable", "--exclude-resource-type", "unit_test", *as_of)
    dbt(data_dir, "build", "--select", "+orders", "+current_positions", *without)
    assert ingest(data_dir, "publish").returncode == 0
    path = str(data_dir / "published" / "trading.duckdb")
    with duckdb.connect(path, read_only=True) as connection:
        order = connection.execute(
            "select order_id::varchar, status, filled_quantity, average_fill_price from orders"
        ).fetchall()
        position = connection.execute(
            "select symbol, side, quantity, average_entry_price, current_price, unrealized_pnl"
            " from current_positions"
        ).fetchall()
    assert order == [(common["order_id"], "filled", 100, Decimal("150.5"))]
    assert position == [("AAPL", "long", 100, Decimal("150.5"), None, None)]
