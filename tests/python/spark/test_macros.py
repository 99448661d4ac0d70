"""What macros/engine gives, against one list of results on both engines."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from market.conftest import Warehouse

pytestmark = pytest.mark.spark


def test_both_engines_give_what_is_listed(
    warehouse: Warehouse, start_spark: Callable[..., subprocess.Popen[str]]
) -> None:
    check = ("run-operation", "check_engine")
    assert "as they should be" in warehouse.dbt(*check).stdout
    output, _ = start_spark(warehouse, *check, "--target", "spark").communicate()
    assert "as they should be" in output, output[-4000:]
