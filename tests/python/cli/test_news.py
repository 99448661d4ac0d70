"""What tells that a cycle has nothing to do, and everything that tells that it has."""

from collections.abc import Callable
from pathlib import Path

import pytest
from testkit import land_text, new_database, register_cold_file

from python_ingest.cli import news as looked
from python_ingest.cli.news import News, begin, news, nothing_new, remember, views_stand
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer

AT = 1_700_000_000.0  # of a quarter of an hour that ends 100 s later
FILES = frozenset({("models/bars.sql", 1)})


@pytest.fixture
def cycled(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A warehouse after a cycle that left nothing."""
    monkeypatch.setattr(looked.time, "time", lambda: AT)
    monkeypatch.setattr(looked, "project_files", lambda: FILES)
    new_database(settings)
    settings.published_path.parent.mkdir(parents=True)
    settings.published_path.write_text("published")
    remember(settings, begin(settings), news(settings))
    return settings


def land(settings: Settings, kind: str, text: str) -> None:
    result = land_text(settings, kind, settings.data_dir / f"{kind}.ndjson", text)
    assert result.state == "landed"


def land_metrics(settings: Settings, _: pytest.MonkeyPatch) -> None:
    land(
        settings,
        "metrics",
        '{"timestamp": "2024-08-08", "metric_name": "lag", "metric_type": "gauge", "value": 1}\n',
    )


def land_what_is_rejected(settings: Settings, _: pytest.MonkeyPatch) -> None:
    land(settings, "cash", '{"event_id": "1", "event_time": "noon"}\n')


def wait_in_the_spool(settings: Settings, _: pytest.MonkeyPatch) -> None:
    settings.spool_dir.mkdir(exist_ok=True)
    (settings.spool_dir / "1-ticks-x.parquet").touch()


def bring_a_day_back(settings: Settings, _: pytest.MonkeyPatch) -> None:
    with open_writer(settings) as connection:
        said = {"state": "restored", "restored_at": "2024-01-03"}
        register_cold_file(connection, "market_ticks", "2024-01-01", **said)


def change_a_table(settings: Settings, _: pytest.MonkeyPatch) -> None:
    with open_writer(settings) as connection:  # as a manual snapshot or an extraction does
        connection.execute("create table main.mine as select 1 as id")


def change_the_project(_: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looked, "project_files", lambda: frozenset({("models/bars.sql", 2)}))


def change_a_variable(_: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_DUCKDB_FOR_READS", "false")


def extract_again(settings: Settings, _: pytest.MonkeyPatch) -> None:
    manifest = settings.data_dir / "extracts/orders/manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")


def replace_the_publication(settings: Settings, _: pytest.MonkeyPatch) -> None:
    settings.published_path.write_text("published by somebody else")


def remove_the_publication(settings: Settings, _: pytest.MonkeyPatch) -> None:
    settings.published_path.unlink()


def end_the_quarter(_: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looked.time, "time", lambda: AT + 100)


def set_the_clock_back(_: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looked.time, "time", lambda: AT - 1)


def begin_a_cycle(settings: Settings, _: pytest.MonkeyPatch) -> None:
    begin(settings)  # and be killed


def damage_the_note(settings: Settings, _: pytest.MonkeyPatch) -> None:
    (settings.data_dir / "last_cycle.json").write_text('{"of":')


def test_nothing_is_new(cycled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looked.time, "time", lambda: AT + 99)
    monkeypatch.setenv("UNRELATED", "1")
    assert nothing_new(cycled)  # to look is no change
    assert nothing_new(cycled) == (
        "nothing new since the cycle of 22:13:20 UTC; one for marks and retention is due at"
        " 22:15:00 UTC; --force runs it now"
    )


@pytest.mark.parametrize(
    "change",
    [
        land_metrics, land_what_is_rejected, wait_in_the_spool, bring_a_day_back, change_a_table,
        change_the_project, change_a_variable, extract_again, replace_the_publication,
        remove_the_publication, end_the_quarter, set_the_clock_back, begin_a_cycle, damage_the_note,
    ],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_something_is_new(
    cycled: Settings,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Settings, pytest.MonkeyPatch], None],
) -> None:
    assert nothing_new(cycled)
    change(cycled, monkeypatch)
    assert nothing_new(cycled) is None


def change_a_view(settings: Settings, _: pytest.MonkeyPatch) -> None:
    with open_writer(settings) as connection:  # as a build with other variables does
        connection.execute("create view main.mine as select 1 as id")


def stand(settings: Settings) -> bool:
    begun = begin(settings)
    with open_writer(settings) as connection:
        return views_stand(connection, begun)


@pytest.mark.parametrize("change", [land_metrics, wait_in_the_spool, change_a_table])
def test_views_stand_whatever_lands(
    cycled: Settings,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Settings, pytest.MonkeyPatch], None],
) -> None:
    change(cycled, monkeypatch)
    assert stand(cycled)
    assert not stand(cycled)  # after a cycle that was killed


@pytest.mark.parametrize(
    "change",
    [
        change_a_view, change_the_project, change_a_variable, extract_again, end_the_quarter,
        set_the_clock_back, begin_a_cycle, damage_the_note,
    ],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_views_are_made_anew(
    cycled: Settings,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Settings, pytest.MonkeyPatch], None],
) -> None:
    change(cycled, monkeypatch)
    assert not stand(cycled)


def test_a_setting_is_news(cycled: Settings, tmp_path: Path) -> None:
    config = tmp_path / "database.toml"
    config.write_text("[observability]\nslow_query_threshold_ms = 5\n")
    assert nothing_new(load_settings(config, {"DATA_DIR": str(cycled.data_dir)})) is None


def test_what_changes_during_a_cycle_is_news_after_it(
    cycled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, newest = begin(cycled), news(cycled)
    land_what_is_rejected(cycled, monkeypatch)
    remember(cycled, begun, newest)
    assert nothing_new(cycled) is None
    begun, newest = begin(cycled), news(cycled)
    change_the_project(cycled, monkeypatch)
    remember(cycled, begun, newest)
    assert nothing_new(cycled) is None
    assert newest == News(newest.batch, None, ())
