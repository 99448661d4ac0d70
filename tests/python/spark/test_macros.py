"""What macros/engine gives, against one list of results on both engines."""

import subprocess
from collections.abc import Callable

import pytest
from market.conftest import Warehouse

from .conftest import ingest

pytestmark = pytest.mark.spark

CHECK = ("test", "--select", "engine_macros_agree")
PASSED = "1 of 1 PASS engine_macros_agree"
TICK = """
    select 'otc' as exchange, 'ONE' as symbol, timestamp '2024-05-05 12:00:00' as timestamp,
        'trade' as kind, '1' as trade_id, 1.5::decimal(18, 8) as last_price
"""


def test_both_engines_give_what_is_listed(
    warehouse: Warehouse, start_spark: Callable[..., subprocess.Popen[str]]
) -> None:
    assert PASSED in warehouse.dbt(*CHECK).stdout
    warehouse.land("ticks", TICK)  # every run on Spark begins with the export, and that with ticks
    ingest(warehouse, "export")
    output, _ = start_spark(warehouse, *CHECK, "--target", "spark").communicate()
    assert PASSED in output, output[-4000:]
