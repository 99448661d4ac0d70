"""What dbt does again for every node, done once (docs/adr/0120).

A third of a build goes into what each node gets and does not use: a context of 760 values,
templates compiled that were compiled before, events that nobody reads. A node sees the same.
"""

import json
import re
from collections.abc import Callable, Container, Iterable, Mapping
from functools import cache, wraps
from types import SimpleNamespace
from typing import Any, TextIO

from dbt import compilation
from dbt.adapters.base.impl import BaseAdapter
from dbt.adapters.base.relation import BaseRelation
from dbt.artifacts.resources.v1.components import InjectedCTE
from dbt.clients.jinja import MacroGenerator
from dbt.compilation import Compiler, Linker
from dbt.context.macros import MacroNamespace
from dbt.context.manifest import ManifestContext
from dbt.exceptions import PackageNotFoundForMacroError
from dbt.flags import get_flags
from dbt.include.global_project import PROJECT_NAME
from dbt.parser import manifest
from dbt.task import runnable
from dbt.tracking import track_behavior_change_warn
from dbt_common.clients import agate_helper, system
from dbt_common.clients.jinja import (
    MacroFuzzEnvironment,
    MacroFuzzTemplate,
    NativeSandboxTemplate,
)
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager

# A statement's WITH, and what may stand before it.
_WITH = re.compile(
    r"(?:\s|--[^\n]*\n|/\*(?:(?!\*/|/\*).)*\*/)*with(?:\s+recursive)?\b\s*", re.I | re.S
)


class _Lazy(dict[str, Any]):
    """A dictionary whose values are made when they are asked for."""

    def __init__(self, names: Container[str], make: Callable[[str], Any]) -> None:
        self._names, self._make = names, make

    def __missing__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self.setdefault(name, self._make(name))

    def __contains__(self, name: object) -> bool:
        return name in self._names or super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - this is that get


class _Names:
    """What the nodes of a package may name, as dbt's order of search leaves it."""

    def __init__(self, searched: MacroNamespace, members: Iterable[str]) -> None:
        first = {**searched.global_namespace, **searched.local_namespace}
        self.macros = {**searched.global_project_namespace, **first}
        self.packages = {PROJECT_NAME: searched.global_project_namespace, **searched.packages}
        self.seen_packages = [name for name in self.packages if name not in first]
        self.all = {*self.macros, *members}


class _Namespace(dict[str, Any]):
    """dbt's MacroNamespace of a node, less what its context finds by itself."""

    def __init__(self, names: _Names, bind: Callable[[MacroGenerator], MacroGenerator]) -> None:
        def bound(macros: Mapping[str, MacroGenerator]) -> _Lazy:
            return _Lazy(macros, lambda name: bind(macros[name]))

        self.macros = bound(names.macros)
        self._packages = {name: bound(macros) for name, macros in names.packages.items()}
        self.update((name, self._packages[name]) for name in names.seen_packages)

    def get_from_package(self, package: str | None, name: str) -> Any:
        """A macro by its name, or None; as dbt's own."""
        if package is None:
            return self.get(name) or self.macros.get(name)
        if package not in self._packages:
            raise PackageNotFoundForMacroError(package)
        return self._packages[package].get(name)


def _make_contexts_lazy() -> None:
    known: dict[tuple[int, int, str, type], tuple[object, _Names]] = {}
    build, generate = ManifestContext._build_namespace, ManifestContext.generate_builtins

    @wraps(build)
    def build_namespace(self: ManifestContext) -> Any:
        macros, members = self.manifest.get_macros_by_package(), self._context_members_
        key = id(macros), len(self.manifest.macros), self.search_package, type(self)
        if key not in known:  # the macros are kept, so that no others get their id
            known[key] = macros, _Names(build(self), members)
        names = known[key][1]
        node, stack = getattr(self, "model", None), self.macro_stack
        # dispatch relies on what dbt's `var`, made for each context, happens to load
        self.config.load_dependencies()  # type: ignore[attr-defined]
        # A macro stands before a member of its name.
        self._ctx = context = _Lazy(
            names.all,
            lambda name: (namespace.macros if name in names.macros else context["builtins"])[name],
        )
        namespace = _Namespace(
            names, lambda listed: MacroGenerator(listed.macro, context, node, stack)
        )
        return namespace

    @wraps(generate)
    def generate_builtins(self: ManifestContext) -> dict[str, Any]:
        if not isinstance(self._ctx, _Lazy):
            return generate(self)
        members = self._context_members_

        def member(name: str) -> Any:
            found = members[name]
            return found.__get__(self) if hasattr(found, "__get__") else found

        return _Lazy(members, member)

    ManifestContext._build_namespace = build_namespace  # type: ignore[method-assign]
    ManifestContext.generate_builtins = generate_builtins  # type: ignore[method-assign, assignment]
    # dbt's templates read a context in its place; its native ones copy what there is of it.
    NativeSandboxTemplate.new_context = MacroFuzzTemplate.new_context  # type: ignore[method-assign, assignment]


