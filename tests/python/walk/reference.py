"""Seeds and settings that a walk changes, and the copy of the project whose seeds they are."""

import csv
import io
import shutil
from collections.abc import Iterable
from pathlib import Path

from market.conftest import EXTRA_CALENDAR, EXTRA_EXCHANGES, EXTRA_INSTRUMENTS

REPOSITORY = Path(__file__).parents[3]
COPIED = ("models", "macros", "seeds", "snapshots", "tests/generic", "tests/invariants")
EXTRA = {
    "accounts": ["main,,,fifo,"],
    "exchanges": EXTRA_EXCHANGES,
    "exchange_calendar": EXTRA_CALENDAR,
    "instruments": [*EXTRA_INSTRUMENTS, "fx,EURUSD,fx,EUR,USD,trade,1,false,,"],
}
# Every n-th model of marts and intermediate has a test that fails when a variable names the model.
FAILING_EVERY = 6
FAILING = """
{{{{ config(tags=['failing']) }}}}
-- depends_on: {{{{ ref('{model}') }}}}
select '{model}' as model
where '{{{{ var("failing", "") }}}}' = '{model}'
"""

Row = dict[str, str]
Seeds = dict[str, list[Row]]

# What may become of a row, by the columns that name it: columns to set, or None where it goes.
CHANGES: dict[str, list[tuple[Row, Row | None]]] = {
    "instruments": [
        *(
            ({"exchange": exchange, "symbol": symbol}, change)
            for exchange, symbol in (("alpaca", "S0"), ("binance", "S1"), ("alpaca", "S2"))
            for change in (
                None,
                {"multiplier": "10", "quote_currency": "USD"},
                {"multiplier": "0.5", "quote_currency": "EUR"},
                {"asset_class": "future", "margined": "true", "multiplier": "10"},
                {"asset_class": "crypto", "base_currency": "BTC", "quote_currency": "USDT"},
                {
                    "asset_class": "future",
                    "base_currency": "BTC",
                    "quote_currency": "USD",
                    "margined": "true",
                    "settle_currency": "BTC",
                    "multiplier": "10",
                },
                {"bar_price": "mid"},
            )
        ),
        ({"exchange": "prop", "symbol": "BYAGG"}, {"bar_price": "trade"}),
        ({"exchange": "prop", "symbol": "X"}, {"bar_price": "agg"}),
        ({"exchange": "quoted", "symbol": "MID"}, {"bar_price": "bid"}),
        ({"exchange": "quoted", "symbol": "MID"}, None),
        ({"exchange": "fx", "symbol": "EURUSD"}, None),
    ],
    "exchanges": [
        ({"exchange": "alpaca"}, {"day_start": "04:00"}),
        ({"exchange": "alpaca"}, {"day_start": "18:00"}),
        ({"exchange": "nyse"}, {"daily_bars": "all"}),
        ({"exchange": "nyse"}, {"session_close": "13:00"}),
        ({"exchange": "prop"}, {"timezone": "Asia/Tokyo", "day_start": "09:00"}),
        ({"exchange": "prop"}, {"timezone": "UTC", "contiguous_kinds": "trade"}),
    ],
    "exchange_calendar": [
        ({"exchange": "nyse", "date": "2024-03-11"}, {"note": "holiday"}),
        (
            {"exchange": "nyse", "date": "2024-03-11"},
            {"session_open": "09:30", "session_close": "12:00", "note": "half day"},
        ),
    ],
    "trade_conditions": [
        ({"feed": "UTP", "code": "T", "scope": "intraday"}, {"updates_volume": "no"}),
        ({"feed": "UTP", "code": "I", "scope": "intraday"}, {"updates_last": "yes"}),
        ({"feed": "UTP", "code": "O", "scope": "daily"}, {"updates_high_low": "no"}),
        ({"feed": "UTP", "code": "Z", "scope": "intraday"}, None),
    ],
    "accounts": [
        *(({"account_id": "main"}, {"lot_method": it}) for it in ("lifo", "hifo", "average", "")),
        *(({"account_id": it}, {"hedge_mode": "true"}) for it in ("main", "second")),
        ({"account_id": "main"}, {"hedge_mode": ""}),
        ({"account_id": "main"}, None),
    ],
    "margin_rates": [
        ({"asset_class": "future"}, {"margin_rate": "0.1"}),
        ({"asset_class": "crypto"}, {"margin_rate": "0.25"}),
        ({"asset_class": "future"}, None),
    ],
    "currency_pegs": [
        ({"currency": "USDT"}, None),
        ({"currency": "USDT"}, {"pegged_to": "USD"}),
        ({"currency": "EUR"}, {"pegged_to": "USD"}),
    ],
}
NEW_ROW = {"exchanges": {"timezone": "UTC", "day_start": "00:00", "daily_bars": "all"}}
SETTINGS = {
    "position_mark_interval": ["1 hour", "2 hours", "6 hours"],
    "portfolio_eod_time": ["00:00:00", "10:30:00", "21:00:00"],
    "portfolio_timezone": ["UTC", "America/New_York"],
    "base_currency": ["USD", "EUR"],
}


def copy_project(copy: Path) -> None:
    """Copy the dbt project; its seeds know more exchanges, some of its tests can fail."""
    copy.mkdir(parents=True)
    for file in ("dbt_project.yml", "profiles.yml", "database.toml"):
        shutil.copy(REPOSITORY / file, copy)
    for folder in COPIED:
        shutil.copytree(REPOSITORY / folder, copy / folder)
    for seed, lines in EXTRA.items():
        with (copy / "seeds" / f"{seed}.csv").open("a", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
    models = sorted(
        path.stem
        for folder in ("marts", "intermediate")
        for path in (copy / "models" / folder).rglob("*.sql")
    )
    (copy / "tests" / "failing").mkdir()
    for model in models[::FAILING_EVERY]:
        path = copy / "tests" / "failing" / f"failing_{model}.sql"
        path.write_text(FAILING.format(model=model), encoding="utf-8")


def read_seeds(project: Path) -> Seeds:
    """The rows of every seed."""
    seeds = {}
    for path in sorted((project / "seeds").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            seeds[path.stem] = list(csv.DictReader(file))
    return seeds


def header(path: Path) -> list[str]:
    """The columns of a seed's file."""
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def seed_text(columns: Iterable[str], rows: Iterable[Row]) -> str:
    """A seed as its file has it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def changed(seed: str, rows: list[Row], key: Row, change: Row | None) -> list[Row]:
    """The rows of a seed after one of its rows changed, came or went."""
    defaults = NEW_ROW.get(seed, {})
    others = [row for row in rows if any(row[name] != value for name, value in key.items())]
    if change is None:
        return others
    (known,) = [row for row in rows if row not in others] or [{**defaults, **key}]
    return [*others, {**known, **change}]
