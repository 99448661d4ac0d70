"""Sources tell the same rows, again or otherwise: no mart shows which of them landed first.

Each case is an account and a symbol of its own, so that few landings serve them all. All SELECTs
from raw to the mart run in memory.
"""

import json
import random
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
import selects
from testkit import asking, land_text, new_database

from python_ingest.feeds.kinds import KINDS
from python_ingest.settings import load_settings
from python_ingest.storage.sql import sql_path

CASES = 40
ORDERS_OF_LANDING = 2
SOURCES = ("websocket", "rest", "backfill")
SAID = ("orders", "cash", "actions")
PROJECT = Path(__file__).parents[3]
Row = dict[str, Any]
Told = list[tuple[str, Row]]  # each with its kind

# With the columns that say when a row landed.
MARTS: dict[str, tuple[str, ...]] = {
    "orders": (),
    "trades": ("reported_at",),
    "positions": (),
    "round_trips": (),
    "lots": (),
    "lot_closures": (),
    "cash_events": (),
    "account_snapshots": (),
    "portfolio_snapshots": (),
    "currency_gains": (),
}


def _told(chance: random.Random, kind: str, versions: list[Row], **besides: list[Any]) -> Told:
    """What sources say of one thing: any of its versions, each of them perhaps several times."""
    rows: Told = []
    for _ in range(chance.randint(1, 4)):
        more = {name: chance.choice(values) for name, values in besides.items()}
        row = chance.choice(versions) | more | {"source": chance.choice(SOURCES)}
        rows.append((kind, row))
        if chance.random() < 0.6:  # the same by another one
            rows.append((kind, row | {"source": chance.choice(SOURCES)}))
    return rows


def _case(chance: random.Random, number: int) -> Told:
    market = {"exchange": "alpaca", "symbol": f"S{number:03}"}
    own = {"account_id": f"A{number:03}"}
    ids = [None, str(UUID(int=number + 1))]
    rows: Told = []
    for index in range(chance.randint(1, 3)):
        order = own | market | {
            "order_id": f"o{index}", "client_order_id": f"c{index}", "order_type": "limit",
            "side": chance.choice(["buy", "sell"]), "quantity": "100",
        }  # fmt: skip
        created = order | {
            "event_id": f"e{index}", "event_type": "created",
            "event_time": f"2024-01-02 10:0{index}",
        }  # fmt: skip
        versions = [created | {"price": price} for price in ("10", "11", "12")]
        versions.append(created | {"strategy_id": "alpha"})
        rows += _told(chance, "orders", versions, correlation_id=ids)
        for fill in range(chance.randint(1, 2)):
            filled = order | {
                "event_type": "partial_fill", "exchange_trade_id": f"x{index}{fill}",
                "trade_id": f"t{index}{fill}", "fill_quantity": "10",
            }  # fmt: skip
            versions = [
                filled | {
                    "event_id": f"f{index}{fill}{event}", "fill_price": price,
                    "event_time": f"2024-01-02 11:{index}{fill}:{second}",
                }
                for event in "ab" for price in ("10", "11") for second in ("00", "01")
            ]  # fmt: skip
            rows += _told(
                chance, "orders", versions, correlation_id=ids, cumulative_quantity=[None, "10"]
            )
            nameless = {**versions[0], "event_id": f"n{index}{fill}", "trade_id": None}
            nameless |= {"exchange_trade_id": None, "fill_price": "13"}
            if chance.random() < 0.5:
                rows += _told(chance, "orders", [nameless], cumulative_quantity=[None, "10"])
            if chance.random() < 0.3:
                fix = order | {
                    "event_id": f"b{index}{fill}", "trade_id": f"t{index}{fill}",
                    "event_time": "2024-01-02 12:00",
                }  # fmt: skip
                versions = [fix | {"event_type": "trade_bust"}] + [
                    fix | {"event_type": "trade_correct", "fill_price": price}
                    for price in ("20", "21")
                ]
                rows += _told(chance, "orders", versions)
    for index in range(chance.randint(1, 3)):
        paid = own | {"event_id": f"p{index}", "kind": "dividend", "currency": "USD"}
        versions = [
            paid | {"amount": amount, "event_time": f"2024-01-03 {hour}:00"} | owner
            for amount in ("1", "2") for hour in ("10", "11") for owner in ({}, market)
        ]  # fmt: skip
        versions.append(versions[0] | {"kind": "deposit"})
        rows += _told(chance, "cash", versions)
    split = market | {"ex_date": "2024-01-03", "kind": "split"}
    versions = [split | {"ratio": ratio} for ratio in ("2", "3")]
    versions.append(versions[0] | {"withdrawn": "true"})
    if chance.random() < 0.5:
        rows += _told(chance, "actions", versions)
    return rows


