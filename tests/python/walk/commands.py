"""Commands that a person may type, with names that the project has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from hypothesis import strategies as st

from .warehouse import NO_TESTS

SPANS = (
    ("--event-time-start", "2024-03-09", "--event-time-end", "2024-03-10"),
    ("--sample", "1 day"),
    ("--sample", "{'start': '2024-03-09', 'end': '2024-03-10'}"),
)


@dataclass(frozen=True)
class Command:
    """`dbt ...`; `dies` is where in it (per mille of a build) it is killed, if it lives so long."""

    arguments: tuple[str, ...]
    dies: int | None = None
    failing: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it builds all that there is."""
        return self.arguments == ("build", *NO_TESTS) and not self.failing


def _without_tests(arguments: Sequence[str]) -> tuple[str, ...]:
    return (*arguments, *NO_TESTS) if arguments[0] == "build" else tuple(arguments)


def commands(nodes: list[dict[str, Any]]) -> st.SearchStrategy[Command]:
    """Whole, partial, refreshing, empty, failing, retried and killed."""
    models = [node for node in nodes if node["type"] == "model"]
    names = sorted(node["name"] for node in models)
    kept = sorted(node["name"] for node in models if node["materialized"] not in ("view",))
    folders = sorted({str(PurePath(node["path"]).parent) for node in models})
    failing = sorted(
        node["name"].removeprefix("failing_")
        for node in nodes
        if node["name"].startswith("failing_")
    )
    around = st.sampled_from(["{}", "{}", "{}+", "{}+", "+{}", "+{}+", "1+{}", "{}+1", "@{}"])
    named = st.tuples(around, st.sampled_from([*kept, *names])).map(lambda t: t[0].format(t[1]))
    broad = st.sampled_from(
        [
            *(f"path:{folder}" for folder in folders),
            *(f"path:{folder}+" for folder in folders),
            *(f"+group:{group}" for group in ("market", "trading", "observability", "landing")),
            "config.materialized:incremental",
            "resource_type:seed",
        ]
    )
    chosen = st.lists(st.one_of(named, named, broad), min_size=1, max_size=3)
    verb = st.sampled_from(["build", "run"])
    whole = st.just(("build",))
    part = st.tuples(
        verb,
        st.one_of(
            chosen.map(lambda some: ("--select", *some)),
            st.lists(named, min_size=1, max_size=2).map(lambda some: ("--exclude", *some)),
            st.tuples(chosen, named).map(lambda t: ("--select", *t[0], "--exclude", t[1])),
        ),
    ).map(lambda t: (t[0], *t[1]))
    refresh = st.tuples(verb, named, st.sampled_from([(), (), ("--empty",)])).map(
        lambda t: (t[0], "--full-refresh", *t[2], "--select", t[1])
    )
    limited = st.tuples(
        st.one_of(part, whole), st.sampled_from([("--empty",), ("--empty",), *SPANS])
    ).map(lambda t: (*t[0], *t[1]))
    others = st.sampled_from(
        [
            ("retry",),
            ("seed",),
            ("snapshot",),
            ("run",),
            ("run-operation", "take_portfolio_snapshot"),
        ]
    )
    fails = st.tuples(st.sampled_from([("--fail-fast",), ()]), st.sampled_from(failing)).map(
        lambda t: Command(
            (
                *("build", *t[0], "--indirect-selection", "empty", "--select"),
                *(f"resource_type:{kind}" for kind in ("seed", "model", "snapshot")),
                "tag:failing",
            ),
            failing=t[1],
        )
    )
    lives = st.one_of(whole, whole, part, part, part, refresh, limited, others).map(
        lambda arguments: Command(_without_tests(arguments))
    )
    dies = st.tuples(st.one_of(whole, part, refresh, st.just(("run",))), st.integers(1, 1000)).map(
        lambda t: Command(_without_tests(t[0]), dies=t[1])
    )
    return st.one_of(lives, lives, lives, dies, fails)
