"""SQL that stands in files, under names.

SQL = Statements(Path(__file__).with_name("queries"))
SQL.is_blank("symbol")         # an argument for each parameter of `is_blank`, as SQL
SQL.pages(at="'$.rows'", ...)  # or by their names
"""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

_BEGINS = re.compile(r"^-- :(\w+)\(([^)]*)\)\n", re.MULTILINE)
_COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)
_NAME = re.compile(r"\$(\$|\w+)(?:\(([\w., ]+)\))?")


class Statements:
    """The statements and expressions of a folder's files.

    `always`: what stands for a name in each of them.
    Each begins below a line `-- :name(parameter, ...)`. In it `$parameter` stands for what is said,
    `$other(column, ...)` for another one of them, `$other` for one of which every parameter is said
    here too, and `$$` for a dollar before a letter. A line that is a comment is left out.
    """

    def __init__(self, folder: Path, **always: str) -> None:
        self._folder, self._always = folder, always

    @cached_property
    def _texts(self) -> dict[str, tuple[list[str], str]]:
        """What is said of each, and its text, in which braces are doubled."""
        found = {name: (list[str](), text) for name, text in self._always.items()}
        for path in sorted(self._folder.glob("*.sql")):
            _, *parts = _BEGINS.split(path.read_text(encoding="utf-8"))
            for name, parameters, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
                braced = _COMMENT.sub("", text).strip().replace("{", "{{").replace("}", "}}")
                found[name] = re.findall(r"\w+", parameters), braced
        return found

    def __getattr__(self, name: str) -> Callable[..., str]:
        if name.startswith("__") or name not in self._texts:
            raise AttributeError(name)
        parameters, _ = self._texts[name]
        text = self._format(name, {parameter: f"{{{parameter}}}" for parameter in parameters})

        def filled(*arguments: str, **named: str) -> str:
            said = dict(zip(parameters, arguments, strict=False), **named)
            if not len(said) == len(parameters) == len(arguments) + len(named):
                raise TypeError(f"{name}: wants {', '.join(parameters)}")
            return text.format(**said)

        self.__dict__[name] = filled  # asked for once
        return filled

    def _format(self, name: str, said: Mapping[str, str]) -> str:
        """Return a text as `str.format` takes it, with the others that are named in it."""

        def stands_for(found: re.Match[str]) -> str:
            other, columns = found.groups()
            if other == "$" or other in said:
                return said.get(other, "$") + (f"({columns})" if columns else "")
            if columns:
                named = zip(self._texts[other][0], columns.split(", "), strict=True)
                return self._format(other, dict(named))
            return self._format(other, said)

        return _NAME.sub(stands_for, self._texts[name][1])
