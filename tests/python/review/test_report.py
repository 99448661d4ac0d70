"""The report in a browser, at the widths and in the light in which it is read."""

import hashlib
import json
import re
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from playwright.sync_api import Page, expect
from sample_build import REPOSITORY

from python_ingest.errors import NotPublishedError, UsageError
from python_ingest.reporting import figures
from python_ingest.reporting import page as pages
from python_ingest.reporting import report as reports
from python_ingest.reporting.figures import Chart, Series, Table
from python_ingest.reporting.report import gather

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
    # Falling prices, vwap and fills; the lines of equity and return, what came and went: all there.
    drawn = {chart: colours(page, chart) for chart in ("#bars", "#equity")}
    assert drawn["#bars"].get(named(page, "--down"), 0) > 200
    assert drawn["#equity"].get(named(page, "--accent"), 0) > 100
    for chart, seen in drawn.items():
        assert seen.get(named(page, "--second"), 0) > 50, chart
        for fill in ("--buy", "--sell"):
            assert seen.get(named(page, fill), 0) > 30, (chart, fill)
    page.context.close()


def test_a_chosen_symbol_and_timeframe_are_shown(chromium, report, published):
    page = opened(chromium, report, 1280, "light")
    page.get_by_role("button", name="AIG").click()
    page.get_by_role("button", name="1h", exact=True).click()
    expect(page.get_by_role("button", name="1h", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    bar = published.execute(
        "select strftime(timestamp, '%Y-%m-%d %H:%M'), open, high, low, close, vwap, volume"
        " from ohlcv_bars where symbol = 'AIG' and timeframe = '1h' order by timestamp desc limit 1"
    ).fetchone()
    said = page.locator("#bars-legend").inner_text().replace(",", "")
    assert said.startswith(bar[0])
    numbers = [float(text) for text in re.findall(r"[a-z] ([\d.]+)", said)]
    assert numbers == pytest.approx([float(value) for value in bar[1:]], abs=0.005)
    assert f"vwap {bar[-2]:.2f} USD" in said
    page.context.close()


def test_figures_are_those_of_the_publication(chromium, report, published):
    page = opened(chromium, report, 1280, "light")
    equity = published.execute(
        "select arg_max(equity, snapshot_time) from portfolio_snapshots"
    ).fetchone()[0]
    expect(page.locator("#equity-legend")).to_contain_text(f"equity {equity:,}")
    positions = page.locator("[data-part=positions] tbody tr")
    held = published.execute("select quantity::varchar from current_positions").fetchall()
    assert positions.count() == len(held)
    for (quantity,) in held:
        expect(positions.filter(has_text=quantity.rstrip("0"))).to_have_count(1)
    trips = page.locator("[data-part=trips] tbody tr")
    (expected,) = published.execute("select count(*) from round_trips").fetchone()
    assert trips.count() == expected
    landed = published.execute("select sum(rows_landed) from landings where kind = 'ticks'")
    expect(page.locator("[data-part=health]")).to_contain_text(f"{landed.fetchone()[0]:,}")
    page.context.close()


def test_a_range_shows_its_bars_in_the_length_that_has_room(chromium, report, published):
    page = opened(chromium, report, 1280, "light")
    page.get_by_role("button", name="AIG").click()
    ranges = page.get_by_role("navigation", name="Range of the bars")
    pressed = page.locator("#timeframes [aria-pressed=true]")
    for name, timeframe, shown in (("Day", "1m", 86400), ("Month", "1h", 31 * 86400)):
        ranges.get_by_role("button", name=name).click()
        expect(pressed).to_have_text(timeframe)
        first = published.execute(
            "select min(timestamp) from ohlcv_bars where symbol = 'AIG'"
            " and timeframe = $timeframe and timestamp > (select max(timestamp) from ohlcv_bars"
            " where symbol = 'AIG' and timeframe = $timeframe) - to_seconds($shown)",
            {"timeframe": timeframe, "shown": shown},
        ).fetchone()[0]
        # The first bar of the range lies at the left edge, where a pixel may be three minutes.
        box = page.locator("#bars").bounding_box()
        page.mouse.move(box["x"] + 2, box["y"] + 100)
        page.wait_for_function("document.querySelector('#bars-legend').textContent < '2013-10-08'")
        said = datetime.fromisoformat(page.locator("#bars-legend").inner_text()[:16])
        assert abs(said - first) < timedelta(minutes=10)
        page.mouse.move(0, 0)
    page.context.close()


def test_a_fill_is_on_its_bar_and_the_keyboard_reads_it(chromium, report, published):
    page = opened(chromium, report, 1280, "light")
    page.get_by_role("button", name="1m", exact=True).click()
    minutes = published.execute(
        "select strftime(time_bucket(interval 1 minute, executed_at), '%Y-%m-%d %H:%M'),"
        " count(*) filter (where side = 'buy'), count(*) filter (where side = 'sell')"
        " from trades where symbol = 'BTCUSDT' group by 1 order by 1 desc"
    ).fetchall()
    assert len(minutes) > 3
    legend = page.locator("#bars-legend")
    page.locator("#bars").focus()
    page.keyboard.press("ArrowRight")
    for minute, bought, sold in minutes:
        expect(legend).to_contain_text(minute)
        said = legend.inner_text()
        counts = dict(re.findall(r"(bought|sold) .*? USDT \((\d+) fills?\)", said))
        assert counts == {
            name: str(count) for name, count in (("bought", bought), ("sold", sold)) if count
        }
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("img", name="Candlesticks of BTCUSDT on binance, 1m")).to_be_visible()
    page.context.close()


def test_every_amount_says_what_it_is_in(chromium, report):
    page = opened(chromium, report, 1280, "light")
    for part, columns in {
        "positions": ["unrealized pnl", "average", "price", "market value", "realized pnl"],
        "exposure": ["net", "gross"],
        "trips": ["net pnl", "entry", "exit"],
        "flows": ["amount"],
        "months": ["net pnl"],
    }.items():
        table = page.locator(f"[data-part={part}] table")
        heads = table.locator("th[scope=col]").all_inner_texts()
        for column in columns:
            cells = table.locator(f"tbody tr > :nth-child({heads.index(column) + 1})")
            assert cells.count() > 0
            for text in cells.all_inner_texts():
                assert re.fullmatch(r"-?[\d,]+\.\d+ (USD|USDT)", text), (part, column, text)
    for card in page.locator("[data-part=now] dd:first-of-type").all_inner_texts():
        assert card.endswith(" USD")
    page.context.close()


def test_deposits_and_withdrawals_are_marked_beside_the_return(chromium, report, published):
    page = opened(chromium, report, 1280, "light")
    index, money_in, money_out = published.execute(
        "select (select arg_max(total_pnl_pct, snapshot_time) from portfolio_snapshots),"
        " max(amount)::decimal(38, 2), min(amount)::decimal(38, 2) from cash_events"
        " where part = 'flow' and event_time > '2024-01-01'"
    ).fetchone()
    for text in (
        f"return index {index:,.4f} %",
        f"deposited {money_in:,} USD",
        f"withdrawn {-money_out:,} USD",
    ):
        expect(page.locator("#equity-legend")).to_contain_text(text)
    expect(page.locator("[data-part=flows] tbody tr")).to_have_count(3)
    page.context.close()


def daily_returns(published: duckdb.DuckDBPyConnection) -> pd.Series:
    """What the portfolio returned each day, from its equity and flows alone."""
    found = published.execute(
        "select snapshot_time, total_pnl_pct from portfolio_snapshots"
        " where snapshot_type = 'eod' order by 1"
    ).df()
    index = 1 + found["total_pnl_pct"].astype(float) / 100
    days = pd.DatetimeIndex(found["snapshot_time"]) - pd.Timedelta(days=1)
    index = pd.concat([pd.Series([1.0], [days[0] - pd.Timedelta(days=1)]), index.set_axis(days)])
    return index.pct_change().iloc[1:]


def card(page: Page, name: str) -> list[str]:
    """The figures of that name, each with what it is of."""
    cards = page.locator("[data-part=ratios] > div", has=page.get_by_text(name, exact=True))
    return cards.all_inner_texts()


def test_ratios_are_what_pandas_computes(chromium, report, published):
    daily = daily_returns(published)
    # A year of 252 days: Saturday and Sunday count with Monday.
    to_monday = np.select([daily.index.day_of_week == 5, daily.index.day_of_week == 6], [2, 1], 0)
    monday = daily.index + pd.to_timedelta(to_monday, "D")
    kept = (1 + daily).groupby(monday).prod().sub(1)
    kept = kept[kept.index <= daily.index[-1]]
    sharpe = kept.mean() / kept.std() * np.sqrt(252)
    sortino = kept.mean() / np.sqrt((kept.clip(upper=0) ** 2).mean()) * np.sqrt(252)
    found = published.execute(
        "select sharpe_ratio, sortino_ratio, days from performance where account_id = 'all'"
    ).fetchone()
    assert [float(value) for value in found[:2]] == pytest.approx([sharpe, sortino], abs=0.002)
    assert found[2] == len(kept)
    page = opened(chromium, report, 1280, "light")
    for name, value in (("Sharpe ratio", found[0]), ("Sortino ratio", found[1])):
        (said,) = card(page, name)
        assert f"{value}" in said
        assert f"of {len(kept)} days, 252 a year, risk-free rate 0 %" in said

    trips = published.execute("select currency, net_pnl::double as net from round_trips").df()
    for currency, net in trips.groupby("currency")["net"]:
        (rate,) = card(page, f"Win rate, {currency}")
        assert f"{100 * (net > 0).mean():.2f} %" in rate
        assert f"{(net > 0).sum()} of {len(net)} round trips" in rate
        (factor,) = card(page, f"Profit factor, {currency}")
        assert f"{net[net > 0].sum() / -net[net < 0].sum():.4f}" in factor
    page.context.close()


def test_months_return_what_their_days_do(chromium, report, published):
    daily = daily_returns(published)
    monthly = (1 + daily).groupby([daily.index.year, daily.index.month]).prod().sub(1).mul(100)
    page = opened(chromium, report, 1280, "light")
    rows = page.locator("[data-part=months] tbody tr").all_inner_texts()
    shown = {
        (int(year), month): float(text)
        for year, *months in (row.split("\t") for row in rows)
        for month, text in enumerate(months[:12], start=1)
        if text.strip()
    }
    assert shown.keys() == set(monthly.index)
    assert any(shown.values())
    for month, value in monthly.items():
        assert shown[month] == pytest.approx(value, abs=0.0051), month
    page.context.close()


def test_the_axis_leaves_out_what_does_not_change():
    """It begins where something happens; of a flat stretch only the ends are there."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table portfolio_snapshots as"
            " select timestamp '2024-01-01' + to_days(day::integer) as snapshot_time,"
            " 'eod' as snapshot_type, equity, equity - if(equity > 0, 100, 0) as total_pnl,"
            " equity - 100 as total_pnl_pct"
            " from (select unnest(range(9)) as day,"
            " unnest([0, 0, 100, 100, 100, 100, 90, 95, 95]) as equity)"
        )
        points = connection.execute(figures.query("equity")).fetchall()
    days = [(second - 1704067200) // 86400 for second, *_ in points]
    assert days == [2, 5, 6, 7, 8]
    assert [row[1:3] for row in points] == [(100, 0), (100, 0), (90, 10), (95, 5), (95, 5)]


def test_the_slowest_are_no_hooks():
    """A cycle with nothing new runs hooks only: the build before is shown."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table system_metrics as select 'dbt.node.duration_ms' as metric_name,"
            " t as timestamp, {'component': c, 'instance': i} as labels, v as value from (values"
            " (1, 'model.a', 'old', 9.0), (2, 'model.a', 'new', 3.4), (3, 'test.b', 'new', 5.0),"
            " (4, 'operation.end', 'new', 99.0), (5, 'operation.end', 'hooks', 50.0))"
            " as v (t, c, i, v)"
        )
        assert connection.execute(figures.query("slowest")).fetchall() == [
            ("test.b", 5),
            ("model.a", 3),
        ]


