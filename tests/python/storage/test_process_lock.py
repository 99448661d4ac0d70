import os
import subprocess
import sys
from pathlib import Path

import pytest

from python_ingest.errors import DatabaseBusyError
from python_ingest.storage.process_lock import is_locked, process_lock

HOLD = """
import sys, pathlib
from python_ingest.storage.process_lock import process_lock
with process_lock(pathlib.Path(sys.argv[1]), "cycle"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_process_is_told_who_holds_it_and_a_killed_one_frees_it(tmp_path):
    lock = tmp_path / "deep" / "cycle.lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout.readline().strip() == b"held"
    with (
        pytest.raises(
            DatabaseBusyError, match=rf"another cycle .*{other.pid} \(python.*when it has ended"
        ),
        process_lock(lock, "cycle"),
    ):
        pass
    other.kill()
    other.wait()
    with process_lock(lock, "cycle"):
        assert lock.read_text() == str(os.getpid())


WRITE = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs Linux's /proc")
def test_whether_somebody_writes_is_seen_without_a_lock(tmp_path):
    file = tmp_path / "trading.duckdb"
    assert is_locked(file) is None
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdout.readline().strip() == b"open"
    assert is_locked(file) is True
    writer.kill()
    writer.wait()
    assert is_locked(file) is False
