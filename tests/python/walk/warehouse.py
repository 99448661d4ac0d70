"""A warehouse in a folder of its own: what a person types, and the script that repeats it."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any

import duckdb

from python_ingest.landing.land import land_files
from python_ingest.schema.migrate import migrate
from python_ingest.settings import Settings, load_settings
from python_ingest.storage.writer import open_writer

from .reference import Row, Seeds, header, read_seeds, seed_text
from .zygote import Done, Zygote

NO_TESTS = ("--exclude-resource-type", "test", "unit_test")
NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
KILLED = -9
# How a build says which command mends it.
_NAMED = re.compile(r"run\s+`dbt ([^`]+)`")
_MODELS = ("build", "run", "retry")


@dataclass
class Warehouse:
    """`land`, `dbt` and `seed` do what a person does; `script` is all of it, to be typed again."""

    data_dir: Path
    zygote: Zygote
    as_of: str = "2024-03-09 00:00:00"
    newest_as_of: str = ""  # of the commands that ran models
    settings: dict[str, str] = field(default_factory=dict)
    script: list[str] = field(default_factory=list)
    statements: int = 500  # of the longest build so far
    files: int = 0
    ground: int = 0  # lines of the script that every walk begins with

    def __post_init__(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with open_writer(self.ingest) as connection:
            migrate(connection)

    @property
    def environment(self) -> dict[str, str]:
        """The environment's variables for `ingest` and dbt."""
        kept = {name: value for name, value in os.environ.items() if name != "DATABASE_PATH"}
        return {**kept, "DATA_DIR": str(self.data_dir)}

    @property
    def ingest(self) -> Settings:
        return load_settings(self.data_dir / "none.toml", self.environment)

    @property
    def path(self) -> Path:
        return self.data_dir / "trading.duckdb"

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees times in UTC."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            yield connection

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query answers."""
        with self.reader() as connection:
            return connection.execute(query, list(values)).fetchall()

    def land(self, kind: str, rows: Sequence[dict[str, Any]]) -> None:
        """`ingest land`: the rows as one file of JSON lines."""
        self.files += 1
        path = self.data_dir / "given" / f"{self.files:02}-{kind}.ndjson"
        path.parent.mkdir(exist_ok=True)
        lines = [
            json.dumps(
                {name: value for name, value in row.items() if value is not None}, default=str
            )
            for row in rows
        ]
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        self._typed(f"cat > {path.name} <<'END'", *lines, "END", f"ingest land {kind} {path.name}")
        (result,) = land_files(self.ingest, kind, [path])
        assert result.state in ("landed", "already landed"), result

    def seed(self, name: str, rows: list[Row]) -> None:
        """Change a seed's file; the next `dbt build` or `dbt seed` reads it."""
        path = self.zygote.project / "seeds" / f"{name}.csv"
        before = path.read_text(encoding="utf-8")
        text = seed_text(header(path), rows)
        path.write_text(text, encoding="utf-8")
        changes = unified_diff(
            before.splitlines(), text.splitlines(), f"seeds/{path.name}", "-", n=1, lineterm=""
        )
        self._typed("patch -p0 <<'END'", *changes, "END")

    def seeds(self) -> Seeds:
        """The rows of every seed as its file has them now."""
        return read_seeds(self.zygote.project)

    def dbt(
        self,
        *arguments: str,
        kill_at: int | None = None,
        variables: dict[str, str] | None = None,
    ) -> Done:
        """Run dbt with the clock and the settings of now; it may fail."""
        command, *more = arguments
        values = {"as_of": self.as_of, **self.settings, **(variables or {})}
        more += ["--vars", json.dumps(values)]
        place = ["--project-dir", str(self.zygote.project)]
        place += ["--profiles-dir", str(self.zygote.project)]
        place += ["--target-path", str(self.data_dir / "target")]
        place += ["--log-path", str(self.data_dir / "logs"), "--log-level-file", "none"]
        done = self.zygote.run(
            ["--no-use-colors", command, *more, *place], self.environment, kill_at
        )
        ended = "" if not done.code else f"  # ended with {done.code}"
        if done.code == KILLED:
            ended = f"  # killed before its SQL statement {kill_at} of about {self.statements}"
        self._typed(shlex.join(["dbt", command, *more]) + ended)
        if command in _MODELS:
            self.newest_as_of = max(self.newest_as_of, self.as_of)
            self.statements = max(self.statements, done.statements)
        return done

    def obey(self, done: Done) -> bool:
        """Run the command that a build which stopped says one must run; False: it says none."""
        named = None if done.code in (0, KILLED) else _NAMED.search(done.printed)
        if named:
            command = shlex.split(named[1])
            self.dbt(*command, *(NO_TESTS if command[0] == "build" else ()))
        return bool(named)

    def build(self, *arguments: str) -> Done:
        """A whole `dbt build`, after the commands that it asks for."""
        for _ in range(4):
            done = self.dbt("build", *arguments)
            if not self.obey(done):
                break
        return done

    def copy(self, data_dir: Path) -> "Warehouse":
        """The same rows and files in another folder."""
        shutil.copytree(self.data_dir, data_dir)
        return Warehouse(
            data_dir,
            self.zygote,
            self.as_of,
            self.newest_as_of,
            dict(self.settings),
            list(self.script),
            self.statements,
            self.files,
            len(self.script),
        )

    def typed(self) -> list[str]:
        """What was typed since the ground; all of it is in the file that the first line names."""
        path = self.data_dir.parent / "typed.sh"
        path.write_text("\n".join(self.script) + "\n", encoding="utf-8")
        return [f"# {path}, from line {self.ground + 1} on", *self.script[self.ground :]]

    def _typed(self, *lines: str) -> None:
        self.script += lines
