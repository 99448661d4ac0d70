"""The expectations of newly landed data: rules.toml, beside this file."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal


@dataclass(frozen=True)
class Rule:
    """`column` of `frame` is at most `most`; else the message is "SUBJECT: " and `says`.

    Of landings with fewer than `least` rows it says nothing.
    """

    frame: Literal["landings", "ticks", "orders"]
    column: str
    most: float
    severity: Literal["critical", "warning"]
    says: str
    least: int = 0


_TOLD = (files("python_ingest.audit") / "rules.toml").read_text(encoding="utf-8")
RULES = [Rule(**told) for told in tomllib.loads(_TOLD)["rules"]]
