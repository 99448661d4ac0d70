"""One bad file is one line and exit 1 at the end; the others of the command land."""

import base64
import bz2
import gzip
import io
import lzma
import os
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from python_ingest.cli.main import app
from python_ingest.errors import FileRejectedError, IngestError
from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.relation import Scan
from python_ingest.landing.land import land_files
from python_ingest.landing.prepare import write_segment
from python_ingest.settings import Settings, load_settings

Rows = Callable[[str], list[tuple[Any, ...]]]
INGEST = [sys.executable, "-c", "from python_ingest.cli.main import main; main()"]
HEADER = "exchange,symbol,timestamp,last_price,trade_id\n"
GOOD = HEADER + "x,s,2025-01-02,1,1\n"
# zip -P secret: one file `a.csv`, ZipCrypto
ENCRYPTED = base64.b64decode(
    "UEsDBAoACQAAAAAAIVl6ZQ8oEwAAAAcAAAAFAAAAYS5jc3bW4z2g3l8m1h1Yl7Qf6oXq5CRPUEsHCHplDygTAAAABwAA"
    "AFBLAQIeAwoACQAAAAAAIVl6ZQ8oEwAAAAcAAAAFAAAAAAAAAAAAAACkgQAAAABhLmNzdlBLBQYAAAAAAQABADMAAABG"
    "AAAAAAA="
)


