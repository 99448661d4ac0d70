"""Where the bytes of cold files lie: below DATA_DIR, or on S3 (`[retention] cold_store`).

The manifest names a file by its path below DATA_DIR or by its URL; both end in the same key.
"""

import os
import shutil
from pathlib import Path

from python_ingest.errors import ConfigError, ExportError
from python_ingest.settings import Settings
from python_ingest.storage.files import make_folder, move_into_place, sha256_of
from python_ingest.storage.object_store import ObjectStore, fetch, open_store, sha256_of_object
from python_ingest.storage.s3_session import SCHEME

_FOLDER = "cold/"


def is_remote(path: str) -> bool:
    """Whether a path of the manifest is a URL."""
    return path.startswith(SCHEME)


def key_of(path: str) -> str:
    """Return `cold/<relation>/date=.../...`, whereever the file lies."""
    return path[path.rindex(f"/{_FOLDER}") + 1 :] if is_remote(path) else path


def store_of(path: str) -> ObjectStore:
    """Return the store of a file that lies in one."""
    return open_store(path.removesuffix(f"/{key_of(path)}"))


def put_in_place(unfinished: Path, data_dir: Path, key: str, sha256: str, cold_store: str) -> str:
    """Move a proven file to where cold files are kept; return the manifest's path.

    A store has verified the checksum of what arrived when this returns.
    """
    if cold_store:
        open_store(cold_store).put(unfinished, key, sha256=sha256, consume=True)
        return f"{cold_store.rstrip('/')}/{key}"
    make_folder((data_dir / key).parent)
    move_into_place(unfinished, data_dir / key)
    return key


def sha256_at(data_dir: Path, path: str) -> str:
    """Return the hex sha256 of a file's bytes as they are now."""
    if not is_remote(path):
        return sha256_of(data_dir / path)
    return sha256_of_object(store_of(path), key_of(path))


def brought_near(data_dir: Path, path: str, sha256: str, folder: Path) -> Path:
    """Return a file's bytes on this disk: itself, or a copy below `folder`.

    Raises ExportError when an object is not what was put there.
    """
    if not is_remote(path):
        return data_dir / path
    near = folder / Path(path).name
    if fetch(store_of(path), key_of(path), near) != sha256:
        raise ExportError(f"{path} is not what was written (its sha256 differs)")
    return near


def link_or_fetch(data_dir: Path, path: str, sha256: str, target: Path) -> None:
    """Hard-link (or copy) a local file to `target`.

    Downloads a remote one, under its own name, beside it.
    """
    if is_remote(path):
        brought_near(data_dir, path, sha256, target.parent)
    else:
        link_or_copy(data_dir / path, target)


def link_or_copy(source: Path, target: Path) -> None:
    """Name a file, which never changes, in one more place; copied where the disk is another."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def place_of(url: str) -> str:
    """Return where a store is: two names of one directory are one place."""
    return url.rstrip("/") if "://" in url else str(Path(url).resolve())


def require_own_places(settings: Settings) -> None:
    """Raise ConfigError where two of what keeps cold files under the same names are one place.

    Each deletes what it needs no more: a backup took an archive's files for a former backup's.
    """
    urls = {
        "DATA_DIR": str(settings.data_dir),
        "retention.cold_store": settings.retention.cold_store,
        "archive.store (ARCHIVE_STORE)": settings.archive.store,
        "backup.store (BACKUP_STORE)": settings.backup_store,
    }
    taken: dict[str, str] = {}
    for name, url in urls.items():
        if url and (first := taken.setdefault(place_of(url), name)) != name:
            raise ConfigError(f"{first} and {name} are both {url}: give each a place of its own")
