"""What dbt prints, and which project it builds where several share one DATA_DIR."""

from pathlib import Path

import pytest

from python_ingest.cli import dbt_run
from python_ingest.cli.dbt_run import forget_other_project, run_dbt


def test_what_dbt_prints_is_printed_by_us(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else it would stand within the line of progress."""
    monkeypatch.setattr(
        dbt_run, "_DBT", "print('Runtime Error\\n  a; \u00fc'); raise SystemExit(3)"
    )
    assert run_dbt([]) == 3
    assert capsys.readouterr().out == "Runtime Error\n  a; \u00fc\n"


def test_what_was_read_of_another_checkout_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbt keeps the folder of each unchanged seed, and loads it from there."""
    target = tmp_path / "data" / "dbt"
    kept = target / "partial_parse.msgpack"
    for folder, stays in (("v1", False), ("v1", True), ("v2", False), ("v2", True)):
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        target.mkdir(parents=True, exist_ok=True)
        kept.touch()
        forget_other_project(target)
        assert kept.exists() == stays
