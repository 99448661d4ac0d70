"""A browser for what people look at."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright


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
