"""A feed's own columns, but separated otherwise, or below lines that a spreadsheet wrote.

Such a file is refused whole, with what was seen and what to type: done, the file lands.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.catalogue import faults, feeds
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.detect_format import Wanted, detect_format
from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.recognise import Beginning, has_header
from python_ingest.landing.land import land_files
from python_ingest.landing.preview import Preview, preview
from python_ingest.settings import Settings

from .test_nearest import contents

TARDIS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
TARDIS += "binance,XYZUSDT,1720087200000123,1720087200000200,1,buy,1.5,2\n"
USDM = "id,price,qty,quote_qty,time,is_buyer_maker\n1,1.5,2,3,1720087200000,true\n"
FLEX = "ClientAccountID,Symbol,DateTime,Quantity,TradePrice,IBExecID,IBOrderID,LevelOfDetail\n"
FLEX += "U1,KO,20260115 093000,5,20.5,a.01,1,EXECUTION\n"
CANONICAL = "exchange,symbol,timestamp,last_price\nx,s,2024-01-02,1\n"
USDM_NAME = "XYZUSDT-trades-2024-07-04.csv"
ROWS_WITHOUT_HEADER = "1704067200,42283.5,0.01\n1704067201.5,42283.6,0.5\n"
BELOW = {
    "Trades of May\n\nMade on 1 June\n": "in line 4, below lines that are none: tail -n +4 FILE",
    "Trades,of,May,,\n": "in line 2, below lines that are none: tail -n +2 FILE > NEW, then:",
    "sep=,\n": "in line 2, below `sep=,`, which only spreadsheets read: tail -n +2 FILE > NEW",
    "\ufeff\ufeff": "a second byte order mark stands before its header: tail -c +4 FILE > NEW",
}
FILES = [
    ("ticks", "a.csv", TARDIS, "tardis-trades"),
    ("ticks", USDM_NAME, USDM, "binance-usdm-trades"),
    ("orders", "a.csv", FLEX, "ib-flex"),
]


def csv_feeds() -> list[Declaration]:
    found = [feed for feed in feeds() if feed.file.format == "csv" and not feed.refuse]
    return [feed for feed in found if len(feed.recognise.header) > 1]


@pytest.fixture
def read(settings: Settings, tmp_path: Path) -> Callable[..., Preview]:
    """Read a text as landing would, under a name."""

    def run(kind: str, name: str, content: str, named: str | None, **said: Any) -> Preview:
        path = tmp_path / name
        path.write_text(content)
        wanted = Wanted(KINDS[kind], named, folder=settings.feeds_dir, **said)
        (seen,) = preview(settings, wanted, path)
        return seen

    return run


@pytest.fixture
def refusal(read: Callable[..., Preview]) -> Callable[..., str]:
    """Return the line that refuses a text."""

    def run(kind: str, name: str, content: str, named: str | None = None, **said: Any) -> str:
        with pytest.raises(FileRejectedError) as error:
            read(kind, name, content, named, **said)
        assert "\n" not in str(error.value)
        return str(error.value)

    return run


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(("kind", "name", "content", "feed"), FILES)
@pytest.mark.parametrize(("delimiter", "word"), [(";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_another_delimiter_is_told_and_how_to_declare_it(
    refusal: Callable[..., str], read: Callable[..., Preview], settings: Settings, kind: str,
    name: str, content: str, feed: str, delimiter: str, word: str, *, named: bool,
) -> None:  # fmt: skip
    said = refusal(kind, name, content.replace(",", delimiter), feed if named else None)
    shown = "\\t" if delimiter == "\t" else delimiter
    assert said.startswith(f"it is separated by `{shown}`, and feed {feed} expects `,`: declare it")
    assert said.endswith(f", then: ingest feeds try {feed}-{word} FILE")
    # who does as it says can read the file, and files with a comma as before
    place, lines = re.findall(r"in (\S+), in three lines: (.*), then: ", said)[0]
    settings.feeds_dir.mkdir(parents=True)
    Path(place).write_text(lines.replace(", ", "\n"))
    assert faults(settings.feeds_dir) == ()
    for text in (content.replace(",", delimiter), content):
        seen = read(kind, name, text, None)
        assert (seen.accepted, seen.rejected) == (1, {})


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(("kind", "name", "content", "feed"), FILES[:2])
@pytest.mark.parametrize("above", BELOW)
def test_lines_above_a_header_are_told_and_how_to_cut_them(
    refusal: Callable[..., str], read: Callable[..., Preview], tmp_path: Path, kind: str,
    name: str, content: str, feed: str, above: str, *, named: bool,
) -> None:  # fmt: skip
    said = refusal(kind, name, above + content, feed if named else None)
    assert BELOW[above] in said
    assert said.endswith(f", then: ingest feeds try {feed} NEW")
    command = re.findall(r"tail -[cn] \+\d+", said)[0].split()
    rest = subprocess.check_output([*command, tmp_path / name], text=True)
    assert read(kind, name, rest, feed).accepted == 1


def test_both_are_told(refusal: Callable[..., str]) -> None:
    said = refusal("ticks", "a.csv", "\ufeffsep=;\n" + TARDIS.replace(",", ";"))
    assert said.startswith(
        "it is separated by `;`, and feed tardis-trades expects `,`; its header stands in line 2,"
        " below `sep=;`, which only spreadsheets read: tail -n +2 FILE > NEW, then: declare it in"
    )
    assert said.endswith("ingest feeds try tardis-trades-semicolon NEW")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            CANONICAL.replace(",", ";"),
            "by `;`, and CSV expects `,`: ingest land ticks FILE --delim",
        ),
        (CANONICAL.replace(",", "\t"), "ingest land ticks FILE --delimiter '\\t'"),
        (
            "sep=;\n" + CANONICAL.replace(",", ";"),
            "NEW, then: ingest land ticks NEW --delimiter ';'",
        ),
        (
            "A report\n" + CANONICAL,
            "in line 2, below lines that are none: tail -n +2 FILE > NEW, t",
        ),
        ("\ufeff\ufeff" + CANONICAL, "a second byte order mark stands before its header: tail -c"),
    ],
)
@pytest.mark.parametrize("named", [None, "csv"])
def test_a_canonical_header_is_found_as_well(
    refusal: Callable[..., str], content: str, says: str, named: str | None
) -> None:
    assert says in refusal("ticks", "a.csv", content, named)


def test_lines_that_are_one_quoted_text_are_told(
    refusal: Callable[..., str], read: Callable[..., Preview], tmp_path: Path
) -> None:
    quoted = "".join(f'"{line}"\n' for line in TARDIS.splitlines())
    said = refusal("ticks", "a.csv", quoted)
    assert "each line is one quoted text: take the quotes away, sed -E '" in said
    program = re.findall(r"sed -E '(.*?)' FILE", said)[0]
    plain = subprocess.check_output(["sed", "-E", program, tmp_path / "a.csv"], text=True)
    assert read("ticks", "a.csv", plain, None).accepted == 1


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n", "\n" * 200_000 + CANONICAL])
@pytest.mark.parametrize("named", [None, "csv", "tardis-trades"])
def test_a_file_of_no_lines_is_refused(
    refusal: Callable[..., str], content: str, named: str | None
) -> None:
    assert refusal("ticks", "a.csv", content, named)


def test_a_wrong_delimiter_is_told(refusal: Callable[..., str]) -> None:
    said = refusal("ticks", "a.csv", CANONICAL, delimiter=";")
    assert said == "it is separated by `,`, and --delimiter expects `;`: ingest land ticks FILE"
    said = refusal("ticks", "a.csv", TARDIS.replace(",", ";"), delimiter=";")
    assert "and feed tardis-trades expects `,`: declare it" in said


@pytest.mark.parametrize("above", ["", "sep=;\n"])
def test_rows_without_a_header_that_are_separated_otherwise(
    refusal: Callable[..., str], above: str
) -> None:
    said = refusal("ticks", "XBTEUR.csv", above + ROWS_WITHOUT_HEADER.replace(",", ";"))
    assert said.startswith("it is separated by `;`, and feed kraken-trades expects `,`")
    assert ("its first row stands in line 2, below `sep=;`" in said) == bool(above)


def test_a_near_miss_with_another_delimiter_says_both(refusal: Callable[..., str]) -> None:
    said = refusal("ticks", "a.csv", TARDIS.replace(",", ";").replace("side", "sides"))
    assert "feed tardis-trades, which has side and has no sides and expects `,`" in said


@pytest.mark.parametrize("feed", csv_feeds(), ids=lambda feed: f"{feed.name}-{feed.kind}")
def test_no_feed_reads_its_own_header_where_it_should_not(feed: Declaration) -> None:
    """Whatever its example holds: it is refused, not landed by another feed or in part."""
    texts = [text for text in contents(feed) if has_header(feed, text.splitlines()[0])]
    for text in (one for one in texts if "\ufffd" not in one):  # of another encoding
        other = ";" if feed.file.delimiter != ";" else ","
        odd = {text.replace(feed.file.delimiter, other): f"separated by `{other}`"}
        if not feed.file.sections:
            odd["A report\n\n" + text] = "header stands in line 3, below lines that are none"
        for content, says in odd.items():
            for named in (None, feed.name):
                beginning = Beginning(content.encode(), "/a.csv")
                with pytest.raises(FileRejectedError, match=says):
                    detect_format(Wanted(KINDS[feed.kind], named), beginning)


def test_files_that_were_joined_are_rows_above_a_header(read: Callable[..., Preview]) -> None:
    joined = "9,1.5,2,3,1720087200000,true\n" + USDM
    seen = read("ticks", USDM_NAME, joined, "binance-usdm-trades")
    assert (seen.accepted, list(seen.rejected.values())) == (2, [1])


def test_nothing_of_a_refused_file_lands(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / USDM_NAME
    path.write_text("sep=,\n" + USDM)
    settings.database_path.unlink()
    (result,) = land_files(settings, "ticks", [path], "binance-usdm-trades")
    assert (result.state, settings.database_path.exists()) == ("failed", False)


# -- JSON ------------------------------------------------------------------------------------------

TRADE = '{"trade_id":%d,"side":"sell","size":"1","price":"2","time":"2024-07-04T10:00:00Z"}'
ALPACA = '{"t":"2024-01-02T15:00:00Z","x":"V","p":1,"s":1,"c":["@"],"i":%d,"z":"A"}'
SPREAD = {
    "[\n  {\n    %s\n  }\n]\n": "jq -c '.[]' FILE > NEW",
    "[\n%s,\n%s\n]\n": "jq -c '.[]' FILE > NEW",
    "[%s\n,%s]\n": "jq -c '.[]' FILE > NEW",
    '{\n  "data": %s\n}\n': "jq -c . FILE > NEW",
    '{"symbol": "X",\n"data": %s}\n': "jq -c . FILE > NEW",
}


@pytest.mark.parametrize("named", [None, "coinbase-rest", "ndjson"])
@pytest.mark.parametrize("form", SPREAD)
def test_a_document_over_several_lines_is_told(
    refusal: Callable[..., str], form: str, named: str | None
) -> None:
    said = refusal("ticks", "BTC-USD.json", form.replace("%s", TRADE % 1), named)
    assert said.startswith(
        f"it is one JSON document over several lines; write one object a line: {SPREAD[form]}"
    )


def test_a_damaged_first_line_is_no_such_document(read: Callable[..., Preview]) -> None:
    cut = (TRADE % 1).partition('"size"')[0] + "\n"
    seen = read("ticks", "BTC-USD.json", cut + (TRADE % 2 + "\n") * 3, None)
    assert (seen.accepted, list(seen.rejected.values())) == (3, [1])


@pytest.mark.parametrize("named", [None, "coinbase-rest", "ndjson"])
def test_a_list_in_one_line_that_is_too_long_is_told(
    refusal: Callable[..., str], read: Callable[..., Preview], named: str | None
) -> None:
    trades = [TRADE % number for number in range(30_000)]
    for end in ("", "\n", "\n\n"):
        said = refusal("ticks", "BTC-USD.json", f"[{','.join(trades)}]{end}", named)
        assert said.startswith(
            "it is one JSON list in a line of more than 2,000,000 bytes, and a line may have no"
            " more: write one object a line: jq -c '.[]' FILE > NEW"
        )
    assert read("ticks", "BTC-USD.json", "\n".join(trades) + "\n", None).accepted == 30_000


@pytest.mark.parametrize("named", [None, "alpaca-rest-trades"])
def test_a_page_in_one_line_that_is_too_long_is_told(
    refusal: Callable[..., str], read: Callable[..., Preview], tmp_path: Path, named: str | None
) -> None:
    trades = ",".join(ALPACA % number for number in range(30_000))
    page = f'{{"trades":[{trades}],"symbol":"X","next_page_token":null}}\n'
    said = refusal("ticks", "a.json", page, named)
    assert "it is one JSON document in a line of more than 2,000,000 bytes" in said
    assert "fetch smaller pages, or cut it: jq -c 'range(0; .trades | length; 1000) as " in said
    if shutil.which("jq"):
        program = re.findall(r"jq -c '(.*?)'", said)[0]
        pages = subprocess.check_output(["jq", "-c", program, tmp_path / "a.json"], text=True)
        assert read("ticks", "a.json", pages, named).accepted == 30_000


def test_pages_as_long_as_a_line_may_be_land(read: Callable[..., Preview]) -> None:
    """A page is not read anew for each of its rows: 10,000 are what Alpaca gives at most."""
    pages = []
    for first in range(0, 60_000, 10_000):
        trades = ",".join(ALPACA % number for number in range(first, first + 10_000))
        pages.append(f'{{"trades":[{trades}],"symbol":"X","next_page_token":null}}\n')
    assert read("ticks", "a.json", "".join(pages), None).accepted == 60_000


@pytest.mark.parametrize("bad", ['{"trades":[{"a":\n', "no page\n"])
def test_a_damaged_page_stops_no_other(read: Callable[..., Preview], bad: str) -> None:
    page = f'{{"trades":[{ALPACA % 1}],"symbol":"X","next_page_token":null}}\n'
    seen = read("ticks", "a.json", page + bad + page.replace("15:00", "16:00"), None)
    assert (seen.accepted, seen.rejected) == (2, {"not a JSON object": 1})
