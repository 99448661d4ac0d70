"""Compressed input, unpacked and checked before anything of it is read."""

import gzip
import os
import re
import shutil
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from python_ingest.errors import DiskFullError, FileRejectedError

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_BLOCK = 1 << 20
_ENCRYPTED = 0x1
_END_OF_ZIP = 22  # bytes, and the comment that they tell the length of
_IS_NO_DATA = re.compile(r"(^|/)(__MACOSX/|\.[^./]|Thumbs\.db$|desktop\.ini$)")
_IS_ABOUT = re.compile(
    r"(^|/)((README|LICEN[CS]E|NOTICE)(\.(txt|md|rst))?"
    r"|[^/]*\.(CHECKSUM|md5|sha(1|256|512)|pdf|docx?|html?|png|jpe?g|gif|svg))$",
    re.IGNORECASE,
)
# What an unpacked file leaves free of the disk, at most.
_RESERVE_MB = 512


def is_packed(path: Path) -> bool:
    """Whether the file is a gzip or zip archive, by its first bytes."""
    with path.open("rb") as file:
        return file.read(4).startswith((_GZIP, *_ZIP))


def is_zip(path: Path) -> bool:
    """Whether the file is a zip, by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) in _ZIP


def members(path: Path) -> list[tuple[str, str | None]]:
    """Return the name of each file in a zip and why it is no data, if so; those stand last.

    A README, a picture or a checksum is none by its name, and an empty file is none. What systems
    add to an archive of their own is left out. Raises FileRejectedError when the archive is
    damaged, holds no data, two files of one name, or a path that leads out of it, or when bytes
    stand before or behind what it lists.
    """
    with _readable(), zipfile.ZipFile(path) as archive:
        _require_nothing_besides(archive, path)
        sizes = [
            (info.filename, info.file_size) for info in archive.infolist() if not info.is_dir()
        ]
    files = [(name, size) for name, size in sizes if not _IS_NO_DATA.search(name)]
    found = Counter(name for name, _ in files)
    for name, times in found.items():
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name[:2]:
            raise FileRejectedError(f"the zip holds {name!r}, which leads out of its folder")
        if times > 1:
            raise FileRejectedError(f"the zip holds {times} files of the name {name!r}")
    told = []
    for name, size in files:
        why = None if size else "empty, no data"
        told.append(
            (name, "about the data by its name, no data" if _IS_ABOUT.search(name) else why)
        )
    if all(why for _, why in told):
        raise FileRejectedError("the zip holds no file with data")
    return sorted(told, key=lambda one: one[1] is not None)


def _require_nothing_besides(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise FileRejectedError for bytes that the zip does not list, such as a zip before it.

    Readers of zips pass over them: of two that were joined, all rows of the first would be lost.
    """
    before = min((info.header_offset for info in archive.infolist()), default=0)
    end = _END_OF_ZIP + len(archive.comment)
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - end))
        is_end = file.read(4) == _ZIP[1]
    if before or not is_end:
        where = f"{before:,} bytes before its first file" if before else "bytes behind its end"
        raise FileRejectedError(
            f"the zip has {where}, as zips have that were joined; land each of them by itself"
        )


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
                    f"{size >> 20:,} MB were unpacked, and"
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
