"""A comparison as Markdown for a pull request."""

from __future__ import annotations

from python_ingest.reporting.compare import Comparison, Difference

_HEAD = (
    "| relation | grain | rows before | after | added | removed | changed | what changed |\n"
    "|---|---|--:|--:|--:|--:|--:|---|"
)


def _what(difference: Difference) -> str:
    parts = [
        f"`{name}` {count:,}"
        for name, count in sorted(difference.changed_columns.items(), key=lambda item: -item[1])
    ]
    parts += [f"new column `{column}`" for column in difference.new_columns]
    parts += [f"lost column `{column}`" for column in difference.lost_columns]
    if difference.problem:
        parts.append(f"**{difference.problem}**")
    return ", ".join(parts).replace("|", "\\|")


def _row(difference: Difference) -> str:
    numbers = (difference.before, difference.after, difference.added, difference.removed)
    cells = [
        f"`{difference.relation}`",
        ", ".join(difference.grain) or "(whole rows)",
        *(f"{number:,}" for number in numbers),
        f"{difference.changed:,}" if difference.grain else "",
        _what(difference),
    ]
    return f"| {' | '.join(cells)} |"


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def as_markdown(comparison: Comparison) -> str:
    """Return a table of what differs, and the names of what does not."""
    different = [d for d in comparison.differences if not d.is_same]
    same = [d.relation for d in comparison.differences if d.is_same]
    parts = []
    if different:
        parts.append("\n".join([_HEAD, *map(_row, different)]))
    if same:
        noun = "relation says" if len(same) == 1 else "relations say"
        parts.append(f"{len(same)} {noun} the same, row by row: {_names(same)}.")
    if comparison.only_after:
        parts.append(f"Only after: {_names(comparison.only_after)}.")
    if comparison.only_before:
        parts.append(f"Only before: {_names(comparison.only_before)}.")
    return "\n\n".join(parts) or "Neither file has a relation in schema `main`."
