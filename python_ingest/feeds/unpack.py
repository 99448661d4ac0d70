"""Compressed input, unpacked and checked before anything of it is read."""

from __future__ import annotations

import gzip
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from python_ingest.errors import DiskFullError, FileRejectedError

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_BLOCK = 1 << 20
_ENCRYPTED = 0x1
_IS_NO_DATA = re.compile(r"(^|/)(__MACOSX/|\.[^./]|Thumbs\.db$|desktop\.ini$)")
# What an unpacked file leaves free of the disk, at most.
_RESERVE_MB = 512


def is_packed(path: Path) -> bool:
    """Whether the file is a gzip or zip archive, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(4)
    return head[:2] == _GZIP or head in _ZIP


def members(path: Path) -> list[str]:
    """Return the names of the data files in a zip; none where the file is no zip.

    What systems add to an archive of their own is no data. Raises FileRejectedError when the
    archive is damaged, holds no data, or a path that leads out of it.
    """
    with path.open("rb") as file:
        if file.read(4) not in _ZIP:
            return []
    with _readable(), zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    data = [name for name in names if not _IS_NO_DATA.search(name)]
    for name in data:
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name[:2]:
            raise FileRejectedError(f"the zip holds {name!r}, which leads out of its folder")
    if not data:
        raise FileRejectedError("the zip holds no file")
    return data


def beginning(path: Path, size: int, member: str | None = None) -> bytes:
    """Return the first bytes of what is packed. Raises FileRejectedError as `unpack` does."""
    with _packed(path, member) as packed:
        return packed.read(size)


def unpack(path: Path, target: Path, max_mb: int, member: str | None = None) -> None:
    """Write the content of a gzip file, or of one member of a zip, to `target`.

    Raises FileRejectedError when the archive is cut off, damaged (its checksum is verified),
    encrypted, or unpacks to more than `max_mb`; DiskFullError before the disk is full.
    """
    total = shutil.disk_usage(target.parent).total
    reserve = min(_RESERVE_MB << 20, total // 20)
    size = 0
    with _packed(path, member) as packed, target.open("wb") as out:
        while block := packed.read(_BLOCK):
            size += len(block)
            if size > max_mb << 20:
                raise FileRejectedError(
                    f"unpacks to more than {max_mb:,} MB; raise [landing] max_expanded_mb if it"
                    " is right"
                )
            if shutil.disk_usage(target.parent).free - len(block) < reserve:
                raise DiskFullError(
                    f"the disk is full: {size >> 20:,} MB were unpacked, and"
                    f" {reserve >> 20:,} MB stay free in {target.parent}"
                )
            out.write(block)


@contextmanager
def _packed(path: Path, member: str | None) -> Iterator[IO[bytes] | gzip.GzipFile]:
    with _readable():
        if member is None:
            with gzip.open(path, "rb") as packed:
                yield packed
            return
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(member).flag_bits & _ENCRYPTED:
                raise FileRejectedError("the zip is encrypted; unpack it with its password first")
            with archive.open(member) as packed:
                yield packed


@contextmanager
def _readable() -> Iterator[None]:
    """Say in one line what is wrong with an archive."""
    try:
        yield
    except EOFError:
        raise FileRejectedError("the archive is cut off; fetch it again") from None
    except NotImplementedError as error:
        raise FileRejectedError(f"the archive is packed in a way we do not know: {error}") from None
    except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, struct.error, ValueError) as error:
        raise FileRejectedError(f"the archive is damaged: {error}; fetch it again") from None
