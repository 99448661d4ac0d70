"""The docs site in a browser: where is a bar's close computed, what tests it, who uses it?"""

import pytest
from playwright.sync_api import Page, expect
from sample_build import dbt


@pytest.fixture(scope="module")
def site(sample, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("docs")
    dbt(sample, "docs", "generate", "--static", "--no-compile")
    page = folder / "index.html"
    (sample / "dbt" / "static_index.html").rename(page)
    return page.as_uri()


@pytest.fixture
def page(chromium, site) -> Page:
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(240_000)  # a busy machine takes long for some megabytes of JSON
    page.elsewhere = []
    page.on("request", lambda r: page.elsewhere.append(r.url) if "file:" not in r.url else None)
    yield page
    assert page.elsewhere == []  # it opens without a network
    page.close()


def lineage(page: Page) -> set[str]:
    """Names of the nodes that the lineage graph shows."""
    page.locator("[ng-click='onLauncherClick()']").click()
    graph = (
        "[...document.querySelectorAll('*')].map(e => e._cyreg && e._cyreg.cy)"
        ".find(cy => cy && cy.nodes(':visible').length > 1)"
    )
    page.wait_for_function(graph)
    return set(page.evaluate(f"{graph}.nodes(':visible').map(node => node.data('label'))"))


def test_lineage_of_the_bars(page, site):
    page.goto(f"{site}#!/model/model.trading.ohlcv_bars")
    expect(page.get_by_role("heading", level=1)).to_contain_text("ohlcv_bars")
    shown = lineage(page)
    assert {"ohlcv_bars_warm", "ohlcv_bars", "Report"} <= shown


def test_where_the_close_is_computed_what_tests_it_and_who_uses_it(page, site):
    page.goto(f"{site}#!/model/model.trading.ohlcv_bars")
    expect(page.get_by_role("heading", level=1)).to_contain_text("ohlcv_bars")
    text = page.locator("body")
    expect(text).to_contain_text("Market Data <market-data@trading.example>")
    page.locator("tr", has=page.get_by_text("close", exact=True)).first.click()
    expect(text).to_contain_text("Computed in ohlcv_bars_warm from the minutes of int_minute_bars")
    for tab, names in (
        ("Data Tests", ("bar_prices_are_ordered", "bars_add_up", "no_bar_without_a_tick")),
        ("Exposures", ("report", "trading_application")),
        ("Models", ("ohlcv_bars_filled", "export_ohlcv_bars")),
    ):
        page.locator("li a").get_by_text(tab, exact=True).first.click()
        for name in names:
            expect(
                page.get_by_role("link", name=name, exact=True).locator("visible=true").first
            ).to_be_visible()


def test_the_first_page_says_where_to_look(page, site):
    page.goto(site)
    columns = page.get_by_role("link", name="Of which columns is a column made?").first
    expect(columns).to_have_attribute("href", "lineage.html")
    page.get_by_role("link", name="ohlcv_bars_warm", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ohlcv_bars_warm")


def test_the_accounting_fold_is_a_step(page, site):
    """Between the events and the states, and it says what computes it."""
    page.goto(f"{site}#!/model/model.trading.int_position_folds")
    expect(page.locator("body")).to_contain_text("fold_positions")
    assert {"int_position_events", "int_position_folds", "int_position_states"} <= lineage(page)