NOTHING = Table([], [], 0)


def test_names_are_text_and_never_markup(chromium, tmp_path):
    evil = "</script><script>document.title = 'taken'</script><img src=x onerror=alert(1)>"
    bars = [[60, 1.0, 2.0, 0.5, 1.5, 3.0, 1.1], [120, 1.5, 2.0, 1.0, 1.2, 1.0, None]]
    money = {"amount": "-1234.5", "currency": evil}
    page = pages.Report(
        made_at="now",
        series=[Series("x", evil, evil, evil, [("1m", 60, 2)])],
        charts=[Chart("x", evil, "1m", 2, bars, [])],
        moving=pages.Moving(
            equity=[],
            flows=Table(["second", "amount"], [[60, money]], 1),
            now=NOTHING,
            positions=Table(["symbol", "net_pnl"], [[evil, money]], 1),
            exposure=NOTHING,
        ),
        standing=pages.Standing(
            facts={"Published": evil},
            ratios=Table(["name", "value", "note"], [[evil, evil, evil]], 1),
            months=NOTHING,
            trips=NOTHING,
            statements=Table(["item"], [[evil]], 1),
            health={"Gaps": Table([evil], [[evil]], 120)},
        ),
    )
    path = tmp_path / "evil.html"
    path.write_text(pages.page(page))
    shown = opened(chromium, path, 1280, "light")
    assert shown.title() == "Trading report"
    expect(shown.get_by_role("button", name=evil)).to_be_visible()
    expect(shown.locator("body")).to_contain_text("and 119 more")
    expect(shown.locator("body")).to_contain_text("There is no portfolio yet.")
    expect(shown.locator("td.loss")).to_have_text(f"-1,234.50 {evil}")
    shown.context.close()


