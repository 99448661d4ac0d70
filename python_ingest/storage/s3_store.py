"""Objects in an S3-compatible store; every upload carries a checksum that the server verifies.

Endpoint and credentials: storage/s3_session.py.
"""

import base64
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from python_ingest.errors import ConfigError, StoreError
from python_ingest.storage.object_store import ObjectStore, StoredObject
from python_ingest.storage.s3_session import Login, s3_login

_PART_BYTES = 16 << 20
_MOST_PARTS = 10_000
_PARTS_AT_ONCE = 4
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412")
_MISSING = ("404", "NoSuchKey", "NotFound")
_MEANING = {
    "InvalidAccessKeyId": "AWS_ACCESS_KEY_ID is not known there",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY is wrong",
    "AccessDenied": "the credentials do not allow this",
    "403": "the credentials are wrong or do not allow this",
    "NoSuchBucket": "the bucket is not there; create it first",
    "InvalidObjectState": "it lies in an archive class and must be brought back first",
}


@lru_cache(maxsize=1)
def _client(login: Login) -> Any:
    """Return the process's one client: to make one takes longer than a request."""
    return boto3.client(
        "s3",
        endpoint_url=login.endpoint,
        region_name=login.region,
        aws_access_key_id=login.key_id,
        aws_secret_access_key=login.secret,
        aws_session_token=login.token,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 4},
            # other stores than Amazon's seldom have a host name per bucket
            s3={"addressing_style": "path" if login.endpoint else "auto"},
        ),
    )


# A client's connections are of one process.
os.register_at_fork(after_in_child=_client.cache_clear)


@dataclass(frozen=True)
class _Content:
    """A file's or a text's parts as the server counts them."""

    size: int
    part_bytes: int
    digests: list[bytes]

    @property
    def checksum(self) -> str:
        """What the server must name: of the whole, or of its parts' checksums."""
        if len(self.digests) == 1:
            return base64.b64encode(self.digests[0]).decode()
        return base64.b64encode(hashlib.sha256(b"".join(self.digests)).digest()).decode()


