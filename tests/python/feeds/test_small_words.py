"""Small mistakes of a file or a declaration, and the word that names each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testkit import land_text

from python_ingest.errors import UsageError
from python_ingest.feeds.catalogue import faults, named
from python_ingest.landing.engine import Engine
from python_ingest.landing.land import LandingResult
from python_ingest.settings import Settings

OWN = """name = "mine"
kind = "ticks"
about = "ours"
file = { format = "csv" }
recognise = { header = ["At", "What", "Px"] }
columns.exchange = { constant = "x" }
columns.symbol = "What"
columns.timestamp = "At"
columns.last_price = "Px"
"""
DATA = "At,What,Px\n2024-01-02,s,1\n"
CANONICAL = "exchange,symbol,timestamp,last_price"
TARDIS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
TARDIS_ROW = "okx,X,1709290000123000,1709290000130000,9,sell,0.05,1"
Land = Callable[..., LandingResult]


@pytest.fixture
def land(settings: Settings, tmp_path: Path, engine: Engine) -> Land:
    def run(name: str, content: str, kind: str = "ticks", **options: Any) -> LandingResult:
        return land_text(settings, kind, tmp_path / name, content, engine=engine, **options)

    return run


def declare(settings: Settings, content: bytes, name: str = "mine.toml") -> list[str]:
    settings.feeds_dir.mkdir(parents=True, exist_ok=True)
    (settings.feeds_dir / name).write_bytes(content)
    return [fault.what for fault in faults(settings.feeds_dir)]


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["mine.toml", "mine.TOML", "mine.Toml"])
def test_a_declaration_is_read_as_editors_save_it(
    settings: Settings, land: Land, name: str, before: bytes
) -> None:
    assert declare(settings, before + OWN.encode(), name) == []
    assert land("a.csv", DATA).landed == 1


@pytest.mark.parametrize("name", ["mine.toml.txt", "mine.TOML.TXT", "tardis-trades.toml.txt"])
def test_a_declaration_that_is_passed_over_says_so(
    settings: Settings, land: Land, name: str
) -> None:
    said = OWN.replace('"mine"', f'"{name.partition(".")[0]}"').encode()
    (what,) = declare(settings, said, name)
    assert what.endswith(f"{name}: is not read, since its name does not end with .toml: rename it")
    assert what in (land("a.csv", DATA).error or "")
    # nor does a file land by the feed that it was to replace
    landed = land("t.csv", f"{TARDIS}\n{TARDIS_ROW}\n").landed if "tardis" in name else 0
    assert landed == 0


@pytest.mark.parametrize("name", ["mine.toml~", "mine.toml.bak", ".mine.toml.swp", "notes.txt"])
def test_what_editors_leave_is_no_declaration(settings: Settings, name: str) -> None:
    assert declare(settings, b"no = toml = at all", name) == []


BELOW = "TOML reads what stands below [{0}] as its own, so [{0}] goes to the end of the file"


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('recognise = { header = ["At", "What", "Px"] }',
         '[recognise]\nheader = ["At", "What", "Px"]',
         "recognise.columns: no such key; " + BELOW.format("recognise")),
        ('file = { format = "csv" }\nrecognise = { header = ["At", "What", "Px"] }',
         'recognise = { header = ["At", "What", "Px"] }\n[file]\nformat = "csv"',
         "file.columns: no such key; " + BELOW.format("file")),
        ('name = "mine"\n', '[file]\nformat = "csv"\nname = "mine"\n',
         "file.name: no such key; " + BELOW.format("file")),
        ('{ constant = "x" }', '"x"',
         'columns: no field \'x\' in names, header or optional; a text that is the same in each row'
         ' is { constant = "x" }'),
        ('"csv" }\nrecognise = { header = ["At", "What", "Px"] }\ncolumns.exchange = '
         '{ constant = "x" }', '"json" }\nrecognise = { keys = [["At", "What", "Px"]] }\n'
         'columns.exchange = "kraken"', "columns.exchange.0.from: 'kraken' is a field here; a t"),
        ('columns.symbol', 'columns.source = "rest"\ncolumns.symbol',
         "columns: no field 'rest' in names, header or optional; a text that is the same in each"),
    ],
)  # fmt: skip
def test_what_a_declaration_means_is_guessed(
    settings: Settings, before: str, after: str, says: str
) -> None:
    assert before in OWN
    said = OWN.replace(before, after)
    if '[file]\nformat = "csv"\nname' in said:
        said = said.replace('file = { format = "csv" }\n', "")
    (what,) = declare(settings, said.encode())
    assert what.partition("mine.toml: ")[2].startswith(says)


@pytest.mark.parametrize(("own", "file"), [(",", ";"), (";", ","), ("|", "\t")])
def test_an_own_declaration_is_mended_and_not_doubled(
    settings: Settings, land: Land, own: str, file: str
) -> None:
    declare(settings, OWN.replace('"csv" }', f'"csv", delimiter = "{own}" }}').encode())
    error = land("a.csv", DATA.replace(",", file)).error or ""
    shown = file.replace("\t", "\\t")
    assert f'say delimiter = "{shown}" of file in {settings.feeds_dir / "mine.toml"}' in error
    assert "like" not in error
    theirs = land("t.csv", TARDIS.replace(",", ";") + "\n").error or ""
    assert 'like = "tardis-trades"' in theirs


@pytest.mark.parametrize("date", ["20240231", "20241399", "20230229"])
def test_a_name_with_no_day(land: Land, date: str) -> None:
    error = land(f"{date}_aig_Trade_Tick.csv", "3,480000,100,P,0,0\n").error
    assert error == f"its name has the date '{date}', and there is no such day"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (CANONICAL + ",", "a column without a name (the last: a comma at the end of the header"),
        ("," + CANONICAL, "a column without a name (the first: a data frame's index; write the"),
        ("Unnamed: 0," + CANONICAL, "a column without a name (the first: a data frame's index"),
        (CANONICAL + ",last_price", "column 'last_price' appears more than once"),
        (TARDIS + ",price", "column 'price' appears more than once"),
        (TARDIS + ",Price", "column 'price' appears more than once"),
    ],
)
def test_a_header_that_nobody_means(land: Land, header: str, says: str) -> None:
    assert says in (land("a.csv", f"{header}\n{'1,' * header.count(',')}1\n").error or "")


@pytest.mark.parametrize("of", [1, 2])
@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("named", [None, "ccxt-trades", "ndjson"])
def test_a_document_that_ends_within_is_cut_off(
    land: Land, of: int, end: str, named: str | None
) -> None:
    whole = (
        '[{"info":{},"id":"1}","timestamp":1709290000000,"datetime":"2024-03-01T10:46:40Z",'
        '"symbol":"BTC/USDT","side":"buy","price":1,"amount":1}]'
    )[of - 1 : 1 - of or None]
    says = "its only line is a JSON document that does not end: it is cut off; fetch it again"
    options = {"named_format": named, "exchange": "okx"} if named else {}
    for at in range(2, len(whole), 7):
        assert land("a.json", whole[:at] + end, **options).error == says
    assert says not in (land("a.json", whole + end, **options).error or "")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("binance-klines", "open_time,open,high,low,close,volume,close_time,quote_volume,count\n"),
        (
            "databento-ohlcv",
            "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volum\n",
        ),
    ],
)
def test_a_feed_that_refuses_is_not_offered(land: Land, name: str, header: str) -> None:
    error = land("a.csv", header + "1,2\n").error or ""
    assert f"nearest is feed {name}" in error
    assert "and such files are refused: these are" in error
    assert f"ingest feeds try {name}" not in error


@pytest.mark.parametrize("options", [{"delimiter": ";"}, {"named_format": "csv"}])
def test_what_a_user_says_loses_no_hint(land: Land, options: dict[str, str]) -> None:
    separated = options.get("delimiter", ",")
    canonical = CANONICAL.replace("last_price", "last_pirce").replace(",", separated)
    assert "`last_pirce`: did you mean `last_price`?" in (
        land("a.csv", canonical + "\n", **options).error or ""
    )
    vendors = TARDIS.replace("price", "prices").replace(",", separated)
    assert "nearest is feed tardis-trades" in (land("a.csv", vendors + "\n", **options).error or "")


def test_an_own_header_is_not_leans(settings: Settings, land: Land) -> None:
    own = OWN.replace('["At", "What", "Px"]', '["time", "price", "size", "exchange", "condi", "x"]')
    for before, after in (("At", "time"), ("Px", "price"), ("What", "condi")):
        own = own.replace(f'"{before}"', f'"{after}"')
    assert declare(settings, own.encode()) == []
    assert land("a.csv", "time,price,size,exchange,condi,x\n2024-01-02,1,2,P,0,0\n").landed == 1


@pytest.mark.parametrize(
    "row", ["1,60000.1,0.1,6000.01,1720051200000,True,True", "1,60000.1,0.1,5,5,1720051200000,True"]
)
def test_the_numbers_that_a_data_frame_writes_above_are_named(land: Land, row: str) -> None:
    header = ",".join(map(str, range(row.count(",") + 1)))
    error = land("BTCUSDT-trades-2024-07-04.csv", f",{header}\n0,{row}\n1,{row}\n").error or ""
    assert error.startswith("its first line is a data frame's numbers of columns")
    assert "header=False, index=False" in error
    assert "nearest" not in error


def test_a_misspelt_feed_is_named() -> None:
    with pytest.raises(UsageError, match="did you mean `binance-trades`"):
        named("binance-trade")
