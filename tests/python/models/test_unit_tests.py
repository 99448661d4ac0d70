"""dbt's unit tests of all models, in seconds: the same rows and texts, and no dbt for each."""

import os
import shutil
from pathlib import Path

import pytest
import selects
from forked import run_dbt
from unit_tests import UNIT_TESTS


def name_of(given: str, model: str) -> str:
    """Return a relation as selects.py names it: ref('x') as x, source('raw', 'x') as raw.x."""
    if given == "this":
        return model
    return ".".join(given.split("'")[1::2])


@pytest.mark.parametrize("test", UNIT_TESTS, ids=lambda test: test["name"])
def test_a_select_gives_what_is_expected(test: dict) -> None:
    given = {name_of(each["input"], test["model"]): each["rows"] for each in test["given"]}
    expected = test["expect"]["rows"]
    assert selects.differences(test["name"], test["model"], given, expected) == []


@pytest.mark.long
def test_dbt_comes_to_the_same_verdicts(tmp_path: Path) -> None:
    """They are written for dbt, which whoever builds by hand runs them with."""
    run_dbt(tmp_path, "--version")  # what forks it has built a warehouse of nothing before
    shutil.copy(Path(os.environ["READ_BY_DBT"], "empty", "trading.duckdb"), tmp_path)
    done = run_dbt(tmp_path, "test", "--resource-type", "unit_test")
    assert done.returncode == 0, done.stdout
    assert f"{len(UNIT_TESTS)} unit tests" in done.stdout
