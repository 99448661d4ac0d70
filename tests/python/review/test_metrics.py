"""Each metric that MetricFlow computes on the sample's publication is what a query by hand says."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from forked import run_dbt

pytest.importorskip("metricflow", reason="requirements.lock has it: make build")

# By metric: what it is grouped by (MetricFlow shows times first), and the query.
CASES = {
    "net_pnl": (
        ["metric_time__day"],
        "select (snapshot_time - interval 1 microsecond)::date, daily_pnl from portfolio_snapshots"
        " where snapshot_type = 'eod'",
    ),
    "closed_net_pnl": (
        ["trip__currency"],
        "select currency, sum(realized_pnl - commission - fees + carry) from round_trips"
        " group by 1",
    ),
    "trips_closed": (["trip__symbol"], "select symbol, count(*) from round_trips group by 1"),
    "won_trips_closed": (
        ["trip__strategy_id"],
        "select strategy_id, count_if(net_pnl > 0) from round_trips group by 1",
    ),
    "win_rate": (
        ["trip__currency"],
        "select currency, avg((net_pnl > 0)::int) from round_trips group by 1",
    ),
    "turnover": (
        ["fill__symbol", "metric_time__month"],
        "select date_trunc('month', executed_at), symbol, sum(quantity * price) from trades"
        " group by 1, 2",
    ),
    "traded_volume": (["fill__side"], "select side, sum(quantity) from trades group by 1"),
    "fills_made": (["fill__strategy_id"], "select strategy_id, count(*) from trades group by 1"),
    "commission": (
        ["fill__commission_currency"],
        "select commission_currency, sum(commission) from trades group by 1",
    ),
    "fees": (["fill__exchange"], "select exchange, sum(fees) from trades group by 1"),
    "slippage": (
        ["sent_order__currency"],
        "select currency, sum(round((average_fill_price - mid_price) * filled_quantity"
        " * if(side = 'buy', 1, -1), 8)) from order_slippage group by 1",
    ),
    "turnover_at_mid": (
        ["sent_order__symbol"],
        "select symbol, sum(round(mid_price * filled_quantity, 8)) from order_slippage group by 1",
    ),
    "slippage_rate": (
        ["sent_order__side"],
        "select side, sum(slippage)::double / sum(notional_at_mid) from order_slippage group by 1",
    ),
    "net_exposure": (
        ["holding__symbol"],
        "select symbol, sum(quantity * current_price) from current_positions group by 1",
    ),
    "gross_exposure": (
        ["holding__symbol"],
        "select symbol, sum(abs(quantity) * current_price) from current_positions group by 1",
    ),
    "market_volume": (
        ["bar__symbol", "metric_time__day"],
        "select trading_date, symbol, volume from ohlcv_bars where timeframe = '1d'",
    ),
}
Compile = Callable[[str, list[str]], str]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What dbt tells MetricFlow; dbt validates it."""
    data_dir = tmp_path_factory.mktemp("metrics")
    done = run_dbt(data_dir, "parse")
    assert done.returncode == 0, done.stdout
    return (data_dir / "target" / "semantic_manifest.json").read_text()


@pytest.fixture(scope="module")
def compiled(manifest: str) -> Compile:
    """MetricFlow's SQL of a metric by dimensions."""
    from metricflow.engine.metricflow_engine import (  # noqa: PLC0415
        MetricFlowEngine,
        MetricFlowQueryRequest,
    )
    from metricflow.protocols.sql_client import SqlEngine  # noqa: PLC0415
    from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer  # noqa: PLC0415
    from metricflow_semantics.model.dbt_manifest_parser import (  # noqa: PLC0415
        parse_manifest_from_dbt_generated_manifest,
    )
    from metricflow_semantics.model.semantic_manifest_lookup import (  # noqa: PLC0415
        SemanticManifestLookup,
    )

    class Client:
        """Only renders; the test runs the SQL on the published file."""

        sql_engine_type = SqlEngine.DUCKDB
        sql_plan_renderer = DuckDbSqlPlanRenderer()

        def render_bind_parameter_key(self, key: str) -> str:
            return f"${key}"

    parsed = parse_manifest_from_dbt_generated_manifest(manifest)
    engine = MetricFlowEngine(SemanticManifestLookup(parsed), Client())  # type: ignore[arg-type]

    def run(metric: str, by: list[str]) -> str:
        request = MetricFlowQueryRequest.create(metric_names=[metric], group_by_names=by)
        return str(engine.explain(request).sql_statement.sql)

    return run


