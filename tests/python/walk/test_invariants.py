"""The invariants that no build may break find nothing, and find a row that is missing or added."""

from pathlib import Path

import pytest

from .ground import Ground
from .warehouse import Warehouse

BARS = "every_priced_minute_has_its_bars"
FILLS = "every_counted_fill_has_a_trade_and_an_order"
POSITIONS = "every_fill_time_of_a_position_has_its_row"
ONE_BAR = "bar_id = (select min(bar_id) from warm.ohlcv_bars_warm where timeframe = '{}')"
ONE_FILL = "fill_id = (select min(fill_id) from intermediate.int_fills where not is_busted)"
SPOILED = [
    *((BARS, f"delete from warm.ohlcv_bars_warm where {ONE_BAR.format(timeframe)}")
      for timeframe in ("1m", "5m", "15m", "1h", "1d")),
    *((BARS, "update warm.ohlcv_bars_warm set timestamp = timestamp + interval 1 second"
             f" where {ONE_BAR.format(timeframe)}") for timeframe in ("1m", "5m", "1d")),
    (BARS, "delete from intermediate.int_minute_bars where minute = (select min(minute)"
           " from intermediate.int_minute_bars where symbol = 'X')"),
    (FILLS, "delete from warm.trades_warm where trade_id = (select min(trade_id)"
            " from warm.trades_warm)"),
    (FILLS, "delete from warm.orders_warm where order_id = (select min(order_id)"
            " from warm.orders_warm where filled_quantity > 0)"),
    (FILLS, "delete from intermediate.int_order_events where is_fill"),
    (POSITIONS, "delete from warm.positions_warm where position_id = (select min(position_id)"
                " from warm.positions_warm where is_fill)"),
    (POSITIONS, f"delete from intermediate.int_fills where {ONE_FILL}"),
]  # fmt: skip


@pytest.fixture(scope="module")
def compiled(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The ground, and the invariants' SQL as dbt compiles it."""
    warehouse = ground.start(tmp_path_factory.mktemp("invariants") / "data")
    done = warehouse.dbt("compile", "--select", BARS, FILLS, POSITIONS)
    assert not done.code, done.printed
    return warehouse


@pytest.mark.parametrize(("invariant", "spoil"), SPOILED)
def test_an_invariant_fails_when_a_row_is_missing_or_added(
    invariant: str, spoil: str, compiled: Warehouse, tmp_path: Path
) -> None:
    (path,) = (compiled.data_dir / "target" / "compiled").rglob(f"{invariant}.sql")
    warehouse = compiled.copy(tmp_path / "data")
    query = path.read_text(encoding="utf-8")
    assert warehouse.rows(query) == []
    assert warehouse.rows(spoil) != [(0,)]
    assert warehouse.rows(query) != []
