"""A scratch folder is in use while somebody holds its lock, whatever process ids say."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from python_ingest.storage.files import clear_unfinished, scratch

WORK = """
import os, sys, time
from pathlib import Path
from python_ingest.storage import files
if len(sys.argv) > 2:
    os.getpid = lambda: int(sys.argv[2])
with files.scratch(Path(sys.argv[1])) as folder:
    (folder / "unfinished").write_text("x")
    print(folder, flush=True)
    input()
"""


def start(parent: Path, *more: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*before, sys.executable, "-c", WORK, str(parent), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def can_unshare() -> bool:
    found = shutil.which("unshare")
    return (
        bool(found)
        and not subprocess.run(
            ["unshare", "--pid", "--fork", "--mount-proc", "true"], check=False, capture_output=True
        ).returncode
    )


def survives_and_ends(parent: Path, process: subprocess.Popen[str]) -> None:
    clear_unfinished(parent)
    assert len(list(parent.glob("*/unfinished"))) == 1
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60  # its child in the namespace dies a moment later
    while list(parent.iterdir()) and time.monotonic() < deadline:
        clear_unfinished(parent)
        time.sleep(0.01)
    assert not list(parent.iterdir())


@pytest.mark.parametrize("pid", ["1", "999999999"])
def test_a_holder_whose_process_id_says_nothing(tmp_path: Path, pid: str) -> None:
    """In another container the id is that of another process, or of none."""
    survives_and_ends(tmp_path, start(tmp_path, pid))


@pytest.mark.skipif(not can_unshare(), reason="needs the right to make pid namespaces")
def test_a_holder_in_another_pid_namespace(tmp_path: Path) -> None:
    apart = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    survives_and_ends(tmp_path, start(tmp_path, before=apart))


def test_a_folder_of_a_living_process_id_that_nobody_holds_is_cleared(tmp_path: Path) -> None:
    """What a former version left, or another container whose id lives here too."""
    (tmp_path / f"{os.getpid()}-123").mkdir()
    (tmp_path / f"{os.getpid()}-123" / "unfinished").write_text("x")
    clear_unfinished(tmp_path)
    assert not list(tmp_path.iterdir())


def test_it_is_gone_afterwards(tmp_path: Path) -> None:
    with scratch(tmp_path / "tmp") as folder:
        (folder / "unfinished").write_text("x")
    assert not list((tmp_path / "tmp").iterdir())
