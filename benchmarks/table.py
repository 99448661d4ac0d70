"""One form for every figure: how many times as long as the alternative it takes.

    python benchmarks/table.py

writes `results/README.md` from the JSON files there. A ratio of 1.5 means half as long again as the
alternative; below 1 it is faster. A benchmark leaves its figures in `target/bench`; only a
whole run (`run.py`) or BENCH_RESULTS=benchmarks/results replaces those that are committed.
"""

import json
import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
HEAD = "| ratio | at most | | what | rows | seconds | against | its seconds | more |\n"
RULE = "|---:|---:|---|---|---:|---:|---|---:|---|\n"
LEVEL = 0.05  # two runs of the same work differ by as much


@dataclass(frozen=True)
class Row:
    """One figure: ours and the alternative's, of the same run."""

    name: str
    seconds: float
    baseline_seconds: float
    against: str
    rows: int
    goal: float | None = None  # the ratio that an issue asks for, at most
    more: str = ""  # other figures of the same measurement, with their units

    @property
    def ratio(self) -> float:
        """How many times as long as the alternative."""
        return self.seconds / self.baseline_seconds


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 0.1 else f"{seconds:.2f}"


def stands(ratio: float, goal: float | None) -> str:
    """Say of a goal whether it is met, else whether we are ahead of the alternative.

    >>> stands(0.5, None), stands(1.03, None), stands(1.2, 1.25)
    ('ahead', 'level', 'met')
    """
    if goal is not None:
        return "met" if ratio <= goal else "**missed**"
    if abs(ratio - 1) <= LEVEL:
        return "level"
    return "ahead" if ratio < 1 else "behind"


def _line(row: dict[str, Any]) -> str:
    goal = row["goal"]
    cells = (
        f"{row['ratio']:.2f}",
        "" if goal is None else f"{goal:.3g}",
        stands(row["ratio"], goal),
        row["name"],
        f"{row['rows']:,}",
        _shown(row["seconds"]),
        row["against"],
        _shown(row["baseline_seconds"]),
        row["more"],
    )
    return "| " + " | ".join(cells) + " |\n"


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python"
        f" {platform.python_version()}, DuckDB {version('duckdb')}, dbt-core {version('dbt-core')}"
    )


def save(name: str, rows: list[Row]) -> None:
    """Write NAME.json where this run keeps its figures and print its table."""
    document = {
        "machine": _machine(),
        "rows": [{"ratio": round(row.ratio, 3), **asdict(row)} for row in rows],
    }
    kept = Path(os.environ.get("BENCH_RESULTS", RESULTS.parents[1] / "target" / "bench"))
    kept.mkdir(parents=True, exist_ok=True)
    (kept / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(HEAD + RULE + "".join(map(_line, document["rows"])))  # type: ignore[arg-type]


def chart(rows: list[dict[str, Any]]) -> str:
    """Return a Mermaid chart of the ratios of every claim, over the size of the history."""
    sizes = sorted({row["rows"] for row in rows})
    labels = ", ".join(f'"{size / 1e6:g} M"' for size in sizes)
    lines = ""
    names = list(dict.fromkeys(row["name"] for row in rows))
    for name in names:
        ratios = [row["ratio"] for row in rows if row["name"] == name]
        lines += f"    line [{', '.join(map(str, ratios))}]\n"
    return (
        f"\nLines, in this order: {'; '.join(names)}.\n\n```mermaid\nxychart-beta\n"
        f'    title "How many times as long as with {sizes[0] / 1e6:g} M ticks"\n'
        f'    x-axis [{labels}]\n    y-axis "ratio"\n{lines}```\n'
    )


def render() -> str:
    """Return the page of all results."""
    page = "# Results\n\nWritten by `python benchmarks/table.py`; how to read it: ../README.md.\n"
    for path in sorted(RESULTS.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        page += f"\n## {path.stem}\n\n{document['machine']}\n\n{HEAD}{RULE}"
        page += "".join(map(_line, document["rows"]))
        if path.stem == "scale":
            page += chart(
                [row for row in document["rows"] if not row["against"].startswith("goal")]
            )
    return page


if __name__ == "__main__":
    (RESULTS / "README.md").write_text(render(), encoding="utf-8")
