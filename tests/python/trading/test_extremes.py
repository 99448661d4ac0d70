"""What landing accepts goes through every model, and through what an analyst types over them."""

import csv
import json
import random
from collections.abc import Sequence
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.landing.land import land_files
from python_ingest.settings import load_settings

from .trading_warehouse import Warehouse

INSTRUMENTS = [
    ("fut", "ES", "future", None, "USD", None, "50", True, None),
    ("fut", "MICRO", "future", None, "USD", None, "0.0001", True, None),
    ("upbit", "KRW-BTC", "crypto", "BTC", "KRW", None, "1", False, None),
    ("indodax", "BTCIDR", "crypto", "BTC", "IDR", None, "1", False, None),
    ("bonk", "BONKUSDT", "crypto", "BONK", "USDT", None, "1", False, None),
    ("fx", "USDKRW", "fx", "USD", "KRW", None, "1", False, None),
]
YEN = ("cme", "6J", "future", "JPY", "USD", None, "12500000", True, None)
LIMIT = Decimal(10) ** 14
FINEST = Decimal("1e-10")
LARGEST_SIZE = Decimal(10) ** 18 - FINEST
MULTIPLIERS = {"ES": Decimal(50)}  # one below 1 counts as 1
SEEDS = range(60)


def event(number: int, minute: int, size: Decimal | str, price: Decimal | str, side: str = "buy",
          **more: str) -> dict[str, str]:  # fmt: skip
    at = f"2024-03-{4 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00Z"
    return {
        "event_id": f"e{number}", "event_type": "fill", "event_time": at, "order_id": f"o{number}",
        "client_order_id": f"c{number}", "exchange": "x", "symbol": "S", "side": side,
        "order_type": "limit", "quantity": f"{size:f}" if isinstance(size, Decimal) else size,
        "price": f"{price:f}" if isinstance(price, Decimal) else price, "trade_id": f"t{number}",
        "fill_quantity": f"{size:f}" if isinstance(size, Decimal) else size,
        "fill_price": f"{price:f}" if isinstance(price, Decimal) else price,
        "commission": "", "commission_currency": "", **more,
    }  # fmt: skip


def extremes(seed: int) -> list[tuple[Decimal, Decimal]]:
    """Sizes and prices of every magnitude, most of them as near to the limit as it goes."""
    chance = random.Random(seed)  # noqa: S311
    pairs = []
    with localcontext() as context:
        context.prec = 60
        multiplier = MULTIPLIERS.get(symbol_of(seed)[1], Decimal(1))
        for _ in range(chance.randrange(2, 9)):
            size = chance.choice(
                [LARGEST_SIZE, FINEST, Decimal(1), Decimal(chance.randrange(1, 10**28)) * FINEST,
                 Decimal(chance.randrange(1, 10**14)) * FINEST]
            )  # fmt: skip
            most = min((LIMIT - FINEST**2) / size / multiplier, LARGEST_SIZE)
            price = max(most.quantize(FINEST, "ROUND_DOWN"), Decimal(0))
            if chance.random() < 0.3:
                price = (price / chance.randrange(1, 10**6)).quantize(FINEST, "ROUND_DOWN")
            pairs.append((size, chance.choice([price, price, -price])))
    return pairs


def symbol_of(seed: int) -> tuple[str, str]:
    special = [row[:2] for row in INSTRUMENTS]
    return special[seed] if seed < len(special) else ("x", f"S{seed}")


def events() -> list[dict[str, str]]:
    made: list[dict[str, str]] = []
    for seed in SEEDS:
        chance = random.Random(seed)  # noqa: S311
        exchange, symbol = symbol_of(seed)
        for minute, (size, price) in enumerate(extremes(seed)):
            more = {"exchange": exchange, "symbol": symbol}
            if chance.random() < 0.5 and abs(price) < 1:
                more |= {"commission": "99999999999999.9999999999", "commission_currency": "KRW"}
            if chance.random() < 0.2 and exchange in ("upbit", "bonk"):
                base = {"upbit": "BTC", "bonk": "BONK"}
                more |= {
                    "commission": f"{min(size, LIMIT - 1):f}",
                    "commission_currency": base[exchange],
                }
            side = chance.choice(["buy", "sell"])
            made.append(event(len(made), 1 + 30 * minute, size, price, side, **more))
    return made


