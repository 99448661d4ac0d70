"""The report in a browser, at the widths and in the light in which it is read."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Page, expect
from sample_build import REPOSITORY

from python_ingest.errors import NotPublishedError, UsageError
from python_ingest.reporting import figures
from python_ingest.reporting import page as pages
from python_ingest.reporting.figures import Chart, Table
from python_ingest.reporting.report import STATEMENTS, gather

KEPT = REPOSITORY / "target" / "screenshots"
ASSETS = REPOSITORY / "python_ingest" / "reporting" / "assets"


@pytest.fixture(scope="module")
def report(sample, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("report") / "report.html"
    done = subprocess.run(
        [sys.executable, "-m", "python_ingest", "report", "--out", str(out)],
        cwd=REPOSITORY,
        env={"DATA_DIR": str(sample), "PATH": "", "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def published(sample):
    with duckdb.connect(str(sample / "published" / "trading.duckdb"), read_only=True) as connection:
        yield connection


def opened(browser, path: Path, width: int, scheme: str) -> Page:
    """The page, drawn; it asked for nothing but itself and no script failed."""
    phone = width < 600
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        is_mobile=phone,
        has_touch=phone,
        device_scale_factor=2 if phone else 1,
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("request", lambda r: problems.append(r.url) if r.url != path.as_uri() else None)
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-drawn]", state="attached")
    assert problems == []
    return page


def colours(page: Page, selector: str) -> dict[str, int]:
    """How many pixels of a chart have which colour (#rrggbb)."""
    return page.evaluate(
        """selector => {
            const seen = {};
            for (const canvas of document.querySelectorAll(selector + " canvas")) {
                const { width, height } = canvas;
                if (!width || !height) continue;
                const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
                for (let at = 0; at < pixels.length; at += 4) {
                    if (pixels[at + 3] < 255) continue;
                    const value = (pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2];
                    seen[value] = (seen[value] || 0) + 1;
                }
            }
            return Object.fromEntries(Object.entries(seen).map(
                ([value, count]) => ["#" + Number(value).toString(16).padStart(6, "0"), count]));
        }""",
        selector,
    )


def named(page: Page, name: str) -> str:
    """The colour that the page's style gives a name in this light."""
    return page.evaluate(
        "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()", name
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_readable(chromium, report, width, scheme):
    page = opened(chromium, report, width, scheme)
    KEPT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=KEPT / f"report-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == width  # no sideways scrolling
    ground = named(page, "--ground")
    assert (ground < "#808080") == (scheme == "dark")
    for chart in ("#bars", "#equity"):
        seen = colours(page, chart)
        assert max(seen, key=seen.get) == ground
    # Falling prices and volume, the line of equity: they are really there.
    assert colours(page, "#bars").get(named(page, "--down"), 0) > 200
    assert colours(page, "#equity").get(named(page, "--accent"), 0) > 100
    page.context.close()


def test_a_chosen_symbol_and_timeframe_are_shown(chromium, report, published):
    page = opened(chromium, report, 1280, "light")
    page.get_by_role("button", name="AIG").click()
    page.get_by_role("button", name="1h", exact=True).click()
    expect(page.get_by_role("button", name="1h", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    bar = published.execute(
        "select strftime(timestamp, '%Y-%m-%d %H:%M'), open, high, low, close, volume"
        " from ohlcv_bars where symbol = 'AIG' and timeframe = '1h' order by timestamp desc limit 1"
    ).fetchone()
    said = page.locator("#legend").inner_text().replace(",", "")
    assert said.startswith(bar[0])
    figures = [float(text) for text in re.findall(r"[a-z] ([\d.]+)", said)]
    assert figures == pytest.approx([float(value) for value in bar[1:]], abs=1e-8)
    page.context.close()


def test_figures_are_those_of_the_publication(chromium, report, published):
    page = opened(chromium, report, 1280, "light")
    equity = published.execute(
        "select arg_max(equity, snapshot_time) from portfolio_snapshots"
    ).fetchone()[0]
    expect(page.locator("#equity-legend")).to_contain_text(f"equity {equity:,}")
    positions = page.locator("section", has_text="Open positions").locator("tbody tr")
    held = published.execute("select quantity::varchar from current_positions").fetchall()
    assert positions.count() == len(held)
    for (quantity,) in held:
        expect(positions.filter(has_text=quantity.rstrip("0"))).to_have_count(1)
    trips = page.locator("section", has_text="Round trips").locator("tbody tr")
    (expected,) = published.execute("select count(*) from round_trips").fetchone()
    assert trips.count() == expected
    landed = published.execute("select sum(rows_landed) from landings where kind = 'ticks'")
    expect(page.locator("section", has_text="Freshness")).to_contain_text(
        f"{landed.fetchone()[0]:,}"
    )
    page.context.close()


def test_names_are_text_and_never_markup(chromium, tmp_path):
    evil = "</script><script>document.title = 'taken'</script><img src=x onerror=alert(1)>"
    bars = [[60, 1.0, 2.0, 0.5, 1.5, 3.0], [120, 1.5, 2.0, 1.0, 1.2, 1.0]]
    page = pages.Report(
        made_at="now",
        facts={"Published": evil},
        charts=[Chart("x", evil, "1m", 2, bars)],
        equity=[],
        positions=Table(["symbol"], [[evil]], 1),
        trips=Table(["symbol"], [], 0),
        statements=Table(["item"], [[evil]], 1),
        health={"Gaps": Table([evil], [[evil]], 120)},
    )
    path = tmp_path / "evil.html"
    path.write_text(pages.page(page))
    shown = opened(chromium, path, 1280, "light")
    assert shown.title() == "Trading report"
    expect(shown.get_by_role("button", name=evil)).to_be_visible()
    expect(shown.locator("body")).to_contain_text("and 119 more")
    expect(shown.locator("body")).to_contain_text("There is no portfolio yet.")
    shown.context.close()


def test_the_newest_statement_of_each_account():
    """What differs is listed; one row says that all of a statement agrees."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table reconciliation as select *, 1 as our_quantity, 2 as their_quantity,"
            " -1 as quantity_difference, null as cost_difference, null as market_value_difference,"
            " null as last_agreement_at, null as first_fill_at from (values"
            " ('main', null, 'AAPL', null, 'agrees', 2),"
            " ('main', null, 'MSFT', null, 'differs', 2),"
            " ('main', null, null, 'USD', 'only_ours', 2), ('main', null, 'F', null, 'differs', 1),"
            " ('main', 'x', 'AAPL', null, 'agrees', 1), ('ira', null, 'F', null, 'differs', 1),"
            " ('ira', null, 'F', null, 'agrees', 3), ('ira', null, null, 'USD', 'agrees', 3))"
            " as t (account_id, exchange, symbol, currency, status, as_of)"
        )
        shown = figures.table(connection, STATEMENTS)
    assert [(row[0], row[1], row[2], row[8], row[9]) for row in shown.rows] == [
        ("ira", "2 of 2", "agrees", None, 3),
        ("main", "1 of 1", "agrees", "x", 1),
        ("main", "MSFT", "differs", None, 2),
        ("main", "USD", "only_ours", None, 2),
    ]


def test_an_empty_publication_says_so(chromium, sample, tmp_path):
    """Every relation is there and none has a row, as after the first cycle of all."""
    empty = tmp_path / "empty.duckdb"
    names = "ohlcv_bars portfolio_snapshots current_positions round_trips tick_gaps"
    with duckdb.connect(str(empty)) as connection:
        connection.execute(
            f"attach '{sample / 'published' / 'trading.duckdb'}' as whole (read_only)"
        )
        for name in f"{names} reconciliation landings rejected_rows system_metrics".split():
            connection.execute(f"create table {name} as from whole.{name} limit 0")
    path = tmp_path / "empty.html"
    path.write_text(pages.page(gather(empty, [], [])))
    page = opened(chromium, path, 390, "dark")
    for sentence in ("There are no bars yet.", "No position is open.", "Nothing has landed."):
        expect(page.locator("body")).to_contain_text(sentence)
    page.context.close()


def test_wrong_choices_list_what_there_is(sample, tmp_path):
    path = sample / "published" / "trading.duckdb"
    with pytest.raises(UsageError, match="no bars of NIX; there are: AIG, BTCUSDT"):
        gather(path, ["NIX"], [])
    with pytest.raises(UsageError, match="no bars of 2m; there are: 1m, 5m, 15m, 1h, 1d"):
        gather(path, [], ["2m"])
    with pytest.raises(NotPublishedError, match="run `ingest cycle`"):
        gather(tmp_path / "none.duckdb", [], [])


def test_the_library_is_the_one_that_is_named():
    found = hashlib.sha256((ASSETS / "lightweight-charts.js").read_bytes()).hexdigest()
    assert f"`sha256`: {found}" in (REPOSITORY / "docs" / "dependencies.md").read_text()
    assert b"</script" not in (ASSETS / "lightweight-charts.js").read_bytes()
