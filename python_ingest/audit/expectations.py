"""Great Expectations judges the profile. Loading it takes seconds: import this module late."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import sys
import warnings
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pandas as pd

from python_ingest.audit.profile import TABLES, Profile
from python_ingest.audit.rules import RULES, Rule
from python_ingest.cli.shown import shortened

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # before the import, which reads it only once
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.expectations.core.expect_column_values_to_be_between import (
        ExpectColumnValuesToBeBetween,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity
    from great_expectations.expectations.row_conditions import Column
    from great_expectations.render.view.view import DefaultJinjaView

# It tells of a temporary folder where the process prints what libraries log, as beside dbt. Its
# module has a level of its own.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)


class _CompiledOnce:
    """A cache of Jinja's: else every view compiles all of its templates, a quarter of an audit."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], SimpleNamespace] = {}

    def get_bucket(self, _: object, name: str, __: str | None, source: str) -> SimpleNamespace:
        """Return what a template compiles to; Jinja puts it there when it is not yet known."""
        return self._kept.setdefault((name, source), SimpleNamespace(code=None))

    def set_bucket(self, bucket: SimpleNamespace) -> None:
        """Do nothing: the bucket is kept already."""


def _compile_once() -> None:
    make, kept = DefaultJinjaView.__init__, _CompiledOnce()

    @wraps(make)
    def make_with_what_is_compiled(self: Any, *given: Any, **named: Any) -> None:
        make(self, *given, **named)
        self.env.bytecode_cache = kept

    DefaultJinjaView.__init__ = make_with_what_is_compiled  # type: ignore[method-assign]


_compile_once()


@dataclass(frozen=True)
class Judgement:
    """One line per broken rule and subject; `failed`: the first critical one by raw relation."""

    critical: list[str]
    warnings: list[str]
    failed: dict[str, str]


def judge(profile: Profile, docs: Path) -> Judgement:
    """Judge the profile by RULES and write Great Expectations' pages into `docs`."""
    context = gx.get_context(mode="ephemeral")
    # Its default site is in a temporary folder that nothing would delete.
    for name, site in dict(context.variables.data_docs_sites or {}).items():
        shutil.rmtree(site["store_backend"]["base_directory"], ignore_errors=True)
        context.delete_data_docs_site(name)
    context.add_data_docs_site(
        "audit",
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(docs.resolve()),  # it refuses a relative one
            },
        },
    )
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("profile")
    found: dict[str, list[str]] = {"critical": [], "warning": []}
    failed: dict[str, str] = {}
    for name, frame in profile.items():
        if frame.empty:
            continue
        rules = [rule for rule in RULES if rule.frame == name]
        for broken in _strictest(_broken(context, source, name, frame, rules)):
            found[broken.rule.severity].append(broken.line)
            if broken.rule.severity == "critical":
                table = TABLES.get(broken.subject if name == "landings" else name, name)
                failed.setdefault(f"raw.{table}", broken.line)
    _build_pages(context)
    return Judgement(critical=found["critical"], warnings=found["warning"], failed=failed)


class _Unwritten(logging.Handler):
    """Keeps why a page could not be written: Great Expectations logs a traceback and goes on."""

    error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take the error that is being handled where this is logged."""
        self.error = self.error or sys.exc_info()[1]


def _build_pages(context: Any) -> None:
    """Write the pages. Raises OSError where the disk has no room for one."""
    unwritten, logger = _Unwritten(), logging.getLogger("great_expectations")
    logger.addHandler(unwritten)
    try:
        context.build_data_docs()
    finally:
        logger.removeHandler(unwritten)
    if unwritten.error:
        raise unwritten.error


class Broken(NamedTuple):
    """A rule, the subject that broke it, and how to say so."""

    rule: Rule
    subject: str
    line: str


def _strictest(broken: list[Broken]) -> list[Broken]:
    """Drop a warning where the same figure is critical already."""
    critical = {(b.rule.column, b.subject) for b in broken if b.rule.severity == "critical"}
    return [
        b
        for b in broken
        if b.rule.severity == "critical" or (b.rule.column, b.subject) not in critical
    ]


def _broken(
    context: Any, source: Any, name: str, frame: pd.DataFrame, rules: list[Rule]
) -> list[Broken]:
    """Run one suite; return each rule and subject that broke it."""
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("new")
    suite = context.suites.add(
        gx.ExpectationSuite(
            name,
            expectations=[
                ExpectColumnValuesToBeBetween(
                    column=rule.column,
                    max_value=rule.most,
                    severity=FailureSeverity(rule.severity),
                    notes=f"{rule.severity}: {rule.says}",
                    meta={"rule": number},
                    **_condition(rule),
                )
                for number, rule in enumerate(rules)
            ],
        )
    )
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=name, data=batch, suite=suite)
    )
    results = definition.run(
        batch_parameters={"dataframe": frame},
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["subject"],
        },
    ).results
    rows: dict[str, Any] = {row["subject"]: row for row in frame.to_dict("records")}
    broken: list[Broken] = []
    for result in results:
        rule = rules[result.expectation_config.meta["rule"]]
        if result.exception_info.get("raised_exception"):
            broken.append(Broken(rule, "", f"{name}: {rule.column} could not be judged"))
        broken += [
            Broken(rule, row["subject"], _line(name, rule, rows[row["subject"]] | row))
            for row in result.result.get("unexpected_index_list") or []
        ]
    return broken


def _condition(rule: Rule) -> dict[str, Any]:
    """Return which rows of a frame a rule is about, as Great Expectations takes it."""
    if not rule.least:
        return {}
    return {"row_condition": Column("rows_read") >= rule.least}


def _line(name: str, rule: Rule, row: dict[str, Any]) -> str:
    value = f"{float(row[rule.column]):.6g}"
    line = f"{name}, {row['subject']}: {rule.says} ({rule.column} {value}, at most {rule.most:g})"
    return line + _rejected(row) if rule.column == "rejected_share" else line


def _rejected(row: dict[str, Any]) -> str:
    """Say which file's rows were rejected, why, and what to do."""
    file = row["most_rejected_in"]
    shown = shortened(str(row["most_rejected_for"]), 120)
    path = shlex.quote(file) if Path(file).is_file() else "FILE"  # a file of a zip is none
    return (
        f": {row['rows_refused']:,} of {row['rows_read']:,}, most in {file} ({shown});"
        f" `ingest rejected` shows all; land what is right: ingest land {row['subject']} {path}"
    )
