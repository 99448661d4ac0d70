"""Make the committed sample again from the recorded data: `python -m tools.demo.sample`."""

import shutil
import sys
from pathlib import Path
from random import Random
from typing import Any

import orjson

from python_ingest.storage.files import sha256_of
from tools.demo import accounts, files
from tools.demo.arrow import UNIT, csv, iso, money_text, write_parquet, write_text
from tools.demo.desk import Desk, Event, Prints, Terms
from tools.demo.recorded import (
    AIG,
    BINANCE,
    aig_corrections,
    aig_sessions,
    aig_ticks,
    btc_prints,
)
from tools.demo.strategies import merged, trade

SEED = 20240808
AS_OF = "2024-08-09 00:00:00"
"""The sample's own end: minutes are complete, and retention counts back from here."""

AIG_TERMS = Terms(
    lot=100 * UNIT,
    order_lots=3,
    quote_currency="USD",
    commission_per_unit=UNIT // 200,
    rebate_per_unit=UNIT // 500,
    sell_fee_ppm=17,
)
BTC_TERMS = Terms(
    lot=UNIT // 10_000,
    order_lots=500,
    quote_currency="USDT",
    base_currency="BTC",
    commission_ppm=1_000,
)
STRATEGIES = ("mean_reversion", "momentum")
SILENT_SECONDS = 30

# (file, kind, format), in landing order.
FILES = [
    (BINANCE, "ticks", "binance"),
    ("aig_trades.parquet", "ticks", "parquet"),
    ("aig_corrections.csv", "corrections", "csv"),
    ("cash.csv", "cash", "csv"),
    ("orders.ndjson", "orders", "ndjson"),
    ("metrics.ndjson.gz", "metrics", "ndjson"),
    ("logs.ndjson", "logs", "ndjson"),
]


def order_events(sessions: list[Prints], btc: Prints) -> list[Event]:
    """Return the order events of two strategies on both instruments.

    AIG is flat at the end of its second day, since its prices end eleven years before the others;
    BTCUSDT stays open.
    """
    desks = []
    for strategy in STRATEGIES:
        desk = Desk(strategy, sessions[0], AIG_TERMS, Random(f"{SEED}/{strategy}/AIG"))  # noqa: S311
        trade(desk, 14)
        desk.prints = sessions[1]
        trade(desk, 8, flat_at_end=True)
        desks.append(desk)
        desk = Desk(strategy, btc, BTC_TERMS, Random(f"{SEED}/{strategy}/BTC"))  # noqa: S311
        trade(desk, 14)
        desks.append(desk)
    return merged(desks, "sample")


def _manifest(sample_dir: Path) -> dict[str, Any]:
    return {
        "as_of": AS_OF,
        "files": [
            {
                "file": name,
                "kind": kind,
                "format": kind_format,
                "sha256": sha256_of(sample_dir / name),
            }
            for name, kind, kind_format in FILES
        ],
    }


def make_sample(recorded: Path, sample_dir: Path) -> list[Path]:
    """Write the sample's files and its `manifest.json` from the recorded data.

    The same recorded files give the same bytes.
    """
    sample_dir.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(recorded / BINANCE, sample_dir / BINANCE)
    ticks = aig_ticks(recorded / AIG)
    write_parquet(sample_dir / "aig_trades.parquet", ticks)
    header = ["exchange", "symbol", "trade_id", "action", "timestamp", "venue"]
    write_text(
        sample_dir / "aig_corrections.csv",
        csv([*header, "corrected_price", "corrected_size"], aig_corrections(ticks)),
    )

    sessions, btc = aig_sessions(ticks), btc_prints(recorded / BINANCE)
    events = order_events(sessions, btc)
    # The last events are repeated, as after a reconnect: they land once.
    files.write_order_ndjson(sample_dir / "orders.ndjson", events + events[-3:])
    deposits = [
        (int(sessions[0].times[0]) - 3_600_000_000, 250_000 * UNIT, "USD"),
        (int(btc.times[0]) - 1_000_000, 50_000 * UNIT, "USD"),
    ]
    cash = [
        [event_id, iso(micros), kind, money_text(units), currency]
        for event_id, micros, kind, units, currency in accounts.cash(deposits, events, "sample")
    ]
    cash_header = ["event_id", "event_time", "kind", "amount", "currency"]
    write_text(sample_dir / "cash.csv", csv(cash_header, cash))

    prints = [*sessions, btc]
    files.write_ndjson(sample_dir / "metrics.ndjson.gz", accounts.metrics(prints, events))
    files.write_ndjson(sample_dir / "logs.ndjson", accounts.logs(prints, events, SILENT_SECONDS))
    write_text(
        sample_dir / "manifest.json",
        orjson.dumps(_manifest(sample_dir), option=orjson.OPT_INDENT_2).decode() + "\n",
    )
    return [sample_dir / name for name, _, _ in FILES]


if __name__ == "__main__":
    make_sample(Path(sys.argv[1]), Path(sys.argv[2]))
