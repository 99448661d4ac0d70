"""With what dbt 1.11 wrote for a model, a test that failed and one that warned."""

import json

from python_ingest.cli.dbt_results import logs_of, metrics_of
from python_ingest.landing.land import land_files
from python_ingest.landing.telemetry_files import telemetry_dir, write_rows
from python_ingest.storage.writer import open_writer

RUN = {
    "metadata": {
        "generated_at": "2026-11-23T08:00:10.000000Z",
        "invocation_id": "c2b7b1a5-0000-0000-0000-000000000000",
    },
    "results": [
        {
            "unique_id": "model.trading.ohlcv_bars",
            "status": "success",
            "execution_time": 1.25,
            "adapter_response": {"_message": "OK", "rows_affected": 42},
            "failures": None,
            "message": "OK",
            "timing": [
                {"name": "compile", "completed_at": "2026-11-23T08:00:01.000000Z"},
                {"name": "execute", "completed_at": "2026-11-23T08:00:02.500000Z"},
            ],
        },
        {
            "unique_id": "test.trading.a",
            "status": "fail",
            "execution_time": 0.5,
            "adapter_response": {},
            "failures": 3,
            "message": "Got 3 results, such as BTCUSDT",
            "timing": [],
        },
        {
            "unique_id": "test.trading.b",
            "status": "warn",
            "execution_time": 0.5,
            "adapter_response": {},
            "failures": 1,
            "message": "Got 1 result",
            "timing": [],
        },
    ],
}


def test_a_build_lands_as_metrics_and_logs(settings):
    folder = telemetry_dir(settings)
    metrics = write_rows(folder, "metrics", metrics_of(RUN))
    logs = write_rows(folder, "logs", logs_of(RUN))
    assert "BTCUSDT" not in logs.read_text()
    assert land_files(settings, "metrics", [metrics])[0].landed == 6
    assert land_files(settings, "logs", [logs])[0].landed == 2
    with open_writer(settings) as connection:
        model = connection.execute(
            "select metric_name, value, timestamp::varchar from raw.system_metrics"
            " where labels.component = 'model.trading.ohlcv_bars' order by 1"
        ).fetchall()
        told = connection.execute(
            "select level, event, data from raw.application_logs order by component"
        ).fetchall()
    assert model == [
        ("dbt.node.duration_ms", 1250.0, "2026-11-23 08:00:02.5"),
        ("dbt.node.rows", 42.0, "2026-11-23 08:00:02.5"),
    ]
    assert [row[:2] for row in told] == [("error", "dbt_fail"), ("warning", "dbt_warn")]
    assert json.loads(told[0][2])["failures"] == 3
