"""Damaged files of every format: each row that is still whole is found once, and no other.

Every row carries a marker that checks itself. After random damage, each marker that is whole in
the bytes must be a landed or duplicate row, stand in a rejected text, or be in an ignored message.
"""

import gzip
import io
import json
import random
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]

_MARKER = re.compile(r"(?<!\d)7(\d{7})(\d{6})(?!\d)")
_INSERTED = [
    b'"', b'""', b"'", b"[", b"]", b"{", b"}", b",", b",,", b":", b"\\", b"\n", b"\r", b"\r\n",
    b"\x00", b"\xff", b"\xef\xbb\xbf", "é".encode(), "é".encode("latin-1"), b" ", b"\t", b"-", b"0",
]  # fmt: skip


def marker(number: int) -> str:
    return f"7{number:07d}{zlib.crc32(b'%d' % number) % 1_000_000:06d}"


def markers(text: str) -> Counter[str]:
    """The markers in a text that are whole."""
    return Counter(m[0] for m in _MARKER.finditer(text) if m[0] == marker(int(m[1])))


class Maker:
    """Rows of a format, each with the next marker."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.last = 0

    def next(self) -> str:
        self.last += 1
        return marker(self.last)

    def csv(self, count: int) -> bytes:
        names = ["exchange", "symbol", "timestamp", "last_price", "conditions", "trade_id"]
        self.rng.shuffle(names)
        lines = [",".join(names)]
        for _ in range(count):
            values = {
                "exchange": "x",
                "symbol": self.rng.choice(["A", '"B"', '"C,D"', '"E""F"', "Gé"]),
                "timestamp": "2025-01-02T10:00:00Z",
                "last_price": f"{self.rng.random():.4f}",
                "conditions": "a|b",
                "trade_id": self.next(),
            }
            lines.append(",".join(values[name] for name in names))
        end = self.rng.choice(["\n", "\r\n"])
        return (end.join(lines) + end).encode()

    def archive(self, count: int) -> bytes:
        return b"".join(
            b"%s,61837.63,0.02,1236.7,1723161255342,True,True\n" % self.next().encode()
            for _ in range(count)
        )

    def ndjson(self, count: int) -> bytes:
        return b"".join(
            json.dumps(
                {
                    "exchange": "x",
                    "symbol": self.rng.choice(["A", 'B"', "C\\", "Dé"]),
                    "timestamp": "2025-01-02T10:00:00Z",
                    "last_price": round(self.rng.random(), 4),
                    "trade_id": self.next(),
                },
                ensure_ascii=self.rng.random() < 0.5,
            ).encode()
            + b"\n"
            for _ in range(count)
        )

    def binance(self, count: int) -> bytes:
        clock = b"1723161253937085768 " if self.rng.random() < 0.5 else b""
        return b"".join(
            clock + b'{"stream":"b@trade","data":{"e":"trade","E":1672515782136,"s":"B","t":%s,'
            b'"p":"1.5","q":"1","T":1672515782136,"m":true}}\n' % self.next().encode()
            for _ in range(count)
        )

    def alpaca(self, count: int) -> bytes:
        lines, left = [], count
        while left > 0:
            size = min(left, self.rng.randint(1, 5))
            left -= size
            messages = [
                {"T": "t", "i": int(self.next()), "S": "XYZ", "x": "M", "p": 39.1, "s": 100,
                 "c": ["@"], "z": "C", "t": "2023-04-06T14:25:00Z"}
                for _ in range(size)
            ]  # fmt: skip
            lines.append(json.dumps(messages).encode() + b"\n")
        return b"".join(lines)

    def parquet(self, count: int) -> bytes:
        table = pa.table(
            {
                "exchange": ["x"] * count,
                "symbol": [self.rng.choice("AB") for _ in range(count)],
                "timestamp": pa.array(range(10**15, 10**15 + count), pa.timestamp("us")),
                "last_price": pa.array([i + 1 for i in range(count)]).cast(pa.decimal128(38, 8)),
                "trade_id": [self.next() for _ in range(count)],
            }
        )
        if self.rng.random() < 0.5:
            table = table.set_column(
                3, "last_price", table["last_price"].cast(pa.decimal128(18, 8))
            )
        with io.BytesIO() as file:
            pq.write_table(table, file, compression=self.rng.choice(["none", "snappy", "zstd"]))
            return file.getvalue()


def flipped(rng: random.Random, content: bytes) -> bytes:
    """A few bytes flipped where most bytes of a Parquet file are: in its rows."""
    at = rng.randrange(4, max(len(content) * 3 // 4, 5))
    return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]


def damaged(rng: random.Random, content: bytes) -> bytes:
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        at, size = rng.randrange(len(content) + 1), rng.randint(1, rng.choice([3, 30, 3000]))
        how = rng.randrange(8)
        if how == 0:  # bytes flipped
            part = bytes(b ^ (1 << rng.randrange(8)) for b in content[at : at + size % 4 + 1])
            content = content[:at] + part + content[at + len(part) :]
        elif how == 1:  # cut at the end
            content = content[: max(at, 1)] + rng.choice([b"", b"\n"])
        elif how == 2:  # a part is missing
            content = content[:at] + content[at + size :]
        elif how == 3:  # a part is doubled
            content = content[: at + size] + content[at:]
        elif how == 4:  # lines joined
            lines = content.split(b"\n")
            where = rng.randrange(len(lines))
            content = (
                b"\n".join(lines[:where])
                + rng.choice([b"", b"\r", b" "])
                + b"\n".join(lines[where:])
            )
        elif how == 5:  # a line in another encoding
            lines = content.split(b"\n")
            where = rng.randrange(len(lines))
            text = lines[where].decode("utf-8", errors="replace")
            lines[where] = text.encode(
                rng.choice(["utf-16", "latin-1", "utf-32"]), errors="replace"
            )
            content = b"\n".join(lines)
        else:
            content = content[:at] + rng.choice(_INSERTED) + content[at:]
        content = content or b"\n"
    return content


def packed(form: str, content: bytes) -> bytes:
    if form == "gz":
        return gzip.compress(content)
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("BTCUSDT-trades-2024-08-08.csv", content)
        return file.getvalue()


def check_text(result: LandingResult, rows: Rows, content: bytes) -> None:
    there = markers(content.decode("latin-1"))
    landed: Counter[str] = Counter()
    batch = result.batch_id
    for (text,) in rows(
        "select concat_ws(' ', exchange, symbol, trade_id, venue, conditions)"
        f" from raw.market_ticks where batch_id = {batch}"
    ):
        landed.update(markers(text))
    rejected: Counter[str] = Counter()
    for (text,) in rows(f"select raw_text from raw.rejected_rows where batch_id = {batch}"):
        rejected.update(markers(re.sub(r"\\x[0-9a-f]{2}", " ", text)))  # bytes that are shown
    assert not set(landed) - set(there), "a landed marker that is not in the file"
    assert not set(rejected) - set(there), "a rejected marker that is not in the file"
    assert set(landed.values()) <= {1}, "a marker that landed twice"
    found = landed + rejected
    assert all(found[one] <= there[one] for one in found), "a marker that was found too often"
    lost = set(there) - set(found)
    in_lines = [one for one in content.split(b"\n") if markers(one.decode("latin-1")).keys() & lost]
    assert len(lost) <= result.ignored, f"{len(lost)} rows are gone: {in_lines[:3]}"
    assert there.total() <= found.total() + result.duplicate + result.ignored
    assert rows(f"select count(*) from raw.rejected_rows where batch_id = {batch}"
                " and (raw_text is null or reason is null)") == [(0,)]  # fmt: skip


def rounds(settings: Settings, rows: Rows, tmp_path: Path, files: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    maker = Maker(rng)
    makers = {
        "csv": maker.csv,
        "archive": maker.archive,
        "ndjson": maker.ndjson,
        "binance": maker.binance,
        "alpaca": maker.alpaca,
        "parquet": maker.parquet,
    }
    states: Counter[tuple[str, str]] = Counter()
    for number in range(files):
        form = rng.choice(list(makers))
        first = maker.last + 1
        content = makers[form](rng.choice([1, 5, 50, 500]))
        made = {marker(n) for n in range(first, maker.last + 1)}
        path = tmp_path / f"BTCUSDT-trades-2024-08-{number % 28 + 1:02d}.{number}.{form}"
        packing = rng.choice(["", "", "", "gz", "zip"])
        whole_archive = bool(packing) and rng.random() < 0.7
        if not packing or whole_archive:
            how = flipped if form == "parquet" and rng.random() < 0.7 else damaged
            content = how(rng, content)
        packed_content = packed(packing, content) if packing else content
        if packing and not whole_archive:
            packed_content = damaged(rng, packed_content)
        path.write_bytes(packed_content)
        (result,) = land_files(settings, "ticks", [path])
        path.unlink()
        states[form, result.state] += 1
        case = f"file {number} of seed {seed}: {form}{packing}, {result}"
        assert result.state in ("landed", "failed", "already landed"), case
        assert result.error is None or "fault of ours" not in result.error, case
        assert not re.match(r"\w+(Error|Exception): ", result.error or ""), case
        assert list((settings.spool_dir / "tmp").iterdir()) == [], case
        assert list(settings.spool_dir.glob("*.parquet")) == [], case
        if result.state == "failed":
            continue
        assert result.read == (
            result.landed + result.duplicate + result.rejected + result.ignored
        ), case
        try:
            if form == "parquet":
                text = f"select trade_id from raw.market_ticks where batch_id = {result.batch_id}"
                landed = Counter(one for (t,) in rows(text) for one in markers(t or ""))
                assert set(landed) <= made
            else:
                check_text(result, rows, content)
        except AssertionError as error:
            raise AssertionError(f"{error}; {case}") from None
    assert rows("select count(*) from raw.market_ticks as t"
                " left join raw.landings as l using (batch_id) where l.batch_id is null") == [
        (0,)
    ]  # fmt: skip
    for form in makers:  # the damage left something to look at
        assert states[form, "landed"] > 0, states


def test_a_hundred_damaged_files(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    rounds(settings, rows, tmp_path, 100, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_two_thousand_damaged_files(
    settings: Settings, rows: Rows, tmp_path: Path, seed: int
) -> None:
    rounds(settings, rows, tmp_path, 200, seed)
