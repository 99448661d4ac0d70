"""Column lineage of the sample warehouse: each column has an answer, and it is the right one."""

import json
from pathlib import Path

import duckdb
import perturbed
import pytest
from forked import run_dbt
from playwright.sync_api import Page, expect
from sample_build import REPOSITORY

from tools.lineage.page import page as made_page
from tools.lineage.plan import Source
from tools.lineage.warehouse import (
    columns_of,
    empty_warehouse,
    own_functions,
    relations,
    selects,
    types,
)

KEPT = REPOSITORY / "target" / "screenshots"
# What the sample has none of, and eight invented rows do not come through its filters.
UNCONFIRMED = {"tick_gaps"}


@pytest.fixture(scope="module")
def manifest(sample):
    done = run_dbt(sample, "compile", "--full-refresh", target="lineage")
    assert done.returncode == 0, done.stdout
    return json.loads((sample / "lineage" / "manifest.json").read_text())


@pytest.fixture(scope="module")
def columns(sample):
    with duckdb.connect(str(sample / "trading.duckdb"), read_only=True) as connection:
        return types(connection)


@pytest.fixture(scope="module")
def found(manifest, columns):
    return relations(manifest, columns, "trading")


def bottom(found, source: Source) -> set[Source]:
    """Where the values of a column come from: columns of relations that no SELECT makes."""
    below, seen = [source], set()
    while below:
        it = below.pop()
        if it not in seen:
            seen.add(it)
            made = found[it.relation].columns
            below += made[it.column].made_from if made else ()
    return {it for it in seen if not found[it.relation].columns}


def test_every_column_of_every_model_has_an_answer(found, columns, manifest):
    made = {name: it for name, it in found.items() if it.node.startswith(("model.", "snapshot."))}
    assert {it.node for it in made.values()} >= {
        name for name in manifest["nodes"] if name.startswith(("model.", "snapshot."))
    }
    for name, relation in made.items():
        assert relation.unknown == ""
        assert list(relation.columns) == list(columns[name])
        for column in relation.columns.values():
            for source in column.all:
                assert source.column in columns[source.relation]


def test_every_column_of_a_mart_goes_down_to_what_was_landed(found, columns):
    """But what is counted, told to the build, or constant: these, and no others."""
    nowhere = {
        f"{name.removeprefix('main.')}.{column}"
        for name in columns
        if name.startswith("main.")
        for column in columns[name]
        if not bottom(found, Source(name, column))
    }
    assert nowhere == {
        "account_snapshots.snapshot_type",
        "monthly_returns.currency",
        "monthly_returns.days",
        "ohlcv_bars.built_at",
        "ohlcv_bars_filled.is_filled",
        "performance.currency",
        "performance.days",
        "performance.days_per_year",
        "performance.risk_free_rate",
        "portfolio_snapshots.snapshot_type",
        "system_metrics_1h.sample_count",
        "trip_performance.trips",
    }


def test_the_accounting_fold_is_the_step_it_is(found):
    fold = found["intermediate.int_position_folds"].columns["realized_pnl"]
    assert fold.functions & own_functions() == {"fold_positions"}
    assert {
        Source("intermediate.int_position_events", name) for name in ("price", "quantity", "ratio")
    } <= fold.made_from
    lots = found["intermediate.int_lot_changes"].columns["realized_pnl_delta"]
    assert lots.functions & own_functions() == {"fold_position_lots"}
    assert Source("raw.order_events", "fill_price") in bottom(
        found, Source("main.positions", "realized_pnl")
    )


def test_what_changes_a_column_is_in_its_lineage(sample, manifest, columns, found):
    """Of each mart: other values in the relations that it reads change no column but by lineage."""
    tried = {}
    with empty_warehouse(columns, "trading") as connection:
        connection.execute("set threads = 1")
        connection.execute(f"attach '{sample / 'trading.duckdb'}' as sample (read_only)")
        perturbed.fill(connection, columns, "sample")
        for name, sql, node in selects(manifest):
            if name.startswith("main.") and node["resource_type"] == "model":
                lineage, _ = columns_of(connection, sql)
                tried[name.removeprefix("main.")] = perturbed.tried(
                    connection, sql, lineage, columns
                )
    assert {name: it.wrong for name, it in tried.items() if it.wrong} == {}
    assert {name for name, it in tried.items() if not it.confirmed} == UNCONFIRMED
    claimed, confirmed = perturbed.together(list(tried.values()))
    print(f"{confirmed} of {claimed} pairs of column and source confirmed")
    assert confirmed > 0.85 * claimed


def test_a_wrong_lineage_is_found(columns):
    """Where a source is left out, or a column has another's."""
    tables = {
        "main.p": {"a": "INTEGER", "b": "INTEGER"},
        "main.q": {"c": "INTEGER", "d": "INTEGER"},
    }
    sql = "select a as x, b as y from main.p union all by name select d as y, c as x from main.q"
    with empty_warehouse(tables, "trading") as connection:
        connection.execute("insert into p values (1, 2), (3, 4)")
        connection.execute("insert into q values (5, 6), (7, 8)")
        right, _ = columns_of(connection, sql)
        tried = perturbed.tried(connection, sql, right, tables)
        assert (tried.wrong, len(tried.confirmed), len(tried.claimed)) == (set(), 4, 4)
        swapped = {"x": right["y"], "y": right["x"]}
        assert len(perturbed.tried(connection, sql, swapped, tables).wrong) == 4


@pytest.fixture(scope="module")
def site(found, columns, manifest, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("lineage") / "lineage.html"
    out.write_text(made_page(found, columns, manifest), encoding="utf-8")
    return out


@pytest.fixture(params=[(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def page(chromium, site, request) -> Page:
    width, scheme = request.param
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, is_mobile=width < 600
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    problems = []
    page.on("request", lambda r: problems.append(r.url) if "file:" not in r.url else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(site.as_uri())
    yield page
    KEPT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=KEPT / f"lineage-{width}-{scheme}.png")
    assert problems == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    context.close()


def test_a_person_finds_a_column_and_walks_down(page):
    page.get_by_role("searchbox").fill("positions.realized")
    page.get_by_role("link", name="positions.realized_pnl", exact=True).click()
    shown = page.get_by_role("main")
    expect(shown).to_contain_text("Used by")
    expect(shown).to_contain_text("raw.order_events.fill_price")
    for name in (
        "warm.positions_warm.realized_pnl",
        "intermediate.int_position_valuations.realized_pnl",
    ):
        page.locator("summary", has_text=name).first.click()
    page.goto(page.url.split("#")[0] + "#intermediate.int_position_folds.realized_pnl")
    expect(shown).to_contain_text("made by fold_positions from")
    page.get_by_role("link", name="intermediate.int_position_folds", exact=True).click()
    expect(shown.locator("dt", has_text="average_price")).to_be_visible()