def _land(folder: Path, rows: Told, seed: int) -> dict[str, str]:
    """Land them in an order and in batches of a seed's; return a SELECT for each table."""
    chance = random.Random(seed)  # noqa: S311
    settings = new_database(load_settings(folder / "none.toml", {"DATA_DIR": str(folder)}))
    rows = rows + [row for row in rows if chance.random() < 0.3]
    chance.shuffle(rows)
    while rows:
        size = chance.randint(1, len(rows) // 3 + 1)
        batch, rows = rows[:size], rows[size:]
        for kind in dict.fromkeys(kind for kind, _ in batch):
            lines = [json.dumps(row) + "\n" for its, row in batch if its == kind]
            path = folder / "landed" / f"{kind}-{len(rows)}.ndjson"
            result = land_text(settings, kind, path, "".join(lines))
            assert (result.error, result.rejected) == (None, 0), result
    tables = {}
    with asking(settings) as connection:
        for table in (KINDS[kind].table for kind in SAID):
            file = folder / f"{table}.parquet"
            connection.execute(f"copy {table} to {sql_path(file)} (format parquet)")
            tables[table] = f"from {sql_path(file)}"
    return tables


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    chance = random.Random(20261130)  # noqa: S311
    rows = [row for number in range(CASES) for row in _case(chance, number)]
    folder = tmp_path_factory.mktemp("landed")
    return [_land(folder / str(seed), rows, seed) for seed in range(ORDERS_OF_LANDING)]


def _shown(mart: str, tables: dict[str, str]) -> list[str]:
    above = selects.above(mart)
    given = {table: rows for table, rows in tables.items() if table in above}
    if "accounts" in above:
        accounts = f"select distinct account_id from ({tables['raw.order_events']})"
        given["accounts"] = f"select account_id, 'fifo' as lot_method from ({accounts})"
    rows = selects.of(mart, given)
    return sorted(
        repr([(name, value) for name, value in row.items() if name not in MARTS[mart]])
        for row in rows
    )


@pytest.mark.parametrize("mart", MARTS)
def test_no_mart_shows_who_came_first(mart: str, landed: list[dict[str, str]]) -> None:
    first, *others = (_shown(mart, tables) for tables in landed)
    assert len(first) > 5
    for other in others:
        assert [row for row in other if row not in set(first)] == []
        assert other == first


@pytest.mark.parametrize("kind", SAID)
def test_what_says_nothing_more_is_no_row(kind: str, landed: list[dict[str, str]]) -> None:
    columns = ", ".join(("content_hash", *KINDS[kind].besides))
    for tables in landed:
        rows = f"select count(*), count(distinct ({columns})) from ({tables[KINDS[kind].table]})"
        (found,) = duckdb.sql(rows).fetchall()
        assert found[0] == found[1] > 0


def test_who_asks_again_may_give_each_request_a_correlation(tmp_path: Path) -> None:
    settings = new_database(load_settings(tmp_path / "none.toml", {"DATA_DIR": str(tmp_path)}))
    event = {
        "exchange": "x", "symbol": "A", "order_id": "o", "client_order_id": "c", "side": "buy",
        "order_type": "limit", "quantity": "1", "event_id": "e", "event_type": "created",
        "event_time": "2024-01-02",
    }  # fmt: skip
    landed = []
    for number, more in enumerate([{}, *({"correlation_id": str(UUID(int=n))} for n in range(3))]):
        text = json.dumps(event | more) + "\n"
        result = land_text(settings, "orders", tmp_path / f"{number}.ndjson", text)
        landed.append(result.landed)
    assert landed == [1, 1, 0, 0]


def test_what_models_choose_by_source_is_kept() -> None:
    """Every table of whose versions staging chooses one by its source, and no other."""
    chosen = set()
    for path in (PROJECT / "models" / "staging").glob("*.sql"):
        if "source_rank(" in (text := path.read_text(encoding="utf-8")):
            chosen |= set(re.findall(r"source\('raw', '(\w+)'\)", text))
    assert {f"raw.{name}" for name in chosen} == {k.table for k in KINDS.values() if k.keeps_copies}
