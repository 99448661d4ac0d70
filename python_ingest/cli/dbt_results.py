"""What a `dbt build` did, as rows of `system_metrics` and `application_logs`."""

from collections.abc import Iterator
from typing import Any

import duckdb

from python_ingest.landing.report import log_record, metric_record

_SERVICE = "dbt"
_BAD = {"error": "error", "fail": "error", "warn": "warning"}


def _ended_at(result: dict[str, Any], metadata: dict[str, Any]) -> dict[str, str]:
    timing = result.get("timing") or []
    return {"timestamp": timing[-1]["completed_at"] if timing else metadata["generated_at"]}


def metrics_of(run_results: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the time of every node, the rows that models say they wrote, and failures of tests.

    `run_results` is the content of dbt's `run_results.json`; `labels.component` is the node's id.
    """
    metadata = run_results["metadata"]
    for result in run_results["results"]:
        values: dict[str, Any] = {
            "dbt.node.duration_ms": result["execution_time"] * 1000,
            "dbt.node.rows": (result.get("adapter_response") or {}).get("rows_affected"),
            "dbt.test.failures": result.get("failures"),
        }
        node, run = result["unique_id"], metadata["invocation_id"]
        for name, value in values.items():
            if value is not None:
                told = metric_record(name, float(value), node, run) | _ended_at(result, metadata)
                told["labels"]["service"] = _SERVICE
                yield told


def logs_of(run_results: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each node that failed or warned, without its message: that may quote rows."""
    metadata = run_results["metadata"]
    for result in run_results["results"]:
        node, status = result["unique_id"], result["status"]
        if status in _BAD:
            what, event = f"{node}: {status}", f"dbt_{status}"
            data = {"failures": result.get("failures"), "invocation_id": metadata["invocation_id"]}
            told = log_record(_BAD[status], node, what, event=event, data=data)
            yield told | {"service": _SERVICE} | _ended_at(result, metadata)


def is_of_every_row(node: str) -> bool:
    """Whether a node is a test of what each row of a model says (tests/generic/every_row.sql)."""
    return ".every_row_of_" in node


def faults_of(
    connection: duckdb.DuckDBPyConnection, run_results: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield each failed test of `every_row` and what it found: which faults, of how many rows.

    dbt counts the rows and does not say it. The faults are the project's own words, no values.
    """
    for result in run_results["results"]:
        if result["status"] == "fail" and is_of_every_row(result["unique_id"]):
            found = connection.execute(result["compiled_code"]).fetchall()
            told = ", ".join(f"{wrong} ({rows:,} rows)" for wrong, rows in found)
            yield result["unique_id"], told
