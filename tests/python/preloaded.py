"""What the process that forks cycles imports besides what a resident cycle tells it to."""

from multiprocessing.context import BaseContext

_preload = BaseContext.set_forkserver_preload


def also_preload(module: str) -> None:
    """Have that process import `module` first: what changes the command changes it too."""

    def preload(context: BaseContext, names: list[str]) -> None:
        _preload(context, [module, *names])

    BaseContext.set_forkserver_preload = preload  # type: ignore[method-assign]
