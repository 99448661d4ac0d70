import csv
import gzip
import json
from datetime import datetime
from itertools import pairwise

import polars as pl
import pyarrow.parquet as pq
import pytest

from python_ingest.storage.files import sha256_of
from tools.demo.conditions import cta_codes
from tools.demo.recorded import aig_corrections, aig_sessions, btc_prints
from tools.demo.sample import order_events

from .conftest import SAMPLE
from .order_checks import ENDS, check_lives, positions

MANIFEST = json.loads((SAMPLE / "manifest.json").read_text())


@pytest.fixture(scope="module")
def lines():
    text = (SAMPLE / "orders.ndjson").read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def events(lines):
    return lines[:-3]


@pytest.fixture(scope="module")
def recorded_trades():
    with gzip.open(SAMPLE / "binance_spot_btcusdt_ws.ndjson.gz", "rt") as file:
        messages = [json.loads(line.split(" ", 1)[1]) for line in file]
    return [m["data"] for m in messages if m.get("stream") == "btcusdt@trade"]


def test_the_manifest_tells_each_file_and_all_of_them():
    files = {entry["file"]: entry for entry in MANIFEST["files"]}
    others = {"manifest.json", "README.md"}
    assert {path.name for path in SAMPLE.iterdir()} == set(files) | others
    for name, entry in files.items():
        assert sha256_of(SAMPLE / name) == entry["sha256"]
        assert name in (SAMPLE / "README.md").read_text()


def test_the_sample_is_small():
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 2_000_000


def test_the_order_events_can_be_made_again_from_the_committed_prices(events):
    ticks = pq.read_table(SAMPLE / "aig_trades.parquet")
    btc = btc_prints(SAMPLE / "binance_spot_btcusdt_ws.ndjson.gz")
    again = order_events(aig_sessions(ticks), btc)
    assert [event["event_id"] for event in again] == [event["event_id"] for event in events]
    assert [event["order_id"] for event in again] == [event["order_id"] for event in events]
    assert [str(event.get("status_message")) for event in again] == [
        str(event.get("status_message")) for event in events
    ]


def test_the_stream_is_read_as_recorded(recorded_trades):
    prints = btc_prints(SAMPLE / "binance_spot_btcusdt_ws.ndjson.gz")
    expected = sorted(recorded_trades, key=lambda trade: (trade["T"], trade["t"]))
    assert prints.times.tolist() == [trade["T"] * 1000 for trade in expected]
    assert prints.prices.tolist() == [round(float(trade["p"]) * 1e8) for trade in expected]


def test_the_aig_prints_are_all_there_in_the_vendor_s_order():
    ticks = pl.read_parquet(SAMPLE / "aig_trades.parquet")
    assert ticks.height == 68_693
    assert ticks["last_size"].sum() == 14_074_672
    for _, day in ticks.group_by(pl.col("timestamp").dt.date(), maintain_order=True):
        assert day["sequence_number"].to_list() == list(range(1, day.height + 1))
    assert set(ticks["tape"]) == {"A"}
    assert ticks["conditions"].list.len().min() >= 1


@pytest.mark.parametrize(
    ("mask", "suspicious", "codes"),
    [
        ("1", False, ["@"]),
        ("20000020", False, ["F", "0x20000000"]),
        ("4800", False, ["Z"]),
        ("102000", True, ["T", "B", "suspicious"]),
        ("2400", False, ["T"]),
        ("8000", False, ["0x8000"]),
    ],
)
def test_a_condition_mask_becomes_letters_or_keeps_its_bits(mask, suspicious, codes):
    assert cta_codes(mask, suspicious=suspicious) == codes


def test_corrections_name_prints_that_exist():
    ticks = pq.read_table(SAMPLE / "aig_trades.parquet")
    with (SAMPLE / "aig_corrections.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [list(row.values()) for row in rows] == aig_corrections(ticks)
    prints = pl.from_arrow(ticks)
    for row in rows:
        found = prints.filter(
            (pl.col("trade_id") == row["trade_id"])
            & (pl.col("venue") == row["venue"])
            & (pl.col("timestamp") < datetime.fromisoformat(row["timestamp"][:-1]))
        )
        assert found.height >= 1


def test_orders_show_everything_that_can_happen_to_them(events, lines):
    check_lives(events)
    kinds = {event["event_type"] for event in events}
    assert kinds >= ENDS | {"replaced", "partial_fill", "trade_bust", "trade_correct"}
    assert lines[-3:] == events[-3:]
    assert {event["strategy_id"] for event in events} == {"mean_reversion", "momentum"}


def test_aig_ends_flat_and_bitcoin_stays_open_after_turning_short(events):
    runs = positions(events)
    for (_, symbol), run in runs.items():
        assert (run[-1] == 0) == (symbol == "AIG")
    turned = {
        symbol for (_, symbol), run in runs.items() if any(a > 0 > b for a, b in pairwise(run))
    }
    assert turned == {"AIG", "BTCUSDT"}


def test_fills_have_recorded_prices_and_events_lie_within_the_recording(events, recorded_trades):
    ticks = pl.read_parquet(SAMPLE / "aig_trades.parquet")
    printed = {("AIG", f"{price:.8f}") for price in ticks["last_price"]}
    printed |= {("BTCUSDT", trade["p"]) for trade in recorded_trades}
    spans = {
        "AIG": ("2013-10-07T13:30:00", "2013-10-08T20:00:00"),
        "BTCUSDT": ("2024-08-08T23:54:14", "2024-08-08T23:58:35.4"),
    }
    for event in events:
        first, last = spans[event["symbol"]]
        assert first <= event["event_time"] <= last
        if event["event_type"] in {"fill", "partial_fill"}:
            assert (event["symbol"], event["fill_price"]) in printed