DESK = [
    event(9001, 10, "120", "150000000", exchange="upbit", symbol="KRW-BTC", strategy_id="desk"),
    event(9002, 10, "100000", "199999.99", symbol="BRK", strategy_id="desk"),
    event(9003, 10, "0.123456789", "187.123456789", symbol="NINE", strategy_id="desk"),
    event(9004, 10, "750000000000", "0.0000012345", exchange="bonk", symbol="BONKUSDT",
          strategy_id="desk"),
    event(9005, 10, "40", "1600000000", exchange="indodax", symbol="BTCIDR", strategy_id="desk"),
    event(9006, 20, "40", "1700000000", "sell", exchange="indodax", symbol="BTCIDR",
          strategy_id="desk"),
    # two splits of a million to one leave it more shares than anything holds
    event(9007, 10, "100000000000000000", "0.0001", symbol="HUGE", strategy_id="desk"),
    # a point is worth 12.5 million dollars, and the average price has no end
    event(9010, 10, "41", "0.00665", exchange="cme", symbol="6J", strategy_id="desk"),
    event(9011, 11, "20", "0.0066505", exchange="cme", symbol="6J", strategy_id="desk"),
    *(
        event(9100 + n, 20 + n, "1", "0.00666", "sell", exchange="cme", symbol="6J",
              strategy_id="desk")
        for n in range(61)
    ),
]  # fmt: skip


def ticks() -> list[dict[str, str]]:
    """A price for all: the largest there is, the finest, and one that was."""
    prices = {"KRW-BTC": "150000000", "BRK": "199999.99", "BTCIDR": "1650000000", "USDKRW": "1300"}
    made = []
    places = {symbol_of(seed) for seed in SEEDS} | {("x", "BRK"), ("x", "NINE"), ("x", "HUGE")}
    for number, (exchange, symbol) in enumerate(sorted(places)):
        price = prices.get(symbol, ["9999999999.99999999", "0.00000001"][number % 2])
        size = "10000" if number % 3 else "9999"
        made.append(
            {"exchange": exchange, "symbol": symbol, "timestamp": "2024-03-04T00:05:30Z",
             "last_price": price, "last_size": size if price != "1650000000" else "1",
             "trade_id": str(number)}
        )  # fmt: skip
    # after the splits
    return [*made, made[-1] | {"timestamp": "2024-03-07T12:00:30Z", "trade_id": "last"}]


SPLITS = [
    {"exchange": "x", "symbol": f"S{seed}", "ex_date": f"2024-03-0{5 + n}", "kind": "split",
     "ratio": ratio}
    for seed in range(6, 12)
    for n, ratio in enumerate(["1000000", "0.000001", "1000000"][: seed % 3 + 1])
] + [
    {"exchange": "x", "symbol": "HUGE", "ex_date": f"2024-03-0{day}", "kind": "split",
     "ratio": "1000000"}
    for day in (5, 6)
]  # fmt: skip


def write(path: Path, records: Sequence[dict[str, str]]) -> Path:
    names = list(dict.fromkeys(name for record in records for name in record))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    return path