def test_many_symbols_are_a_list(chromium, report, tmp_path):
    """Forty of them, each with its own chart, fit a phone."""
    text = report.read_text()
    data = json.loads(re.search(r'<script id="data".*?>(.*?)</script>', text, re.DOTALL)[1])
    symbols = [f"S{number:02}" for number in range(40)]
    one = {"exchange": "x", "currency": "USD", "unit": "", "timeframes": [["1m", 60, 30]]}
    data["series"] = [one | {"symbol": symbol} for symbol in symbols]
    data["charts"] = [
        {"exchange": "x", "symbol": symbol, "timeframe": "1m", "digits": 2, "fills": []}
        | {"bars": [[60 * n, 1, 2, 1, 2 + at, 1, None] for n in range(30)]}
        for at, symbol in enumerate(symbols)
    ]
    path = tmp_path / "many.html"
    path.write_text(
        re.sub(
            r'(<script id="data".*?>).*?(</script>)',
            lambda found: found[1] + json.dumps(data) + found[2],
            text,
            count=1,
            flags=re.DOTALL,
        )
    )
    page = opened(chromium, path, 390, "light")
    page.get_by_role("combobox", name="Symbol").select_option("S39 · x")
    expect(page.locator("#bars-legend")).to_contain_text("close 41.00 USD")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.context.close()


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ({"amount": "1234567.891"}, "1,234,567.89"),
        ({"amount": "-0.00121212"}, "-0.001212"),
        ({"amount": "0"}, "0.00"),
        ({"price": "1.234567"}, "1.23457"),
        ({"price": "61597.2"}, "61,597.20"),
        ({"price": "1000000"}, "1,000,000.00"),
    ],
)
def test_an_amount_has_the_digits_that_people_read(amount, shown):
    (number,) = amount.values()
    found = pages._amount(amount | {"currency": "BTC"})
    assert found == f'<span title="{number}">{shown}</span> <small>BTC</small>'


