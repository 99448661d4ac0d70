"""Ctrl-C ends a command with one line and no traceback, whatever it is doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

INGEST = [sys.executable, "-m", "python_ingest"]
HERE = Path(__file__).parents[3]
LINE = "ingest: interrupted; what was acknowledged stays\n"


def interrupted(data: Path, *arguments: str, after: float) -> tuple[int, str]:
    """Press Ctrl-C as a terminal does it: every process of the command gets it."""
    with subprocess.Popen(
        [*INGEST, *arguments],
        cwd=HERE,
        env={**os.environ, "DATA_DIR": str(data)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as command:
        time.sleep(after)
        os.killpg(command.pid, signal.SIGINT)
        _, said = command.communicate(timeout=60)
    return command.returncode, said


@pytest.mark.parametrize("after", [0.1, 0.3, 0.6, 1.5, 4.0])
def test_a_cycle_ends_with_one_line(tmp_path: Path, after: float) -> None:
    # before Python runs any code of ours the key ends it, without a word
    ends = [(130, LINE), (-signal.SIGINT, "")]
    assert interrupted(tmp_path / "data", "cycle", after=after) in ends


def test_landing_ends_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = (f"x,s,2024-01-02,1,{n}\n" for n in range(400_000))
    path.write_text("exchange,symbol,timestamp,last_price,trade_id\n" + "".join(rows))
    ends = [(130, LINE), (-signal.SIGINT, ""), (0, "")]  # a quick machine is done by then
    for after in (0.5, 1.0, 2.0):
        assert interrupted(tmp_path / "data", "land", "ticks", str(path), after=after) in ends
    done = subprocess.run(
        [*INGEST, "land", "ticks", str(path)],
        env={**os.environ, "DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "400,000 read = 400,000 landed" in done.stdout or "already landed" in done.stdout
