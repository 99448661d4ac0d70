"""One build of the sample for all of this folder, whichever workers run it; nobody changes it."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from sample_build import make_build


@pytest.fixture(scope="session")
def sample(tmp_path_factory, worker_id) -> Path:
    """The DATA_DIR of the built sample."""
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    data_dir = base / "review" / "data"
    data_dir.parent.mkdir(exist_ok=True)
    with (data_dir.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (data_dir.parent / "built").exists():
            make_build(data_dir)
            (data_dir.parent / "built").touch()
    return data_dir


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless (.ci/setup installs it); its event loop ends with the module."""
    path = shutil.which("chromium")
    if path is None:
        assert "CI" not in os.environ, ".ci/setup installs chromium"
        pytest.skip("no chromium: run .ci/setup")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
