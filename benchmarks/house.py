"""The house in figures: how much of the SQL is mechanism, and what a build with no news costs.

python benchmarks/house.py [--json] [--check]

--json prints one object instead of the table. --check ends with code 1 when a goal is missed.

What is counted:
- SQL lines: non-blank lines of models/**/*.sql and macros/**/*.sql, without the bodies of
  `spark__` macros. What dbt runs from Python counts as macros: of the modules that profiles.yml
  names as plugins, and of all of this project that they import, the lines of strings that are SQL.
- Hooks: models with a pre_hook or post_hook, in SQL or in properties.
- run_query: calls in macros and models, `spark__` bodies included, and statements that fetch.
- Python lines: of the packages that pyproject.toml puts into the distribution; of the core's rooms,
  which its contract of layers has up to `cli`, and of the rooms of extras above it.
- Statements: the sample is landed and built twice in a folder of its own; of the second build,
  what dbt sends for models, without begin, commit and rollback.
"""

import argparse
import ast
import json
import os
import re
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLE = REPOSITORY / "sample"
PACKAGE = "python_ingest"
LOADER = ("feeds", "landing", "schema", "storage", "accounting")
SPARK_MACRO = re.compile(r"\{%-?\s*macro\s+spark__.*?\{%-?\s*endmacro\s*-?%\}", re.DOTALL)
HOOK = re.compile(r"\b(pre|post)[_-]hook\b")
RUN_QUERY = re.compile(r"\brun_query\s*\(|\bcall\s+statement\([^)]*fetch_result\s*=\s*true", re.I)
PLUGIN = re.compile(r"^\s*-?\s*module:\s*([\w.]+)", re.MULTILINE)
SQL = re.compile(
    r"^\W*(select|with|insert|delete|update|create|drop|alter|merge|copy|from|union|left|inner|anti"
    r"|where|group by|order by|attach|set)\b.*\b(select|from|into|table|view|set|as|by|on)\b",
    re.IGNORECASE | re.DOTALL,
)
TRANSACTION = re.compile(r"^\s*(/\*.*?\*/\s*)?(begin|commit|rollback)\b", re.I | re.DOTALL)


@dataclass(frozen=True)
class Figure:
    """A figure, the goal that it may not pass, where there is one, and what it counts."""

    name: str
    value: float
    goal: float | None = None
    unit: str = ""
    where: tuple[str, ...] = ()

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.value <= self.goal


def _texts(*patterns: str) -> dict[Path, str]:
    return {
        path: path.read_text(encoding="utf-8")
        for pattern in patterns
        for path in sorted(REPOSITORY.glob(pattern))
    }


def _names(paths: list[Path]) -> tuple[str, ...]:
    return tuple(str(path.relative_to(REPOSITORY)) for path in paths)


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def _imported(module: str, seen: set[str]) -> None:
    """Add a module of this project, and those that it imports."""
    path = REPOSITORY / (module.replace(".", "/") + ".py")
    if module in seen or not module.startswith(PACKAGE) or not path.exists():
        return
    seen.add(module)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            _imported(node.module, seen)
            for name in node.names:
                _imported(f"{node.module}.{name.name}", seen)
        elif isinstance(node, ast.Import):
            for name in node.names:
                _imported(name.name, seen)


def _strings(tree: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Strings that are no docstring; of an f-string the whole, not its parts."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        ):
            yield node
        else:
            yield from _strings(node)


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in parts)


def python_sql_lines(source: str) -> int:
    """Lines of a module that strings of SQL are written on."""
    lines: set[int] = set()
    for node in _strings(ast.parse(source)):
        if SQL.search(_text(node)):
            lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def dbt_modules() -> list[str]:
    """Modules of this project that run inside dbt."""
    seen: set[str] = set()
    for plugin in PLUGIN.findall((REPOSITORY / "profiles.yml").read_text(encoding="utf-8")):
        _imported(plugin, seen)
    return sorted(seen)


def source_figures() -> list[Figure]:
    """What the files say."""
    models, macros = _texts("models/**/*.sql"), _texts("macros/**/*.sql")
    model_lines = sum(_lines(text) for text in models.values())
    macro_lines = sum(_lines(SPARK_MACRO.sub("", text)) for text in macros.values())
    python_lines = sum(
        python_sql_lines((REPOSITORY / (name.replace(".", "/") + ".py")).read_text("utf-8"))
        for name in dbt_modules()
    )
    mechanism = macro_lines + python_lines
    properties = _texts("models/**/*.yml", "dbt_project.yml")
    sizes = {path: len(text.splitlines()) for path, text in models.items()}
    hooked = [path for path, text in {**models, **properties}.items() if HOOK.search(text)]
    asking = {path: len(RUN_QUERY.findall(text)) for path, text in {**models, **macros}.items()}
    return [
        Figure("SQL lines of models", model_lines),
        Figure("SQL lines of macros", macro_lines),
        Figure("SQL lines in Python that dbt runs", python_lines),
        Figure("macros, of SQL lines of models and macros",
               round(100 * macro_lines / (model_lines + macro_lines), 1), unit="%"),
        Figure("the same with SQL in Python",
               round(100 * mechanism / (model_lines + mechanism), 1), 17, "%"),
        Figure("models with hooks", len(hooked), 0, where=_names(hooked)),
        Figure("calls of run_query", sum(asking.values()), 12,
               where=_names([path for path, calls in asking.items() if calls])),
        Figure("models", len(models)),
        Figure("models over 150 lines", sum(size > 150 for size in sizes.values()), 0,
               where=_names([path for path, size in sizes.items() if size > 150])),
        Figure("models over 100 lines", sum(size > 100 for size in sizes.values())),
    ]  # fmt: skip


