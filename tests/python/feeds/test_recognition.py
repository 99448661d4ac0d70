"""What a file is told to be, what is asked where nothing tells, and what is said of a near miss."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_ingest.feeds.catalogue import feeds
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import KINDS
from python_ingest.landing import input_files
from python_ingest.landing.engine import Engine
from python_ingest.landing.land import LandingResult, land_files
from python_ingest.landing.preview import preview
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
GOOD = "exchange,symbol,timestamp,last_price\nx,s,2024-01-02,1\n"
SPOT = '{"e":"trade","s":"XYZUSDT","t":1,"p":"1.5","q":"2","T":1720087200000,"m":false,"M":true}\n'
AGG = "10,100.5,0.25,1,3,1720055357510,false\n"


@pytest.fixture
def land(settings: Settings, tmp_path: Path, engine: Engine) -> Callable[..., list[LandingResult]]:
    def run(
        name: str, content: str | bytes, kind: str = "ticks", **options: Any
    ) -> list[LandingResult]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return land_files(settings, kind, [path], engine=engine, **options)

    return run


def zipped(members: dict[str, str]) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return file.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (GOOD.replace("last_price", "last_pirce"), "`last_pirce`: did you mean `last_price`?"),
        (GOOD.replace(",", ";"), "expects `,`: ingest land ticks FILE --delimiter ';'"),
        (GOOD.replace(",", "\t"), "it is separated by `\\t`"),
        ("a;b;c\n1;2;3\n", "it is separated by `;`: --delimiter ';', or a feed"),
        (GOOD.partition("\n")[2], "its first line is data, not a header"),
        ("event_id,event_time,amount,currency\n", "those of cash: ingest land cash"),
        ('{"exchange":"x","simbol":"s","timestamp":"2024-01-02"}\n', "did you mean `symbol`?"),
        (
            "id,price,qty,quote_qty,time,is_maker\n1,1,1,1,1720087200000,true\n",
            "nearest is feed binance-usdm-trades, which has is_buyer_maker"
            " and has no is_maker: ingest feeds try binance-usdm-trades FILE",
        ),
    ],
)
def test_a_near_miss_gets_a_hint(
    land: Callable[..., list[LandingResult]], content: str, says: str
) -> None:
    (result,) = land("a.csv", content)
    assert result.state == "failed"
    assert says in (result.error or "")


def test_a_message_of_another_kind_says_which(land: Callable[..., list[LandingResult]]) -> None:
    (result,) = land("a.ndjson", '{"event":"fill","order":{"id":"1"}}\n')
    assert "of feed alpaca, which has orders: ingest land orders" in (result.error or "")


@pytest.mark.parametrize(
    ("name", "exchange"),
    [
        ("futures/um/monthly/XYZUSDT-aggTrades-2024-07.csv", "binance-usdm"),
        ("futures/cm/daily/BTCUSD_PERP-aggTrades-2024-07-04.csv", "binance-coinm"),
        ("BTCUSD_240927-aggTrades-2024-07-04.csv", "binance-coinm"),
        ("BTCUSDT_240927-aggTrades-2024-07-04.csv", "binance-usdm"),
        ("XYZUSDT-aggTrades-2024-07-04.csv", None),
    ],
)
def test_path_and_symbol_tell_a_market(
    land: Callable[..., list[LandingResult]], rows: Rows, name: str, exchange: str | None
) -> None:
    (result,) = land(name, AGG)
    if exchange is None:
        assert (result.error or "").endswith(
            "its symbol is none of binance-coinm-aggtrades: say --exchange binance-usdm"
        )
    else:
        assert rows("select exchange from raw.market_ticks") == [(exchange,)]


@pytest.mark.parametrize(
    ("symbol", "exchange", "says"),
    [
        ("XYZUSDT", "binance", "it is of binance-usdm (feed binance-usdm-aggtrades), and --exch"),
        ("XYZUSD_PERP", "binance", "it is of binance-coinm (feed binance-coinm-aggtrades), and"),
        ("XYZUSDT_240927", "binance-us", "it is of binance-usdm (feed binance-usdm-aggtrades), "),
        ("XYZUSDT", "binance-coinm", "XYZUSDT is no symbol of binance-coinm, which --exchange"),
        ("XYZUSD_PERP", "binance-usdm", "XYZUSD_PERP is no symbol of binance-usdm, which"),
        ("xyz", "binance", "it is of binance-coinm or binance-usdm (feed binance-coinm-aggtrades"),
        ("xyz", None, "say --exchange binance-coinm or --exchange binance-usdm"),
    ],
)
def test_a_market_that_cannot_be_is_not_offered(
    land: Callable[..., list[LandingResult]], symbol: str, exchange: str | None, says: str
) -> None:
    (result,) = land(f"{symbol}-aggTrades-2024-07-04.csv", AGG, exchange=exchange)
    assert says in (result.error or "")


def test_an_exchange_for_a_file_that_names_none(
    land: Callable[..., list[LandingResult]], rows: Rows, tmp_path: Path
) -> None:
    unnamed = "symbol,timestamp,last_price\ns,2024-01-02,1\n"
    (result,) = land("a.csv", unnamed)
    assert "missing columns exchange" in (result.error or "")
    (result,) = land("a.csv", unnamed, exchange="kraken")
    assert (result.landed, result.rejected) == (1, 0)
    (result,) = land(
        "a.ndjson", '{"symbol":"s","timestamp":"2024-01-02","last_price":2}\n', exchange="kraken"
    )
    assert (result.landed, result.rejected) == (1, 0)
    path = tmp_path / "a.parquet"
    duckdb.execute(
        "copy (select 's' as symbol, timestamp '2024-01-03' as timestamp,"
        f" 1::decimal(18, 8) as last_price) to '{path}'"
    )
    (result,) = land("a.parquet", path.read_bytes(), exchange="kraken")
    assert (result.landed, result.rejected) == (1, 0)
    assert rows("select exchange, last_price from raw.market_ticks order by timestamp, 2") == [
        ("kraken", 1),
        ("kraken", 2),
        ("kraken", 1),
    ]


def test_an_exchange_that_contradicts_the_rows(
    land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    (result,) = land("a.csv", GOOD, exchange="kraken")
    assert (result.landed, result.rejected) == (0, 1)
    (result,) = land("a.ndjson", SPOT, exchange="binance-usdm")
    assert (result.landed, result.rejected) == (0, 1)
    assert rows("select reason from raw.rejected_rows order by batch_id") == [
        ("exchange: it is of x, and --exchange says kraken",),
        ("exchange: it is of binance-us or binance, and --exchange says binance-usdm",),
    ]


def test_the_same_lines_for_two_markets(
    land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    assert land("spot.ndjson", SPOT)[0].landed == 1
    assert land("spot.ndjson", SPOT)[0].state == "already landed"
    assert land("spot.ndjson", SPOT, exchange="binance-us")[0].landed == 1
    assert land("spot.ndjson", SPOT, exchange="binance-us")[0].state == "already landed"
    assert rows("select exchange from raw.market_ticks order by 1") == [
        ("binance",),
        ("binance-us",),
    ]


def test_capitals_and_another_delimiter(
    land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    assert land("a.csv", GOOD.replace("exchange,symbol", "Exchange,SYMBOL"))[0].landed == 1
    (result,) = land("b.csv", GOOD.replace("2024-01-02", "2024-01-03").replace(",", ";"),
                     delimiter=";")  # fmt: skip
    assert result.landed == 1
    assert rows("select count(*) from raw.market_ticks") == [(2,)]


@pytest.mark.parametrize(
    ("name", "content", "is_a"),
    [
        ("a.json", '{"exchange":"x"}\n', "JSON"),
        ("tf.csv", "AUD/USD,20140101 21:55:34.404,0.88796,0.88922\n", "of feed truefx-quotes, wh"),
        ("EURUSD.csv", "Gmt time,Ask,Bid,AskVolume,BidVolume\n31.07.2011 23:00:00.652,1.1,1,1,1\n",
         "of feed dukascopy-quotes, which says its own"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_delimiter_is_never_ignored(
    land: Callable[..., list[LandingResult]], name: str, content: str, is_a: str, delimiter: str
) -> None:
    (result,) = land(name, content, delimiter=delimiter)
    assert f"--delimiter is of canonical CSV, and this is {is_a}" in (result.error or "")


def test_parquet_takes_no_delimiter(
    land: Callable[..., list[LandingResult]], tmp_path: Path
) -> None:
    duckdb.execute(f"copy (select 'x' as exchange) to '{tmp_path / 'b.parquet'}'")
    (result,) = land("a.parquet", (tmp_path / "b.parquet").read_bytes(), delimiter=";")
    assert result.error == "--delimiter is of canonical CSV, and this is Parquet"


@pytest.mark.parametrize("name", ["ABCD", "DATA", "XEUR", "TEST", "SPOT"])
def test_three_numbers_under_four_capitals_are_asked_about(
    land: Callable[..., list[LandingResult]], rows: Rows, name: str
) -> None:
    content = "1704067200,42283.5,0.01\n"
    (result,) = land(f"{name}.csv", content)
    assert "--format kraken-trades" in (result.error or "")
    assert land(f"{name}.csv", content, named_format="kraken-trades")[0].landed == 1


def test_columns_in_any_order_are_canonical(land: Callable[..., list[LandingResult]]) -> None:
    cases = Path(__file__).parents[4] / "shared" / "cases" / "feeds"
    content = "trade_id,exchange,symbol,timestamp,last_price,last_size,sequence_number\n"
    content += "1,kraken,XBTEUR,2024-07-04T10:00:00Z,56000.1,0.5,1\n"
    assert not cases.exists() or (cases / "D2_trade_id_first.csv").read_text() == content
    assert land("D2_trade_id_first.csv", content)[0].landed == 1


def test_a_few_damaged_lines_do_not_hide_what_a_file_is(
    land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    good = [f"{n},100.5,0.25,1,3,1720055357510,false\n" for n in range(30)]
    content = "oops\n" + "".join(good) + "31,,\n"
    (result,) = land("futures/um/XYZUSDT-aggTrades-2024-07.csv", content)
    assert (result.landed, result.rejected) == (30, 2)
    assert [(why.rows, why.text) for why in result.reasons] == [(2, "oops")]


def test_each_file_of_a_zip_lands_as_one(
    land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    other = GOOD.replace("2024-01-02", "2024-01-03")
    packed = zipped(
        {"in/a.csv": GOOD, "in/b.csv": other, "c.csv": "a,b\n", "__MACOSX/a": "", "in/.x": "-"}
    )
    results = land("all.zip", packed)
    assert [(r.file.rpartition("all.zip/")[2], r.state, r.landed) for r in results] == [
        ("in/a.csv", "landed", 1),
        ("in/b.csv", "landed", 1),
        ("c.csv", "failed", 0),
    ]
    again = land("all.zip", packed)
    assert [r.state for r in again] == ["already landed", "already landed", "failed"]
    assert rows("select count(*), count(distinct sha256) from raw.landings") == [(2, 2)]


@pytest.mark.parametrize(
    ("name", "other", "content", "column"),
    [
        ("XBTEUR.csv", "ETHEUR.csv", "1704067200,42283.5,0.01\n", "symbol"),
        ("20240102_aig_Trade_Tick.csv", "20240103_aig_Trade_Tick.csv", "3,480000,100,P,0,0\n",
         "timestamp"),
    ],
)  # fmt: skip
def test_the_same_bytes_under_another_name_are_another_file(
    land: Callable[..., list[LandingResult]], rows: Rows, name: str, other: str, content: str,
    column: str,
) -> None:  # fmt: skip
    assert [land(name, content)[0].state for _ in range(2)] == ["landed", "already landed"]
    assert [land(other, content)[0].landed for _ in range(2)] == [1, 0]
    both = land("both.zip", zipped({f"in/{name}": content, f"in/{other}": content}))
    assert [(one.state, one.landed) for one in both] == [("already landed", 0)] * 2
    assert rows(f"select count(distinct {column}), count(*) from raw.market_ticks") == [(2, 2)]


def test_what_is_about_the_data_is_ignored_by_name(
    land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    asides = ["README.md", "in/readme.txt", "a.csv.CHECKSUM", "b.sha256", "LICENSE", "README.pdf",
              "in/Fact sheet.PDF", "logo.png", "index.html"]  # fmt: skip
    packed = zipped({"a.csv": GOOD, **dict.fromkeys(asides, "something else\n")})
    results = land("all.zip", packed)
    assert {r.file.rpartition("all.zip/")[2]: r.state for r in results[1:]} == dict.fromkeys(
        asides, "ignored"
    )
    assert [(r.state, r.landed) for r in results[:1]] == [("landed", 1)]
    assert {r.error for r in results[1:]} == {"about the data by its name, no data"}
    assert land("all.zip", packed)[0].state == "already landed"
    (result,) = land("none.zip", zipped({"README": "x"}))
    assert "the zip holds no file" in (result.error or "")


def test_an_empty_file_of_a_zip_stops_no_other(
    land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    packed = zipped({"a.csv": "", "__MACOSX/._a.csv": "", "b.csv": GOOD, "__MACOSX/._b.csv": "x"})
    results = land("all.zip", packed)
    assert [(r.file.rpartition("/")[2], r.state, r.error) for r in results] == [
        ("all.zip", "landed", None), ("a.csv", "ignored", "empty, no data"),
    ]  # fmt: skip
    assert rows("select count(*) from raw.market_ticks") == [(1,)]
    (result,) = land("none.zip", zipped({"a.csv": "", "b.csv": ""}))
    assert (result.state, result.error) == ("failed", "the zip holds no file with data")


def test_a_zip_is_copied_once_however_many_files_it_has(
    settings: Settings, land: Callable[..., list[LandingResult]], monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[Path] = []
    original = input_files.copy_hashed
    monkeypatch.setattr(
        input_files,
        "copy_hashed",
        lambda file, *rest: copied.append(file.name) or original(file, *rest),
    )
    members = {f"{n}.csv": GOOD.replace("01-02", f"01-{n:02}") for n in range(1, 9)}
    assert [result.landed for result in land("all.zip", zipped(members))] == [1] * 8
    assert len(copied) == 1


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "a/../../b.csv", "C:\\a.csv"])
def test_a_path_that_leads_out_is_refused_by_name(
    land: Callable[..., list[LandingResult]], name: str
) -> None:
    (result,) = land("a.zip", zipped({"good.csv": GOOD, name: GOOD}))
    assert "which leads out of its folder" in (result.error or "")
    assert repr(name)[1:-1] in (result.error or "")


def test_a_pair_in_a_folder_of_the_zip_is_known_by_its_own_name(
    land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    packed = zipped({"TimeAndSales_Combined/XBTEUR.csv": "1704067200,42283.5,0.01\n"})
    assert land("Kraken_Trading_History.zip", packed)[0].landed == 1
    assert rows("select exchange, symbol from raw.market_ticks") == [("kraken", "XBTEUR")]


def test_one_odd_line_among_few_does_not_hide_what_a_file_is(
    land: Callable[..., list[LandingResult]],
) -> None:
    good = "1,2000.5,1e-05,0.1,1704153600001,True,True\n"
    content = "2,2000,,2000,1704153600001,True,True\n" + good * 3
    (result,) = land("CCCUSDT-trades-2024-01-02.csv", content)
    assert (result.landed, result.duplicate, result.rejected) == (2, 2, 0)


def test_an_exchange_is_trimmed_as_a_symbol_is(
    land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    assert land("a.csv", GOOD.replace("x,s", " x , s "))[0].landed == 1
    assert rows("select exchange, symbol from raw.market_ticks") == [("x", "s")]


def test_a_declaration_that_changed_reads_a_file_anew(
    settings: Settings, land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    declared = """
