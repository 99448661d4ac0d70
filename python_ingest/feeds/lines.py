"""The lines of a text: numbered, counted, each handed to the engine as it was read."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from python_ingest.storage.sql import literal

RELATION = "source_lines"
"""What a reading of lines selects from: `line_number` (from 1), `line` and `damage`.

`line` still has its line end. `damage` says why a line cannot be read at all; mostly NULL.
"""

MAX_LINE = 2_000_000
_BEGINNING = 1_000
_BLOCK = 1 << 22
_LOOKED_AT = 100_000
_NEWLINE, _RETURN = 10, 13
_BOM = b"\xef\xbb\xbf"
_CONTROLS, _HIGH = re.compile(rb"[\x00-\x08\x0e-\x1f]"), re.compile(rb"[\x80-\xff]+")
_WESTERN = 3  # letters with accents in a row, at most; two bytes are one of Chinese
_SECOND_BOM = "a byte order mark within the text"
_SCHEMA = pa.schema([("line_number", pa.int64()), ("line", pa.string()), ("damage", pa.string())])

Source = Path | bytes


def begins_with(texts: Sequence[str]) -> str:
    """Return SQL: does a `line` begin with one of some texts?"""
    return " or ".join(f"starts_with(line, {literal(text)})" for text in texts) or "false"


def opened(source: Source) -> BinaryIO:
    """Open a file, or bytes as if they were one."""
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def seems_encoded(source: Source) -> str | None:
    """Return the encoding that a first line which is no UTF-8 seems to be in, as `iconv` names it.

    None for UTF-8, and for what is no text at all.
    """
    text = first_line_bytes(source)
    with opened(source) as file:
        is_text = not _CONTROLS.search(file.read(_LOOKED_AT))
    if _is_utf8(text) or not is_text:
        return None
    runs = [len(run) for run in _HIGH.findall(text)]
    is_western = max(runs) <= _WESTERN
    if not is_western and any(length % 2 for length in runs):
        return None
    name = "CP1252" if is_western else "GB18030"
    with suppress(UnicodeDecodeError):
        text.decode(name)
        return name
    return None


def count_lines(source: Source) -> int:
    """Return how many lines there are: newlines, and one more for what stands after the last."""
    lines, last = 0, b"\n"
    with opened(source) as file:
        while block := file.read(_BLOCK):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def first_line(source: Source) -> str:
    """Return the first line that is not blank, without its line end and byte order mark.

    Longer ones are cut at `MAX_LINE`.
    """
    return first_line_bytes(source).decode("utf-8", errors="replace").strip()


def first_line_bytes(source: Source) -> bytes:
    """Return the bytes of that line."""
    with opened(source) as file:
        for _ in range(1000):
            line = file.readline(MAX_LINE)
            if not line:
                return b""
            if line.removeprefix(_BOM).strip():
                return line.removeprefix(_BOM)
    return b""


class Lines:
    """A text's lines without the blank ones and the header, and how many there were of each.

    The counts hold when `reader` was read to its end. `carriage_returns`: whether one may stand
    within a line. `header`: the first line that is not blank is no row.
    """

    def __init__(
        self, source: Source, *, header: bool = False, carriage_returns: bool = True
    ) -> None:
        self.source = source
        self.total = self.blank = self.headers = 0
        self._header = header
        self._carriage_returns = carriage_returns

    def reader(self) -> pa.RecordBatchReader:
        """Return a stream for `RELATION`, to be read once."""
        self.total = self.blank = self.headers = 0
        return pa.RecordBatchReader.from_batches(_SCHEMA, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with opened(self.source) as file:
            if file.read(len(_BOM)) != _BOM:
                file.seek(0)
            carry = b""
            while block := file.read(_BLOCK):
                block = carry + block
                end = block.rfind(b"\n") + 1
                if not end and len(block) > MAX_LINE:
                    length, carry = _skip_line(file, len(block))
                    yield self._too_long(block[:_BEGINNING], length)
                    continue
                carry = block[end:]
                if end:
                    yield self._batch(block[:end])
            if carry:
                yield self._batch(carry)

    def _batch(self, block: bytes) -> pa.RecordBatch:
        data = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(data == _NEWLINE) + 1
        if not len(ends) or ends[-1] != len(block):
            ends = np.append(ends, len(block))
        offsets = np.concatenate(([0], ends)).astype(np.int32)
        first, lengths = data[offsets[:-1]], np.diff(offsets)
        numbers = np.arange(self.total + 1, self.total + len(ends) + 1, dtype=np.int64)
        self.total += len(ends)
        texts = pa.StringArray.from_buffers(
            len(ends), pa.py_buffer(offsets), pa.py_buffer(block)
        )  # not looked at before `_damaged` found it to be UTF-8
        damage = self._damaged(block, offsets, lengths)
        damages = pa.nulls(len(ends), pa.string())
        if damage:
            lines = enumerate(block[begin:end] for begin, end in pairwise(offsets))
            shown = [_shown(line) if i in damage else line.decode() for i, line in lines]
            texts = pa.array(shown, pa.string())
            damages = pa.array([damage.get(i) for i in range(len(ends))], pa.string())
        # only two-byte lines can be "\r\n", and every line has a first byte
        blank = (first == _NEWLINE) | ((first == _RETURN) & (lengths <= len(b"\r\n")))
        keep = ~blank
        self.blank += int(blank.sum())
        if self._header and not self.headers and keep.any():
            keep[np.flatnonzero(keep)[0]] = False
            self.headers = 1
        batch = pa.record_batch([_array(numbers, pa.int64()), texts, damages], schema=_SCHEMA)
        kept = np.packbits(keep, bitorder="little")
        return batch if keep.all() else batch.filter(_array(kept, pa.bool_(), len(keep)))

    def _damaged(self, block: bytes, offsets: np.ndarray, lengths: np.ndarray) -> dict[int, str]:
        """Return what is wrong with lines of a block, by their place in it."""
        found: dict[int, str] = {}
        if not self._carriage_returns and block.count(b"\r") != block.count(b"\r\n"):
            found |= _each(block, offsets, _has_lone_return, "a carriage return within the line")
        if b"\x00" in block:
            found |= _each(block, offsets, lambda line: b"\x00" in line, "a NUL character")
        if _BOM in block:
            found |= _each(block, offsets, lambda line: line.startswith(_BOM), _SECOND_BOM)
        if not _is_utf8(block):
            found |= _each(block, offsets, lambda line: not _is_utf8(line), "not UTF-8")
        if lengths.max() > MAX_LINE:
            found |= {int(i): _length(lengths[i]) for i in np.flatnonzero(lengths > MAX_LINE)}
        return found

    def _too_long(self, beginning: bytes, length: int) -> pa.RecordBatch:
        self.total += 1
        row = [[self.total], [_shown(beginning)], [_length(length)]]
        return pa.record_batch([pa.array(values) for values in row], schema=_SCHEMA)


def _array(values: np.ndarray, kind: pa.DataType, length: int | None = None) -> pa.Array:
    """Return values as they lie in memory; pa.array would import pandas, 0.4 s, to look at them."""
    return pa.Array.from_buffers(kind, length or len(values), [None, pa.py_buffer(values)])


def _skip_line(file: BinaryIO, length: int) -> tuple[int, bytes]:
    """Read to the end of a line of which `length` bytes were read; return its length, the rest."""
    while block := file.read(_BLOCK):
        end = block.find(b"\n")
        if end >= 0:
            return length + end, block[end + 1 :]
        length += len(block)
    return length, b""


def _each(
    block: bytes, offsets: np.ndarray, is_bad: Callable[[bytes], bool], reason: str
) -> dict[int, str]:
    lines = enumerate(pairwise(offsets))
    return {i: reason for i, (begin, end) in lines if is_bad(block[begin:end])}


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_lone_return(line: bytes) -> bool:
    return b"\r" in line.removesuffix(b"\n").removesuffix(b"\r")


def _length(length: int) -> str:
    return f"a line of {length:,} bytes, longer than {MAX_LINE:,}; this is its beginning"


def _shown(line: bytes) -> str:
    r"""Return a damaged line as a text: what is no character is written as \x.."""
    if len(line) > MAX_LINE:
        line = line[:_BEGINNING]
    return line.decode("utf-8", errors="backslashreplace").replace("\x00", "\\x00")