def _tools() -> dict[str, Any]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    tools: dict[str, Any] = project["tool"]
    return tools


def core_rooms() -> set[str]:
    """Rooms that the contract of layers puts at `cli` or below it."""
    (layers,) = (
        contract["layers"]
        for contract in _tools()["importlinter"]["contracts"]
        if PACKAGE in contract.get("containers", [])
    )
    core = layers[layers.index("cli") :]
    return {room.strip() for floor in core for room in floor.split("|")}


def room_figures() -> list[Figure]:
    """Python lines, comments and blank ones included, by room: the core's first, then extras'."""
    core = core_rooms()
    shipped = _tools()["hatch"]["build"]["targets"]["wheel"]["packages"]
    rooms: Counter[tuple[bool, str]] = Counter()
    for path, text in _texts(*(f"{package}/**/*.py" for package in shipped)).items():
        parts = path.relative_to(REPOSITORY).parts[1:]
        room = parts[0] if len(parts) > 1 else "(top)"
        rooms[len(parts) > 1 and room not in core, room] += len(text.splitlines())
    lines = {room: count for (_, room), count in rooms.items()}
    return [
        *(
            Figure(f"Python lines of {'extra' if is_extra else 'core'}, {room}", count)
            for (is_extra, room), count in sorted(rooms.items())
        ),
        Figure("Python lines of what lands and accounts",
               sum(lines[room] for room in LOADER), 4500),
        Figure("Python lines of the core",
               sum(count for (is_extra, _), count in rooms.items() if not is_extra), 6000),
        Figure("Python lines", sum(lines.values()), 12000),
    ]  # fmt: skip


def statement_figures(data_dir: Path) -> list[Figure]:
    """Land the sample, build it twice; of the second build, statements."""
    os.environ |= {"DATA_DIR": str(data_dir), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    os.environ.pop("DATABASE_PATH", None)
    os.chdir(REPOSITORY)
    # Not where only the files are counted: they take seconds.
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    from python_ingest.landing.land import land_files  # noqa: PLC0415
    from python_ingest.settings import load_settings  # noqa: PLC0415

    manifest = json.loads((SAMPLE / "manifest.json").read_text(encoding="utf-8"))
    for file in manifest["files"]:
        land_files(load_settings(), file["kind"], [SAMPLE / file["file"]])
    sent: Counter[str] = Counter()

    def on_event(event: Any) -> None:
        if event.info.name == "SQLQuery" and not TRANSACTION.search(event.data.sql):
            sent[event.data.node_info.resource_type or "hooks and caches"] += 1

    place = ["--target-path", str(data_dir / "target"), "--log-path", str(data_dir / "logs")]
    build = ["build", "--quiet", "--log-level-file", "none", *place]
    build += ["--exclude-resource-type", "unit_test"]
    build += ["--vars", json.dumps({"as_of": manifest["as_of"]})]
    for _ in range(2):
        sent.clear()
        result = dbtRunner(callbacks=[on_event]).invoke(build)
        if not result.success:
            raise SystemExit(f"dbt build failed: {result.exception}")
    others = sum(count for kind, count in sent.items() if kind != "model")
    return [
        Figure("statements of models in a build with no news", sent["model"], 300),
        Figure("its other statements (tests, seeds, hooks)", others),
    ]


def table(figures: list[Figure]) -> str:
    """The figures as lines."""
    lines = []
    for figure in figures:
        goal = "" if figure.goal is None else f"at most {figure.goal:g}{figure.unit}"
        missed = "" if figure.is_met else "  missed"
        lines.append(
            f"{figure.name:<48}{figure.value:>8g}{figure.unit:<2}  {goal}{missed}".rstrip()
        )
        lines += [] if figure.is_met else [f"  {name}" for name in figure.where]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    parser.add_argument("--check", action="store_true", help="code 1 when a goal is missed")
    arguments = parser.parse_args()
    figures = source_figures()
    with tempfile.TemporaryDirectory() as folder:
        figures += statement_figures(Path(folder) / "data")
    figures += room_figures()
    if arguments.json:
        print(json.dumps({f.name: asdict(f) | {"is_met": f.is_met} for f in figures}, indent=2))
    else:
        print(table(figures))
    return int(arguments.check and not all(figure.is_met for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
