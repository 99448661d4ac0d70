"""Whatever lands and whatever is typed: after the next whole build all is as a full refresh has it.

A walk is a number; the same number walks the same way:
    pytest tests/python/walk/test_walk.py -k 'walk[1]'
    pytest tests/python/walk/test_walk.py -m slow          # hundreds
A walk that fails prints what a person would type to see it fail.
"""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from python_ingest.errors import NotInitialisedError
from python_ingest.landing.land import land_pending

from . import news
from .commands import Command, Commands
from .compare import against_a_full_refresh
from .ground import Ground
from .lifecycle import archive_due, bring_back_days
from .never_rebuilt import FILES, broken, complete_bars, not_revised
from .reference import CHANGES, SETTINGS, Row, changed
from .warehouse import NO_UNIT_TESTS, Warehouse

IN_EVERY_RUN = 2
SLOW = 300
STEPS = 4  # commands, each after something that happens
TIMES = [
    "2024-03-09 00:00:00",
    "2024-03-10 12:00:00",
    "2024-03-11 06:00:00",
    "2024-03-12 00:00:00",
    "2024-03-20 00:00:00",
]
few = {"min_size": 1, "max_size": 6}
# What happens between two commands: the name of a method below and what it is called with.
events = st.one_of(
    st.tuples(st.just("land"), st.just("ticks"), st.lists(news.ticks, **few)),
    st.tuples(st.just("land"), st.just("ticks"), st.lists(news.ticks, **few)),
    st.tuples(
        st.just("land_again"),
        st.lists(st.integers(0, 1000), **few),
        st.sampled_from(["websocket", "rest", "backfill"]),
        st.sampled_from([None, "12"]),
    ),
    st.tuples(st.just("land"), st.just("corrections"), st.lists(news.corrections, **few)),
    st.tuples(st.just("land_orders"), st.integers(5, 25)),
    st.tuples(st.just("land_orders"), st.integers(5, 25)),
    st.tuples(st.just("land_prices"), st.integers(5, 25)),
    st.tuples(st.just("land"), st.just("cash"), st.lists(news.cash, **few)),
    st.tuples(st.just("land"), st.just("statements"), st.lists(news.statements, **few)),
    st.tuples(st.just("land"), st.just("actions"), st.lists(news.actions, min_size=1, max_size=1)),
    st.tuples(st.just("land"), st.just("metrics"), st.lists(news.metrics, **few)),
    st.tuples(st.just("land"), st.just("logs"), st.lists(news.logs, **few)),
    st.sampled_from(sorted(CHANGES)).flatmap(
        lambda seed_name: st.tuples(
            st.just("change_seed"), st.just(seed_name), st.sampled_from(CHANGES[seed_name])
        )
    ),
    st.sampled_from(sorted(SETTINGS)).flatmap(
        lambda name: st.tuples(
            st.just("change_setting"), st.just(name), st.sampled_from(SETTINGS[name])
        )
    ),
    st.tuples(
        st.just("change_retention"), st.sampled_from([1, 2, 4, 400]), st.sampled_from([1, 2])
    ),
    st.tuples(st.just("archive"), st.sampled_from([1, 2, 4])),
    st.tuples(st.just("bring_back"), st.integers(0, 1000), st.integers(0, 3)),
    st.tuples(st.just("change_clock"), st.sampled_from(TIMES)),
)


