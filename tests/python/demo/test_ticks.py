from pathlib import Path

import polars as pl
import pytest

from python_ingest.errors import UsageError
from tools.demo import market
from tools.demo.simulator import write_ticks

from .conftest import PLAN, ROWS


@pytest.fixture(scope="module")
def ticks(demo_files: dict[str, list[Path]]) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in demo_files["ticks"]])


def test_has_the_rows_symbols_and_days_that_were_asked_for(ticks, demo_files):
    assert ticks.height == ROWS
    assert ticks["symbol"].n_unique() == PLAN.symbols
    assert [path.name for path in demo_files["ticks"]] == [
        "ticks_2025-01-06.parquet",
        "ticks_2025-01-07.parquet",
        "ticks_2025-01-08.parquet",
    ]
    for path in demo_files["ticks"]:
        dates = pl.read_parquet(path)["timestamp"].dt.date().unique().to_list()
        assert [f"ticks_{date}.parquet" for date in dates] == [path.name]


def test_has_the_canonical_types(ticks):
    for column in ("bid_price", "ask_price", "bid_size", "ask_size", "last_price", "last_size"):
        assert ticks.schema[column] == pl.Decimal(18, 8)
    assert ticks.schema["timestamp"] == pl.Datetime("us")
    assert ticks.schema["trade_id"] == pl.String


def test_a_row_is_a_trade_or_a_quote(ticks):
    trades, quotes = (ticks.filter(pl.col("kind") == kind) for kind in ("trade", "quote"))
    assert trades.height + quotes.height == ROWS
    assert 0.68 < trades.height / ROWS < 0.72
    assert trades["last_price"].min() > 0
    assert trades["bid_price"].is_null().all()
    assert trades["trade_id"].is_not_null().all()
    assert quotes["trade_id"].is_null().all()
    assert (quotes["bid_price"] < quotes["ask_price"]).all()


def test_ids_rise_with_time_within_a_symbol(ticks):
    in_time = ticks.unique().sort("symbol", "sequence_number")
    for _, one in in_time.group_by("symbol"):
        assert one["sequence_number"].is_unique().all()
        assert one["timestamp"].is_sorted()
        assert one["trade_id"].drop_nulls().cast(pl.Int64).is_sorted()


def test_the_pipeline_meets_late_repeated_lost_and_zero_size_rows(ticks):
    assert 0 < ROWS - ticks.unique().height < ROWS * 0.005
    assert 0 < (ticks["timestamp"].diff().dt.total_microseconds() < 0).sum() < ROWS * 0.01
    assert 0 < (ticks["last_size"] == 0).sum() < ROWS * 0.005
    spans = ticks.group_by("symbol").agg(
        pl.col("sequence_number").max() - pl.col("sequence_number").n_unique()
    )
    assert spans["sequence_number"].sum() > 0


def test_a_walk_moves_in_small_steps_also_over_midnight(ticks):
    trades = ticks.filter(pl.col("kind") == "trade").sort("symbol", "sequence_number")
    moves = trades.with_columns(
        (pl.col("last_price").cast(pl.Float64).log().diff().over("symbol")).abs().alias("move")
    )
    assert moves["move"].max() < 0.02


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(tmp_path, demo_files):
    again = write_ticks(tmp_path / "again", ROWS, PLAN.symbols, PLAN.days, PLAN.seed)
    other = write_ticks(tmp_path / "other", ROWS, PLAN.symbols, PLAN.days, PLAN.seed + 1)
    contents = [path.read_bytes() for path in demo_files["ticks"]]
    assert [path.read_bytes() for path in again] == contents
    assert [path.read_bytes() for path in other] != contents


def test_rows_go_on_over_the_slices_they_are_made_in(tmp_path, monkeypatch):
    monkeypatch.setattr(market, "SLICE_ROWS", 700)
    paths = write_ticks(tmp_path, rows=5_000, symbols=3, days=1, seed=3)
    ticks = pl.read_parquet(paths[0])
    assert ticks.height == 5_000
    for _, one in ticks.unique().sort("symbol", "sequence_number").group_by("symbol"):
        assert one["sequence_number"].is_unique().all()
        assert one["timestamp"].is_sorted()


def test_fewer_rows_than_days_leaves_days_out(tmp_path):
    assert len(write_ticks(tmp_path, rows=2, symbols=1, days=5, seed=1)) == 2


def test_tick_files_of_an_earlier_run_do_not_stay(tmp_path):
    write_ticks(tmp_path, rows=100, symbols=1, days=4, seed=1)
    write_ticks(tmp_path, rows=100, symbols=1, days=1, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["ticks_2025-01-06.parquet"]


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"symbols": -1}, {"days": 0}, {"seed": -1}])
def test_a_number_out_of_range_is_named_and_nothing_is_written(tmp_path, wrong):
    (name,) = wrong
    with pytest.raises(UsageError, match=f"--{name} must be"):
        write_ticks(tmp_path / "out", **{"rows": 10, "symbols": 1, "days": 1, "seed": 1} | wrong)
    assert not (tmp_path / "out").exists()
