import errno
import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import jinja2
import pytest
from forked import run_ingest

from python_ingest.audit.rules import RULES
from python_ingest.audit.run import accept, audit
from python_ingest.errors import AuditFailedError, IngestError, NotInitialisedError
from python_ingest.landing.land import land_files
from python_ingest.landing.report import land_records, metric_record
from python_ingest.storage.writer import open_writer


def test_a_good_batch_passes_and_is_kept(landing, query):
    landing.ticks()
    newest = landing.orders()
    result = audit(landing.settings)
    assert result.passed
    assert (result.critical, result.warnings) == ([], [])
    assert query("select batch_id, passed, summary from raw.audits") == [
        (newest, True, "passed with 0 warnings")
    ]


@pytest.mark.parametrize(("quantity", "warnings"), [(10, 0), (9, 1), (0, 0)])
def test_a_fill_is_larger_than_an_order_whose_quantity_is_known(landing, quantity, warnings):
    landing.ticks()
    landing.orders(change=f"update raw.order_events set quantity = {quantity}")
    found = audit(landing.settings).warnings
    assert [w for w in found if "larger than its order" in w] == found
    assert len(found) == warnings


def test_the_default_data_folder_is_a_relative_one(landing, monkeypatch):
    landing.ticks()
    monkeypatch.chdir(landing.settings.data_dir.parent)
    name = Path(landing.settings.data_dir.name)
    result = audit(
        landing.settings.model_copy(
            update={"data_dir": name, "database_path": name / "trading.duckdb"}
        )
    )
    assert result.docs == name / "audit" / "data_docs" / "index.html"
    assert "<h2>Critical: 0</h2>" in result.docs.read_text()  # without the colour of an alarm


def _loaded_by(landing, statements):
    """Which of the slow libraries a new process has loaded when it has run them."""
    probe = (
        "import sys\n"
        "from python_ingest.audit.run import audit, loaded_beside\n"
        "from python_ingest.settings import load_settings\n"
        f"{statements}\n"
        "print(*sorted({'great_expectations', 'pandas'} & set(sys.modules)))\n"
    )
    env = {**os.environ, "DATA_DIR": str(landing.settings.data_dir)}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", probe]
    return subprocess.check_output(command, env=env, text=True, timeout=60).split()


BESIDE = "with loaded_beside(load_settings()): pass"


def test_nothing_new_is_no_work_and_loads_nothing_slow(landing, query):
    landing.ticks()
    assert not audit(landing.settings).nothing_new
    assert _loaded_by(landing, f"{BESIDE}\nassert audit(load_settings()).nothing_new") == []
    assert query("select count(*) from raw.audits") == [(1,)]


@pytest.mark.long
def test_what_an_audit_needs_is_loaded_beside_a_build(landing):
    landing.ticks()
    assert _loaded_by(landing, BESIDE) == ["great_expectations", "pandas"]


def test_what_a_cycle_reports_of_itself_is_judged_with_the_next_batch(landing):
    landing.ticks()
    assert audit(landing.settings).batch_id == 1
    land_records(landing.settings, [("metrics", metric_record("rows", 1, "landing", "ticks"))])
    assert audit(landing.settings).nothing_new
    landing.batches += 1
    landing.ticks()
    assert audit(landing.settings).batch_id == 3


def test_an_empty_database_has_nothing_new(landing):
    assert audit(landing.settings).nothing_new


