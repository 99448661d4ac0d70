from pathlib import Path

import pytest

from tools.demo.simulator import Plan, write_all

ROWS = 40_000
PLAN = Plan(rows=ROWS, symbols=6, days=3, seed=11, orders=120)
SAMPLE = Path(__file__).parents[3] / "sample"


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for kind, path in write_all(tmp_path_factory.mktemp("demo"), PLAN):
        files.setdefault(kind, []).append(path)
    return files
