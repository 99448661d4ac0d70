"""A Spark standalone cluster of local processes: a master and workers of one core each."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyspark
from testkit import free_port

HOME = Path(pyspark.__file__).parent
START_SECONDS = 180  # generous: a JVM on a busy machine


@dataclass
class Cluster:
    """Start with `start()`, stop with `stop()`; `kill_worker` takes a worker and its executors."""

    folder: Path
    port: int = field(default_factory=free_port)
    web_port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"spark://127.0.0.1:{self.port}"

    def start(self, workers: int = 2) -> None:
        self._start(
            "org.apache.spark.deploy.master.Master",
            ["--host", "127.0.0.1", "--port", self.port, "--webui-port", self.web_port],
            "master",
        )
        self._wait_for_workers(0)
        for number in range(workers):
            self._start(
                "org.apache.spark.deploy.worker.Worker",
                [
                    *("--host", "127.0.0.1", "--cores", 1, "--memory", "1g", "--webui-port", 0),
                    *("--work-dir", self.worker_folder(number), self.url),
                ],
                f"worker{number}",
            )
        self._wait_for_workers(workers)

    def stop(self) -> None:
        for process in reversed(self.processes):
            _kill_group(process)

    def worker_folder(self, number: int) -> Path:
        return self.folder / f"work{number}"

    def kill_worker(self, number: int) -> None:
        _kill_group(self.processes[1 + number])

    def is_computing(self, number: int) -> bool:
        """Whether the worker is in the middle of a task, by its executors' logs."""
        logs = self.worker_folder(number).glob("app-*/*/stderr")
        text = "".join(log.read_text(errors="replace") for log in logs)
        return text.count(": Running task ") > text.count(": Finished task ")

    def alive_workers(self) -> int:
        state = json.loads(self._page())
        return sum(worker["state"] == "ALIVE" for worker in state["workers"])

    def _start(self, main_class: str, arguments: list[Any], name: str) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        self.processes.append(
            subprocess.Popen(
                [HOME / "bin" / "spark-class", main_class, *map(str, arguments)],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that a kill takes the executors, too
                env=os.environ
                | {
                    "SPARK_HOME": str(HOME),
                    "SPARK_LOCAL_IP": "127.0.0.1",
                    "SPARK_DAEMON_MEMORY": "256m",
                    "SPARK_LOG_DIR": str(self.folder),
                },
            )
        )

    def _wait_for_workers(self, count: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if self.alive_workers() >= count:
                    return
            except (OSError, json.JSONDecodeError):
                pass  # a master that is starting answers with its page of HTML
            time.sleep(0.2)
        logs = "\n".join(log.read_text()[-2000:] for log in self.folder.glob("*.log"))
        raise AssertionError(f"no cluster with {count} workers after {START_SECONDS} s\n{logs}")

    def _page(self) -> bytes:
        url = f"http://127.0.0.1:{self.web_port}/json/"
        with urllib.request.urlopen(url, timeout=5) as response:
            return bytes(response.read())


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
