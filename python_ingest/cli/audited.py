"""The audit as a cycle has it: where the extra [audit] is not installed, it is skipped."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from python_ingest.errors import AuditFailedError
from python_ingest.extras import lacking
from python_ingest.settings import Settings

_ROOM = "python_ingest.audit.run"
SHOWN = 3


@dataclass(frozen=True)
class AuditResult:
    """The verdict; `nothing_new` when no batch landed after the last passed audit.

    `skipped`: why there was no audit.

    It is about the batches from `first_batch` to `batch_id`.
    `failed`: what was critical, by the raw relation that must not be published.
    """

    passed: bool
    batch_id: int
    critical: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    docs: Path | None = None
    nothing_new: bool = False
    failed: dict[str, str] = field(default_factory=dict)
    first_batch: int = 0
    skipped: str = ""

    @property
    def summary(self) -> str:
        """One line for people and for raw.audits."""
        if self.skipped:
            return "the audit was skipped"
        if self.nothing_new:
            return "nothing new since the last audit"
        if self.passed:
            many = len(self.warnings)
            return f"passed with {many} warning{'s' * (many != 1)}"
        more = len(self.critical) - SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        return "; ".join(self.critical[:SHOWN]) + rest

    @property
    def advice(self) -> str:
        """What to do when it failed."""
        return (
            f"Of batches {self.first_batch} to {self.batch_id}, see {self.docs}; land what is"
            ' right, or take it as it is: ingest audit --accept "WHY"'
        )

    def require(self) -> None:
        """Raise AuditFailedError unless it passed: one line with the reason and what to do."""
        if not self.passed:
            raise AuditFailedError(f"the audit failed: {self.summary}. {self.advice}")


def audit(settings: Settings) -> AuditResult:
    """Judge what landed since the last audit that passed, where that can be done."""
    if why := lacking("audit"):
        warning = f"the audit was skipped, {why}"
        return AuditResult(passed=True, batch_id=0, warnings=[warning], skipped=why)
    result: AuditResult = import_module(_ROOM).audit(settings)
    return result


def loaded_beside(settings: Settings) -> AbstractContextManager[None]:
    """Import what an audit needs while the block runs, if there is something to judge."""
    beside: AbstractContextManager[None] = nullcontext()
    if not lacking("audit"):
        beside = import_module(_ROOM).loaded_beside(settings)
    return beside
