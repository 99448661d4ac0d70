"""A process that has read one dbt project and forks for every command: no import, no parsing.

Run as a program it prints `ready`, then answers one line of JSON with another. The child of a
command may kill itself, as by `kill -9`, when it is about to send its n-th SQL statement.
"""

import gc
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HANG_SECONDS = 300  # not slowness


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code (-9: killed), what it printed, its SQL statements."""

    code: int
    printed: str
    statements: int

    @property
    def why(self) -> str:
        """What dbt says of nodes that failed, without its list of all nodes."""
        _, completed, end = self.printed.rpartition("Completed with")
        return completed + end if completed else self.printed[-3000:]


class Zygote:
    """A dbt project, read once; `run` starts dbt on it."""

    def __init__(self, project: Path, work: Path) -> None:
        """Read the project; `work` is a folder for what that takes."""
        self.project = project
        work.mkdir(parents=True, exist_ok=True)
        self._printed = work / "printed"
        self._errors = (work / "zygote.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", __file__, str(project), str(work)],
            cwd=project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._answers = selectors.DefaultSelector()
        self._answers.register(self._stdout, selectors.EVENT_READ)
        self.nodes: list[dict[str, Any]] = json.loads(self._line())["nodes"]

    @property
    def _stdout(self) -> Any:
        return self._process.stdout

    def _line(self) -> str:
        if not self._answers.select(2 * _HANG_SECONDS):
            self.close()
            raise TimeoutError("dbt hangs")
        line = self._stdout.readline()
        if not line:
            log = Path(self._errors.name).read_text(errors="replace")
            raise RuntimeError(f"the process that forks dbt is gone: {log[-3000:]}")
        return str(line, "utf-8")

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        kill_at: int | None = None,
    ) -> Done:
        """Run dbt; `kill_at`: the number of the SQL statement that it does not live to send."""
        task = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "printed": str(self._printed),
            "kill_at": kill_at,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(task).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._line())
        printed = self._printed.read_text(errors="replace") if self._printed.exists() else ""
        return Done(answer["code"], printed, answer["statements"])

    def close(self) -> None:
        """End the process and all that it forked."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._errors.close()


def _nodes(manifest: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": node.name,
            "type": str(node.resource_type),
            "schema": node.schema,
            "alias": node.alias,
            "path": node.original_file_path,
            "materialized": node.config.materialized,
            "columns": list(node.columns),
            "severity": str(getattr(node.config, "severity", "")).lower(),
        }
        for node in manifest.nodes.values()
    ]


def _given(config: Any, manifest: Any) -> Any:
    """The manifest, made known to the adapter as reading the project does it."""
    from dbt.adapters.factory import get_adapter  # noqa: PLC0415
    from dbt.context.query_header import generate_query_header_context  # noqa: PLC0415

    adapter: Any = get_adapter(config)
    adapter.set_macro_resolver(manifest)
    adapter.connections.set_query_header(generate_query_header_context(adapter.config, manifest))
    return manifest


def _child(task: dict[str, Any], manifest: Any, counts: int) -> None:
    with Path(task["printed"]).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(task["environment"])
    # In the child, where they are imported already.
    from dbt.adapters.duckdb import connections  # noqa: PLC0415
    from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper  # noqa: PLC0415
    from dbt.artifacts.resources import FileHash  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415
    from dbt.parser.manifest import ManifestLoader  # noqa: PLC0415

    # `dbt retry` would read the project again.
    ManifestLoader.get_full_manifest = lambda config, **_: _given(config, manifest)
    signal.alarm(_HANG_SECONDS)
    for node in manifest.nodes.values():  # a seed may have changed since it was parsed
        if node.resource_type == "seed":
            text = Path(node.root_path, node.original_file_path).read_text(encoding="utf-8")
            node.checksum = FileHash.from_contents(text)
    sent, lock, kill_at = 0, threading.Lock(), task["kill_at"]

    send = DuckDBCursorWrapper.execute

    def count_and_send(self: Any, *statement: Any) -> Any:
        nonlocal sent
        with lock:
            sent += 1
            os.pwrite(counts, b"%9d" % sent, 0)
            if sent == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return send(self, *statement)

    DuckDBCursorWrapper.execute = count_and_send
    code = 2
    try:
        result = dbtRunner(manifest=manifest).invoke(task["arguments"])
        code = 0 if result.success else 2 if result.exception else 1
        if result.exception:
            print(result.exception)
    finally:  # a forked process ends without closing what it has open
        connections.DuckDBConnectionManager.close_all_connections()
        sys.stdout.flush()
        os._exit(code)


def _serve(project: Path, work: Path) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from python_ingest.cli.warm import read_project  # noqa: PLC0415 - not where this is imported

    with tempfile.TemporaryDirectory() as empty:
        manifest = read_project(project, Path(empty))
    print(json.dumps({"nodes": _nodes(manifest)}), file=answers, flush=True)
    counts = os.open(work / "statements", os.O_RDWR | os.O_CREAT)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        os.pwrite(counts, b"%9d" % 0, 0)
        process = os.fork()
        if not process:
            _child(json.loads(line), manifest, counts)
        _, status = os.waitpid(process, 0)
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "statements": int(os.pread(counts, 9, 0)),
        }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), Path(sys.argv[2]))
