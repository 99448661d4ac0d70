"""Parquet files as bytes: what their footer does not list, and the checksums of their pages."""

import mmap
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from python_ingest.errors import FileRejectedError
from python_ingest.feeds.query import SQL
from python_ingest.storage.sql import sql_path

_ENDS = _BEGINS = b"PAR1"
_FOOTER = 8  # bytes behind it: its length and the end
# Thrift's compact protocol: the types of fields that a page's header has, and two fields of it.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _STRUCT = 1, 2, 3, 7, 8, 12
_INTEGERS = (4, 5, 6)
_PACKED_SIZE, _CHECKSUM = 3, 4


def require_whole(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Raise FileRejectedError for Parquet files that were joined, or a page that is damaged.

    The engine reads the places that the last footer names, and no checksum: of joined files of
    one layout it would read the first alone, and a flipped bit would be another value. What cannot
    be read at all is left to the engine.
    """
    with suppress(duckdb.Error, ValueError, LookupError, RecursionError):
        chunks = connection.execute(SQL.chunks(sql_path(path))).fetchall()
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            _require_one_file(content, max((end for _, end in chunks), default=0))
            _require_checksums(content, chunks)


def _require_one_file(content: mmap.mmap, last: int) -> None:
    """Look for an end and a beginning between the last page and the footer."""
    length = int.from_bytes(content[-_FOOTER:-4], "little")
    if content.find(_ENDS + _BEGINS, last, len(content) - _FOOTER - length) >= 0:
        raise FileRejectedError(
            "Parquet files were joined in it, and a reader sees one of them;"
            " land each of them by itself"
        )


def _require_checksums(content: mmap.mmap, chunks: list[tuple[int, int]]) -> None:
    for first, end in chunks:
        for page in _pages(content, first, end):
            if page.checksum is None:
                return  # a writer writes them all or none
            if zlib.crc32(content[page.first : page.end]) != page.checksum & 0xFFFFFFFF:
                raise FileRejectedError(
                    "a page of it is damaged: its checksum is another; fetch it again"
                )


@dataclass(frozen=True)
class _Page:
    first: int
    end: int
    checksum: int | None


def _pages(content: mmap.mmap, first: int, end: int) -> Iterator[_Page]:
    """Give the pages of a column chunk. Raises ValueError or LookupError for what is none."""
    while first < end:
        header = _Header(content, first)
        fields = header.struct()
        page = _Page(header.at, header.at + fields[_PACKED_SIZE], fields.get(_CHECKSUM))
        if not header.at <= page.end <= end:
            raise ValueError("a page that ends outside of its column")
        yield page
        first = page.end


class _Header:
    """Reads Thrift's compact protocol; of what it reads only whole numbers are kept."""

    def __init__(self, content: mmap.mmap, at: int) -> None:
        self._content, self.at = content, at

    def struct(self) -> dict[int, int]:
        """Return the whole numbers of a struct by field."""
        found: dict[int, int] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._integer()
            value = self._value(head & 15)
            if value is not None:
                found[field] = value
        return found

    def _value(self, kind: int) -> int | None:
        if kind in _INTEGERS:
            return self._integer()
        if kind in {_BYTE, _DOUBLE}:
            self.at += 1 if kind == _BYTE else 8
        elif kind == _BINARY:
            length = self._number()  # moves on by itself
            self.at += length
        elif kind == _STRUCT:
            self.struct()
        elif kind not in {_TRUE, _FALSE}:
            raise ValueError("no header of a page")
        return None

    def _byte(self) -> int:
        self.at += 1
        return self._content[self.at - 1]

    def _number(self) -> int:
        """Return a number of seven bits a byte, the lowest first."""
        number = shift = 0
        while (byte := self._byte()) & 0x80:
            number |= (byte & 0x7F) << shift
            shift += 7
        return number | byte << shift

    def _integer(self) -> int:
        """Return a number whose lowest bit is its sign."""
        number = self._number()
        return -(number >> 1) - 1 if number & 1 else number >> 1
