"""One build of the sample for all of this folder, whichever workers run it; nobody changes it."""

import fcntl
from pathlib import Path

import pytest
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
