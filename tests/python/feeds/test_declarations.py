"""A user's own declarations: the one that docs/landing.md shows, and wrong ones."""

import json
import re
import tomllib
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from testkit import ask, land_text
from typer.testing import CliRunner

from python_ingest.cli.main import app
from python_ingest.errors import ConfigError
from python_ingest.feeds import catalogue, declaration, declared
from python_ingest.feeds.catalogue import faults, feeds, source_of
from python_ingest.feeds.declaration import (
    Declaration,
    File,
    Message,
    Recognise,
    Scale,
    Value,
    parsed,
)
from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.faults import keys_of
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing.land import LandingResult, land_files
from python_ingest.landing.preview import preview
from python_ingest.settings import Settings, load_settings

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
    return land_text(settings, "ticks", settings.data_dir.parent / name, content)


def test_what_the_package_ships_is_right() -> None:
    """Commands do not check it again."""
    said = {path: declaration.raw(path) for path in sorted(VENDORS.glob("*.toml"))}
    bases = {path.stem: content for path, content in said.items()}
    ours = {source_of(feed): feed for feed in feeds()}
    for path, content in said.items():
        assert parsed(path, content, bases) == ours[path]
    assert len(said) == len(ours) > 60


def test_the_declaration_of_the_manual_lands_its_file(settings: Settings) -> None:
    section = DOCS.partition("## How to write a declaration")[2].partition("\n## ")[0]
    declared, rows = re.findall(r"```(?:toml|csv)\n(.*?)```", section, re.DOTALL)[:2]
    assert len(declared.splitlines()) == 10
    declare(settings, "acme-trades.toml", declared)
    result = land(settings, "2024-05-02.csv", rows)
    assert (result.error, result.landed, result.rejected) == (None, 2, 0)
    found = ask(
        settings,
        "select exchange, symbol, kind, timestamp::varchar, last_price::double,"
        " last_size::double from raw.market_ticks order by tick_id",
    )
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
        ("columns.last_price", "columns.last_pirce",
         "columns: ticks have no column 'last_pirce'; did you mean `last_price`?"),
        ('unit = "ms"', 'unit = "min"', "columns.timestamp.0.unit: 'min' is none of 's', 'ms'"),
        ('unit = "ms"', 'zone = "Mars/Base"', "columns.timestamp.0.zone: 'Mars/Base' is no time"),
        ('unit = "ms"', 'unit = "ms", format = "%Y%m%d"', "columns.timestamp.0: a time has a unit"),
        ('unit = "ms"', "scale = 2, by = 3", "columns.timestamp.0.by: no such key; it goes into"),
        ('"Ticker"\n', '{ file = "symbol" }\n', "recognise: no pattern has the part (?P<symbol>"),
        ('"Ticker"\n', '{ from = "x", take = "a" }\n', "columns.symbol.0.take: needs one (...)"),
        ('"Ticker"\n', "{}\n", "columns.symbol.0: say one of from, constant"),
        ('"Ticker"\n', '"Tikcer"\n',
         "columns: no field 'Tikcer' in names, header or optional; did you mean `ticker`?"),
        ("recognise = {", "recognise = { name = '(a',", "recognise.name: not a pattern"),
        ("recognise = {", r"recognise = { name = 'a\.csv',", "recognise.name: a name is looked at"),
        ('header = ["Time", "Ticker", "Px"]', "", "recognise: say what tells such a file"),
        ("file = {", "fiel = {", "fiel: no such key; did you mean `file`?"),
        ("file = {", "file = { delimeter = ';',", "file.delimeter: no such key; did you mean `"),
        ("about =", "delimiter = ';'\nabout =", "delimiter: no such key; it goes into `file`"),
        ("about =", "colour = 'red'\nabout =", "colour: no such key; here are name, kind, about"),
        ('= "Px"', '= { frm = "Px" }', "columns.last_price.0.frm: no such key; did you mean"),
        ('unit = "ms"', 'unit = "ms", when = { file = { match = "x" } }',
         "columns.timestamp.0.when.file.match: no such key; did you mean `matches`?"),
        ('format = "csv"', 'format = "CSV"', "file.format: 'CSV' is none of 'csv' or 'json'; did"),
        ('recognise = { header', 'recognise = { name_only = 1, header',
         "recognise.name_only: is true, false or a pattern, not 1"),
        ('"Ticker"\n', '[{ from = "Ticker" }, "Time"]\n',
         "columns.symbol.1: is a table in { }, not 'Time'"),
        ('kind = "ticks"', 'kind = "tick"', "kind: not one of ticks, corrections, orders, cash, "),
        ("about =", "checked = true\nabout =", "facts: what was it compared with?"),
        ('kind = "ticks"', 'kind = "trades"', "kind: not one of ticks,"),
        ('"acme-trades"', '"csv"', "name: csv is the name of a canonical format"),
        ('unit = "ms"', 'format = "%Q"', "columns.timestamp.0.format.0: not a format of a time: "),
        ('unit = "ms"', 'format = ["%Y%m%d", "%"]', "columns.timestamp.0.format.1: not a format"),
        ('unit = "ms"', 'format = "%Y%m%d", offsets = { EST = "5h" }',
         "columns.timestamp.0.offsets.EST: "),
        ('unit = "ms"', 'unit = "ms", when = { Px = { matches = "a(?!b)" } }',
         "columns.timestamp.0.when.Px.matches: not a pattern that DuckDB knows: "),
        ('"Ticker"\n', '{ from = "Ticker", take = "(?<=a)(b)" }\n',
         "columns.symbol.0.take: not a pattern that DuckDB knows: "),
        ('format = "csv"', 'format = "csv", sections = "(?=a)"', "file.sections: not a pattern"),
        ('= "Px"', '= { from = "Px", scale = 0 }', "columns.last_price.0.scale.0.by: is above 0"),
        ('= "Px"', '= { from = "Px", scale = -1 }', "columns.last_price.0.scale.0.by: is above "),
        ('= "Px"', '= { from = "Px", scale = 1e-11 }', "columns.last_price.0.scale.0.by: "),
        ('= "Px"', '= { from = "Px", scale = 12345678901 }', "columns.last_price.0.scale.0.by: "),
        ('= "Px"', '= { from = "Px", scale = [{ by = 2, since = "2024-13-01" }] }',
         "columns.last_price.0.scale.0.since: '2024-13-01' is no date such"),
        ('kind = "ticks"', 'kind = "ticks', "cannot be read: Illegal character"),
        ('kind = "ticks"', 'kind = "ticks"\nlike = "nobody"', "like: there is no feed 'nobody'"),
        # what is said of nothing, of another type, or only half
        ('constant = "acme"', 'constant = ""', "columns.exchange.0.constant: is empty"),
        ('"Ticker"\n', '{ from = "" }\n', "columns.symbol.0.from.0: is empty"),
        ('"Ticker"\n', '{ joined = [] }\n', "columns.symbol.0.joined: is empty"),
        ('"Ticker"\n', '{ from = "Ticker", scale = 2 }\n', "columns.symbol.0.scale: is for num"),
        ('"Ticker"\n', '{ from = "Ticker", negate = true }\n', "columns.symbol.0.negate: is for"),
        ('"Ticker"\n', '{ from = "Ticker", split = "," }\n', "columns.symbol.0.split: is for lis"),
        ('= "Px"', '= { from = "Px", unit = "ms" }', "columns.last_price.0.unit: is for times"),
        ('unit = "ms"', 'scale = 2', "columns.timestamp.0.scale: is for numbers"),
        ('unit = "ms"', 'zone = "UTC"', "columns.timestamp.0: zone: goes with format or"),
        ('"Ticker"\n', '{ from = "Ticker", numbered = true }\n',
         "columns.symbol.0: numbered: goes with values"),
        ('unit = "ms"', 'unit = "ms", when = { Px = {} }', "columns.timestamp.0.when.Px: say one"),
        ('unit = "ms"', 'unit = "ms", when = { Px = [] }', "columns.timestamp.0.when.Px.words: "),
        ('unit = "ms"', 'format = "%Y-%m-%d %I:%M"', "columns.timestamp.0.format.0: tells no day"),
        ('unit = "ms"', 'format = "%H:%M:%S"', "columns.timestamp.0.format.0: tells no day"),
        ('= "Px"', '= "Px"\ncolumns.aggressor_side = { from = "Px", sign = { positive = "buy" } }',
         "columns.aggressor_side.0: sign: say both positive and negative"),
        ('{ header', '{ name = "a", header', None),
        ('"Ticker"\n', '{ around = "x" }\n', "columns: around, key and clock are for json"),
        ('format = "csv"', "format = 'csv', delimiter = '\"'", "file.delimiter: '\"' does not"),
        ('"Px"]', '"Px", "px"]', "recognise.header: 'Px' is there twice"),
        # what could never land
        ('columns.symbol = "Ticker"\n', "", "columns: without symbol nothing could land"),
        ('columns.last_price = "Px"\n', "", "columns: without bid_price or ask_price or last_p"),
        ('= "Px"', '= "Px"\nmessages = [{ ignore = "x" }]', "messages: each is ignored or reject"),
        ('= "Px"', '= "Px"\ncolumns.kind = { constant = "trades" }',
         "columns.kind.0.constant: 'trades': not one of trade, agg, quote"),
        ('= "Px"', '= "Px"\ncolumns.source = { constant = "vendor" }',
         "columns.source.0.constant: 'vendor': not one of websocket, rest, backfill"),
        ('= "Px"', '= "Px"\ncolumns.source = { from = "Px", words = { R = "Rest", V = "vendor" } }',
         "columns.source.0.words: 'vendor': not one of"),
        ('= "Px"', '= "Px"\ncolumns.aggressor_side = { from = "Px", sign = { positive = "buy",'
         ' negative = "sold" } }', "columns.aggressor_side.0.sign: 'sold': not one of buy, sell"),
        ('"Px"\n', '{ constant = "x" }\n', "columns.last_price.0.constant: 'x': not a number"),
        ('from = "Time", unit = "ms"', 'constant = "noon"', "columns.timestamp.0.constant: 'noon'"),
        ('"acme" }', '"Kraken" }', "columns.exchange.0.constant: 'Kraken' is spelled 'kraken'"),
        ('"acme" }', '"acme", or = "OKX" }', "columns.exchange.0.constant: 'OKX' is spelled 'okx'"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_names_file_and_key(
    settings: Settings, before: str, after: str, says: str | None
) -> None:
    assert before in GOOD
    path = declare(settings, "acme.toml", GOOD.replace(before, after, 1))
    found = [fault.what for fault in faults(settings.feeds_dir)]
    if says is None:
        assert found == []
        return
    assert [what.partition(says)[:2] for what in found] == [(f"feed {path}: ", says)]
    assert "\n" not in found[0]


def test_what_the_engine_does_not_take_is_said_at_load(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever no check knows: it never becomes an error that names the data file."""
    monkeypatch.setattr(declared, "_unix_time", lambda *_: "no sql at all")
    declared._reading.cache_clear()
    path = declare(settings, "acme.toml", GOOD)
    (fault,) = faults(settings.feeds_dir)
    assert fault.what.startswith(f"feed {path}: columns: Parser Error: ")
    declared._reading.cache_clear()


@pytest.mark.parametrize("feed", feeds(), ids=lambda feed: f"{feed.name}-{feed.kind}")
def test_our_own_declarations_are_whole(feed: Declaration) -> None:
    declared.require_compiles(feed)
    assert faults() == ()


@pytest.mark.parametrize("feed", feeds(), ids=lambda feed: f"{feed.name}-{feed.kind}")
def test_a_query_is_short_enough_to_be_planned_at_once(feed: Declaration) -> None:
    """To plan 140 kB took a second, of a file with one row too."""
    assert len(declared.whole_query(feed)) < 75_000


@pytest.mark.parametrize(
    "good", ["%Y-%m-%d %I:%M:%S %p", "%d.%m.%y", "%Y%m%d;%H%M%S", "%Y-%m-%d %H:%M:%S.%n%z"]
)
def test_a_format_that_tells_a_time(settings: Settings, good: str) -> None:
    declare(settings, "acme.toml", GOOD.replace('unit = "ms"', f'format = "{good}"'))
    assert faults(settings.feeds_dir) == ()


TRADES = "id,price,qty,quote_qty,time,is_buyer_maker\n1,1.5,2,3,1720087200000,true\n"
CANONICAL = "exchange,symbol,timestamp,last_price\nx,s,2024-01-02,1\n"
BROKEN = {
    "key": GOOD.replace("last_price", "last_pirce"),
    "toml": GOOD + "=",
    "doubled": GOOD,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_declaration_stops_no_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    declare(settings, "other.toml", GOOD.replace("acme", "other").replace("Px", "Price"))
    path = declare(settings, "acme.toml", BROKEN[how])
    if how == "doubled":
        path = declare(settings, "more.toml", GOOD)
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    (fault,) = faults(settings.feeds_dir)
    assert fault.what.startswith(f"feed {path}: ")
    listed = CliRunner().invoke(app, ["feeds"])
    assert (listed.exit_code, fault.what in listed.stderr) == (1, True)
    assert "\nother-trades " in listed.stdout
    assert "\nkraken-trades " in listed.stdout
    assert land(settings, "a.csv", CANONICAL).landed == 1
    assert land(settings, "b.csv", "Time,Ticker,Price\n1720087200000,SAP,1.5\n").landed == 1
    monkeypatch.chdir(settings.data_dir.parent)
    (settings.data_dir.parent / "XYZUSDT-trades-2024-07-04.csv").write_text(TRADES)
    done = CliRunner().invoke(app, ["land", "ticks", "XYZUSDT-trades-2024-07-04.csv"])
    assert (done.exit_code, "1 landed" in done.stdout) == (0, True)
    assert done.stderr.splitlines() == [f"ingest: warning: {fault.what}"]
    again = ["land", "ticks", "b.csv", "--again", "--format"]
    done = CliRunner().invoke(app, [*again, "other-trades"])
    assert (done.exit_code, done.stderr) == (0, "")
    refused = CliRunner().invoke(app, [*again, "acme-trades"])
    assert (refused.exit_code > 0, fault.what in str(refused.exception)) == (True, True)
    # it may be what the file is of
    result = land(settings, "c.csv", "Time,Ticker,Px\n1720087200000,SAP,1.5\n")
    assert fault.what in (result.error or "")


@pytest.mark.parametrize("broken", ["columns.kind = 'x'", "=", "[columns]\nkind = 'x'"])
def test_no_file_lands_by_a_feed_that_a_broken_one_was_to_replace(
    settings: Settings, broken: str
) -> None:
    path = declare(settings, "mine.toml", f'name = "binance-usdm-trades"\nkind = "ticks"\n{broken}')
    (fault,) = faults(settings.feeds_dir)
    assert fault.what.startswith(f"feed {path}: ")
    name = "XYZUSDT-trades-2024-07-04.csv"
    assert land(settings, name, TRADES).error == fault.what
    path.unlink()
    assert land(settings, name, TRADES).landed == 1


def test_a_pattern_for_names_alone_may_look_ahead(settings: Settings) -> None:
    declare(settings, "acme.toml", GOOD.replace("recognise = {", "recognise = { name = '^(?!x)',"))
    assert "acme-trades" in [feed.name for feed in feeds(settings.feeds_dir)]


def test_a_link_to_nothing_is_named(settings: Settings) -> None:
    settings.feeds_dir.mkdir(parents=True)
    link = settings.feeds_dir / "gone.toml"
    link.symlink_to("nowhere.toml")
    (fault,) = faults(settings.feeds_dir)
    assert fault.what == f"feed {link}: a link to nowhere.toml, which is not there"


def test_a_folder_of_feeds_that_is_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    named = {"DATA_DIR": str(tmp_path / "data"), "LANDING_FEEDS": str(missing)}
    settings = load_settings(tmp_path / "none.toml", named)
    with pytest.raises(ConfigError) as error:
        land_files(settings, "ticks", [])
    assert str(error.value) == f"[landing] feeds (LANDING_FEEDS): {missing} is no folder"
    missing.mkdir()
    assert land_files(settings, "ticks", []) == []


def test_two_declarations_that_nothing_tells_apart(settings: Settings) -> None:
    declare(settings, "acme.toml", GOOD)
    path = declare(settings, "other.toml", GOOD.replace('"acme-trades"', '"other"'))
    (fault,) = faults(settings.feeds_dir)
    assert fault.what == f"feed {path}: recognise: matches the same files as acme.toml"
    rows = "Time,Ticker,Px\n1720087200000,SAP,1.5\n"
    told = land(settings, "a.csv", rows).error or ""
    assert "say --format acme-trades or --format other" in told
    (result,) = land_files(settings, "ticks", [settings.data_dir.parent / "a.csv"], "other")
    assert result.landed == 1


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


THEIRS = re.compile(
    r"Input should|Field required|Extra inputs|should (have|match)|a valid|pydantic"
)
KEYS: list[tuple[str, ...]] = [
    *[(name,) for name in keys_of(Declaration)],
    *[("file", name) for name in keys_of(File)],
    *[("recognise", name) for name in keys_of(Recognise)],
    *[("columns", "timestamp", name) for name in keys_of(Value)],
    *[("columns", "last_price", "scale", name) for name in keys_of(Scale)],
    *[("columns", "symbol", "when", "Px", name) for name in keys_of(declaration.Test)],
    ("columns", "last_price"), ("columns", "last_price", "scale"), ("columns", "symbol", "when"),
    ("columns", "symbol", "when", "Px"),
]  # fmt: skip
ODD: list[Any] = [7, -1, 1.5, True, "zz", "", [], {}, [7], [""], ["a", "a"], {"a": 7}, {"a": "b"},
                  [{"a": 7}], [[7]], date(2024, 1, 2), datetime(2024, 1, 2, 3)]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=".".join)
def test_what_is_wrong_is_said_in_our_words(key: tuple[str, ...]) -> None:
    refusals = []
    for value in ODD:
        said = tomllib.loads(GOOD, parse_float=Decimal)
        said["columns"]["last_price"] = {"from": "Px", "scale": [{"by": 1}]}
        said["columns"]["symbol"] = {"from": "Ticker", "when": {"Px": {"there": True}}}
        table: Any = said
        for part in key[:-1]:
            table = table[part][0] if part == "scale" else table[part]
        table[key[-1]] = value
        try:
            parsed(Path("acme.toml"), said, {})
        except ConfigError as error:
            refusals.append(str(error))
    assert refusals
    assert [one for one in refusals if THEIRS.search(one) or "\n" in one] == []


def truths(model: type[BaseModel]) -> list[str]:
    return [name for name, of in model.model_fields.items() if of.annotation is bool]


MODELS = (Value, File, Recognise, Declaration, Scale, declaration.Test, Message)
OF_ANOTHER_TYPE = [
    *[(model, name, value) for model in MODELS for name in truths(model)
      for value in ("yes", "true", "on", 1, 0, 1.0)],
    (Declaration, "version", "3"), (Declaration, "version", 3.0), (Declaration, "version", True),
    (Declaration, "name", 7), (Scale, "by", "0.5"), (Scale, "by", True), (Scale, "since", 0),
    (Scale, "since", True), (declaration.Test, "there", "yes"), (Recognise, "name_only", 1),
    (Value, "from", 1), (Value, "none", [0]), (Message, "required", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "key", "value"), OF_ANOTHER_TYPE)
def test_a_value_of_another_type_is_refused(model: type[BaseModel], key: str, value: Any) -> None:
    """What another program would take for a truth or a number was not meant as one."""
    with pytest.raises(ValidationError) as error:
        model.model_validate({key: value})
    assert key in [str(one["loc"][0]) for one in error.value.errors()]


def test_the_declarations_of_all_models_are_looked_at() -> None:
    assert {name for model in MODELS for name in truths(model)} >= {
        "key", "numbered", "lower", "absolute", "more_fields", "more", "checked", "several",
        "sequence_identifies", "trade_id_identifies", "newest_first",
    }  # fmt: skip


def test_an_object_as_a_symbol_or_an_account_is_rejected(
    settings: Settings, tmp_path: Path
) -> None:
    event: dict[str, Any] = {
        "event": "fill", "execution_id": "e", "qty": "1", "price": "2", "account_id": "a",
        "timestamp": "2024-03-04T10:00:00Z",
        "order": {"id": "o", "client_order_id": "c", "symbol": "KO", "side": "buy",
                  "type": "market", "qty": "1"},
    }  # fmt: skip
    texts = ("execution_id", "account_id", "order.id", "order.client_order_id", "order.symbol")
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps(event) + "\n" + json.dumps({**event, "execution_id": "[e"}) + "\n")
    wanted = Wanted(KINDS["orders"], "alpaca")
    assert preview(settings, wanted, path)[0].accepted == 2
    for name in texts:
        for odd in ({"a": 1}, ["x"]):
            changed = json.loads(json.dumps(event))
            where, key = (changed["order"], name[6:]) if "." in name else (changed, name)
            where[key] = odd
            path.write_text(json.dumps(changed) + "\n")
            (seen,) = preview(settings, wanted, path)
            assert (seen.accepted, [why.endswith(": not a text") for why in seen.rejected]) == (
                0, [True],
            ), name  # fmt: skip


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("9.5E-6 EUR", "0.0000095"), ("1E5EUR", "100000"), ("1,000.5EUR", "1000.5"),
        ("171,500 EUR", "171500"), ("-.5", "-0.5"), ("3", "3"), ("7EUR", "7"),
        ("171,5 EUR", None), ("1.000,5 EUR", None), ("1 000 EUR", None), ("1,00,000", None),
        ("1.2.3 EUR", None), ("EUR", None),
    ],
)  # fmt: skip
def test_a_number_with_its_unit_is_read_whole_or_rejected(
    settings: Settings, written: str, price: str | None
) -> None:
    glued = GOOD.replace(
        'columns.last_price = "Px"', 'columns.last_price = { from = "Px", part = "number" }'
    )
    declare(settings, "acme-trades.toml", glued)
    result = land(settings, "a.csv", f'Time,Ticker,Px\n1714636800000,SAP,"{written}"\n')
    assert (result.error, result.landed, result.rejected) == (
        None,
        int(price is not None),
        int(price is None),
    )
    if price is None:
        assert "price" in result.reasons[0].reason
        return
    sql = "select last_price = ?::decimal(28, 10) from raw.market_ticks"
    assert ask(settings, sql, price) == [(True,)]
