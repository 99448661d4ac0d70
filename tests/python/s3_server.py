"""A real S3 server over HTTP, moto's, in a process of its own; credentials are enforced.

Import the fixture `s3_server` in a conftest.py; `s3` gives each test a bucket of its own.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from testkit import free_port

# Making the user, its key and its rights is all that goes without credentials.
UNAUTHENTICATED_CALLS = 3
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


@dataclass(frozen=True)
class S3Server:
    endpoint: str
    access_key: str
    secret_key: str
    log: Path = Path("/dev/null")

    def requests(self) -> list[str]:
        """What it was asked so far: method, path and query of each request."""
        return re.findall(r'"([A-Z]+ \S+) HTTP', self.log.read_text())

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def client(self, service: str = "s3") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )


def start(log: Path) -> tuple[subprocess.Popen[bytes], S3Server]:
    port = free_port()
    # not in a process group of the test's: tests kill groups
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(UNAUTHENTICATED_CALLS)},
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    endpoint = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{endpoint}/moto-api/data.json"):  # noqa: S310
                break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(f"moto's server did not start: {log.read_text()}") from None
            time.sleep(0.05)
    iam = S3Server(endpoint, "none", "none").client("iam")
    iam.create_user(UserName="ingest")
    key = iam.create_access_key(UserName="ingest")["AccessKey"]
    iam.put_user_policy(UserName="ingest", PolicyName="s3", PolicyDocument=json.dumps(EVERYTHING))
    return process, S3Server(endpoint, key["AccessKeyId"], key["SecretAccessKey"], log)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    process, server = start(tmp_path_factory.mktemp("moto") / "log")
    yield server
    process.terminate()
    process.wait()


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket; the environment has its credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    bucket = f"b-{uuid.uuid4().hex[:12]}"
    s3_server.client().create_bucket(Bucket=bucket)
    return f"s3://{bucket}"
