"""Bring archived days back: every file is fetched and proven, then the views read them again."""

from dataclasses import dataclass, field
from datetime import date

from python_ingest.archiving.query import SQL
from python_ingest.cli.progress import Report
from python_ingest.errors import ExportError, StoreError, UsageError
from python_ingest.settings import Settings
from python_ingest.storage.cold_place import is_remote, key_of, put_in_place, store_of
from python_ingest.storage.cold_relations import RELATIONS
from python_ingest.storage.cold_views import make_view
from python_ingest.storage.files import scratch, sha256_of
from python_ingest.storage.object_store import ObjectStore, fetch, open_store
from python_ingest.storage.process_lock import cold_files_stay
from python_ingest.storage.writer import open_writer, transaction

# How long a store keeps an object readable after restoring it from an archive class.
_DAYS_READABLE = 7


@dataclass(frozen=True)
class BroughtBack:
    """How many files are readable again, and the URLs that the store is still restoring."""

    files: int
    bytes: int
    awaited: list[str] = field(default_factory=list)


def bring_back(
    settings: Settings,
    relation: str,
    first: date,
    last: date,
    report: Report = lambda *_: None,
) -> BroughtBack:
    """Bring the archived files of a relation's dates back, all or none of them.

    Where the store must restore objects from an archive class first, this requests it and brings
    nothing back yet. Raises ExportError when a file differs from what was uploaded.
    """
    if relation not in RELATIONS:
        raise UsageError(f"{relation!r} has no cold files: one of {', '.join(RELATIONS)}")
    with open_writer(settings) as connection:
        files = connection.execute(SQL.archived_files(), [relation, first, last]).fetchall()
    awaited = [
        url
        for path, _, _, url in files
        if not _place(url, path).make_readable(key_of(path), _DAYS_READABLE)
    ]
    if awaited or not files:
        return BroughtBack(0, 0, awaited)
    # until they are noted as restored, a sweep takes them for archived
    with cold_files_stay(settings.data_dir):
        for number, (path, _, sha256, url) in enumerate(files, 1):
            _fetch(settings, path, sha256, url)
            report(f"fetched {path}", number, len(files))
        with open_writer(settings) as connection, transaction(connection):
            for statement in (SQL.mark_restored(), SQL.record_restored()):
                connection.execute(statement, [[path for path, *_ in files]])
            make_view(connection, settings.data_dir, relation)
    return BroughtBack(len(files), sum(size for _, size, *_ in files))


def _place(url: str, path: str) -> ObjectStore:
    """Return the store of an object; its key is the file's path."""
    key = key_of(path)
    if not url.endswith(f"/{key}"):
        raise StoreError(f"{url} is not where {path} was archived to")
    return open_store(url.removesuffix(f"/{key}"))


def _fetch(settings: Settings, path: str, sha256: str, url: str) -> None:
    key, target = key_of(path), settings.data_dir / path
    if not is_remote(path) and target.exists() and sha256_of(target) == sha256:
        return  # a publication still names it
    with scratch(settings.data_dir / "cold" / "tmp") as folder:
        unfinished = folder / "file.parquet"
        if fetch(_place(url, path), key, unfinished) != sha256:
            raise ExportError(
                f"{url} is not what was archived (its sha256 differs); nothing was brought back"
            )
        cold_store = store_of(path).url if is_remote(path) else ""
        put_in_place(unfinished, settings.data_dir, key, sha256, cold_store)
