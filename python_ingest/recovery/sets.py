"""The backups of a store: which exist, which continues which, which may be removed."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from python_ingest.errors import BackupDamagedError, BackupError, StoreError
from python_ingest.recovery.manifest import Manifest, decoded, manifest_key
from python_ingest.storage.object_store import ObjectStore, StoredObject

UNFINISHED = "unfinished"
COLD = "cold"
"""Cold files lie beside the backups, under their sha256: many backups share them."""


@dataclass(frozen=True)
class Backups:
    """The content of a store: backups in the order they were made, objects by key.

    `damaged`: id and error of backups whose manifest cannot be used. `unfinished`: ids of backups
    that were interrupted.
    """

    made: list[Manifest]
    objects: dict[str, StoredObject]
    damaged: dict[str, str] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)

    @property
    def newest(self) -> Manifest | None:
        """The newest backup."""
        return self.made[-1] if self.made else None

    def under(self, backup_id: str) -> list[str]:
        """Return the keys of a backup's objects."""
        return [key for key in self.objects if key.startswith(f"{backup_id}/")]


def load(store: ObjectStore) -> Backups:
    """Read every manifest of a store."""
    objects = {found.key: found for found in store.list()}
    ids = sorted({key.split("/")[0] for key in objects if "/" in key} - {COLD})
    made, damaged, unfinished = [], {}, []
    for backup_id in ids:
        key = manifest_key(backup_id)
        if key in objects:
            try:
                made.append(decoded(b"".join(store.read(key))))
            except (BackupDamagedError, StoreError) as error:
                damaged[backup_id] = f"{key}: {error}"
        elif f"{backup_id}/{UNFINISHED}" in objects:
            unfinished.append(backup_id)
        else:
            damaged[backup_id] = f"{key}: is missing"
    # by number: a clock that was wrong makes the newest neither last nor the first to be removed
    made.sort(key=lambda one: (one.number, one.taken_at, one.kind == "full"))
    return Backups(made, objects, damaged, unfinished)


@dataclass(frozen=True)
class Path:
    """The backups that a restore reads: a full one and the incremental ones that continue it."""

    full: Manifest
    incrementals: list[Manifest]

    @property
    def newest_first(self) -> list[Manifest]:
        """All of them, the newest first."""
        return [*reversed(self.incrementals), self.full]

    @property
    def covered_until(self) -> datetime:
        """The latest moment it can restore."""
        return self.incrementals[-1].taken_at if self.incrementals else self.full.taken_at


def path_to(made: Sequence[Manifest], at: datetime | None, url: str) -> Path:
    """Return the newest full backup before `at`, and the backups that continue it up to `at`.

    `url`: of the store, for the message where it has none.
    Raises BackupError that names the moments which can be restored.
    """
    fulls = [manifest for manifest in made if manifest.kind == "full"]
    if not fulls:
        raise BackupError(
            f"there is no full backup in {url}: name the store that has one (BACKUP_STORE)"
        )
    before = fulls
    if at is not None:
        before = sorted((full for full in fulls if full.taken_at <= at), key=attrgetter("taken_at"))
    if not before:
        oldest = min(fulls, key=attrgetter("taken_at")).taken_at
        raise BackupError(f"{at} lies before the oldest full backup ({oldest})")
    following = {manifest.previous: manifest for manifest in made if manifest.previous}
    here, found = before[-1], Path(before[-1], [])
    while here.id in following and (at is None or found.covered_until < at):
        here = following[here.id]
        if here.kind == "incremental":  # it goes on past later full ones
            found.incrementals.append(here)
    if at is not None and found.covered_until < at:
        raise BackupError(
            f"the backups reach to {found.covered_until} only, not to {at}: where the database"
            " is, `ingest backup create` adds what landed since"
        )
    return found


def superseded(made: Sequence[Manifest], keep: int) -> list[Manifest]:
    """Return the backups outside the newest `keep` sets: a full one and its incremental ones."""
    kept = {manifest.id for manifest in [m for m in made if m.kind == "full"][-keep:]}
    return [manifest for manifest in made if manifest.base not in kept]


def remove(store: ObjectStore, backups: Backups, gone: Sequence[Manifest]) -> None:
    """Remove backups, their manifests first, and the cold files that no other one needs.

    Leftovers of interrupted runs are removed too. Cold files stay while a manifest is unreadable.
    """
    for manifest in gone:
        # killed from here on, what is left is known as a leftover
        with suppress(StoreError):  # no room for the mark: it goes all the same
            store.put_bytes(b"", f"{manifest.id}/{UNFINISHED}")
        store.delete(manifest.key)
    for backup_id in [*(manifest.id for manifest in gone), *backups.unfinished]:
        mark = f"{backup_id}/{UNFINISHED}"
        for key in backups.under(backup_id):
            if key != mark:
                store.delete(key)
        store.delete(mark)
    for manifest in backups.made:
        if f"{manifest.id}/{UNFINISHED}" in backups.objects:  # killed right after its manifest
            store.delete(f"{manifest.id}/{UNFINISHED}")
    if not backups.damaged:
        lost = {manifest.id for manifest in gone}
        needed = {c.file.key for m in backups.made if m.id not in lost for c in m.cold}
        for key in backups.under(COLD):
            if key not in needed:
                store.delete(key)