@pytest.mark.parametrize(
    ("rejected", "change", "says"),
    [
        (
            51,
            "",
            "landings, ticks: most rows were rejected (rejected_share 0.50495, at most 0.5): 51 of"
            " 101, most in ticks_1.csv (reason); `ingest rejected` shows all; land what is right:"
            " ingest land ticks FILE",
        ),
        (
            0,
            "delete from raw.market_ticks where sequence_number = 7",
            "landings, ticks: manifest and tables disagree (batches_that_disagree 1, at most 0)",
        ),
        (
            1,
            "delete from raw.rejected_rows",
            "landings, ticks: manifest and tables disagree (batches_that_disagree 1, at most 0)",
        ),
        (
            0,
            "update raw.market_ticks set last_price = null where sequence_number = 8",
            "ticks, test AAA trade: ticks without any price were landed (unpriced 1, at most 0)",
        ),
        (
            0,
            "update raw.market_ticks set timestamp = first.timestamp,"
            " last_price = first.last_price,"
            " trade_id = first.trade_id, sequence_number = 2 from (from raw.market_ticks where"
            " sequence_number = 2) as first where market_ticks.sequence_number in (4, 6)",
            "ticks, test AAA trade: the same tick was landed twice (landed_twice 2, at most 0)",
        ),
    ],
)
def test_bad_ticks_stop_with_their_words(landing, query, rejected, change, says):
    landing.ticks(rows=50, rejected=rejected, change=change)
    result = audit(landing.settings)
    assert not result.passed
    assert says in result.critical
    with pytest.raises(AuditFailedError) as failure:
        result.require()
    assert says in str(failure.value)
    assert "\n" not in str(failure.value)
    assert query("select passed from raw.audits") == [(False,)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            "update raw.order_events set fill_price = null",
            "orders, test AAA fill: fills lack their quantity or price",
        ),
        (
            "update raw.order_events set event_id = 'x', event_type = 'fill', fill_quantity = 1,"
            " fill_price = 1, content_hash = 1",
            "orders, test AAA fill: the same event was landed twice (landed_twice 2, at most 0)",
        ),
    ],
)
def test_bad_events_stop_with_their_words(landing, change, says):
    landing.orders(change=change)
    result = audit(landing.settings)
    assert any(line.startswith(says) for line in result.critical)


def test_accounts_that_share_ids_are_no_repetition(landing):
    landing.orders(
        "update raw.order_events set event_id = 'x', event_type = 'created',"
        " account_id = 'a' || row_number"
    )
    assert audit(landing.settings).passed


def test_an_event_that_two_sources_tell_otherwise_is_no_repetition(landing, tmp_path):
    header = (
        "event_id,event_type,event_time,order_id,client_order_id,exchange,symbol,side,order_type,"
        "quantity,trade_id,fill_quantity,fill_price,source\n"
    )
    for source, price in (("websocket", 100), ("rest", 101)):
        file = tmp_path / f"{source}.csv"
        fill = f"f1,fill,2026-01-05 10:00:00,o1,c1,x,AAA,buy,limit,1,t1,1,{price},{source}\n"
        file.write_text(header + fill)
        land_files(landing.settings, "orders", [file])
    assert audit(landing.settings).passed


def test_copies_of_other_sources_are_no_repetition(landing):
    copies = (
        "update raw.order_events set event_id = 'x', event_type = 'created', content_hash = 1,"
        " source = ['websocket', 'rest', '{}'][row_number]"
    )
    landing.orders(copies.format("backfill"))
    assert audit(landing.settings).passed
    landing.orders(copies.format("rest"))
    (failed,) = audit(landing.settings).critical
    assert "the same event was landed twice (landed_twice 1, at most 0)" in failed


ODD = {
    "AAA quote: quotes are crossed": "bid_price = 101 where kind = 'quote'",
    "BBB trade: sizes are zero": "last_size = 0 where kind = 'trade'",
    "CCC trade: sizes are missing": "last_size = null where sequence_number = 8",
    "DDD trade: prices are zero or negative": "last_price = 0 where sequence_number = 8",
    "HHH trade: prices are zero or negative": "last_price = -1 where kind = 'trade'",
    "EEE trade: the highest price is a multiple of the lowest": (
        "last_price = 500 where sequence_number = 8"
    ),
    "FFF trade: ticks are dated after they were landed": (
        "timestamp = ingestion_time + interval 6 second where sequence_number = 48"
    ),
    "GGG trade: no tick for half a day (largest_gap_seconds 46820, at most 43200)": (
        "timestamp = timestamp - interval 13 hour where sequence_number = 0"
    ),
}