def test_no_digit_of_an_amount_is_lost():
    """A DECIMAL has 38 digits, ten more than Python's arithmetic keeps."""
    for text in ("123456789012.123456789012345678", "-9999999999999999999999999999.9999999999"):
        assert figures._value(Decimal(text)) == text
        assert text in pages._amount({"amount": figures._value(Decimal(text)), "currency": "X"})
    assert figures._value(Decimal("-120.500")) == "-120.5"
    assert [figures._value(Decimal(zero)) for zero in ("0.00", "-0.0", "0E+3")] == ["0"] * 3
    assert figures._value(Decimal("1200")) == figures._value(Decimal("1.2E+3")) == "1200"


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
            " as t (account_id, exchange, symbol, currency, status, as_of);"
            "create table instrument_terms (exchange text, symbol text, settle_currency text)"
        )
        found = connection.execute(figures.query("statements")).fetchall()
    assert [(row[0], row[1], row[2], row[8], row[9]) for row in found] == [
        ("ira", "2 of 2", "agrees", None, 3),
        ("main", "1 of 1", "agrees", "x", 1),
        ("main", "MSFT", "differs", None, 2),
        ("main", "USD", "only_ours", None, 2),
    ]


def test_an_empty_publication_says_so(chromium, sample, tmp_path):
    """Every relation is there and none has a row, as after the first cycle of all."""
    empty = tmp_path / "empty.duckdb"
    names = yaml.safe_load((REPOSITORY / "models/marts/_exposures.yml").read_text())["exposures"]
    (report,) = (one["depends_on"] for one in names if one["name"] == "report")
    with duckdb.connect(str(empty)) as connection:
        connection.execute(
            f"attach '{sample / 'published' / 'trading.duckdb'}' as whole (read_only)"
        )
        for name in re.findall(r"ref\('(\w+)'\)", " ".join(report)):
            connection.execute(f"create table {name} as from whole.{name} limit 0")
    path = tmp_path / "empty.html"
    path.write_text(pages.page(gather(empty, [], [])))
    page = opened(chromium, path, 390, "dark")
    for sentence in (
        "There are no bars yet.",
        "There is no portfolio yet.",
        "No position is open.",
        "No day has ended yet.",
        "Nothing has landed.",
    ):
        expect(page.locator("body")).to_contain_text(sentence)
    expect(page.locator(".chart:visible")).to_have_count(0)
    page.context.close()


