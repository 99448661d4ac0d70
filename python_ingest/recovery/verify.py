"""Check that every backup in a store is what was written; reads every byte."""

from python_ingest.cli.progress import Report
from python_ingest.errors import StoreError
from python_ingest.recovery import sets
from python_ingest.recovery.manifest import ArchivedFile, Manifest, StoredFile
from python_ingest.settings import Settings
from python_ingest.storage.object_store import ObjectStore, open_store, sha256_of_object


def verify_backups(settings: Settings, report: Report = lambda *_: None) -> list[str]:
    """Return one line per error in the store, which names the object; empty: no error."""
    store = open_store(settings.backup_store)
    backups = sets.load(store)
    found = list(backups.damaged.values())
    found += [
        f"{backup_id}: was never finished; the next `ingest backup create` removes it"
        for backup_id in backups.unfinished
    ]
    found += _missing_backups(backups.made)
    files = {file.key: (file, of) for of in backups.made for file in of.files()}
    for number, (file, of) in enumerate(files.values(), 1):
        complaint = _complaint(store, backups, file)
        if complaint and store.stat(of.key):  # else a backup beside this removed it meanwhile
            found.append(f"{file.key}: {complaint}")
        report(f"{file.key}: {complaint or 'as written'}", number, len(files))
    expected = {*files, *(manifest.key for manifest in backups.made)}
    expected |= {f"{manifest.id}/{sets.UNFINISHED}" for manifest in backups.made}  # harmless
    known = {manifest.id for manifest in backups.made}
    if (
        not backups.damaged and not backups.unfinished
    ):  # else it is unknown which cold files are needed
        known.add(sets.COLD)
    found += [
        f"{key}: belongs to no backup"
        for key in sorted(set(backups.objects) - expected)
        if key.split("/")[0] in known or "/" not in key
    ]
    archived = {file.url: file for manifest in backups.made for file in manifest.archived}
    return found + [it for file in archived.values() if (it := _archive_complaint(file))]


def _missing_backups(made: list[Manifest]) -> list[str]:
    """Report missing backups that later ones of their set continue."""
    known = {manifest.id for manifest in made}
    return [
        f"{manifest.previous}: is missing, {manifest.id} continues it"
        for manifest in made
        if manifest.kind == "incremental" and manifest.previous not in known
    ]


def _complaint(store: ObjectStore, backups: sets.Backups, file: StoredFile) -> str:
    there = backups.objects.get(file.key)
    if there is None:
        return "is missing"
    if there.bytes != file.bytes:
        what = "is cut off" if there.bytes < file.bytes else "is too long"
        return f"{what}: {there.bytes:,} of {file.bytes:,} bytes"
    try:
        sha256 = sha256_of_object(store, file.key)
    except StoreError as error:
        return f"cannot be read: {error}"
    return "" if sha256 == file.sha256 else f"is changed: sha256 {sha256}, not {file.sha256}"


def _archive_complaint(file: ArchivedFile) -> str:
    """Check existence and size of an archived file, which cannot be read back at once."""
    url, _, key = file.url.rpartition("/")
    there = open_store(url).stat(key)
    if there is None:
        return f"{file.url}: is missing in the archive"
    if there.bytes != file.bytes:
        return f"{file.url}: has {there.bytes:,} of {file.bytes:,} bytes"
    return ""