def test_odd_ticks_are_warnings_that_let_it_pass(landing):
    for says, change in ODD.items():
        symbol = says[:3]
        update = f"update raw.market_ticks set {change} and symbol = '{symbol}'"
        landing.ticks(symbol=symbol, change=update)
    result = audit(landing.settings)
    assert result.passed
    assert len(result.warnings) == len(ODD)
    for says in ODD:
        assert any(line.startswith(f"ticks, test {says}") for line in result.warnings), says


def test_conflicting_ticks_are_a_warning(landing):
    landing.ticks(
        change="insert into raw.tick_conflicts"
        " select batch_id, tick_id, 1, false from raw.market_ticks where sequence_number = 8"
    )
    (line,) = audit(landing.settings).warnings
    assert line.startswith("ticks, test AAA trade: ticks share a key but not their content")


def test_one_trade_at_two_clocks_is_no_warning(landing):
    landing.ticks(
        change="insert into raw.tick_conflicts"
        " select batch_id, tick_id, 1, true from raw.market_ticks where sequence_number = 8"
    )
    assert audit(landing.settings).warnings == []


def test_only_what_is_new_is_judged(landing):
    landing.ticks(change="update raw.market_ticks set bid_price = 101 where kind = 'quote'")
    assert audit(landing.settings).warnings
    landing.ticks()
    result = audit(landing.settings)
    assert result.warnings == []
    assert result.batch_id == 2


def test_what_failed_stays_in_the_way_until_somebody_accepts_it(landing, query):
    landing.ticks(rows=10, rejected=200)
    assert not audit(landing.settings).passed
    landing.ticks(rows=10)
    assert not audit(landing.settings).passed
    assert accept(landing.settings, "the vendor's test feed") == 2
    assert audit(landing.settings).nothing_new
    assert query("select passed, summary from raw.audits order by audited_at")[-1] == (
        True,
        "accepted: the vendor's test feed",
    )


def test_enough_good_rows_after_bad_ones_pass_again(landing):
    landing.ticks(rows=10, rejected=300)
    assert not audit(landing.settings).passed
    landing.ticks(rows=300)
    assert audit(landing.settings).passed


@pytest.mark.parametrize(
    ("landed", "rejected", "passes"),
    [
        (0, 30, True),
        (0, 99, True),
        (0, 100, False),
        (49, 50, True),
        (49, 51, False),
        (60, 40, True),
    ],
)
def test_a_share_of_few_rows_stops_nothing(landing, landed, rejected, passes):
    landing.ticks(rows=landed, rejected=rejected)
    result = audit(landing.settings)
    assert result.passed == passes
    (line,) = [*result.critical, *result.warnings]  # it is said in any case, once
    assert f": {rejected} of {landed + rejected}, most in ticks_1.csv (reason); `ingest" in line


def test_a_file_that_was_landed_wrongly_names_itself_its_reason_and_the_command(landing, tmp_path):
    """One mistyped --exchange, in a folder with a space, beside files that are right."""
    folder = tmp_path / "our orders"
    folder.mkdir()
    header = "event_id,event_type,event_time,order_id,client_order_id,exchange,symbol,side,"
    header += "order_type,quantity\n"
    wrong, right = folder / "wrong.csv", folder / "right.csv"
    for path, count in ((wrong, 30), (right, 1)):
        rows = [f"{path.stem}{n},created,2024-01-02,o,c,x,s,buy,limit,1\n" for n in range(count)]
        path.write_text(header + "".join(rows))
    land_files(landing.settings, "orders", [wrong], exchange="xx")
    land_files(landing.settings, "orders", [right])
    result = audit(landing.settings)
    assert (result.passed, result.critical) == (True, [])
    (line,) = [line for line in result.warnings if "rejected" in line]
    assert line == (
        "landings, orders: rows were rejected (rejected_share 0.967742, at most 0.01): 30 of 31,"
        f" most in {wrong} (exchange: it is of x, and --exchange says xx);"
        f" `ingest rejected` shows all; land what is right: ingest land orders '{wrong}'"
    )


