"""Commands that a person may type: whole, partial, refreshing, empty, failing and killed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    """`dbt ...`, and perhaps `dbt retry` after it.

    `dies` is where in it (per mille of a build) it is killed, if it lives so long; `failing` the
    model whose test fails.
    """

    arguments: tuple[str, ...]
    dies: int | None = None
    failing: str | None = None
    again: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it builds all that there is."""
        return self.arguments == ("build", *NO_TESTS) and not self.failing


def _command(arguments: Sequence[str]) -> Command:
    """Tests are no part of it: they would be most of its time."""
    return Command((*arguments, *(NO_TESTS if arguments[0] == "build" else ())))


class Commands:
    """Strategies for commands, with the names that a project's nodes have."""

    def __init__(self, nodes: list[dict[str, Any]]) -> None:
        """`nodes`: of the manifest."""
        models = [node for node in nodes if node["type"] == "model"]
        names = sorted(node["name"] for node in models)
        kept = sorted(n["name"] for n in models if n["materialized"] not in ("view", "table"))
        folders = sorted({str(PurePath(node["path"]).parent) for node in models})
        self._failing = sorted(
            node["name"].removeprefix("failing_")
            for node in nodes
            if node["name"].startswith("failing_")
        )
        around = st.sampled_from(["{}", "{}", "{}+", "{}+", "+{}", "+{}+", "1+{}", "{}+1", "@{}"])
        name = st.one_of(st.sampled_from(kept), st.sampled_from(kept), st.sampled_from(names))
        self._named = st.tuples(around, name).map(lambda t: t[0].format(t[1]))
        broad = st.sampled_from(
            [
                *(f"path:{folder}" for folder in folders),
                *(f"path:{folder}+" for folder in folders),
                *(f"+group:{group}" for group in ("market", "trading", "observability", "landing")),
                "config.materialized:incremental",
            ]
        )
        self._chosen = st.lists(st.one_of(self._named, self._named, broad), min_size=1, max_size=2)
        self._verb = st.sampled_from(["build", "run"])
        self._some = st.one_of(
            self._chosen.map(lambda some: ("--select", *some)),
            st.lists(self._named, min_size=1, max_size=2).map(lambda some: ("--exclude", *some)),
            st.tuples(self._chosen, self._named).map(
                lambda t: ("--select", *t[0], "--exclude", t[1])
            ),
        )

    @property
    def any(self) -> st.SearchStrategy[Command]:
        """One of all kinds."""
        others = [self.whole, self.refresh, self.limited, self.failing, self.killed]
        snapshot = st.just(Command(("run-operation", "take_portfolio_snapshot")))
        return st.one_of(self.part, self.part, self.part, *others, snapshot)

    @property
    def whole(self) -> st.SearchStrategy[Command]:
        """All models, or all of another kind."""
        return st.sampled_from(
            [("build",), ("build",), ("build",), ("run",), ("seed",), ("snapshot",)]
        ).map(_command)

    @property
    def part(self) -> st.SearchStrategy[Command]:
        """Some models and none of others."""
        return st.tuples(self._verb, self._some).map(lambda t: _command((t[0], *t[1])))

    @property
    def refresh(self) -> st.SearchStrategy[Command]:
        """A full refresh of one model, perhaps with its neighbours, perhaps to nothing."""
        return st.tuples(self._verb, st.sampled_from([(), (), ("--empty",)]), self._named).map(
            lambda t: _command((t[0], "--full-refresh", *t[1], "--select", t[2]))
        )

    @property
    def limited(self) -> st.SearchStrategy[Command]:
        """Without rows, with a sample of them, or with some times only."""
        return st.tuples(
            self._verb,
            st.one_of(st.just(()), self._some),
            st.sampled_from([("--empty",), ("--empty",), *SPANS]),
        ).map(lambda t: _command((t[0], *t[2], *t[1])))

    @property
    def failing(self) -> st.SearchStrategy[Command]:
        """A build in which the test of one model fails."""
        chosen = ("--select", *(f"resource_type:{kind}" for kind in ("seed", "model", "snapshot")))
        return st.tuples(
            st.sampled_from([("--fail-fast",), ()]),
            st.sampled_from(self._failing),
            st.booleans(),
        ).map(
            lambda t: Command(
                ("build", *t[0], "--indirect-selection", "empty", *chosen, "tag:failing"),
                failing=t[1],
                again=t[2],
            )
        )

    @property
    def killed(self) -> st.SearchStrategy[Command]:
        """Any of them, killed at any of its statements."""
        return st.tuples(st.one_of(self.whole, self.part, self.refresh), st.integers(1, 1000)).map(
            lambda t: replace(t[0], dies=t[1])
        )
