"""A directory and a real S3 server behind one interface: the same tests for both."""

import hashlib
import os
import shutil
from pathlib import Path

import boto3
import pytest

from python_ingest.errors import ConfigError, StoreError
from python_ingest.storage.object_store import ObjectStore, fetch, open_store

# Two parts: what an upload in parts and its checksum of checksums need.
LARGE = bytes(range(256)) * 4096 * 17


@pytest.fixture(params=["directory", "s3", "s3 with a prefix"])
def store(request, tmp_path: Path) -> ObjectStore:
    if request.param == "directory":
        return open_store(str(tmp_path / "store"))
    url = request.getfixturevalue("s3")
    return open_store(url if request.param == "s3" else f"{url}/some/where/")


def file(folder: Path, content: bytes) -> tuple[Path, str]:
    path = folder / f"{hashlib.sha256(content).hexdigest()[:8]}.bin"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("content", [b"", b"few bytes", LARGE], ids=["empty", "small", "parts"])
def test_what_is_put_comes_back(store: ObjectStore, tmp_path: Path, content: bytes) -> None:
    source, sha256 = file(tmp_path, content)
    store.put(source, "a/b.bin", sha256=sha256)
    assert source.exists()
    assert fetch(store, "a/b.bin", tmp_path / "back" / "b.bin") == sha256
    assert (tmp_path / "back" / "b.bin").read_bytes() == content
    found = store.stat("a/b.bin")
    assert found is not None
    assert (found.key, found.bytes) == ("a/b.bin", len(content))


def test_list_stat_delete(store: ObjectStore, tmp_path: Path) -> None:
    for key in ("x/2", "x/1", "xy/3", "z"):
        store.put_bytes(key.encode(), key)
    assert [(o.key, o.bytes) for o in store.list()] == [
        ("x/1", 3),
        ("x/2", 3),
        ("xy/3", 4),
        ("z", 1),
    ]
    assert [o.key for o in store.list("x/")] == ["x/1", "x/2"]
    assert [o.key for o in store.list("x")] == ["x/1", "x/2", "xy/3"]
    assert [o.key for o in store.list("none/")] == []
    store.delete("x/1")
    store.delete("x/1")
    assert store.stat("x/1") is None
    assert store.stat("x/2") is not None
    with pytest.raises(StoreError, match=r"x/1: is not there"):
        b"".join(store.read("x/1"))


@pytest.mark.parametrize("content", [b"first", LARGE], ids=["small", "parts"])
def test_nothing_is_replaced(store: ObjectStore, tmp_path: Path, content: bytes) -> None:
    source, sha256 = file(tmp_path, content)
    store.put(source, "key", sha256=sha256)
    store.put(source, "key", sha256=sha256, consume=True)
    other, other_sha256 = file(tmp_path, content[:-1] + b"?")
    with pytest.raises(StoreError, match="other content"):
        store.put(other, "key", sha256=other_sha256)
    with pytest.raises(StoreError, match="other content"):
        store.put_bytes(b"third", "key")
    assert hashlib.sha256(b"".join(store.read("key"))).hexdigest() == sha256


def test_a_file_that_changed_since_it_was_measured_is_not_stored(
    store: ObjectStore, tmp_path: Path
) -> None:
    source, sha256 = file(tmp_path, b"measured")
    source.write_bytes(b"measureD")
    with pytest.raises(StoreError, match="does not have the sha256"):
        store.put(source, "key", sha256=sha256)
    assert store.stat("key") is None


def test_a_consumed_file_is_gone(store: ObjectStore, tmp_path: Path) -> None:
    workspace = store.workspace(tmp_path)
    workspace.mkdir(parents=True, exist_ok=True)
    source, sha256 = file(workspace, b"consumed")
    assert [o.key for o in store.list()] == []
    store.put(source, "key", sha256=sha256, consume=True)
    assert not source.exists()
    assert b"".join(store.read("key")) == b"consumed"


def test_a_source_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "theirs.parquet"
    source.write_bytes(b"x")

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(source))

    monkeypatch.setattr(shutil, "copyfile", refused)
    monkeypatch.setattr(os, "link", refused)
    with pytest.raises(StoreError, match=r"theirs\.parquet: Permission denied"):
        open_store(str(tmp_path / "store")).put(source, "cold/x", sha256="0" * 64)


