"""No test fails because a machine is slow: speed is measured, by `make bench`."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LEAST_SECONDS = 60  # what a test may wait for something that comes at once
SHORT = re.compile(r"(?:\.wait\(|\btimeout[=(]|monotonic\(\) \+ )(?P<seconds>[\d.]+)\b")
TOOK = re.compile(r"assert .*\b(?:monotonic|perf_counter|time)\(\) - \w+\)? <")
# A test looks again after these.
AGAIN = {"spark/cluster.py": ["timeout=5"]}


def of_timing(text: str) -> list[str]:
    """Return what makes a test fail on a slow machine, each as it stands in a test's text."""
    short = [hit[0] for hit in SHORT.finditer(text) if float(hit["seconds"]) < LEAST_SECONDS]
    return short + TOOK.findall(text)


def test_no_test_asks_how_long_something_takes() -> None:
    found = {
        str(path.relative_to(TESTS)): faults
        for path in TESTS.rglob("*.py")
        if path != Path(__file__) and (faults := of_timing(path.read_text()))
    }
    assert found == AGAIN


@pytest.mark.parametrize(
    ("text", "many"),
    [
        ("    assert time.monotonic() - began < 2\n", 1),
        ("    assert command.wait(20) == 0\n    done = run(timeout=5.5)\n", 2),
        ("    assert time.monotonic() - began >= 0.3\n", 0),  # no machine is too slow for it
        ("    until = time.monotonic() + 60\n    assert time.monotonic() < until\n", 0),
        ("    async with asyncio.timeout(60):\n", 0),
    ],
)
def test_what_is_found(text: str, many: int) -> None:
    assert len(of_timing(text)) == many
