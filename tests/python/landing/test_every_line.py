"""Every line of a file is landed, ignored or rejected with its text; nothing else is in raw."""

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testkit import land_text

from python_ingest.feeds import lines as reading
from python_ingest.feeds.lines import Lines, count_lines
from python_ingest.landing import prepare as preparing
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
HEADER = "exchange,symbol,timestamp,last_price,last_size,trade_id\n"


def line(number: int, symbol: str = "A") -> str:
    return f"x,{symbol},2025-01-02T00:00:{number % 60:02d}Z,1,1,{number}\n"


def land(settings: Settings, path: Path, content: bytes | str, **more: Any) -> Any:
    return land_text(settings, "ticks", path, content, **more)


@pytest.mark.parametrize(("count", "at"), [(1000, 10), (40_000, 10), (100_000, 50_000)])
def test_a_stray_quote_takes_no_other_line_with_it(
    settings: Settings, rows: Rows, tmp_path: Path, count: int, at: int
) -> None:
    text = HEADER + "".join(line(n, '"A' if n == at else "A") for n in range(count))
    result = land(settings, tmp_path / "a.csv", text)
    assert (result.read, result.landed, result.rejected) == (count, count - 1, 1)
    assert rows("select row_number, line_number, raw_text, reason from raw.rejected_rows") == [
        (
            at + 1,
            at + 2,
            line(at, '"A').strip(),
            "a quote inside or around a field is not closed",
        )
    ]


