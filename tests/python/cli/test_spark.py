"""What `ingest spark` says where Spark cannot run; bars on a cluster: tests/python/spark."""

import socket
from pathlib import Path

import pytest

from python_ingest.errors import DatabaseBusyError, UsageError
from python_ingest.settings import Settings
from python_ingest.spark.command import collect, require_java, require_master
from python_ingest.storage.process_lock import process_lock


def test_no_java_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"needs Java 17, none is on the PATH.*openjdk-17-jre"):
        require_java({"PATH": str(tmp_path)})
    with pytest.raises(UsageError, match="JAVA_HOME=/nowhere has none"):
        require_java({"PATH": str(tmp_path), "JAVA_HOME": "/nowhere"})


def test_java_is_found_by_its_home(tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch(mode=0o755)
    require_java({"PATH": "", "JAVA_HOME": str(tmp_path)})


def test_a_master_that_does_not_answer_is_named() -> None:
    with socket.socket() as bound:  # bound, but not listening
        bound.bind(("127.0.0.1", 0))
        master = f"spark://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"SPARK_MASTER={master}: start it"):
            require_master(master)
    with pytest.raises(UsageError, match="no Spark master answers"):
        require_master("spark://noport")


def test_one_of_several_masters_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        require_master(f"spark://127.0.0.1:1,127.0.0.1:{listening.getsockname()[1]}")
    require_master("local[2]")


def test_nothing_is_collected_beside_a_cycle(settings: Settings) -> None:
    with (
        process_lock(settings.data_dir / "cycle.lock", "ingest cycle"),
        pytest.raises(DatabaseBusyError, match="another ingest cycle"),
    ):
        collect()