def test_a_directory_on_a_file_system_without_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as that of a disk which is carried away."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    store = open_store(str(tmp_path / "store"))
    source, sha256 = file(tmp_path, b"rows")
    store.put(source, "a/rows", sha256=sha256, consume=True)
    store.put_bytes(b"text", "a/text")
    assert [found.key for found in store.list()] == ["a/rows", "a/text"]
    with pytest.raises(StoreError, match="other content"):
        store.put_bytes(b"another", "a/text")
    assert b"".join(store.read("a/rows")) == b"rows"


@pytest.mark.parametrize("key", ["../out", "/etc/x", "a//b", "a/./b"])
def test_a_directory_is_not_left(tmp_path: Path, key: str) -> None:
    with pytest.raises(StoreError, match="is no key"):
        open_store(str(tmp_path / "store")).put_bytes(b"x", key)
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "store"])


@pytest.mark.parametrize("content", [b"cold", LARGE], ids=["small", "parts"])
def test_storage_class_is_kept_and_an_archived_object_must_be_brought_back(
    s3: str, tmp_path: Path, content: bytes
) -> None:
    store = open_store(s3, "GLACIER")
    source, sha256 = file(tmp_path, content)
    store.put(source, "cold", sha256=sha256)
    head = store._s3.head_object(**store._at("cold"))  # type: ignore[attr-defined]
    assert head["StorageClass"] == "GLACIER"
    with pytest.raises(StoreError, match="archive class"):
        b"".join(store.read("cold"))
    while not store.make_readable("cold", days=1):  # the server says so from the second question on
        pass
    assert b"".join(store.read("cold")) == content


def test_a_part_that_arrives_damaged_leaves_no_object(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is told what each part's checksum must be, so what arrives is compared."""
    store = open_store(s3)
    source, sha256 = file(tmp_path, LARGE)
    client = store._s3  # type: ignore[attr-defined]
    send = client.upload_part

    def damage(**request):
        request["Body"] = b"?" + request["Body"][1:]
        return send(**request)

    monkeypatch.setattr(client, "upload_part", damage)
    with pytest.raises(StoreError):
        store.put(source, "key", sha256=sha256)
    assert store.stat("key") is None
    assert client.list_multipart_uploads(Bucket=s3.removeprefix("s3://")).get("Uploads", []) == []


def test_another_writer_in_between_is_noticed(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = open_store(s3), open_store(s3)
    source, sha256 = file(tmp_path, b"mine")
    monkeypatch.setattr(store, "_has", lambda *_: other.put_bytes(b"theirs", "key"))
    with pytest.raises(StoreError, match="somebody else"):
        store.put(source, "key", sha256=sha256)
    assert b"".join(other.read("key")) == b"theirs"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("AWS_ACCESS_KEY_ID", "AKIAWRONG", "not known there|credentials are wrong"),
        ("AWS_SECRET_ACCESS_KEY", "n0t-the-secret", "credentials are wrong"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9", "Could not connect"),
    ],
)
def test_wrong_access_is_one_line_without_secrets(
    s3: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match=says) as raised:
        open_store(s3).put_bytes(b"x", "key")
    assert "\n" not in str(raised.value)
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(raised.value)


def test_a_bucket_that_is_not_there_is_named(s3: str) -> None:
    with pytest.raises(StoreError, match=r"s3://no-such-bucket/key: the bucket is not there"):
        open_store("s3://no-such-bucket").put_bytes(b"x", "key")


def test_stores_share_a_client_as_long_as_the_credentials_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    monkeypatch.setattr(boto3, "client", lambda *_, **how: made.append(how["aws_access_key_id"]))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    for key in ("one", "one", "other"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        open_store("s3://bucket/a")
        open_store("s3://another")
    assert made == ["one", "other"]


def test_credentials_come_from_the_environment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID in the environment"):
        open_store("s3://bucket")


@pytest.mark.parametrize("url", ["", "ftp://x/y", "s3://", "s3:///prefix"])
def test_an_address_that_is_none_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(ConfigError):
        open_store(url)