@pytest.mark.parametrize("form", ["csv", "ndjson", "binance"])
@pytest.mark.parametrize("size", [2_000_001, 5_000_000, 40_000_000])
def test_no_line_is_too_long_to_be_rejected(
    settings: Settings, rows: Rows, tmp_path: Path, form: str, size: int
) -> None:
    if form == "csv":
        lines = [HEADER, line(1), "x,LONG" + "A" * size + "\n", line(2)]
    elif form == "ndjson":
        good = '{"exchange":"x","symbol":"s","timestamp":"2025-01-02","last_price":%d}\n'
        lines = [good % 1, '{"exchange":"LONG' + "A" * size + '"}\n', good % 2]
    else:
        good = '{"e":"trade","s":"B","t":%d,"p":"1","q":"1","T":1672515782136}\n'
        lines = [good % 1, '{"e":"trade","s":"LONG' + "A" * size + '"}\n', good % 2]
    result = land(settings, tmp_path / f"a.{form}", "".join(lines))
    assert (result.read, result.landed, result.rejected) == (3, 2, 1)
    length = len(next(one for one in lines if "LONG" in one))
    ((text, reason),) = rows("select raw_text, reason from raw.rejected_rows")
    assert "LONGAAA" in text
    assert len(text) == 1000
    assert reason.startswith(f"a line of {length - (length > 4_194_304):,} bytes") or (
        reason.startswith(f"a line of {length:,} bytes")
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('x,"A","2025-01-02T00:00:00Z",oops,1,"7"', "last_price: not a number"),
        ('x,"A""B",2025-01-02T00:00:00Z,1,1,"7', "a quote inside or around a field is not closed"),
        ('x,"A"B,2025-01-02T00:00:00Z,1,1,7', "a quote inside or around a field is not closed"),
        ("x,A,2025-01-02T00:00:00Z,1,1", "fewer fields than the header"),
        ("x,A,2025-01-02T00:00:00Z,1,1,7,,", "more fields than the header"),
        ("x,A\r,2025-01-02T00:00:00Z,1,1,7", "a carriage return within the line"),
        ("   ", "fewer fields than the header"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_raw_text_is_the_line_as_it_was_read(
    settings: Settings, rows: Rows, tmp_path: Path, bad: str, reason: str, end: str
) -> None:
    text = (HEADER + line(1) + bad + "\n\n" + line(2)).replace("\n", end)
    result = land(settings, tmp_path / "a.csv", text)
    assert (result.landed, result.rejected) == (2, 1)
    assert rows("select line_number, raw_text, reason from raw.rejected_rows") == [(3, bad, reason)]


def test_bytes_that_are_no_text_are_shown(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    content = HEADER.encode() + line(1).encode() + b"x,\xe9\xff,2025-01-02,1,1,2\n"
    content += b"x,A\x00B,2025-01-02,1,1,3\n" + "x,é,2025-01-02,1,1,4\n".encode()
    result = land(settings, tmp_path / "a.csv", content)
    assert (result.landed, result.rejected) == (2, 2)
    assert rows("select raw_text, reason from raw.rejected_rows order by row_number") == [
        ("x,\\xe9\\xff,2025-01-02,1,1,2", "not UTF-8"),
        ("x,A\\x00B,2025-01-02,1,1,3", "a NUL character"),
    ]
    assert rows("select symbol from raw.market_ticks order by trade_id") == [("A",), ("é",)]


def test_a_byte_order_mark_is_no_part_of_the_header(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    result = land(settings, tmp_path / "a.csv", b"\xef\xbb\xbf" + (HEADER + line(1)).encode())
    assert (result.landed, result.rejected) == (1, 0)


def test_a_cut_array_is_kept_as_its_line(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    trade = '{"T":"t","i":%d,"S":"XYZ","x":"M","p":39.1,"s":100,"c":["@"],"z":"C","t":"2023-04-06T14:25:00Z"}'  # noqa: E501
    cut = f"[{trade % 2},{{" + '"T":"t","i":3,"S":"XY'
    content = f"[{trade % 1}]\n{cut}\n[]\n[1,{trade % 4}]\n"
    result = land(settings, tmp_path / "a.ndjson", content)
    assert (result.read, result.landed, result.rejected) == (5, 2, 2)
    assert result.others == {"empty page": 1}
    assert rows(
        "select row_number, line_number, raw_text from raw.rejected_rows order by row_number"
    ) == [(2, 2, cut), (4, 4, "1")]


def test_ignored_messages_are_counted_in_the_manifest(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    good = '{"e":"trade","s":"B","t":1,"p":"1","q":"1","T":1672515782136}\n'
    content = good + '{"e":"kline","s":"B"}\n' * 2 + '{"e":"depth"}\nnot json\n' + good
    result = land(settings, tmp_path / "a.ndjson", content)
    assert (result.read, result.landed, result.duplicate) == (6, 1, 1)
    assert (result.rejected, result.ignored) == (1, 3)
    assert rows(
        "select rows_read, rows_ignored, ignored->>'kline', ignored->>'depth', feed_version"
        " from raw.landings"
    ) == [(3, 3, "2", "1", 3)]


def test_the_order_of_columns_is_free(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    text = "trade_id,exchange,symbol,timestamp,last_price,last_size,sequence_number\n"
    text += "1,kraken,XBTEUR,2024-07-04T10:00:00Z,56000.1,0.5,1\n"
    result = land(settings, tmp_path / "a.csv", text)
    assert (result.landed, result.error) == (1, None)


def test_fields_are_those_that_a_csv_reader_sees(settings: Settings, tmp_path: Path) -> None:
    """Random lines of quotes, commas and letters: whole ones have the same fields."""
    rng = random.Random(1)  # noqa: S311
    made = ["".join(rng.choices('",ab "', k=rng.randint(0, 12))) for _ in range(5000)]
    wanted = {}
    for number, text in enumerate(made):
        with io.StringIO() as file:
            csv.writer(file).writerow(["x", text, "2025-01-02", "1", "1", str(number)])
            wanted[number] = file.getvalue().strip()
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "".join(f"{text}\n" for text in wanted.values()))
    (result,) = land_files(settings, "ticks", [path])
    assert result.landed + result.rejected == 5000
    with preparing.working_connection(settings) as connection:
        connection.execute(f"attach '{settings.database_path}' as d (read_only)")
        found = dict(
            connection.execute("select trade_id::int, symbol from d.raw.market_ticks").fetchall()
        )
    # spaces around a symbol are no part of it, and nothing but spaces is none
    assert found == {n: text.strip(" ") for n, text in enumerate(made) if text.strip(" ")}


@pytest.mark.parametrize("block", [16, 64, 1 << 22])
def test_lines_are_counted_wherever_blocks_end(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(reading, "_BLOCK", block)
    monkeypatch.setattr(reading, "MAX_LINE", 40)
    rng = random.Random(block)  # noqa: S311
    for _ in range(300):
        parts = rng.choices([b"a", b"bc", b"\n", b"\r\n", b"\n\n", b"\xe9", b"x" * 50], k=30)
        content = b"".join(parts)
        lines = Lines(content)
        got = lines.reader().read_all().to_pylist()
        expected = content.split(b"\n")[: None if not content.endswith(b"\n") else -1]
        if not content:
            expected = []
        assert lines.total == len(expected) == count_lines(content)
        kept = {n: one for n, one in enumerate(expected, 1) if one not in (b"", b"\r")}
        assert [row["line_number"] for row in got] == list(kept)
        assert lines.total - lines.blank - lines.headers == len(kept)
        for row in got:
            one = kept[row["line_number"]]
            whole = len(one) + 1 <= 40 and b"\xe9" not in one
            assert (row["damage"] is None) == whole or len(one) in (39, 40)
            if row["damage"] is None:
                assert row["line"].rstrip("\r\n") == one.decode().rstrip("\r")


def test_a_lost_line_refuses_the_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the reader lost lines, the count of newlines would tell."""
    original = Lines._batches

    def losing(self: Lines) -> Any:
        for batch in original(self):
            yield batch.slice(1)

    monkeypatch.setattr(Lines, "_batches", losing)
    result = land(settings, tmp_path / "a.csv", HEADER + line(1) + line(2))
    assert result.state == "failed"
    assert "of its 3 lines 1 have rows" in str(result.error)


def test_a_csv_without_a_last_newline_is_refused(settings: Settings, tmp_path: Path) -> None:
    result = land(settings, tmp_path / "a.csv", HEADER + line(1) + line(2).strip())
    assert (result.state, "newline" in str(result.error)) == ("failed", True)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("ticks", '{"e":"trade","s":"B","t":1,"p":"1","q":"1","t":2,"T":1672515782136}'),
        ("ticks", '{"e":"trade","s":"B","p":"1","q":"1","T":1672515782136}'),
        ("ticks", '[{"T":"t","S":"X","i":1,"p":1,"s":1,"p":2,"t":"2023-04-06T14:25:00Z"}]'),
        ("ticks", '{"exchange":"x","symbol":"s","timestamp":"2025-01-02","last_price":1,'
                  '"symbol":"t"}'),
        ("ticks", '17"data":{"e":"trade","s":"B","t":1,"p":"1","q":"1","T":1672515782136}} {"e":'
                  '"trade","s":"B","t":2,"p":"1","q":"1","T":1672515782136}'),
    ],
)  # fmt: skip
def test_two_messages_with_a_cut_between_are_none(
    settings: Settings, rows: Rows, tmp_path: Path, kind: str, line: str
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(line + "\n")
    named = "binance" if line.startswith("17") else None
    (result,) = land_files(settings, kind, [path], named)
    assert (result.landed, result.rejected) == (0, 1)
    ((text, reason),) = rows("select raw_text, reason from raw.rejected_rows")
    assert text == line.strip("[]")
    assert reason in ("a field appears twice", "trade_id: missing", "not a JSON object")


TRADE = '{"e":"trade","s":"B","t":%d,"p":"1","q":"1","T":1672515782136}'


@pytest.mark.parametrize(
    "line",
    [
        '{"stream":"a","data":%s,"stream":"b","data":%s}',
        '{"data":%s,"event":%s}',
        '{"event":%s,"subscriptionId":1,"event":%s}',
        '{"data":{"data":%s},"event":%s}',
        '{"e":"trade","s":"B","t":1,"p":"1","q":"1","T":1672515782136,"event":%s,"x":%s}',
        '{"T":"t","data":%s,"x":%s}',
    ],
)
@pytest.mark.parametrize(
    "first",
    [
        '{"e":"kline"}\n',
        '{"stream":"a","data":%s}\n' % (TRADE % 9),
        '{"data":%s,"event":"x"}\n' % (TRADE % 9),
    ],
)
def test_a_message_that_holds_more_than_one_is_rejected(
    settings: Settings, rows: Rows, tmp_path: Path, line: str, first: str
) -> None:
    """Each of them alone would be read; one of them must not vanish behind the other."""
    line %= (TRADE % 1, TRADE % 2)
    path = tmp_path / "a.ndjson"
    path.write_text(first + line + "\n")
    (result,) = land_files(settings, "ticks", [path], "binance")
    assert result.rejected == 1
    assert rows("select raw_text from raw.rejected_rows") == [(line,)]
    assert rows("select reason from raw.rejected_rows where reason not in"
                " ('a field appears twice', 'more than one message in one')") == []  # fmt: skip


def test_a_byte_order_mark_within_the_text_is_no_part_of_a_value(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    """Files that were put together: the mark of the second would begin a name of an exchange."""
    text = "\ufeff" + HEADER + line(1) + "\ufeff" + line(2) + line(3, "\ufeff")
    result = land(settings, tmp_path / "a.csv", text)
    assert (result.landed, result.rejected) == (2, 1)
    assert rows("select line_number, reason from raw.rejected_rows") == [
        (3, "a byte order mark within the text")
    ]
