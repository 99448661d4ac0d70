"""A file that names its account is of that account, whichever feed it is of."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from python_ingest.feeds.catalogue import feeds
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
HERE = Path(__file__).parent / "examples"
ACCOUNT = re.compile(r"(client_?)?account(_?id)?", re.IGNORECASE)
FLEX = (
    "{name},Symbol,DateTime,Quantity,TradePrice,IBExecID,IBOrderID,LevelOfDetail\n"
    "U1,KO,20260115;093000,5,20.5,a.01,1,EXECUTION\n"
    "U2,KO,20260115;093000,6,20.5,b.01,1,EXECUTION\n"
)
FILL = {
    "activity_type": "FILL", "id": "a", "account_id": "acc-1", "order_id": "o", "cum_qty": "1",
    "leaves_qty": "0", "price": "2", "qty": "1", "side": "buy", "symbol": "KO", "type": "fill",
    "transaction_time": "2024-03-04T15:05:00Z",
}  # fmt: skip
MONEY = {
    "activity_type": "CSD", "id": "b", "account_id": "acc-1", "date": "2024-03-04",
    "net_amount": "1",
}  # fmt: skip
EVENT = {
    "account_id": "acc-1", "at": "2024-03-04T15:05:00Z", "event": "new", "event_id": 1,
    "order": {"id": "o", "client_order_id": "c", "symbol": "KO", "side": "buy", "type": "market",
              "qty": "1"},
}  # fmt: skip
FILLS = "exchange,symbol,time,side,quantity,price,account_id\nx,s,2024-03-04,buy,1,2,acc-1\n"


def fields_of(value: Any) -> Iterator[str]:
    """Every field of a JSON document, wherever it lies."""
    if isinstance(value, dict):
        yield from value
    for inside in value.values() if isinstance(value, dict) else value:
        if isinstance(inside, (dict, list)):
            yield from fields_of(inside)


def example_fields(feed: Declaration) -> set[str]:
    found: set[str] = set()
    for path in (HERE / feed.name).glob("expected*.toml"):
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        for name in said["files"] if said["kind"] == feed.kind else []:
            lines = (HERE / feed.name / name).read_text(encoding="utf-8").splitlines()
            for line in lines:
                is_json = feed.file.format == "json"
                of_json = fields_of(json.loads(line)) if is_json else []
                found |= set(of_json) if is_json else {f.strip('"') for f in line.split(",")}
    return found


def feeds_of_accounts() -> list[Declaration]:
    named = [kind.name for kind in KINDS.values() if "account_id" in kind.column_names]
    return [feed for feed in feeds() if feed.kind in named and not feed.refuse]


@pytest.mark.parametrize("feed", feeds_of_accounts(), ids=lambda feed: f"{feed.name}-{feed.kind}")
def test_no_feed_overlooks_the_account_of_its_example(feed: Declaration) -> None:
    told = {name for name in example_fields(feed) if ACCOUNT.fullmatch(name)}
    sections = [feed.columns, *(message.columns for message in feed.messages)]
    values = [v for columns in sections for v in columns.get("account_id", [])]
    read = {name.lower() for value in values for name in value.source or []}
    assert {name.lower() for name in told} <= read


@pytest.mark.parametrize(
    ("kind", "name", "content", "accounts"),
    [
        ("orders", "a.csv", FLEX.format(name="ClientAccountID"), ["U1", "U2"]),
        ("orders", "a.csv", FLEX.format(name="AccountId"), ["U1", "U2"]),
        ("orders", "a.csv", FILLS, ["acc-1"]),
        ("orders", "a.json", json.dumps([FILL]), ["acc-1"]),
        ("cash", "a.json", json.dumps([MONEY]), ["acc-1"]),
        ("orders", "a.json", json.dumps(EVENT), ["acc-1"]),
    ],
)
def test_rows_are_of_the_account_that_they_name(
    settings: Settings,
    rows: Rows,
    tmp_path: Path,
    kind: str,
    name: str,
    content: str,
    accounts: list[str],
) -> None:
    path = tmp_path / name
    path.write_text(content)

    def land(account: str | None) -> LandingResult:
        return land_files(settings, kind, [path], account=account)[0]

    other = land("ira")
    assert (other.error, other.landed, other.rejected) == (None, 0, len(accounts))
    assert {reason.reason for reason in other.reasons} == {
        f"account_id: it is of {account}, and --account says ira" for account in accounts
    }
    assert land(None).landed == len(accounts)
    table = KINDS[kind].table
    assert rows(f"select account_id from {table} order by 1") == [(one,) for one in accounts]
    assert (land(accounts[0]).landed, land(accounts[0]).rejected) == (0, 0)


@pytest.mark.parametrize(("kind_of", "amount"), [("CSD", "0"), ("CSW", "0.00"), ("CSD", "-1")])
def test_an_activity_of_no_money_is_what_its_type_says(
    settings: Settings, rows: Rows, tmp_path: Path, kind_of: str, amount: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([MONEY | {"activity_type": kind_of, "net_amount": amount}]) + "\n")
    (result,) = land_files(settings, "cash", [path])
    assert (result.landed, result.reasons) == (1, [])
    kind = "deposit" if (kind_of, amount) == ("CSD", "0") else "withdrawal"
    assert rows("select kind from raw.cash_events") == [(kind,)]
