"""Compressed input, unpacked and checked before anything of it is read."""

from __future__ import annotations

import gzip
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
# What an unpacked file leaves free of the disk, at most.
_RESERVE_MB = 512


def is_packed(path: Path) -> bool:
    """Whether the file is a gzip or zip archive, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(4)
    return head[:2] == _GZIP or head in _ZIP


def beginning(path: Path, size: int) -> bytes:
    """Return the first bytes of what is packed. Raises FileRejectedError as `unpack` does."""
    with _packed(path) as (packed, _):
        return packed.read(size)


def unpack(path: Path, target: Path, max_mb: int) -> str:
    """Write the content of a gzip file, or of a zip with one file in it, to `target`.

    Returns the name of the file inside. Raises FileRejectedError when the archive is cut off,
    damaged (its checksum is verified), encrypted, or unpacks to more than `max_mb`; DiskFullError
    before the disk is full.
    """
    total = shutil.disk_usage(target.parent).total
    reserve = min(_RESERVE_MB << 20, total // 20)
    size = 0
    with _packed(path) as (packed, name), target.open("wb") as out:
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
    return name


@contextmanager
def _packed(path: Path) -> Iterator[tuple[IO[bytes] | gzip.GzipFile, str]]:
    with path.open("rb") as file:
        is_zip = file.read(4) in _ZIP
    try:
        if is_zip:
            with zipfile.ZipFile(path) as archive, archive.open(_only(archive)) as packed:
                yield packed, Path(packed.name).name
        else:
            with gzip.open(path, "rb") as packed:
                yield packed, path.name.removesuffix(".gz")
    except EOFError:
        raise FileRejectedError("the archive is cut off; fetch it again") from None
    except NotImplementedError as error:
        raise FileRejectedError(f"the archive is packed in a way we do not know: {error}") from None
    except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, struct.error, ValueError) as error:
        raise FileRejectedError(f"the archive is damaged: {error}; fetch it again") from None


def _only(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = [info for info in archive.infolist() if not info.is_dir()]
    if len(files) != 1:
        raise FileRejectedError(f"the zip holds {len(files)} files; expected one")
    if files[0].flag_bits & _ENCRYPTED:
        raise FileRejectedError("the zip is encrypted; unpack it with its password first")
    return files[0]
