"""Whatever lands and whatever is typed: after the next whole build all is as a full refresh has it.

A walk is a number; the same number walks the same way:
    pytest tests/python/walk/test_walk.py -k 'walk[1]'
    pytest tests/python/walk/test_walk.py -m slow          # hundreds
A walk that fails prints what a person would type to see it fail.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from . import news
from .commands import Command, Commands
from .compare import against_a_full_refresh
from .ground import Ground
from .never_rebuilt import broken, complete_bars, not_revised
from .reference import CHANGES, SETTINGS, changed
from .warehouse import NO_UNIT_TESTS, Warehouse

IN_EVERY_RUN = 3
SLOW = 300
STEPS = 12
TIMES = [
    "2024-03-09 00:00:00",
    "2024-03-10 12:00:00",
    "2024-03-11 06:00:00",
    "2024-03-12 00:00:00",
    "2024-03-20 00:00:00",
]
few = {"min_size": 1, "max_size": 6}


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

        def land(self, kind: str, rows: list[news.Row]) -> None:
            if self.desk and rows:
                self.warehouse.land(kind, rows)

        @rule(rows=st.lists(news.ticks, **few))
        def land_ticks(self, rows: list[news.Row]) -> None:
            self.land("ticks", rows)
            if self.desk:
                self.landed += rows

        @precondition(lambda self: self.desk and self.landed)
        @rule(
            which=st.lists(st.integers(0, 1000), **few),
            source=st.sampled_from(["websocket", "rest", "backfill"]),
            price=st.sampled_from([None, "12"]),
        )
        def land_ticks_again(self, which: list[int], source: str, price: str | None) -> None:
            rows = [{**self.landed[n % len(self.landed)], "source": source} for n in which]
            for row in rows:
                if price and row["last_price"] is not None:
                    row["last_price"] = price
            self.land("ticks", rows)

        @rule(rows=st.lists(news.corrections, **few))
        def land_corrections(self, rows: list[news.Row]) -> None:
            self.land("corrections", rows)

        @rule(count=st.integers(1, 25))
        def land_orders(self, count: int) -> None:
            if self.desk:
                self.land("orders", self.desk.events(count))

        @rule(count=st.integers(1, 25))
        def land_prices(self, count: int) -> None:
            if self.desk:
                self.land("ticks", self.desk.ticks(count))

        @rule(rows=st.lists(news.cash, **few))
        def land_cash(self, rows: list[news.Row]) -> None:
            self.land("cash", rows)

        @rule(row=news.splits)
        def land_split(self, row: news.Row) -> None:
            self.land("actions", [row])

        @rule(metrics=st.lists(news.metrics, **few), logs=st.lists(news.logs, **few))
        def land_telemetry(self, metrics: list[news.Row], logs: list[news.Row]) -> None:
            self.land("metrics", metrics)
            self.land("logs", logs)

        @rule(data=st.data(), seed_name=st.sampled_from(sorted(CHANGES)))
        def change_a_seed(self, data: st.DataObject, seed_name: str) -> None:
            if self.desk:
                key, change = data.draw(st.sampled_from(CHANGES[seed_name]))
                rows = self.warehouse.seeds()[seed_name]
                self.warehouse.seed(seed_name, changed(seed_name, rows, key, change))

        @rule(data=st.data(), name=st.sampled_from(sorted(SETTINGS)))
        def change_a_setting(self, data: st.DataObject, name: str) -> None:
            if self.desk:
                self.warehouse.settings[name] = data.draw(st.sampled_from(SETTINGS[name]))

        @rule(days=st.sampled_from([1, 2, 4, 400]), every=st.sampled_from([1, 2]))
        def change_retention(self, days: int, every: int) -> None:
            if self.desk:
                rows = self.warehouse.seeds()["retention_policies"]
                for row in rows[::every]:
                    row["keep_days"] = str(days)
                self.warehouse.seed("retention_policies", rows)

        @rule(as_of=st.sampled_from(TIMES))
        def change_the_clock(self, as_of: str) -> None:
            if self.desk:
                self.warehouse.as_of = as_of

        @rule(command=typed.whole)
        def type_whole(self, command: Command) -> None:
            self.type(command)

        @rule(command=typed.part)
        def type_part(self, command: Command) -> None:
            self.type(command)

        @rule(command=typed.refresh)
        def type_refresh(self, command: Command) -> None:
            self.type(command)

        @rule(command=typed.limited)
        def type_limited(self, command: Command) -> None:
            self.type(command)

        @rule(command=typed.failing, again=st.booleans())
        def type_failing(self, command: Command, again: bool) -> None:
            self.type(command)
            if again:
                self.type(Command(("retry",)))

        @rule(command=typed.killed, again=st.booleans())
        def type_killed(self, command: Command, again: bool) -> None:
            self.type(command)
            if again:
                self.type(Command(("retry",)))

        @rule()
        def take_a_snapshot(self) -> None:
            self.type(Command(("run-operation", "take_portfolio_snapshot")))

        def type(self, command: Command) -> None:
            if not self.desk:
                return
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