def _measured(source: Path, sha256: str) -> _Content:
    size = source.stat().st_size
    part_bytes = max(_PART_BYTES, -(-size // _MOST_PARTS))
    whole = hashlib.sha256()
    digests = []
    with source.open("rb") as file:
        while part := file.read(part_bytes):
            whole.update(part)
            digests.append(hashlib.sha256(part).digest())
    if whole.hexdigest() != sha256:
        raise StoreError(f"{source} does not have the sha256 {sha256}; it was not uploaded")
    return _Content(size, part_bytes, digests or [whole.digest()])


class S3Store(ObjectStore):
    """Objects below `s3://bucket/prefix`; the class is that of files which are put."""

    def __init__(self, url: str, storage_class: str = "") -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not bucket:
            raise ConfigError(f"{url!r} names no bucket: give s3://bucket/prefix")
        self.url = url.rstrip("/")
        self._bucket = bucket
        self._prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self._class = {"StorageClass": storage_class} if storage_class else {}
        self._s3 = _client(s3_login("an s3:// store"))

    def put(self, source: Path, key: str, *, sha256: str, consume: bool = False) -> None:
        """Upload a file, in parts when it is large, and have the server verify it."""
        with self._complaints(key):
            content = _measured(source, sha256)
            if not self._has(key, content):
                if len(content.digests) == 1:
                    with source.open("rb") as file:
                        self._put_whole(key, file, **self._class)
                else:
                    self._put_parts(key, source, content)
                self._require(key, content)
            if consume:
                source.unlink()

    def put_bytes(self, content: bytes, key: str) -> None:
        """Upload a small text."""
        with self._complaints(key):
            measured = _Content(len(content), _PART_BYTES, [hashlib.sha256(content).digest()])
            if not self._has(key, measured):
                self._put_whole(key, content)
                self._require(key, measured)

    def read(self, key: str) -> Iterator[bytes]:
        """Yield an object's bytes as they come."""
        with self._complaints(key):
            answer = self._s3.get_object(**self._at(key))
            yield from answer["Body"].iter_chunks(1 << 20)

    def stat(self, key: str) -> StoredObject | None:
        """Return an object's size."""
        with self._complaints(key):
            head = self._head(key)
        return StoredObject(key, head["ContentLength"]) if head else None

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield the objects, page by page."""
        with self._complaints(prefix):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            for page in pages:
                for item in page.get("Contents", []):
                    yield StoredObject(item["Key"].removeprefix(self._prefix), item["Size"])

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._complaints(key):
            self._s3.delete_object(**self._at(key))

    def make_readable(self, key: str, days: int) -> bool:
        """Ask the store to bring an object back for `days`; harmless when that is under way."""
        with self._complaints(key):
            head = self._head(key)
            if head is None:
                raise StoreError(f"{self.url}/{key}: is not there")
            if head.get("StorageClass") not in ("GLACIER", "DEEP_ARCHIVE"):
                return True
            if "Restore" not in head:
                self._s3.restore_object(**self._at(key), RestoreRequest={"Days": days})
                head = self._head(key) or {}
            return 'ongoing-request="false"' in head.get("Restore", "")

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self._s3.head_object(**self._at(key), ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        return answer

    def _has(self, key: str, content: _Content) -> bool:
        head = self._head(key)
        if head is None:
            return False
        if _agrees(head, content):
            return True
        raise StoreError(
            f"{self.url}/{key} is there already with other content; nothing was replaced"
        )

    def _require(self, key: str, content: _Content) -> None:
        head = self._head(key)
        if head is None or not _agrees(head, content):
            self._s3.delete_object(**self._at(key))
            raise StoreError(
                f"{self.url}/{key} did not arrive as it was sent (size or checksum differ);"
                " it was removed, try again"
            )

    def _put_whole(self, key: str, body: Any, **more: str) -> None:
        self._s3.put_object(
            **self._at(key), Body=body, ChecksumAlgorithm="SHA256", IfNoneMatch="*", **more
        )

    def _put_parts(self, key: str, source: Path, content: _Content) -> None:
        where = self._at(key)
        upload = self._s3.create_multipart_upload(
            **where, ChecksumAlgorithm="SHA256", **self._class
        )
        where["UploadId"] = upload["UploadId"]

        def send(number: int) -> dict[str, Any]:
            with source.open("rb") as file:
                file.seek((number - 1) * content.part_bytes)
                part = file.read(content.part_bytes)
            digest = base64.b64encode(content.digests[number - 1]).decode()
            answer = self._s3.upload_part(
                **where, PartNumber=number, Body=part, ChecksumSHA256=digest
            )
            return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": digest}

        try:
            with ThreadPoolExecutor(_PARTS_AT_ONCE) as pool:
                parts = list(pool.map(send, range(1, len(content.digests) + 1)))
            self._s3.complete_multipart_upload(
                **where, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
        except BaseException:
            self._s3.abort_multipart_upload(**where)
            raise

    @contextmanager
    def _complaints(self, key: str) -> Iterator[None]:
        place = f"{self.url}/{key}"
        try:
            yield
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            if code in _TAKEN:
                raise StoreError(f"{place}: somebody else put it meanwhile; try again") from None
            if code in _MISSING:
                raise StoreError(f"{place}: is not there") from None
            raise StoreError(f"{place}: {_MEANING.get(code, code)}") from None
        except (BotoCoreError, OSError) as error:
            raise StoreError(f"{place}: {str(error).splitlines()[0]}") from None


def _agrees(head: dict[str, Any], content: _Content) -> bool:
    # of an object in parts the checksum is followed by "-<number of parts>", at most stores
    checksum = str(head.get("ChecksumSHA256", "")).partition("-")[0]
    return bool(head["ContentLength"] == content.size and checksum == content.checksum)