def test_wrong_choices_list_what_there_is(sample, tmp_path):
    path = sample / "published" / "trading.duckdb"
    with pytest.raises(UsageError, match="no bars of NIX; there are: AIG, BTCUSDT"):
        gather(path, ["NIX"], [])
    with pytest.raises(UsageError, match="no bars of 2m; there are: 1m, 5m, 15m, 1h, 1d"):
        gather(path, [], ["2m"])
    with pytest.raises(NotPublishedError, match="run `ingest cycle`"):
        gather(tmp_path / "none.duckdb", [], [])


def test_a_publication_from_before_the_first_build_says_so(tmp_path):
    """`ingest publish` after `ingest init`, or a newer version than the one that built it."""
    path = tmp_path / "trading.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(NotPublishedError, match=r"ohlcv_bars is not in .*: run `ingest cycle`"):
        gather(path, [], [])


def test_a_link_to_the_page_stays_one(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "gather", lambda *_: None)
    monkeypatch.setattr(reports, "page", lambda _: "a page")
    link, file = tmp_path / "report.html", tmp_path / "elsewhere.html"
    link.symlink_to(file)
    reports.write_report(settings, link, [], [])
    assert link.is_symlink()
    assert file.read_text() == "a page"


def test_the_library_is_the_one_that_is_named():
    found = hashlib.sha256((ASSETS / "lightweight-charts.js").read_bytes()).hexdigest()
    assert f"`sha256`: {found}" in (REPOSITORY / "docs" / "dependencies.md").read_text()
    assert b"</script" not in (ASSETS / "lightweight-charts.js").read_bytes()


def test_the_wheel_brings_what_the_page_is_made_of():
    packed = {
        file.distribution_path
        for file in WheelBuilder(str(REPOSITORY)).recurse_included_files()
        if "/reporting/" in file.distribution_path
    }
    needed = [*ASSETS.iterdir(), *(ASSETS.parent / "queries").iterdir()]
    assert len(needed) > 15
    assert packed >= {str(path.relative_to(REPOSITORY)) for path in needed}