def _compile_once() -> None:
    compiled: dict[tuple[type, str], Any] = {}
    compile_ = MacroFuzzEnvironment.compile

    @wraps(compile_)
    def compile_once(self: MacroFuzzEnvironment, source: Any, *named: Any, **how: Any) -> Any:
        if named or how:
            return compile_(self, source, *named, **how)
        key = type(self), source
        if key not in compiled:
            compiled[key] = compile_(self, source)
        return compiled[key]

    MacroFuzzEnvironment.compile = compile_once  # type: ignore[method-assign, assignment]


def _word_what_is_read() -> None:
    fire, make = EventManager.fire_event, BaseEvent.__init__

    @wraps(fire)
    def fire_if_read(
        self: EventManager,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        if (
            force_warn_or_error_handling
            or (level or e.level_tag()) != EventLevel.DEBUG
            or any(logger.level == EventLevel.DEBUG for logger in self.loggers)
            or self.callbacks != [track_behavior_change_warn]  # who only looks for warnings
        ):
            fire(self, e, level, node, force_warn_or_error_handling)

    class WhenRead:
        """An event's message, made of what it was given when somebody asks for it."""

        def __get__(self, event: BaseEvent, _: type) -> Any:
            make(event, *event.__dict__.pop("given"), **event.__dict__.pop("named"))
            return event.__dict__["pb_msg"]

    def keep(self: BaseEvent, *given: Any, **named: Any) -> None:
        self.__dict__.update(given=given, named=named)

    EventManager.fire_event = fire_if_read  # type: ignore[method-assign]
    BaseEvent.__init__ = keep  # type: ignore[method-assign]
    BaseEvent.pb_msg = WhenRead()


def _read_dates_once() -> None:
    # 40 patterns for each table that a statement answers with, and those have no rows.
    dates = vars(agate_helper)["agate"].data_types.date_time.parsedatetime
    dates.Constants = cache(dates.Constants)


def _look_for_one_name() -> None:
    match = BaseAdapter._make_match

    @wraps(match)
    def match_one_name(
        self: BaseAdapter, relations: list[BaseRelation], database: str, schema: str, name: str
    ) -> list[BaseRelation]:
        alike = [r for r in relations if str(r.identifier).casefold() == name.casefold()]
        return match(self, alike, database, schema, name)

    BaseAdapter._make_match = match_one_name  # type: ignore[method-assign, assignment]


def _write_at_once() -> None:
    def dump(content: Any, file: TextIO, **how: Any) -> None:
        file.write(json.dumps(content, **how))  # in C; json.dump goes through Python value by value

    system.json = SimpleNamespace(load=json.load, dump=dump)  # type: ignore[assignment, attr-defined]
    # a build writes at its end by a name of its own, which is bound when its module is imported
    write_manifest = runnable.write_manifest  # type: ignore[attr-defined]

    @wraps(write_manifest)
    def write_what_was_read(*written: Any) -> None:
        # A build writes it again when it has ended.
        if get_flags().WHICH != "build":  # type: ignore[no-untyped-call]
            write_manifest(*written)

    manifest.write_manifest = write_what_was_read  # type: ignore[assignment]


def _draw_the_graph_once() -> None:
    Linker.add_test_edges = Linker.add_test_edges_2  # type: ignore[method-assign]
    find_cycles = Linker.find_cycles
    has_none = vars(compilation)["nx"].is_directed_acyclic_graph

    @wraps(find_cycles)
    def find_cycles_where_there_are(self: Linker) -> str | None:
        # That there is none is seen much sooner than which one there is.
        return None if has_none(self.graph) else find_cycles(self)  # type: ignore[no-untyped-call]

    Linker.find_cycles = find_cycles_where_there_are  # type: ignore[method-assign]
    # A pickle and two summaries, which nobody reads.
    Compiler.write_graph_file = lambda *_: None  # type: ignore[method-assign]
    Linker.get_graph_summary = lambda *_: {}  # type: ignore[method-assign]


def _read_to_the_first_word() -> None:
    inject = compilation.inject_ctes_into_sql

    @wraps(inject)
    def inject_after_with(sql: str, ctes: list[InjectedCTE]) -> str:
        # dbt parses all of it: a third of a unit test.
        begins = _WITH.match(sql)
        if not ctes or not begins:
            return inject(sql, ctes)
        at = begins.end()
        return f"{sql[:at]}{', '.join(str(cte.sql) for cte in ctes)}, {sql[at:]}"

    compilation.inject_ctes_into_sql = inject_after_with


def make_dbt_lean() -> None:
    """Change dbt in this process; to do it again changes nothing."""
    if not hasattr(EventManager.fire_event, "__wrapped__"):
        _make_contexts_lazy()
        _compile_once()
        _word_what_is_read()
        _read_dates_once()
        _look_for_one_name()
        _write_at_once()
        _draw_the_graph_once()
        _read_to_the_first_word()