def rows(sample: Path, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query on the publication; amounts to 6 decimals, times as dates."""
    with duckdb.connect(str(sample / "published" / "trading.duckdb"), read_only=True) as reader:
        *by, amount = [f"c{number}" for number in range(len(reader.sql(sql).columns))]
        named = ", ".join(f"left({column}::varchar, 10)" for column in by)
        rounded = f"round({amount}, 6)::decimal(38, 6)"
        return reader.execute(
            f"select {named}, {rounded} from ({sql}) as t({', '.join([*by, amount])}) order by all"
        ).fetchall()


@pytest.mark.parametrize("metric", CASES)
def test_a_metric_is_what_a_query_by_hand_says(sample, compiled, metric):
    by, by_hand = CASES[metric]
    expected = rows(sample, by_hand)
    assert expected
    assert rows(sample, compiled(metric, by)) == expected


def test_days_add_up_to_what_the_portfolio_earned(sample, compiled):
    """But for what each day is rounded by."""
    with duckdb.connect(str(sample / "published" / "trading.duckdb"), read_only=True) as reader:
        (earned,) = reader.execute(compiled("net_pnl", [])).fetchone()
        total, days = reader.execute(
            "select arg_max(total_pnl, snapshot_time), count(daily_pnl) from portfolio_snapshots"
            " where snapshot_type = 'eod'"
        ).fetchone()
    assert total != 0
    assert abs(earned - total) <= Decimal("0.005") * (days + 1)


def test_a_month_has_what_its_own_days_earned(sample, compiled):
    """The day before the first of a month ends on it, at midnight."""
    by_month = dict(rows(sample, compiled("net_pnl", ["metric_time__month"])))
    days = "select date_trunc('month', day), count(*) from days group by all"
    ends = "select (snapshot_time - interval 1 microsecond)::date as day from portfolio_snapshots"
    counted = dict(rows(sample, f"with days as ({ends} where snapshot_type = 'eod') {days}"))
    months = rows(sample, "select month, net_pnl from monthly_returns where account_id = 'all'")
    assert by_month.keys() == {month for month, _ in months}
    for month, earned in months:
        assert abs(by_month[month] - earned) <= Decimal("0.005") * (counted[month] + 1)


def test_a_market_day_that_begins_on_the_evening_before_is_of_its_own_month(tmp_path, compiled):
    """CME's Friday 1 March begins at 23:00 UTC on 29 February."""
    (tmp_path / "published").mkdir()
    with duckdb.connect(str(tmp_path / "published" / "trading.duckdb")) as market:
        market.execute(
            "create table ohlcv_bars as select 1 as bar_id, 'cme' as exchange, 'ES' as symbol,"
            " '1d' as timeframe, timestamp '2024-02-29 23:00:00' as timestamp,"
            " date '2024-03-01' as trading_date, 5::decimal(18, 8) as volume"
        )
    assert rows(tmp_path, compiled("market_volume", ["metric_time__month"])) == [
        ("2024-03-01", Decimal(5))
    ]


def test_every_metric_is_tried_and_says_what_it_is_in(manifest, compiled):
    metrics = json.loads(manifest)["metrics"]
    assert {metric["name"] for metric in metrics} == set(CASES)
    for metric in metrics:
        for dimension in re.findall(r"`(\w+__\w+)`", metric["description"]):
            assert dimension in compiled(metric["name"], [dimension])
