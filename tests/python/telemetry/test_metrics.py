import json
from datetime import datetime

import numpy as np
import pytest

from python_ingest.landing.land import land_files
from python_ingest.landing.telemetry_files import telemetry_dir
from python_ingest.storage.writer import open_writer
from python_ingest.telemetry.otel import Telemetry
from python_ingest.telemetry.otel_metrics import BUCKETS_MS, quantile
from python_ingest.telemetry.otel_queries import QueryTelemetry, without_values


def rows(settings, kind="metrics"):
    files = sorted(telemetry_dir(settings).glob(f"{kind}-*.ndjson"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.fixture
def measured(settings):
    """Three queries, one of which failed, as the files they left."""
    telemetry = Telemetry(settings, "test")
    queries = QueryTelemetry(settings, telemetry, "test")
    queries.observe_pool(lambda: 3, lambda: 47)
    for _ in range(2):
        with queries.observe("order_by_id", "select 1"):
            pass
    with pytest.raises(KeyError), queries.observe("bars", "select 2"):
        raise KeyError("a row's content")
    telemetry.close()
    return settings


def test_every_metric_of_the_specification_is_there(measured):
    found = {(r["metric_name"], r["labels"]["component"]): r for r in rows(measured)}
    assert found["database.queries.total", "order_by_id"]["value"] == 2
    assert found["database.queries.success", "order_by_id"]["value"] == 2
    assert found["database.queries.errors", "bars/KeyError"]["value"] == 1
    assert found["database.pool.readers.active", None]["value"] == 3
    assert found["database.pool.readers.available", None]["value"] == 47
    assert found["database.size_mb", None]["metric_type"] == "gauge"
    duration = found["database.query.duration_ms", "order_by_id/success"]
    assert duration["metric_type"] == "histogram"
    assert 0 < duration["quantiles"]["p50"] <= duration["quantiles"]["p999"]
    assert "content" not in json.dumps(list(found.values()))


def test_what_is_written_can_be_landed(measured):
    files = sorted(telemetry_dir(measured).glob("metrics-*.ndjson"))
    (result,) = land_files(measured, "metrics", files)
    assert (result.landed, result.rejected) == (len(rows(measured)), 0)
    with open_writer(measured) as connection:
        landed = connection.execute(
            "select value, labels.service, timestamp from raw.system_metrics"
            " where metric_name = 'database.queries.errors'"
        ).fetchone()
    assert landed[:2] == (1.0, "test")
    assert isinstance(landed[2], datetime)


def test_metrics_that_are_switched_off_leave_nothing(settings):
    silent = settings.model_copy(
        update={
            "observability": settings.observability.model_copy(update={"enable_metrics": False})
        }
    )
    telemetry = Telemetry(silent, "test")
    with QueryTelemetry(silent, telemetry, "test").observe("bars", "select 1"):
        pass
    telemetry.close()
    assert not telemetry_dir(silent).exists()


def test_quantiles_agree_with_numpy_to_a_bucket():
    values = np.random.default_rng(7).lognormal(1, 1, 5000)
    counts = np.histogram(values, [0, *BUCKETS_MS, np.inf])[0].tolist()
    for share in (0.5, 0.95, 0.99, 0.999):
        exact = float(np.quantile(values, share, method="inverted_cdf"))
        assert exact <= quantile(BUCKETS_MS, counts, share, max(values)) <= exact * 1.25


def test_a_statement_in_a_log_has_no_values():
    sql = "select 'o''clock', 1.5, a1 from t where symbol = 'BTC' and id = 42 and x = ?"
    assert without_values(sql) == ("select ?, ?, a1 from t where symbol = ? and id = ? and x = ?")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select $$secret$$, $tag$a $$ secret$tag$, $name", "select ?, ?, $name"),
        (r"select e'it\'s secret', E'a' || 'secret'", "select ?, ? || ?"),
        ("select 1e5, 1_000, 0.5e-7, .25, a.b1", "select ?, ?, ?, ?, a.b1"),
        ("select \"it's\", 'secret' from \"t's\"", 'select "it\'s", ? from "t\'s"'),
        (
            "select 1 -- don't: secret\n, 'secret' /* it's secret */ from t",
            "select ? \n, ?  from t",
        ),
        ("select 'secret", "select ?"),
        ("select $$secret", "select ?"),
    ],
)
def test_no_spelling_of_a_value_is_said(sql, said):
    assert without_values(sql) == said