name = "mine"
kind = "ticks"
about = "ours"
file = { format = "csv" }
recognise = { header = ["At", "What", "Px", "Id", "No"] }
columns.exchange = { constant = "x" }
columns.symbol = "What"
columns.timestamp = "At"
columns.last_price = "Px"
columns.trade_id = "%s"
"""
    settings.feeds_dir.mkdir(parents=True)
    content = "At,What,Px,Id,No\n2024-01-02,s,1,7,8\n"
    for field, state in (("Id", "landed"), ("Id", "already landed"), ("No", "landed")):
        (settings.feeds_dir / "mine.toml").write_text(declared % field)
        assert land("a.csv", content)[0].state == state
    assert rows("select trade_id from raw.market_ticks order by 1") == [("7",), ("8",)]


@pytest.mark.parametrize("listed", ["[]", "null", "{}"])
@pytest.mark.parametrize(
    ("rows_of", "feed"), [("trades", "alpaca-rest-trades"), ("quotes", "alpaca-rest-quotes")]
)
def test_a_page_without_rows_is_known_and_lands_nothing(
    land: Callable[..., list[LandingResult]], rows: Rows, listed: str, rows_of: str, feed: str
) -> None:
    page = f'{{"{rows_of}":{listed},"symbol":"XYZ","next_page_token":null}}\n'
    for named_format in (None, feed):
        (result,) = land("a.json", page, named_format=named_format, again=True)
        assert (result.error, result.landed, result.rejected) == (None, 0, 0)
        assert result.others == {"empty page": 1}
    assert rows("select distinct format from raw.landings") == [(feed,)]
    assert rows("select count(*) from raw.market_ticks") == [(0,)]
    # nothing is sealed by it: the same bytes are no landed file
    (once_more,) = land("a.json", page)
    assert once_more.landed == 0


LISTS = [f for f in feeds() if f.file.format == "json" and not f.refuse and not f.file.rows]


@pytest.mark.parametrize("feed", LISTS, ids=lambda feed: f"{feed.name}-{feed.kind}")
def test_a_list_without_rows_is_an_empty_page(
    settings: Settings, tmp_path: Path, feed: Declaration
) -> None:
    path = tmp_path / ("BTC-USD.json" if feed.name == "coinbase-rest" else "btcusd.json")
    wanted = Wanted(KINDS[feed.kind], feed.name, None if feed.names_exchange else "x")
    for page, named in (("[]\n", wanted), ("[ ]\n[]", wanted), ("[]", Wanted(KINDS[feed.kind]))):
        path.write_text(page)
        (seen,) = preview(settings, named, path)
        assert (seen.accepted, seen.rejected) == (0, {})
        assert seen.ignored == {"empty page": page.count("]")}


def test_a_list_without_rows_lands_as_nothing(
    land: Callable[..., list[LandingResult]], rows: Rows
) -> None:
    for state in ("landed", "already landed"):
        (result,) = land("a.json", "[]\n", kind="orders")
        assert (result.error, result.state, result.landed) == (None, state, 0)
        assert result.others == {"empty page": 1}
    (more,) = land("b.json", '[]\n{"a":1}\n')
    assert (more.landed, more.rejected, more.ignored) == (0, 1, 1)


def test_bars_without_rows_are_refused_as_bars(land: Callable[..., list[LandingResult]]) -> None:
    (result,) = land("a.json", '{"bars":[],"symbol":"XYZ","next_page_token":null}\n')
    assert "these are bars" in (result.error or "")


# Feeds whose files have no header: one under the name that its vendor gives it, and a row.
HEADERLESS = {
    "bitcoincharts-bitstamp": ("bitstampUSD.csv", "1720000000,40000.1,0.5"),
    "kraken-trades": ("XBTEUR.csv", "1720000000,40000.1,0.5"),
    "lean-equity-quotes": (
        "equity/usa/tick/aig/20140310_quote.csv",
        "34200000,491800,3,491900,2,P,0,0",
    ),
    "lean-equity-trades": ("equity/usa/tick/aig/20131007_trade.csv", "14400688,491800,300,P,0,0"),
    "lean-fxcm-quotes": ("forex/fxcm/tick/nzdusd/20140501_quote.csv", "39,0.86164,0.86169"),
    "lean-oanda-quotes": ("forex/oanda/tick/eurusd/20140501_quote.csv", "39,1.0802,1.0803"),
    "truefx-quotes": ("EURUSD-2024-07.csv", "EUR/USD,20240701 00:00:00.123,1.0802,1.0803"),
}


def test_which_feeds_have_no_header() -> None:
    known = [feed for feed in feeds() if feed.recognise.fields and not feed.recognise.header]
    assert set(HEADERLESS) == {feed.name for feed in known if not feed.refuse}


@pytest.mark.parametrize("name", HEADERLESS)
@pytest.mark.parametrize("rows", [1, 3])
def test_columns_that_a_header_names_otherwise_are_not_read_by_their_order(
    name: str, rows: int, settings: Settings, tmp_path: Path
) -> None:
    (feed,) = [feed for feed in feeds() if feed.name == name]
    path, row = HEADERLESS[name]
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    names = feed.file.names
    swapped = [*names[:-2], names[-1], names[-2]]
    file.write_text("\n".join([",".join(swapped), *[row] * rows, ""]))
    for named in (None, name):
        (result,) = land_files(settings, feed.kind, [file], named)
        assert result.state == "failed"
        assert "knows its columns by their order" in (result.error or "")
    file.write_text("\n".join([",".join(names).upper(), *[row] * rows, ""]))
    (result,) = land_files(settings, feed.kind, [file])
    assert (result.error, result.rejected, result.read) == (None, 0, rows)


@pytest.mark.parametrize("name", ["binance-klines", "ib-flex-xml", "kraken-ohlcvt"])
def test_a_file_is_not_refused_as_what_it_is_not(
    name: str, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "XBTEUR.csv"
    path.write_text("a,b\n1,2\n")
    (feed,) = [feed for feed in feeds() if feed.name == name]
    (result,) = land_files(settings, feed.kind, [path], name)
    assert (result.error or "").startswith(f"it is not of feed {name}, ")


OWN = """
name = "own"
kind = "ticks"
about = "ours"
{file}
columns.exchange = {{ constant = "acme" }}
columns.symbol = "s"
columns.timestamp = {{ from = "t", unit = "s" }}
columns.last_price = "p"
"""
CSV_FILE = 'file = {{ format = "csv", names = ["t", "s", "p"] }}\nrecognise = {{ {0} }}'
JSON_FILE = 'file = {{ format = "json" }}\nrecognise = {{ {0} }}'


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (CSV_FILE, "1700000000,A,1.5\n1700000001,A,1.25\n"),
        (JSON_FILE, '{"t":1700000000,"s":"A","p":1.5}\n{"t":1700000001,"s":"A","p":1.25}\n'),
    ],
    ids=["csv", "json"],
)
@pytest.mark.parametrize(
    "told", ["name = 'acme_\\d+'", "path = 'acme'", "name = '.*', path = 'acme_'"]
)
def test_a_feed_that_looks_at_no_field_is_told_by_its_name(
    land: Callable[..., list[LandingResult]], settings: Settings, file: str, content: str, told: str
) -> None:
    settings.feeds_dir.mkdir(parents=True, exist_ok=True)
    declaration = OWN.format(file=file.format(told))
    (settings.feeds_dir / "own.toml").write_text(declaration)
    (other,) = land("b.txt", content)
    assert other.error is not None
    (own,) = land("acme_1.txt", content)
    assert (own.error, own.landed) == (None, 2)
    assert land("acme_2.txt", "x;y\n")[0].error is not None


def test_a_feed_of_lines_may_be_told_by_how_the_first_begins(
    land: Callable[..., list[LandingResult]], settings: Settings
) -> None:
    settings.feeds_dir.mkdir(parents=True, exist_ok=True)
    file = CSV_FILE.replace('"csv",', '"csv", comment = ["#"],').format("first = '#acme'")
    (settings.feeds_dir / "own.toml").write_text(OWN.format(file=file))
    lines = "1700000000,A,1.5\n1700000001,A,1.25\n"
    assert land("a.txt", lines)[0].error is not None
    (own,) = land("b.txt", "#acme\n" + lines)
    assert (own.error, own.landed) == (None, 2)
