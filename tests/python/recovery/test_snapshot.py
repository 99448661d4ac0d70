"""The database file is copied whole while others write, and they wait for a moment only."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from python_ingest.recovery import snapshot
from python_ingest.recovery.create import create_backup
from python_ingest.recovery.restore import restore
from python_ingest.settings import Settings
from python_ingest.storage.writer import open_writer

from .conftest import Land, contents

# Blocks that were there are written anew, and others become free: landing only appends.
CHANGES = """
delete from raw.market_ticks where tick_id % 3 = 0;
update raw.market_ticks set last_price = last_price + 1 where tick_id % 3 = 1;
checkpoint;
insert into raw.market_ticks select * replace (-tick_id as tick_id) from raw.market_ticks;
checkpoint;
"""


def test_blocks_that_are_written_during_the_copy_are_copied_again(
    settings: Settings, land: Land, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        land()
    with open_writer(settings) as connection:
        # a file of many blocks, whatever its rows say
        connection.execute(
            "insert into raw.market_ticks select ticks.* replace (tick_id + i as tick_id)"
            " from raw.market_ticks as ticks, range(1, 150) r(i)"
        )
    copy_range = snapshot._copy
    copied: list[int] = []

    def interrupted(source: int, copy: int, start: int, end: int) -> None:
        """Copy the first half; then others rewrite much of the file; then the rest."""
        copied.append(end - start)
        if len(copied) > 1:
            copy_range(source, copy, start, end)
            return
        half = end // 2
        copy_range(source, copy, start, half)
        with duckdb.connect(str(settings.database_path)) as connection:
            connection.execute(CHANGES)
        land()
        copy_range(source, copy, half, end)

    monkeypatch.setattr(snapshot, "_clone", lambda *_: False)
    monkeypatch.setattr(snapshot, "_copy", interrupted)
    before = len(contents(settings.database_path)["market_ticks"])
    snapshot.copy_database(settings, tmp_path / "copy.duckdb")
    expected = contents(settings.database_path)
    assert len(copied) > 2
    assert before < len(expected["market_ticks"])
    assert contents(tmp_path / "copy.duckdb") == expected


def test_a_database_that_is_compacted_during_the_copy_is_copied_again(
    settings: Settings, land: Land, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ingest compact` renames a new file over it."""
    land()
    copy_range = snapshot._copy
    replaced: list[Path] = []

    def interrupted(source: int, copy: int, start: int, end: int) -> None:
        copy_range(source, copy, start, end)
        if not replaced:
            replaced.append(tmp_path / "new.duckdb")
            replaced[0].write_bytes(settings.database_path.read_bytes())
            replaced[0].replace(settings.database_path)
            land()

    monkeypatch.setattr(snapshot, "_clone", lambda *_: False)
    monkeypatch.setattr(snapshot, "_copy", interrupted)
    snapshot.copy_database(settings, tmp_path / "copy.duckdb")
    assert contents(tmp_path / "copy.duckdb") == contents(settings.database_path)
    assert len(contents(tmp_path / "copy.duckdb")["landings"]) == 2


def test_nobody_writes_while_changed_blocks_are_copied(
    settings: Settings, land: Land, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing a second descriptor of the file would free DuckDB's lock on it."""
    land()
    tried: list[int] = []
    copy_changed = snapshot._copy_changed

    def attempt(*arguments: object) -> None:
        code = f"import duckdb; duckdb.connect({str(settings.database_path)!r})"
        tried.append(
            subprocess.run(
                [sys.executable, "-c", code], stderr=subprocess.DEVNULL, check=False
            ).returncode
        )
        copy_changed(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshot, "_clone", lambda *_: False)
    monkeypatch.setattr(snapshot, "_copy_changed", attempt)
    snapshot.copy_database(settings, tmp_path / "copy.duckdb")
    assert tried == [1]


def test_backups_while_another_process_lands(
    settings: Settings, land: Land, tmp_path: Path
) -> None:
    land()
    script = tmp_path / "lander.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from python_ingest.landing.land import land_files\n"
        "from python_ingest.settings import load_settings\n"
        "settings = load_settings(Path('none.toml'))\n"
        "print('ok', flush=True)\n"
        "stop = Path(sys.argv[1]) / 'stop'\n"
        "for n in range(1000):\n"
        "    if stop.exists():\n"
        "        break\n"
        "    path = Path(sys.argv[1]) / f'{n}.csv'\n"
        "    rows = [f'x,l,2024-01-02,{n},{n * 1000 + i}' for i in range(1000)]\n"
        "    head = 'exchange,symbol,timestamp,last_price,trade_id'\n"
        "    path.write_text('\\n'.join([head, *rows]) + '\\n')\n"
        "    assert land_files(settings, 'ticks', [path])[0].state == 'landed'\n"
    )
    (tmp_path / "files").mkdir()
    environment = {
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_CONNECTION_TIMEOUT_MS": "60000",
        "PYTHONPATH": ":".join(sys.path),
    }
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "files")],
        env=environment,
        stdout=subprocess.PIPE,
    ) as lander:
        assert lander.stdout is not None
        lander.stdout.readline()
        made = [create_backup(settings, "full").manifest]
        while len({manifest.last_batch for manifest in made}) < 4:
            made.append(create_backup(settings).manifest)
        (tmp_path / "files" / "stop").touch()
    assert lander.returncode == 0
    made.append(create_backup(settings).manifest)
    for number, manifest in enumerate([made[0], made[len(made) // 2], made[-1]]):
        done = restore(settings, tmp_path / f"r{number}", manifest.taken_at)
        assert done.notes == []
        assert done.last_batch == manifest.last_batch
        expected = contents(settings.database_path, manifest.taken_at)
        assert contents(done.path / "trading.duckdb") == expected
