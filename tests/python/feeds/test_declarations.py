"""A user's own declarations: the one that docs/landing.md shows, and wrong ones."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from python_ingest.errors import ConfigError
from python_ingest.feeds import catalogue
from python_ingest.feeds.catalogue import feeds
from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings

DOCS = (Path(__file__).parents[3] / "docs" / "landing.md").read_text(encoding="utf-8")
VENDORS = Path(catalogue.__file__).parent / "vendors"
GOOD = """
name = "acme-trades"
kind = "ticks"
about = "Acme's trades"
file = { format = "csv" }
recognise = { header = ["Time", "Ticker", "Px"] }
columns.exchange = { constant = "acme" }
columns.symbol = "Ticker"
columns.timestamp = { from = "Time", unit = "ms" }
columns.last_price = "Px"
"""


def declare(settings: Settings, name: str, content: str) -> Path:
    settings.feeds_dir.mkdir(parents=True, exist_ok=True)
    path = settings.feeds_dir / name
    path.write_text(content, encoding="utf-8")
    return path


def land(settings: Settings, name: str, content: str) -> LandingResult:
    path = settings.data_dir.parent / name
    path.write_text(content, encoding="utf-8")
    return land_files(settings, "ticks", [path])[0]


def test_the_declaration_of_the_manual_lands_its_file(settings: Settings) -> None:
    section = DOCS.partition("## How to write a declaration")[2].partition("\n## ")[0]
    declaration, rows = re.findall(r"```(?:toml|csv)\n(.*?)```", section, re.DOTALL)[:2]
    assert len(declaration.splitlines()) == 10
    declare(settings, "acme-trades.toml", declaration)
    result = land(settings, "2024-05-02.csv", rows)
    assert (result.error, result.landed, result.rejected) == (None, 2, 0)
    with duckdb.connect(str(settings.database_path), read_only=True) as connection:
        found = connection.execute(
            "select exchange, symbol, kind, timestamp::varchar, last_price::double,"
            " last_size::double from raw.market_ticks order by tick_id"
        ).fetchall()
    # Berlin has summer time on that day
    assert found == [
        ("acme", "SAP", "trade", "2024-05-02 07:00:00.25", 171.5, 40.0),
        ("acme", "SAP", "trade", "2024-05-02 07:00:01", 171.48, 25.0),
    ]


def test_the_manual_lists_every_feed() -> None:
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \| (\w+) \|.*\| (yes|no) \|$", DOCS, re.MULTILINE))
    assert listed == {(feed.name, feed.kind, "yes" if feed.checked else "no") for feed in feeds()}


def test_every_vendors_declaration_says_how_well_it_is_known() -> None:
    said = {path.name: path.read_text(encoding="utf-8") for path in VENDORS.glob("*.toml")}
    assert [name for name, text in said.items() if "\nchecked = " not in text] == []
    assert [feed.name for feed in feeds() if not feed.facts] == []


def test_a_users_own_declaration_replaces_ours(settings: Settings) -> None:
    own = (VENDORS / "binance-trades.toml").read_text(encoding="utf-8")
    path = declare(settings, "mine.toml", own.replace('"trade"', '"agg"'))
    (feed,) = [f for f in feeds(settings.feeds_dir) if f.name == "binance-trades"]
    assert catalogue.source_of(feed, settings.feeds_dir) == path
    assert feed.columns["kind"][0].constant == "agg"


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("columns.last_price", "columns.last_pirce", "columns: ticks have no column 'last_pirce'"),
        ('unit = "ms"', 'unit = "min"', "columns.timestamp.0.unit: Input should be 's', 'ms'"),
        ('unit = "ms"', 'zone = "Mars/Base"', "columns.timestamp.0.zone: 'Mars/Base' is no time"),
        ('unit = "ms"', 'unit = "ms", format = "%Y"', "columns.timestamp.0: a time has a unit or"),
        ('unit = "ms"', "scale = 2, by = 3", "columns.timestamp.0.by: Extra inputs"),
        ('"Ticker"\n', '{ file = "symbol" }\n', "recognise: no pattern has the part (?P<symbol>"),
        ('"Ticker"\n', '{ from = "x", take = "a" }\n', "columns.symbol.0.take: needs one (...)"),
        ('"Ticker"\n', "{}\n", "columns.symbol.0: say one of from, constant"),
        ('"Ticker"\n', '"Tikcer"\n', "columns: no field 'Tikcer' in names, header or optional"),
        ("recognise = {", "recognise = { name = '(a',", "recognise.name: not a pattern"),
        ('header = ["Time", "Ticker", "Px"]', "", "recognise: say what tells such a file"),
        ("file = {", "fiel = {", "file: Field required"),
        ("about =", "checked = true\nabout =", "facts: what was it compared with?"),
        ('kind = "ticks"', 'kind = "trades"', "kind: not one of ticks,"),
        ('"acme-trades"', '"csv"', "name: csv is the name of a canonical format"),
        ('kind = "ticks"', 'kind = "ticks', "cannot be read: Illegal character"),
        ('kind = "ticks"', 'kind = "ticks"\nlike = "nobody"', "like: there is no feed 'nobody'"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_names_file_and_key(
    settings: Settings, before: str, after: str, says: str
) -> None:
    assert before in GOOD
    path = declare(settings, "acme.toml", GOOD.replace(before, after, 1))
    with pytest.raises(ConfigError) as error:
        feeds(settings.feeds_dir)
    assert str(error.value).startswith(f"feed {path}: {says}")


def test_two_declarations_that_nothing_tells_apart(settings: Settings) -> None:
    declare(settings, "acme.toml", GOOD)
    path = declare(settings, "other.toml", GOOD.replace('"acme-trades"', '"other"'))
    with pytest.raises(ConfigError) as error:
        feeds(settings.feeds_dir)
    assert str(error.value) == f"feed {path}: recognise: matches the same files as acme.toml"
    declare(settings, "other.toml", GOOD.replace("Acme", "Other"))
    with pytest.raises(ConfigError, match=r"name: acme\.toml has this name and kind too"):
        feeds(settings.feeds_dir)


def test_a_file_that_two_declarations_match(settings: Settings) -> None:
    declare(settings, "acme.toml", GOOD)
    other = GOOD.replace('"acme-trades"', '"other"').replace("{ header", "{ name = 'x', header")
    declare(settings, "other.toml", other)
    rows = "Time,Ticker,Px\n1720087200000,SAP,1.5\n"
    assert "say --format acme-trades or --format other" in (
        land(settings, "a.csv", rows).error or ""
    )
    assert land(settings, "x.csv", rows).landed == 1


def test_a_file_that_does_not_say_its_exchange(settings: Settings, tmp_path: Path) -> None:
    lines = [line for line in GOOD.splitlines(keepends=True) if "exchange" not in line]
    declare(settings, "acme.toml", "".join(lines))
    path = tmp_path / "a.csv"
    path.write_text("Time,Ticker,Px\n1720087200000,SAP,1.5\n")
    (result,) = land_files(settings, "ticks", [path])
    assert "does not say of which exchange it is: say --exchange NAME" in (result.error or "")
    assert land_files(settings, "ticks", [path], exchange="xetra")[0].landed == 1