def walk_on(ground: Ground, work: Path) -> type[RuleBasedStateMachine]:
    """The walk, on this ground, in this folder."""
    typed = Commands(ground.zygote.nodes)

    class Walk(RuleBasedStateMachine):
        warehouse: Warehouse
        desk: news.Desk | None = None
        landed: list[news.Row]
        failed = False

        # The first example that hypothesis tries is the simplest: 0, which does not walk at all.
        @initialize(number=st.integers(0, 2**20), built=st.sampled_from([True, True, True, False]))
        def begin(self, number: int, built: bool) -> None:
            if number:
                self.desk = news.Desk(number)
                self.warehouse = ground.start(work / "data", built=built)
                self.landed = []

        # One rule: hypothesis turns some of several off in each walk, perhaps all that type.
        @rule(happens=st.lists(events, min_size=1, max_size=4), command=typed.any)
        def step(self, happens: list[tuple[Any, ...]], command: Command) -> None:
            if self.desk:
                for name, *values in happens:
                    getattr(self, name)(*values)
                self.type(command)
                if command.again:
                    self.type(Command(("retry",)))

        def land(self, kind: str, rows: list[news.Row]) -> None:
            self.warehouse.land(kind, rows)
            self.landed += rows if kind == "ticks" else []

        def land_again(self, which: list[int], source: str, price: str | None) -> None:
            rows = [
                {**self.landed[n % len(self.landed)], "source": source}
                for n in which
                if self.landed
            ]
            for row in rows:
                if price and row["last_price"] is not None:
                    row["last_price"] = price
            if rows:
                self.warehouse.land("ticks", rows)

        def land_orders(self, count: int) -> None:
            assert self.desk is not None
            if rows := self.desk.events(count):
                self.warehouse.land("orders", rows)

        def land_prices(self, count: int) -> None:
            assert self.desk is not None
            if rows := self.desk.ticks(count):
                self.warehouse.land("ticks", rows)

        def change_seed(self, seed_name: str, change: tuple[Row, Row | None]) -> None:
            rows = self.warehouse.seeds()[seed_name]
            self.warehouse.seed(seed_name, changed(seed_name, rows, *change))

        def change_setting(self, name: str, value: str) -> None:
            self.warehouse.settings[name] = value

        def change_retention(self, days: int, every: int) -> None:
            rows = self.warehouse.seeds()["retention_policies"]
            for row in rows[::every]:
                row["keep_days"] = str(days)
            self.warehouse.seed("retention_policies", rows)

        def archive(self, days: int) -> None:
            rows = self.warehouse.seeds()["retention_policies"]
            for row in rows:
                row["archive_after_days"] = str(days)
            self.warehouse.seed("retention_policies", rows)
            self.warehouse.dbt("seed", "--select", "retention_policies")
            with suppress(NotInitialisedError):  # not all views are there before the first build
                archive_due(self.warehouse)

        def bring_back(self, which: int, days: int) -> None:
            found = self.warehouse.rows(
                "select distinct relation, date from raw.cold_files where state = 'archived'"
                " order by all"
            )
            if found:
                relation, day = found[which % len(found)]
                until = day + timedelta(days=days)
                bring_back_days(self.warehouse, relation, str(day), str(until))
                land_pending(self.warehouse.ingest)

        def change_clock(self, as_of: str) -> None:
            self.warehouse.as_of = as_of

        def type(self, command: Command) -> None:
            before = complete_bars(self.warehouse)
            kill_at = None
            if command.dies is not None:
                kill_at = max(1, command.dies * self.warehouse.statements // 1000)
            variables = {"failing": command.failing} if command.failing else None
            done = self.warehouse.dbt(*command.arguments, kill_at=kill_at, variables=variables)
            self.judge(not_revised(self.warehouse, before))
            if not command.failing and self.warehouse.obey(done) and command.is_whole:
                self.warehouse.dbt(*command.arguments)

        def teardown(self) -> None:
            if not self.desk or self.failed:
                return
            self.warehouse.as_of = self.warehouse.newest_as_of or self.warehouse.as_of
            for relation in FILES:
                bring_back_days(self.warehouse, relation, "2024-01-01", "2024-12-31")
            land_pending(self.warehouse.ingest)
            done = self.warehouse.build(*NO_UNIT_TESTS)
            lines = against_a_full_refresh(self.warehouse, work)
            lines += broken(self.warehouse)
            if done.code:
                lines.insert(0, f"the whole build failed:\n{done.why}")
            self.judge(lines)

        def judge(self, lines: list[str]) -> None:
            if lines:
                self.failed = True
                raise AssertionError("\n".join([*lines, "", *self.warehouse.typed()]))

    return Walk


@pytest.mark.parametrize(
    "number",
    [
        *range(IN_EVERY_RUN),
        *(pytest.param(number, marks=pytest.mark.slow) for number in range(IN_EVERY_RUN, SLOW)),
    ],
)
def test_walk(number: int, ground: Ground, tmp_path: Path) -> None:
    run_state_machine_as_test(
        seed(number)(walk_on(ground, tmp_path)),
        settings=settings(
            max_examples=2,  # the simplest, and one
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
