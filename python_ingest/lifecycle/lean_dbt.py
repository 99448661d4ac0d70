"""What dbt does again for every node, done once (docs/adr/0170).

A fifth of a build goes into three things: to list all macros for a node (twice), to compile Jinja
that was compiled before, and to word events that nobody reads. A node sees the same without them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from dbt.clients.jinja import MacroGenerator
from dbt.context.macros import MacroNamespace
from dbt.context.manifest import ManifestContext
from dbt.exceptions import PackageNotFoundForMacroError
from dbt.include.global_project import PROJECT_NAME
from dbt.tracking import track_behavior_change_warn
from dbt_common.clients.jinja import MacroFuzzEnvironment
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager

_Bind = Callable[[MacroGenerator], MacroGenerator]


class _Bound(MacroGenerator):
    """A macro of a node's context: 700 for each, and dbt makes each in four calls."""

    def __init__(self, macro: Any, context: dict[str, Any], node: Any, stack: Any) -> None:
        self.macro, self.context, self.node, self.stack = macro, context, node, stack


class _Package(dict[str, MacroGenerator]):
    """The macros of a package; each is bound to the node when it is asked for."""

    def __init__(self, macros: Mapping[str, MacroGenerator], bind: _Bind) -> None:
        self._macros, self._bind = macros, bind

    def __missing__(self, name: str) -> MacroGenerator:
        return self.setdefault(name, self._bind(self._macros[name]))

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self._macros else default


class _Namespace(dict[str, Any]):
    """dbt's MacroNamespace of a node as the plain dictionary that its context is made of."""

    def __init__(self, once: MacroNamespace, bind: _Bind) -> None:
        ours = {name: _Package(macros, bind) for name, macros in once.packages.items()}
        self._packages = {PROJECT_NAME: _Package(once.global_project_namespace, bind), **ours}
        # What comes first in dbt's order of search counts: here it comes last.
        self.update((name, bind(macro)) for name, macro in once.global_project_namespace.items())
        self.update(self._packages)
        for macros in (once.global_namespace, once.local_namespace):
            self.update((name, bind(macro)) for name, macro in macros.items())

    def get_from_package(self, package: str | None, name: str) -> Any:
        """A macro by its name, or None; as dbt's own."""
        if package is None:
            return self.get(name)
        if package not in self._packages:
            raise PackageNotFoundForMacroError(package)
        return self._packages[package].get(name)


def _list_macros_once() -> None:
    known: dict[tuple[int, int, str], tuple[object, MacroNamespace]] = {}
    build = ManifestContext._build_namespace

    @wraps(build)
    def build_namespace(self: ManifestContext) -> Any:
        macros = self.manifest.get_macros_by_package()
        key = id(macros), len(self.manifest.macros), self.search_package
        if key not in known:
            known[key] = macros, build(self)  # kept, so that no other gets its id
        node, context, stack = getattr(self, "model", None), self._ctx, self.macro_stack
        return _Namespace(known[key][1], lambda listed: _Bound(listed.macro, context, node, stack))

    ManifestContext._build_namespace = build_namespace  # type: ignore[method-assign]


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


def make_dbt_lean() -> None:
    """Change dbt in this process; to do it again changes nothing."""
    if not hasattr(EventManager.fire_event, "__wrapped__"):
        _list_macros_once()
        _compile_once()
        _word_what_is_read()
