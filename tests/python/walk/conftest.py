"""One copy of the project, read once, and a warehouse that was built once: where walks begin."""

from collections.abc import Iterator

import pytest

from .ground import Ground, first_build
from .reference import copy_project
from .zygote import Zygote


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    work = tmp_path_factory.mktemp("walk")
    copy_project(work / "project")
    zygote = Zygote(work / "project", work / "zygote")
    try:
        yield first_build(zygote, work)
    finally:
        zygote.close()
