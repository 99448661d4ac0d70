"""Compressed input, unpacked and checked before anything of it is read."""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from pathlib import Path

from python_ingest.errors import FileRejectedError

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_CHUNK = 1 << 20


def is_packed(path: Path) -> bool:
    """Whether the file is a gzip or zip archive, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(4)
    return head[:2] == _GZIP or head == _ZIP


def unpack(path: Path, target: Path) -> str:
    """Write the content of a gzip file, or of a zip with one file in it, to `target`.

    Returns the name of the file inside.
    Raises FileRejectedError when the archive is cut off or damaged (its checksum is verified).
    """
    with path.open("rb") as file:
        is_zip = file.read(4) == _ZIP
    try:
        if is_zip:
            return _unzip(path, target)
        with gzip.open(path, "rb") as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out, _CHUNK)
        return path.name.removesuffix(".gz")
    except EOFError:
        raise FileRejectedError("the gzip file is cut off; fetch it again") from None
    except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        raise FileRejectedError(f"the archive is damaged: {error}; fetch it again") from None


def _unzip(path: Path, target: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        if len(names) != 1:
            raise FileRejectedError(f"the zip holds {len(names)} files; expected one")
        with archive.open(names[0]) as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out, _CHUNK)
    return Path(names[0]).name