BUILD = (
    "build", "--exclude-resource-type", "unit_test", "seed",
    "--select", "+marts.market", "+marts.trading", "snapshots", "path:tests/invariants",
    "--vars", json.dumps({"as_of": "2024-03-08 00:00:00"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("extremes")
    made = Warehouse(folder / "data")
    made.dbt("seed")
    with duckdb.connect(str(made.path)) as connection:
        connection.executemany(
            "insert into reference.instruments values (?, ?, ?, ?, ?, ?, ?, ?, ?, null)",
            [*INSTRUMENTS, YEN],
        )
    settings = load_settings(folder / "none.toml", {"DATA_DIR": str(made.data_dir)})
    cash = [
        {"event_id": f"c{n}", "event_time": "2024-03-04T00:00:00Z", "kind": "deposit",
         "amount": "99999999999999.9999999999", "currency": currency}
        for n, currency in enumerate(["USD", "KRW", "IDR", "USDT"])
    ]  # fmt: skip
    landed = {"orders": [*events(), *DESK], "ticks": ticks(), "cash": cash, "actions": SPLITS}
    for kind, records in landed.items():
        (result,) = land_files(settings, kind, [write(folder / f"{kind}.csv", records)])
        assert result.landed == len(records), result
    made.built = made.dbt(*BUILD).stdout
    return made


def test_every_model_is_built(warehouse: Warehouse) -> None:
    (trades,) = warehouse.rows("select count(*) as n from trades where quantity > 0")
    (fills,) = warehouse.rows("select count(*) as n from raw.order_events where fill_quantity > 0")
    assert trades == fills
    (split,) = warehouse.rows("select max(abs(quantity)) as most from positions")
    assert split["most"] > 10**23


TYPED = [
    "select quantity * price from orders",
    "select filled_quantity * average_fill_price from orders",
    "select quantity * price from trades",
    "select sum(quantity * price) from trades",
    "select quantity * price * multiplier from trades"
    " left join (select exchange, symbol, multiplier from staging.stg_instruments) as instruments"
    " using (exchange, symbol)",
    "select entered_quantity * average_entry_price from round_trips",
    "select sum(net_pnl) from round_trips",
    "select realized_pnl - commission - fees from round_trips",
    "select market_value + realized_pnl from positions",
    "select equity - net_flows from portfolio_snapshots",
]


@pytest.mark.parametrize("query", TYPED)
def test_what_an_analyst_types_has_room(warehouse: Warehouse, query: str) -> None:
    assert warehouse.rows(query)


def held(warehouse: Warehouse, symbol: str) -> dict[str, Any]:
    (row,) = warehouse.rows(
        "select * from positions where strategy_id = 'desk' and symbol = ?"
        " order by snapshot_time limit 1",
        [symbol],
    )
    return row


def test_books_of_the_desk(warehouse: Warehouse) -> None:
    won = held(warehouse, "KRW-BTC")
    assert (won["quantity"], won["market_value"]) == (120, 120 * 150_000_000)
    print_ = held(warehouse, "BRK")
    assert print_["market_value"] == print_["total_cost_basis"] == Decimal("19999999000")
    nine = held(warehouse, "NINE")
    assert nine["quantity"] == Decimal("0.123456789")
    assert nine["average_entry_price"] == Decimal("187.123456789")
    meme = held(warehouse, "BONKUSDT")
    assert meme["quantity"] == 750_000_000_000
    assert meme["total_cost_basis"] == Decimal("925875")
    (trip,) = warehouse.rows(
        "select * from round_trips where symbol = 'BTCIDR' and strategy_id = 'desk'"
    )
    assert trip["realized_pnl"] == 4_000_000_000
    (trip,) = warehouse.rows("select * from round_trips where symbol = '6J'")
    (last,) = warehouse.rows(
        "select * from positions where symbol = '6J' order by snapshot_time desc limit 1"
    )
    assert trip["realized_pnl"] == last["realized_pnl"] == 7500


def test_what_has_no_room_is_named(warehouse: Warehouse) -> None:
    """A million to one of 10^18 shares at a price of old is more than anything holds."""
    (position,) = warehouse.rows(
        "select count(*) as n from positions where market_value is null and current_price > 0"
    )
    (named,) = warehouse.rows(
        "select count(*) as n from intermediate.int_position_valuations"
        " where market_value is null and current_price is not null"
    )
    assert (position["n"] > 0) == (named["n"] > 0)
    assert ("values_without_room" in warehouse.built) == (named["n"] > 0)


HUGE = "select snapshot_time::text as at, side, quantity, market_value, total_cost_basis, closed_at"
HUGE += " from positions where symbol = 'HUGE' order by snapshot_time"


def test_a_quantity_without_room_is_unknown_and_stops_nothing(warehouse: Warehouse) -> None:
    """A split moves no money, so it is carried at cost."""
    before, *_, last = warehouse.rows(HUGE)
    assert (before["side"], before["quantity"]) == ("long", 10**17)
    assert [last[name] for name in ("side", "quantity", "market_value", "closed_at")] == [None] * 4
    assert last["total_cost_basis"] == 10**13
    (test,) = (warehouse.data_dir / "target" / "compiled").rglob("values_without_room.sql")
    at = "split at 2024-03-06 00:00:00"
    named = {"key": "main/x/HUGE/desk", "columns": "positions.quantity", "event": at}
    assert named in warehouse.rows(test.read_text())


def test_what_follows_an_unknown_quantity_is_the_same_after_a_full_refresh(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    settings = load_settings(tmp_path / "none.toml", {"DATA_DIR": str(warehouse.data_dir)})
    later = [
        event(9300, 4 * 1440 - 60, "5", "0.0001", "sell", symbol="HUGE", strategy_id="desk"),
        event(9301, 4 * 1440 - 60, "1", "150000000", "sell", exchange="upbit", symbol="KRW-BTC",
              strategy_id="desk"),
    ]  # fmt: skip
    (result,) = land_files(settings, "orders", [write(tmp_path / "later.csv", later)])
    assert result.landed == 2
    kept = []
    for how in ((), ("--full-refresh",)):
        warehouse.dbt(*BUILD, *how)
        kept.append(
            {name: [tuple(row.items()) for row in warehouse.rows(f"from {name} order by all")]
             for name in ("positions", "trades", "round_trips", "portfolio_snapshots")}
        )  # fmt: skip
    for name, rows in kept[0].items():
        differ = set(rows) ^ set(kept[1][name])
        assert not differ, sorted(map(str, differ))[:4]
    sold = warehouse.rows(
        "select quantity from positions where symbol = 'KRW-BTC' and strategy_id = 'desk'"
        " order by snapshot_time"
    )
    assert sold[-1]["quantity"] == 119
