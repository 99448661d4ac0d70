"""The report as one HTML file that contains its styles, scripts and data."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from string import Template

from python_ingest.reporting.figures import Chart, Row, Table

_ASSETS = files("python_ingest.reporting") / "assets"
_TEXT_COLUMNS = frozenset({"reason", "source_file", "node"})


@dataclass(frozen=True)
class Report:
    """Everything the page says."""

    made_at: str
    facts: Mapping[str, str]
    charts: list[Chart]
    equity: list[Row]
    positions: Table
    trips: Table
    statements: Table
    health: Mapping[str, Table]


def _is_number(value: object) -> bool:
    text = str(value).lstrip("-").replace(".", "", 1)
    return isinstance(value, (int, float)) or (isinstance(value, str) and text.isdigit())


def _cell(value: object, column: str, kind: str) -> str:
    text = "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    if text and column.endswith("pnl"):
        kind += " loss" if text.startswith("-") else " gain"
    return f'<td class="{kind}">{html.escape(text)}</td>'


def _kind(found: Table, place: int) -> str:
    """A column's class: numbers are set flush right, long texts may wrap."""
    values = [row[place] for row in found.rows if row[place] is not None]
    if values and all(map(_is_number, values)):
        return "number"
    return "text" if found.columns[place] in _TEXT_COLUMNS else ""


def table_html(name: str, found: Table, nothing: str) -> str:
    """Return a table under its title, or the sentence for none."""
    count = f' <span class="count">{found.total:,}</span>' if found.total else ""
    title = f"<h3>{html.escape(name)}{count}</h3>"
    if not found.rows:
        return f'<section>{title}<p class="nothing">{html.escape(nothing)}</p></section>'
    kinds = [_kind(found, place) for place in range(len(found.columns))]
    head = "".join(
        f'<th class="{kind}">{html.escape(column.replace("_", " "))}</th>'
        for column, kind in zip(found.columns, kinds, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(map(_cell, row, found.columns, kinds))}</tr>" for row in found.rows
    )
    more = found.total - len(found.rows)
    rest = f'<p class="nothing">and {more:,} more</p>' if more > 0 else ""
    return (
        f'<section>{title}<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{rest}</section>"
    )


_NOTHING = {
    "Freshness": "Nothing has landed.",
    "Gaps": "No number is missing from any feed that numbers its ticks.",
    "Rejected rows": "Every row was accepted.",
    "Retention": "Nothing has left the database for Parquet yet.",
    "Migration": "Nothing has been compared with TimescaleDB yet.",
}


def _json(value: object) -> str:
    """Return JSON that cannot close its script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def page(report: Report) -> str:
    """Return the whole page."""
    facts = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd></div>"
        for name, text in report.facts.items()
    )
    return Template((_ASSETS / "report.html").read_text(encoding="utf-8")).substitute(
        style=(_ASSETS / "report.css").read_text(encoding="utf-8"),
        library=(_ASSETS / "lightweight-charts.js").read_text(encoding="utf-8"),
        script=(_ASSETS / "report.js").read_text(encoding="utf-8"),
        data=_json({"charts": [asdict(c) for c in report.charts], "equity": report.equity}),
        made_at=html.escape(report.made_at),
        facts=facts,
        positions=table_html("Open positions", report.positions, "No position is open."),
        trips=table_html("Round trips", report.trips, "No position has been closed yet."),
        statements=table_html(
            "Brokers' newest statements", report.statements, "No statement has landed."
        ),
        health="".join(
            table_html(name, found, _NOTHING.get(name, "None."))
            for name, found in report.health.items()
        ),
    )
