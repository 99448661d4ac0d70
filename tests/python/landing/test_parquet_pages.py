"""Of Parquet the bytes count too: what no footer lists, and pages that have checksums."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.parquet_pages import require_whole
from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]


def ticks(called: str, count: int = 50) -> pa.Table:
    return pa.table(
        {
            "exchange": ["x"] * count,
            "symbol": ["s"] * count,
            "timestamp": pa.array(range(10**15, 10**15 + count), pa.timestamp("us")),
            "last_price": [f"{n}.25" for n in range(count)],
            "trade_id": [f"{called}{n}" for n in range(count)],
        }
    )


def written(path: Path, table: pa.Table, **how: Any) -> bytes:
    pq.write_table(table, path, **how)
    return path.read_bytes()


@pytest.mark.parametrize("how", [{}, {"compression": "none", "use_dictionary": False}])
@pytest.mark.parametrize("last", [50, 0])
def test_files_that_were_joined_are_refused(
    settings: Settings, rows: Rows, tmp_path: Path, how: dict[str, Any], last: int
) -> None:
    """The last footer's places are those of the first file: its rows alone would land."""
    joined, good = tmp_path / "joined.parquet", tmp_path / "good.parquet"
    second = written(good, ticks("b", last), **how)
    joined.write_bytes(written(good, ticks("a"), **how) + second)
    one, two = land_files(settings, "ticks", [joined, good])
    assert "Parquet files were joined in it" in str(one.error)
    assert (two.state, two.landed) == ("landed", 50)
    assert rows("select distinct left(trade_id, 1) from raw.market_ticks") == [("a",)]


def test_a_page_with_another_checksum_is_refused(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    """As Spark writes them; the engine asks for none of them."""
    path = tmp_path / "a.parquet"
    how = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    content = written(path, ticks("a"), **how)
    path.write_bytes(content.replace(b"7.25", b"9.25", 1))
    (damaged,) = land_files(settings, "ticks", [path])
    assert damaged.error == "a page of it is damaged: its checksum is another; fetch it again"
    path.write_bytes(content)
    (whole,) = land_files(settings, "ticks", [path])
    assert (whole.state, whole.landed) == ("landed", 50)
    assert rows("select count(*) from raw.market_ticks") == [(50,)]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_every_flipped_bit_of_a_page_is_seen(tmp_path: Path, version: str, codec: str) -> None:
    """Each page's bytes are among those that are told; the engine's list says where they lie."""
    path = tmp_path / "a.parquet"
    content = written(
        path,
        ticks("a", 500),
        compression=codec,
        data_page_version=version,
        write_page_checksum=True,
        data_page_size=512,
        row_group_size=200,
    )
    with duckdb.connect() as connection:
        require_whole(connection, path)
        chunks = connection.execute(
            "select coalesce(dictionary_page_offset, data_page_offset), total_compressed_size"
            f" from parquet_metadata('{path}')"
        ).fetchall()
        assert len(chunks) == 15
        for first, size in chunks:
            at = first + size - 1  # of its last page
            path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
            with pytest.raises(FileRejectedError, match="checksum"):
                require_whole(connection, path)
        for at in range(4, len(content), 37):  # headers and the footer too: no other error
            path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
            with suppress(FileRejectedError):
                require_whole(connection, path)


def test_pages_without_checksums_are_as_good(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with duckdb.connect() as connection:
        for how in ({}, {"compression": "gzip"}, {"data_page_version": "2.0"}):
            written(path, ticks("a"), **how)
            require_whole(connection, path)
        connection.execute(f"copy (from range(9)) to '{path}' (format parquet)")
        require_whole(connection, path)


def test_floats_of_half_precision_are_refused(settings: Settings, tmp_path: Path) -> None:
    """The engine widens them: 0.1 would be 0.09997559."""
    half = ticks("a").set_column(3, "last_price", pa.array(np.array([0.1] * 50, np.float16)))
    written(tmp_path / "a.parquet", half)
    (result,) = land_files(settings, "ticks", [tmp_path / "a.parquet"])
    assert result.error == (
        "last_price: floats of half precision cannot be read exactly; write float or text"
    )