def test_the_pages_say_it_and_need_nothing_from_elsewhere(landing):
    landing.ticks(rows=10, rejected=300)
    landing.orders()
    result = audit(landing.settings)
    assert result.docs == landing.settings.data_dir / "audit" / "data_docs" / "index.html"
    index = result.docs.read_text()
    assert "its rows are not published" in index
    assert "most rows were rejected" in index
    pages = list(result.docs.parent.rglob("*.html"))
    assert len(pages) == 1 + 3 + 3
    for page in pages:
        text = page.read_text()
        assert "http://" not in text
        assert "https://" not in text
        assert "audit.css" in text
        if page != result.docs:
            assert page.relative_to(result.docs.parent).as_posix() in index
    details = next(page for page in pages if "validations/landings" in page.as_posix())
    assert "rejected_share" in details.read_text()


def test_the_pages_of_the_last_audit_replace_the_ones_before(landing):
    landing.ticks(rows=10, rejected=300)
    audit(landing.settings)
    landing.ticks(rows=300)
    result = audit(landing.settings)
    assert result.docs is not None
    assert "The audit passed" in result.docs.read_text()
    assert len(list(result.docs.parent.rglob("validations/landings/**/*.html"))) == 1


def test_a_template_is_compiled_once(landing, monkeypatch):
    landing.ticks()
    audit(landing.settings)
    monkeypatch.delattr(jinja2.Environment, "_generate")
    landing.ticks()
    result = audit(landing.settings)
    assert "The audit passed" in result.docs.read_text()


def test_the_file_is_free_while_the_figures_are_judged(landing, monkeypatch):
    expectations = import_module("python_ingest.audit.expectations")  # 3 s: in one worker only
    judge = expectations.judge

    def judge_with_a_writer_beside(figures, docs):
        with open_writer(landing.settings) as connection:
            connection.execute("create table meanwhile (x integer)")
        return judge(figures, docs)

    monkeypatch.setattr(expectations, "judge", judge_with_a_writer_beside)
    landing.ticks()
    assert audit(landing.settings).passed


def test_an_older_schema_says_what_to_run(landing):
    with open_writer(landing.settings) as connection:
        connection.execute("drop table raw.audits; delete from raw.schema_versions")
        connection.execute("insert into raw.schema_versions values (1, '001_raw', now())")
    with pytest.raises(NotInitialisedError, match="ingest init"):
        audit(landing.settings)


def test_the_command_fails_with_one_line_and_can_accept(landing):
    landing.ticks(rows=10, rejected=300)
    failed = run_ingest(landing.settings.data_dir, "audit")
    assert failed.returncode == 1
    assert failed.stderr.startswith("ingest: the audit failed: landings")
    assert failed.stderr.count("\n") == 1
    accepted = run_ingest(landing.settings.data_dir, "audit", "--accept", "known")
    assert (accepted.returncode, accepted.stdout) == (
        0,
        "audit: accepted up to batch 1: known\n",
    )
    again = run_ingest(landing.settings.data_dir, "audit")
    assert again.stdout == "audit: nothing new since the last audit\n"


def test_failing_is_a_reason_not_a_crash():
    assert issubclass(AuditFailedError, IngestError)


def test_every_rule_has_its_own_words():
    assert len({(rule.frame, rule.says) for rule in RULES}) == len(RULES)


def test_a_page_that_has_no_room_ends_the_audit(landing, monkeypatch):
    """Great Expectations logs a traceback of it and goes on with the next page."""
    backend = (
        "great_expectations.data_context.store.tuple_store_backend.TupleFilesystemStoreBackend"
    )
    kind, name = pkgutil.resolve_name(backend), "_set"
    write, pages = getattr(kind, name), []

    def full_once(self, key, value, **more):
        if str(value).startswith("<!DOCTYPE html>"):
            pages.append(key)
            if len(pages) == 1:
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, key, value, **more)

    landing.ticks()
    monkeypatch.setattr(kind, name, full_once)
    with pytest.raises(OSError, match="No space left on device"):
        audit(landing.settings)
    assert len(pages) > 1
