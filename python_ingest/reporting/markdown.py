"""A comparison as Markdown for a pull request."""

from collections.abc import Sequence

from python_ingest.reporting.compare import Comparison, Difference, Example

_KINDS = {"removed": "only before", "added": "only after", "changed": "changed"}
_COLUMNS, _LONGEST = 8, 60  # of an example, and characters of a value
_HEAD = (
    "| relation | grain | rows before | after | only before | only after | changed"
    " | which columns |\n"
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
    numbers = (difference.before, difference.after, difference.removed, difference.added)
    cells = [
        f"`{difference.relation}`",
        ", ".join(difference.grain) or "(whole rows)",
        *(f"{number:,}" for number in numbers),
        f"{difference.changed:,}" if difference.grain else "",
        _what(difference),
    ]
    return f"| {' | '.join(cells)} |"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cut(value: str) -> str:
    short = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    return short.replace("`", "'").replace("\n", " ")


def _example(example: Example) -> str:
    key = ", ".join(f"{column} {_cut(value)}" for column, value in example.key[:_COLUMNS])
    changes = ", ".join(
        f"`{column}` {_cut(old)} → {_cut(new)}" for column, old, new in example.values[:_COLUMNS]
    )
    more = len(example.values) - _COLUMNS
    changes += f" and {more} more" if more > 0 else ""
    return f"- {_KINDS[example.kind]}: {key}" + (f": {changes}" if changes else "")


def _examples(difference: Difference) -> str:
    return "\n".join(
        [f"`{difference.relation}`, for example:", ""]
        + [_example(example) for example in difference.examples]
    )


def as_markdown(comparison: Comparison, not_built: Sequence[str] = ()) -> str:
    """Return a table of what differs, examples of it, and the names of what does not.

    `not_built`: models that were to be compared and failed, or were skipped.
    """
    different = [d for d in comparison.differences if not d.is_same]
    same = [d.relation for d in comparison.differences if d.is_same]
    parts = []
    if different:
        parts.append("\n".join([_HEAD, *map(_row, different)]))
    parts += [_examples(d) for d in different if d.examples]
    if same:
        noun = "relation says" if len(same) == 1 else "relations say"
        parts.append(f"{len(same)} {noun} the same, row by row: {_names(same)}.")
    if comparison.only_after:
        parts.append(f"Only after: {_names(comparison.only_after)}.")
    if comparison.only_before:
        parts.append(f"Only before: {_names(comparison.only_before)}.")
    if different and comparison.landed_since:
        parts.append(
            f"Batches {comparison.landed_since} landed after the last build of what was before:"
            " their rows may be built only after."
        )
    if not_built:
        parts.append(f"**Not built, so not compared:** {_names(not_built)}.")
    return "\n\n".join(parts) or "Nothing to compare: no relation of schema `main` was built."
