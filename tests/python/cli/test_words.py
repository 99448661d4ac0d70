"""What commands say before they begin: which folder, what is missing, what was rejected."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from forked import run_ingest

from python_ingest.cli.init import init
from python_ingest.cli.land import land
from python_ingest.cli.main import command
from python_ingest.cli.rejected import rejected
from python_ingest.errors import NotInitialisedError, UsageError
from python_ingest.landing.land import land_files
from python_ingest.schema.version import migrations
from python_ingest.settings import Settings
from python_ingest.streaming.command import stream

HEAD = "exchange,symbol,timestamp,last_price,trade_id\n"


def test_outside_a_project_the_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "DATABASE_PATH"):
        monkeypatch.delenv(name, raising=False)
    said = f"working in {tmp_path / 'data'} (DATA_DIR not set, no database.toml in {tmp_path})"
    init()
    assert said in capsys.readouterr().err
    Path("a.csv").write_text(f"{HEAD}x,s,2024-01-02,1,a\n")
    land("ticks", [Path("a.csv")])
    assert said in capsys.readouterr().err
    Path("database.toml").touch()
    init()
    assert capsys.readouterr().err == ""


def test_where_it_was_said_nothing_is(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir.parent.mkdir(exist_ok=True)
    monkeypatch.chdir(data_dir.parent)
    init()
    assert capsys.readouterr().err == ""


def test_who_lands_into_a_new_warehouse_is_told(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk of the one that was meant may not be mounted."""
    for number, told in enumerate((True, False)):
        file = tmp_path / f"{number}.csv"
        file.write_text(f"{HEAD}x,s,2024-01-02,1,{number}\n")
        land("ticks", [file])
        said = f"a new warehouse was made in {data_dir.absolute()}"
        assert (said in capsys.readouterr().err) == told


def test_what_landing_and_init_say_at_first(data_dir: Path, tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        done = run_ingest(data_dir, *arguments)
        return done.stdout + done.stderr

    assert "no such file" in said("land", "ticks", str(tmp_path / "none.csv"))
    assert not (data_dir / "trading.duckdb").exists()
    newest = migrations()[-1][0]
    assert said("init") == f"{data_dir / 'trading.duckdb'}: made, schema version {newest}\n"
    assert said("init").endswith(": already up to date\n")
    assert said("land", "--pending") == f"nothing waits in {data_dir / 'spool'}\n"
    (tmp_path / "a.csv").write_text(f"{HEAD}x,s,2024-01-02,1,a\n")
    assert said("land", "ticks", str(tmp_path / "a.csv")).endswith(" 0 ignored\n")


def test_the_keys_of_alpaca_are_asked_for_before_anything_is_opened(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ["APCA_API_KEY_ID", "APCA_API_SECRET_KEY"]
    for key in keys:
        monkeypatch.delenv(key, raising=False)
    with pytest.raises(UsageError, match=" and ".join(keys)):
        stream("alpaca", "AMD")
    monkeypatch.setenv(keys[0], "x")
    with pytest.raises(UsageError, match=f"alpaca: {keys[1]} must be"):
        stream("alpaca", "AMD")
    assert not data_dir.exists()
    told = next(option.help for option in command("stream").params if option.name == "exchange")
    assert all(key in told for key in keys)


@pytest.fixture
def landed(settings: Settings, tmp_path: Path) -> Settings:
    lines = ["x,s,2024-01-02,1,a", "x,s,1970-01-01,1,b", "x,s,1970-01-01,1,c", "x,s,2024-01-02,,d"]
    (tmp_path / "one.csv").write_text(HEAD + "".join(f"{line}\n" for line in lines))
    (tmp_path / "two.csv").write_text(f"{HEAD}x,,2024-01-02,1,e\n")
    land_files(settings, "ticks", [tmp_path / "one.csv", tmp_path / "two.csv"])
    return settings


def test_rejected_rows_are_shown_by_file_and_reason(
    landed: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    none = "1970-01-01 is written where there is no time"
    both = "neither a quote (bid_price, ask_price) nor a trade (last_price)"
    rejected(file="", reason="", as_rows=False, limit=50)
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'two.csv'}, ticks, batch 2: 1 rejected: symbol: missing",
        "  the first in line 2: x,,2024-01-02,1,e",
        f"{tmp_path / 'one.csv'}, ticks, batch 1: 2 rejected: timestamp: {none}",
        "  the first in line 3: x,s,1970-01-01,1,b",
        f"{tmp_path / 'one.csv'}, ticks, batch 1: 1 rejected: {both}",
        "  the first in line 5: x,s,2024-01-02,,d",
    ]
    rejected(file="one", reason="no time", as_rows=True, limit=1)
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'one.csv'}:3: timestamp: {none}: x,s,1970-01-01,1,b",
        "and more: --limit 10",
    ]
    rejected(file="three", reason="", as_rows=False, limit=50)
    assert capsys.readouterr().out == "no such row was rejected\n"


def test_while_the_database_is_held_those_of_the_publication_are_shown(
    landed: Settings, capsys: pytest.CaptureFixture[str]
) -> None:

    landed.published_path.parent.mkdir()
    with duckdb.connect(str(landed.published_path)) as published:
        published.execute(
            "create table rejected_rows as select 1 as batch_id, 'ticks' as kind,"
            " 'p.csv' as source_file, 1 as row_number, 2 as line_number, 'x' as raw_text,"
            " 'bad' as reason"
        )
    holder = "from python_ingest.storage.writer import *\nfrom python_ingest.settings import *\n"
    holder += "with open_writer(load_settings()): print('holds', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        rejected(file="", reason="", as_rows=False, limit=50)
        process.communicate(b"\n")
    told = capsys.readouterr()
    assert told.out.startswith("p.csv, ticks, batch 1: 1 rejected: bad\n")
    assert f"held by process {process.pid}" in told.err


@pytest.mark.parametrize(
    "arguments",
    [
        "rejected",
        "audit",
        "audit --accept x",
        "compact",
        "archive",
        "archive restore market_ticks 2024-01-01 2024-01-02",
        "feeds markets",
        "feeds rename 1 --to binance-usdm",
        "export",
        "publish",
        "backup create",
    ],
)
def test_what_only_looks_at_a_database_makes_none(data_dir: Path, arguments: str) -> None:
    done = run_ingest(data_dir, *arguments.split())
    said = f"ingest: {data_dir / 'trading.duckdb'} is not there: run `ingest init`\n"
    assert (done.returncode, done.stderr) == (1, said)
    assert not (data_dir / "trading.duckdb").exists()


def test_a_database_that_was_never_made(settings: Settings) -> None:
    settings.data_dir.mkdir()

    duckdb.connect(str(settings.database_path)).close()
    with pytest.raises(NotInitialisedError, match="ingest init"):
        rejected(file="", reason="", as_rows=False, limit=50)