def zipped(*names: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", method) as archive:
            for name in names:
                archive.writestr(name, GOOD)
        return file.getvalue()


def with_method(content: bytes, method: int) -> bytes:
    """A zip that says it is packed in another way."""
    local, central = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    packed = bytearray(content)
    packed[local + 8 : local + 10] = packed[central + 10 : central + 12] = bytes([method, 0])
    return bytes(packed)


FILES = {
    "returns.csv": (GOOD.replace("\n", "\r").encode(), "carriage return alone"),
    "returns.ndjson": (b'{"exchange":"x"}\r{"exchange":"y"}\r', "carriage return alone"),
    "encrypted.zip": (ENCRYPTED, "encrypted"),
    "none.zip": (zipped(), "holds no file"),
    "doubled.zip": (zipped("a.csv", "a.csv"), "holds 2 files of the name 'a.csv'"),
    "unknown.zip": (with_method(zipped("a.csv"), 99), "packed in a way we do not know"),
    "cut.zip": (zipped("a.csv")[:-30], "damaged"),
    "cut.csv.gz": (gzip.compress(GOOD.encode())[:-4], "cut off"),
    "tail.csv.gz": (gzip.compress(GOOD.encode()) + b"tail", "damaged"),
    "head.csv.gz": (b"\x1f\x8b", "cut off"),
    "nested.zip": (gzip.compress(zipped("a.csv")), "packed twice (zip within)"),
    "twice.csv.gz": (gzip.compress(gzip.compress(GOOD.encode())), "packed twice (gzip within)"),
    "a.csv.zst": (b"\x28\xb5\x2f\xfd" + b"\x20" * 100, "packed by zstd; unpack it first: zstd -d"),
    "a.csv.bz2": (bz2.compress(GOOD.encode()), "packed by bzip2; unpack it first: bunzip2"),
    "a.csv.xz": (lzma.compress(GOOD.encode()), "packed by xz; unpack it first: unxz"),
    "bz2.csv.gz": (gzip.compress(bz2.compress(GOOD.encode())), "packed by bzip2"),
    "before.zip": (b"text before" + zipped("a.csv"), "not in a known format"),
    "joined.zip": (zipped("a.csv") + zipped("b.csv"), "bytes before its first file, as zips have"),
    "behind.zip": (zipped("a.csv") + GOOD.encode(), "the zip has bytes behind its end"),
    "head.zip": (zipped("a.csv")[:3], "unknown columns"),
    "utf16.csv": (GOOD.encode("utf-16"), "is UTF-16; land it as UTF-8: iconv -f UTF-16 -t UTF-8"),
    "utf16be.csv": (b"\xfe\xff" + GOOD.encode("utf-16-be"), "is UTF-16"),
    "utf16.ndjson": ('{"a":1}\n'.encode("utf-16"), "is UTF-16"),
    "utf32.csv": (GOOD.encode("utf-32"), "is UTF-32; land it as UTF-8: iconv -f UTF-32 -t UTF-8"),
    "utf32le.csv": (GOOD.encode("utf-32-le"), "is UTF-32"),
    "utf32be.csv": (GOOD.encode("utf-32-be"), "is UTF-32"),
    "utf16le.csv": (GOOD.encode("utf-16-le"), "is UTF-16"),
    "cp1252.csv": ("exchange,symbol,größe\n".encode("cp1252"), "iconv -f CP1252 -t UTF-8"),
    "cp1252.ndjson": ('{"prix élevé":1}\n'.encode("cp1252"), "no UTF-8, but CP1252 as it seems"),
    "gbk.csv": ("交易,价格\n".encode("gbk"), "iconv -f GB18030 -t UTF-8"),
    "cyrillic.csv": ("биржа,символ\n".encode("cp1251"), "known format"),
    "nul.csv": (b"\x00" * 1000, "known format"),
    "bare.csv": (b"x,s,2024-01-02,1\n", "unknown columns"),
    "bare2.csv": (b"1,2,2024-01-02,1,1\n", "unknown columns"),
    "pretty.json": (b'[\n  {"exchange": "x"}\n]\n', "one object a line: jq -c '.[]'"),
    "array.json": (b'[{"exchange": "x"}]\n', "one object a line: jq -c '.[]'"),
    "object.json": (b'{\n  "exchange": "x"\n}\n', "one object a line: jq -c ."),
    "quoted.csv": (b'"exchange,symbol\n' + GOOD.encode(), "in line 2, below lines that are none"),
    "huge.csv": (b'"' + b"a" * 200_000 + b'",b\n', "header"),
    "long.csv": (b"a" * 3_000_000, "header cannot be read"),
    "blank.csv": (b"\n" * 2000, "empty"),
    "bom.csv": (b"\xef\xbb\xbf", "empty"),
    "text.parquet": (b"PAR1" + b"x" * 100, "not a readable Parquet file"),
    "columns.csv": (b"a,b," * 3_000 + b"\n", "more than once"),
    "others.csv": (",".join(map(str, range(3_000))).encode() + b"\n", "unknown columns"),
    "image.png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "known format"),
    "list.ndjson": (b'["a"]\n', "a list on one line"),
}


@pytest.fixture
def specials(tmp_path: Path) -> Iterator[dict[Path, str]]:
    found = {
        tmp_path / "folder": "is a folder",
        tmp_path / "pipe": "is a pipe or a device",
        tmp_path / "socket": "is a pipe or a device",
        Path("/dev/zero"): "is a pipe or a device",
        tmp_path / "dangling": "a link to nowhere, which is not there",
        tmp_path / "loop": "cannot be read: Too many levels of symbolic links",
        tmp_path / "good.csv" / "under.csv": "cannot be read: Not a directory",
        tmp_path / ("n" * 300): "cannot be read: File name too long",
        tmp_path / "none.csv": "no such file",
    }
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(tmp_path)  # the path of a socket is short
        listening.bind("socket")
        os.chdir(here)
        yield found


def test_each_is_one_line_and_the_others_land(
    settings: Settings, rows: Rows, tmp_path: Path, specials: dict[Path, str]
) -> None:
    for name, (content, _) in FILES.items():
        (tmp_path / name).write_bytes(content)
    good = tmp_path / "good.csv"
    good.write_text(GOOD)
    expected = {tmp_path / name: says for name, (_, says) in FILES.items()} | specials
    done = subprocess.run(
        [*INGEST, "land", "ticks", *map(str, expected), str(good)],
        env={**os.environ, "DATA_DIR": str(settings.data_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    number = len(expected)
    assert lines.pop() == f"ingest: {number} of {number + 1} files could not be landed"

    for line, (path, says) in zip(lines, expected.items(), strict=True):
        assert line.startswith(f"ingest: {path}: ")
        assert says in line, line
        assert line.endswith("nothing of it was landed")
        assert len(line) < 900
    assert "good.csv: batch 1, 1 read = 1 landed" in done.stdout
    assert rows("select count(*) from raw.market_ticks") == [(1,)]
    assert not list((settings.spool_dir / "tmp").iterdir())
    assert not list(settings.spool_dir.glob("*.parquet"))


def test_a_name_that_is_no_text(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    Path(os.fsdecode(path)).write_text(GOOD + "x,s,never,1,1\n")
    done = subprocess.run(
        [*[part.encode() for part in INGEST], b"land", b"ticks", path],
        env={**os.environ, "DATA_DIR": str(settings.data_dir)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"caf\\xe9.csv: batch 1, 2 read = 1 landed" in done.stdout
    assert rows("select file_name like '%/caf\\xe9.csv' from raw.landings limit 1") == [(True,)]


def test_a_name_is_one_line_and_no_command(settings: Settings, rows: Rows, tmp_path: Path) -> None:
    path, missing = tmp_path / "new\nline\x1b[31m.csv", tmp_path / "none\n.csv"
    path.write_text(GOOD + "x,s,never\x1b[2J,1,1\n" + "x,s,2025-01-02,\u00a01,1\n")
    # in a locale that lacks letters of a name too
    called = tmp_path / "börse.csv"
    called.write_text(GOOD.replace(",1,1", ",2,2"))
    done = subprocess.run(
        [*INGEST, "land", "ticks", str(path), str(missing), str(called)],
        env={**os.environ, "DATA_DIR": str(settings.data_dir), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == (
        f"ingest: {tmp_path}/none\\n.csv: no such file; nothing of it was landed\n"
        "ingest: 1 of 3 files could not be landed\n"
    )
    first, one, other, last, _ = done.stdout.splitlines()
    assert first.startswith(f"{tmp_path}/new\\nline\\x1b[31m.csv: batch 1, 3 read = 1 landed")
    assert one.endswith("the first in line 3: x,s,never\\x1b[2J,1,1")
    assert other.endswith("the first in line 4: x,s,2025-01-02,\\xa01,1")
    assert last.startswith(f"{tmp_path}/b\\xf6rse.csv: batch 2, 1 read = 1 landed")
    assert rows("select count(*) from raw.market_ticks") == [(2,)]


def test_one_that_may_not_be_read_stops_no_other(
    settings: Settings, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    for path in (ours, theirs):
        path.write_text(GOOD)
    original = Path.open

    def denied(path: Path, *arguments: Any, **named: Any) -> Any:
        if path == theirs:
            raise PermissionError(13, "Permission denied")
        return original(path, *arguments, **named)

    monkeypatch.setattr(os, "access", lambda path, *_, **__: Path(path) != theirs)
    monkeypatch.setattr(Path, "open", denied)
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    done = CliRunner().invoke(app, ["land", "ticks", str(theirs), str(ours)])
    assert done.exit_code == 1
    assert "theirs.csv: cannot be read: Permission denied" in done.output
    assert rows("select count(*) from raw.market_ticks") == [(1,)]


def test_a_fault_of_ours_stops_no_other_file(
    settings: Settings, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from python_ingest.landing import prepare as preparing  # noqa: PLC0415

    original = preparing.scan_of

    def broken(connection: Any, wanted: Any, beginning: Any, path: Path) -> Any:
        if b"boom" in path.read_bytes():
            raise RecursionError("too deep")
        return original(connection, wanted, beginning, path)

    monkeypatch.setattr(preparing, "scan_of", broken)
    (tmp_path / "a.csv").write_text(GOOD + "x,boom,2025-01-02,1,9\n")
    (tmp_path / "b.csv").write_text(GOOD)
    first, second = land_files(settings, "ticks", [tmp_path / "a.csv", tmp_path / "b.csv"])
    assert (first.state, first.error) == ("failed", "RecursionError: too deep")
    assert second.landed == 1


@pytest.mark.parametrize("where", ["lines", "query"])
def test_ctrl_c_ends_the_command(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """It is no fault of one file, wherever in the engine it arrives."""
    from python_ingest.feeds.lines import Lines  # noqa: PLC0415
    from python_ingest.landing import land as landing  # noqa: PLC0415

    def pressed(*arguments: Any) -> Any:
        raise KeyboardInterrupt if where == "lines" else RuntimeError("Query interrupted")

    if where == "lines":
        monkeypatch.setattr(Lines, "_batch", pressed)
    else:
        monkeypatch.setattr(landing, "land_segment", pressed)
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(GOOD)
    told: list[object] = []
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    with pytest.raises(KeyboardInterrupt):
        land_files(settings, "ticks", paths, report=told.append)
    assert told == []
    assert not list((settings.spool_dir / "tmp").iterdir())


def parquet(path: Path) -> bytes:
    duckdb.sql(f"""
        copy (select 'x' as exchange, 's' as symbol, timestamp '2025-01-02' as timestamp,
            i::decimal(18, 8) as last_price, hash(i)::varchar as trade_id
            from range(20000) as t (i)) to '{path}' (format parquet, compression zstd)
    """)
    return path.read_bytes()


def test_a_damaged_parquet_leaves_nothing_that_fails_for_ever(
    settings: Settings, rows: Rows, tmp_path: Path, busy: Any
) -> None:
    """Its footer is whole; the damage shows when its rows are read, while it is inserted."""
    content = parquet(tmp_path / "whole.parquet")
    middle = len(content) // 2
    path = tmp_path / "damaged.parquet"
    path.write_bytes(content[:middle] + b"\xff" * 64 + content[middle + 64 :])
    with busy() as at_once:
        (waiting,) = land_files(at_once, "ticks", [path])
    (now,) = land_files(settings, "ticks", [path])
    assert (waiting.state, now.state) == ("failed", "failed")
    assert "cannot be read" in str(now.error)
    assert not list(settings.spool_dir.glob("*.parquet"))
    assert rows("select count(*) from raw.landings") == [(0,)]


@pytest.mark.parametrize("exact", [True, False])
def test_statistics_that_lie_let_no_value_pass(
    settings: Settings, rows: Rows, tmp_path: Path, exact: bool
) -> None:
    """A bit flipped in a page: the footer goes on to say that the column has no such value."""
    path = tmp_path / "a.parquet"
    scale = 8 if exact else 7
    duckdb.sql(f"""
        copy (select 'x' as exchange, 's' as symbol, timestamp '2025-01-02' as timestamp,
            i::decimal(18, {scale}) as last_price, 1::decimal(18, {scale}) as last_size,
            i::varchar as trade_id
            from range(1, 11) as t (i))
        to '{path}' (format parquet, compression uncompressed, dictionary_size_limit 0)
    """)
    content = bytearray(path.read_bytes())
    moment = (1735776000000000).to_bytes(8, "little")
    size = (10**scale).to_bytes(8, "little")
    for value in (moment, size):
        pages = content.index(value * 3)  # the first of ten in its page
        content[pages + 7] ^= 0xC0
    path.write_bytes(content)
    (result,) = land_files(settings, "ticks", [path])
    assert (result.read, result.landed, result.rejected) == (10, 9, 1)


@pytest.mark.parametrize("form", ["gz", "zip"])
def test_a_bomb_is_refused_before_it_fills_the_disk(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"DATA_DIR": str(tmp_path / "data"), "LANDING_MAX_EXPANDED_MB": "8"}
    settings = load_settings(tmp_path / "none.toml", env)
    bomb = GOOD.encode() + b"\n" * (64 << 20)
    path = tmp_path / f"bomb.{form}"
    if form == "gz":
        path.write_bytes(gzip.compress(bomb))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", bomb)
    (result,) = land_files(settings, "ticks", [path])
    assert result.state == "failed"
    assert "unpacks to more than 8 MB" in str(result.error)
    assert not list((settings.spool_dir / "tmp").iterdir())


def test_each_file_of_a_zip_is_bounded_by_itself(tmp_path: Path) -> None:
    env = {"DATA_DIR": str(tmp_path / "data"), "LANDING_MAX_EXPANDED_MB": "1"}
    settings = load_settings(tmp_path / "none.toml", env)
    path = tmp_path / "large.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, size in [("a.csv", 700_000), ("b.csv", 700_000), ("c.csv", 1_100_000)]:
            archive.writestr(name, GOOD.encode() + b"\n" * size)
    results = land_files(settings, "ticks", [path])
    assert [result.state for result in results] == ["landed", "already landed", "failed"]
    assert "unpacks to more than 1 MB" in str(results[-1].error)


def can_mount(folder: Path) -> bool:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    return done.returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if not can_mount(folder):
        pytest.skip("needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_bomb_stops_before_a_small_disk_is_full(small_disk: Path, tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "none.toml", {"DATA_DIR": str(small_disk / "data")})
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(GOOD.encode() + b"\n" * (64 << 20)))
    (result,) = land_files(settings, "ticks", [path])
    assert (result.state, "the disk is full" in str(result.error)) == ("failed", True)
    plain = tmp_path / "large.csv"
    plain.write_bytes(GOOD.encode() + b"\n" * (32 << 20))
    (result,) = land_files(settings, "ticks", [plain])
    assert (result.state, "the disk is full" in str(result.error)) == ("failed", True)
    good = tmp_path / "good.csv"
    good.write_text(GOOD)
    (result,) = land_files(settings, "ticks", [good])
    assert result.landed == 1


def test_a_text_of_parquet_that_is_no_utf8_is_told_of_the_users_file(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    duckdb.execute(
        "copy (select 'x' as exchange, 'SYMBOL' as symbol, timestamp '2024-01-02' as timestamp,"
        f" 1.0 as last_price) to '{path}' (compression uncompressed)"
    )
    path.write_bytes(path.read_bytes().replace(b"SYMBOL", b"SYMB\xffL"))
    (result,) = land_files(settings, "ticks", [path])
    assert result.state == "failed"
    assert "UTF" in (result.error or "")
    assert "spool" not in (result.error or "")


@pytest.mark.parametrize("name", ["pinned", "unpacked", "segment.parquet"])
def test_an_error_of_the_disk_is_told_of_what_was_read_or_written(
    tmp_path: Path, name: str
) -> None:
    """The footer of a damaged Parquet file leads behind its end."""

    class Engine:
        def execute(self, _: str) -> None:
            raise duckdb.IOException(f'IO Error: Could not use file "{tmp_path / name}"')

    scan = Scan("parquet", "", {}, extra=())
    is_ours = name == "segment.parquet"
    says = f"cannot write {tmp_path}" if is_ours else 'Could not use file "it"'
    with pytest.raises(IngestError if is_ours else FileRejectedError, match=re.escape(says)):
        write_segment(Engine(), KINDS["ticks"], scan, tmp_path / "segment.parquet")  # type: ignore[arg-type]


@pytest.mark.parametrize("names_a_file", [True, False])
def test_a_spool_that_cannot_be_written_is_named_once(
    settings, monkeypatch, tmp_path, names_a_file
):
    """The system's error mostly names the file; a write that fails names none."""
    lock = settings.spool_dir / "tmp" / "1.lock"
    given = (5, "Input/output error", *([str(lock)] if names_a_file else []))

    def refused(_: Settings) -> None:
        raise OSError(*given)

    monkeypatch.setattr("python_ingest.landing.spool.scratch", refused)
    file = tmp_path / "a.csv"
    file.write_text(GOOD)
    (result,) = land_files(settings, "ticks", [file])
    assert result.error.startswith("cannot write to the spool")
    assert result.error.count(str(settings.spool_dir)) == 1
