"""The page: one template, filled once for a file, again and again by `ingest serve --page`."""

import html
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, localcontext
from importlib.resources import files
from string import Template
from typing import Any

from python_ingest.reporting.figures import Chart, Row, Series, Table

_ASSETS = files("python_ingest.reporting") / "assets"
_TEXT_COLUMNS = frozenset({"reason", "source_file", "node"})
_SIGNED = ("pnl", "_pct")  # what columns end in whose values gain or lose


@dataclass(frozen=True)
class Moving:
    """What is live where `ingest serve` answers.

    `equity`: epoch second, equity, how far P&L is below its peak, return index in percent or None.
    """

    equity: list[Row]
    flows: Table
    now: Table
    positions: Table
    exposure: Table


@dataclass(frozen=True)
class Standing:
    """What is as it was published."""

    facts: Mapping[str, str]
    ratios: Table
    months: Table
    trips: Table
    statements: Table
    health: Mapping[str, Table]


@dataclass(frozen=True)
class Report:
    """Everything that a page in a file says."""

    made_at: str
    series: list[Series]
    charts: list[Chart]
    moving: Moving
    standing: Standing


def _places(size: Decimal, kind: str) -> int:
    """Return how many decimals an amount is shown with: four digits of what is small."""
    if size < 1:
        return 3 - size.adjusted() if size else 2
    return 2 if size >= 100 or kind == "amount" else 5  # noqa: PLR2004 - dollars, not cents


def _amount(value: Mapping[str, Any]) -> str:
    """Return money or a price with its currency; the title has all of its digits."""
    kind = "price" if "price" in value else "amount"
    if value[kind] is None:
        return ""
    exact = Decimal(value[kind])
    with localcontext(prec=80):  # a DECIMAL has more digits than Python's arithmetic keeps
        shown = f"{round(exact, _places(exact.copy_abs(), kind)).normalize():,f}"
    whole, _, part = shown.partition(".")
    currency = f" <small>{html.escape(value['currency'])}</small>" if value["currency"] else ""
    return f'<span title="{value[kind]}">{whole}.{part:<02}</span>{currency}'


def _text(value: Any) -> str:
    """Return a value as HTML."""
    if isinstance(value, Mapping):
        return _amount(value)
    return html.escape("" if value is None else f"{value:,}" if _is_count(value) else str(value))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _cell(value: Any, column: str, kind: str) -> str:
    said = value.get("amount") if isinstance(value, Mapping) else value
    if column == "year":
        return f'<th scope="row">{value}</th>'
    if column == "share_pct" and value is not None:
        return f'<td class="{kind}"><meter max="100" value="{value}"></meter> {value} %</td>'
    if column.endswith("_pct") and value is not None:
        value = f"{Decimal(value):.2f}"
    if said is not None and column.endswith(_SIGNED):
        kind += " loss" if str(said).startswith("-") else " gain" if Decimal(said) else ""
    return f'<td class="{kind}">{_text(value)}</td>'


def _is_number(value: Any) -> bool:
    text = str(value).lstrip("-").replace(".", "", 1)
    return isinstance(value, (int, float, Mapping)) or (isinstance(value, str) and text.isdigit())


def _kind(found: Table, place: int) -> str:
    """Return a column's class: numbers are set flush right, long texts may wrap."""
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
    columns = [
        (place, column, _kind(found, place))
        for place, column in enumerate(found.columns)
        if column != "second"  # what the page needs and people do not read
    ]
    head = "".join(
        f'<th scope="col" class="{kind}">{html.escape(_heading(column))}</th>'
        for _, column, kind in columns
    )
    rows = ("".join(_cell(row[place], *said) for place, *said in columns) for row in found.rows)
    body = "".join(f"<tr>{cells}</tr>" for cells in rows)
    more = found.total - len(found.rows)
    rest = f'<p class="nothing">and {more:,} more</p>' if more > 0 else ""
    return (
        f'<section>{title}<div class="wide" tabindex="0" role="group"'
        f' aria-label="{html.escape(name)}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{rest}</section>"
    )


def _heading(column: str) -> str:
    return column.removesuffix("_pct").replace("_", " ")


def _cards(rows: list[tuple[str, str, str]]) -> str:
    """Return (name, HTML, note) as a list of figures."""
    return "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{value}</dd><dd>{html.escape(note)}</dd></div>"
        for name, value, note in rows
    )


def _figures(found: Table) -> str:
    return _cards([(name, _text(value) or "-", note or "") for name, value, note in found.rows])


_NOTHING = {
    "Freshness": "Nothing has landed.",
    "Gaps": "No number is missing from any feed that numbers its ticks.",
    "Rejected rows": "Every row was accepted.",
}


def moving_parts(moving: Moving) -> dict[str, str]:
    """Return the HTML of what is live, by the part of the page that it fills."""
    return {
        "now": _figures(moving.now),
        "flows": table_html("Deposits and withdrawals", moving.flows, "No cash has come or gone."),
        "positions": table_html("Open positions", moving.positions, "No position is open."),
        "exposure": table_html("Exposure by symbol", moving.exposure, "Nothing is held."),
    }


def standing_parts(standing: Standing) -> dict[str, str]:
    """Return the HTML of what is as published, by the part of the page that it fills."""
    facts = [(name, html.escape(text), "") for name, text in standing.facts.items()]
    return {
        "facts": _cards(facts),
        "ratios": _figures(standing.ratios),
        "months": table_html("Monthly returns in %", standing.months, "No day has ended yet."),
        "trips": table_html("Round trips", standing.trips, "No position has been closed yet."),
        "statements": table_html(
            "Brokers' newest statements", standing.statements, "No statement has landed."
        ),
        "health": "".join(
            table_html(name, found, _NOTHING.get(name, "None."))
            for name, found in standing.health.items()
        ),
    }


def drawn(series: list[Series], charts: list[Chart], moving: Moving) -> dict[str, Any]:
    """Return what the script draws, ready for JSON."""
    place = {name: at for at, name in enumerate(moving.flows.columns)}
    currency = next((row[1]["currency"] for row in moving.now.rows), None)
    return {
        "series": [asdict(one) for one in series],
        "charts": [asdict(one) for one in charts],
        "equity": moving.equity,
        "currency": currency or "",
        "flows": [
            [row[place["second"]], row[place["amount"]]["amount"], row[place["amount"]]["currency"]]
            for row in moving.flows.rows
        ],
    }


def as_json(value: object) -> str:
    """Return JSON that cannot close its script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _filled(said: str, parts: Mapping[str, str], data: object) -> str:
    """Return the template with its parts; what is missing comes later."""
    asset = {
        name: (_ASSETS / file).read_text(encoding="utf-8")
        for name, file in (
            ("style", "report.css"),
            ("library", "lightweight-charts.js"),
            ("script", "report.js"),
        )
    }
    filled = {**parts, **asset, "said": html.escape(said), "data": as_json(data)}
    template = Template((_ASSETS / "report.html").read_text(encoding="utf-8"))
    return template.substitute(defaultdict(str, filled))


def page(report: Report) -> str:
    """Return the whole page, with its data."""
    return _filled(
        f"Made {report.made_at} UTC from the published database.",
        moving_parts(report.moving) | standing_parts(report.standing),
        drawn(report.series, report.charts, report.moving),
    )


def live_page() -> str:
    """Return the page without data: its script asks the server for them."""
    return _filled("Connecting to ingest serve.", {}, {"live": True})
