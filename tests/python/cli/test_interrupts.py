"""Ctrl-C ends a command with one line and no traceback, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from testkit import held

INGEST = [sys.executable, "-m", "python_ingest"]
# The interpreter's own start answers the key with a traceback, which is nothing of ours.
STARTED = """
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("started", flush=True)
from python_ingest.interrupts import main
main()
"""
HERE = Path(__file__).parents[3]
LINE = "ingest: interrupted; what was acknowledged stays\n"


def interrupted(data: Path, *arguments: str, after: float) -> tuple[int, str]:
    """Press Ctrl-C as a terminal does it: every process of the command gets it."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTED, *arguments],
        cwd=HERE,
        env={**os.environ, "DATA_DIR": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as command:
        assert command.stdout
        assert command.stdout.readline() == "started\n"
        time.sleep(after)
        os.killpg(command.pid, signal.SIGINT)
        _, said = command.communicate(timeout=60)
    return command.returncode, said


# Neither the engine nor a library lets the key through.
DEAF = """
import sys, time, types
from python_ingest import interrupts

def main():
    said = "begun"
    while True:
        try:
            print(said, flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            said = "heard"

command = types.ModuleType("python_ingest.cli.main")
command.main = main
sys.modules["python_ingest.cli.main"] = command
interrupts._LONGEST_WAIT = float(sys.argv[1])
interrupts.main()
"""


# The key comes before the command runs, or while it imports what is written in C++.
EARLY = """
import os, signal, sys, types
from python_ingest import interrupts

def press():
    signal.raise_signal(signal.SIGINT)

def main():
    import in_cpp

with open(os.path.join(sys.argv[2], "in_cpp.py"), "w") as file:
    file.write('''
import os, signal
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    os.abort()
''')
sys.path.insert(0, sys.argv[2])
command = types.ModuleType("python_ingest.cli.main")
command.main = main
sys.modules["python_ingest.cli.main"] = command
if sys.argv[1] == "start":
    interrupts._start_waiting = press
interrupts.main()
"""


def test_little_is_imported_before_the_key_is_heard() -> None:
    code = f"import sys; sys.path[:0] = [{str(HERE)!r}]; before = set(sys.modules);"
    code += "import python_ingest.interrupts; print(*(set(sys.modules) - before))"
    bare = [sys.executable, "-IS", "-c", code]
    done = subprocess.run(bare, capture_output=True, text=True, check=True)
    assert not {"threading", "pathlib", "typing", "re"} & set(done.stdout.split())


@pytest.mark.parametrize("when", ["start", "import"])
def test_a_key_before_the_command_runs_is_one_line_too(tmp_path: Path, when: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EARLY, when, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (130, LINE)


@pytest.mark.parametrize(("wait", "again"), [(0.05, False), (3600, True)])
def test_what_does_not_end_is_ended_and_a_second_key_does_not_wait(
    wait: float, again: bool
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DEAF, str(wait)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout
        for heard in ("begun\n", "heard\n")[: 1 + again]:
            assert command.stdout.readline() == heard
            command.send_signal(signal.SIGINT)
        _, said = command.communicate(timeout=60)
    # where the system ends it with the second key, it does so without a word
    assert (command.returncode, said) in [(130, LINE)] + [(-signal.SIGINT, "")] * again


# The key comes when the command is done, while Python frees what there was: atexit's functions have
# run by then, and it hears no key any more.
LATE = """
import signal, sys, types
from python_ingest import interrupts

class Freed:
    def __del__(self, press=signal.raise_signal, key=signal.SIGINT):
        press(key)

def main():
    print("done", flush=True)

command = types.ModuleType("python_ingest.cli.main")
command.main = main
command.freed = Freed()
sys.modules["python_ingest.cli.main"] = command
interrupts.main()
"""


def test_a_key_after_the_command_changes_nothing_of_its_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_on_a_terminal_the_line_stands_alone() -> None:
    """The key itself is shown there as ^C."""
    terminal, stderr = os.openpty()
    say = "from python_ingest import interrupts; interrupts._say()"
    subprocess.run([sys.executable, "-c", say], stderr=stderr, check=True)
    assert os.read(terminal, 1000).decode() == f"\r\x1b[2K\x1b[?25h{LINE.strip()}\r\n"
    os.close(terminal)
    os.close(stderr)


# Run by each Python at its start: by that of dbt it presses the key.
AT_START = """
import os, signal, sys, time
if "--target-path" in sys.orig_argv:
    os.killpg(os.getpgid(os.getppid()), signal.SIGINT)
    time.sleep(60)
"""


def test_dbt_does_not_hear_the_key_while_it_starts(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AT_START)
    done = subprocess.run(
        [*INGEST, "cycle"],
        cwd=HERE,
        env={**os.environ, "DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
        start_new_session=True,
    )
    assert (done.returncode, done.stderr) == (130, LINE)


@pytest.mark.skipif(sys.platform != "linux", reason="others have no such signal")
@pytest.mark.parametrize("after", [0.0, 0.1, 1.0])
def test_dbt_dies_with_the_command(tmp_path: Path, after: float) -> None:
    with subprocess.Popen(
        [*INGEST, "cycle"],
        cwd=HERE,
        env={**os.environ, "DATA_DIR": str(tmp_path / "data")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as command:
        children = Path(f"/proc/{command.pid}/task/{command.pid}/children")
        while not (child := children.read_text().strip()):
            assert command.poll() is None
            time.sleep(0.01)
        time.sleep(after)
        command.kill()
    while Path(f"/proc/{child}").exists():
        time.sleep(0.01)
    assert not (tmp_path / "data/dbt/run_results.json").exists()  # one that went on wrote it


@pytest.mark.parametrize("after", [0.0, 0.1, 0.3, 0.6, 1.5, 4.0])
def test_a_cycle_ends_with_one_line(tmp_path: Path, after: float) -> None:
    # before Python runs any code of ours the key ends it, without a word
    ends = [(130, LINE), (-signal.SIGINT, "")]
    assert interrupted(tmp_path / "data", "cycle", after=after) in ends


def test_what_waits_in_the_spool_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("exchange,symbol,timestamp,last_price\nx,s,2024-01-02,1\n")
    data = tmp_path / "data"
    environment = {
        **os.environ,
        "DATA_DIR": str(data),
        "DATABASE_CONNECTION_TIMEOUT_MS": "600000",
        "PYTHONPATH": str(HERE),
    }
    subprocess.run([*INGEST, "init"], env=environment, check=True, stdout=subprocess.DEVNULL)
    with (
        held(data / "trading.duckdb"),
        subprocess.Popen(
            [*INGEST, "land", "ticks", "a.csv"],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        ) as command,
    ):
        while not any((data / "spool").glob("*.parquet")):
            assert command.poll() is None
            time.sleep(0.05)
        command.send_signal(signal.SIGINT)
        _, said = command.communicate(timeout=60)
    waits = "; 1 in the spool waits for: ingest land --pending"
    assert (command.returncode, said) == (130, LINE.replace("\n", f"{waits}\n"))


def test_landing_ends_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = (f"x,s,2024-01-02,1,{n}\n" for n in range(400_000))
    path.write_text("exchange,symbol,timestamp,last_price,trade_id\n" + "".join(rows))
    waits = LINE.replace("\n", "; 1 in the spool waits for: ingest land --pending\n")
    ends = [(130, LINE), (130, waits), (-signal.SIGINT, "")]
    ends.append((0, ""))  # a quick machine is done by then
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
