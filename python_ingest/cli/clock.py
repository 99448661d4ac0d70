"""Times and dates of options; `--as-of`, which completeness and retention follow, has one rule."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from python_ingest.errors import UsageError

AsOf = Annotated[str, typer.Option(help="Clock for completeness and retention, UTC; default: now.")]
Force = Annotated[bool, typer.Option("--force", help="Take an --as-of that is yet to come.")]

# Granted to a clock that runs behind the one that named the time.
_GRACE = timedelta(minutes=1)


def moment(option: str, text: str | None) -> datetime | None:
    """Return an option's time in UTC without zone; None: it names none.

    Raises UsageError for what is no time, in UTC of the years 1 to 9999.
    """
    if not text:
        return None
    try:
        named = datetime.fromisoformat(text)
        return named.astimezone(UTC).replace(tzinfo=None) if named.tzinfo else named
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text}: not a time such as 2024-08-09 00:00:00 or 2024-08-09T00:00Z"
        ) from None


def date_of(option: str, text: str) -> date:
    """Return an option's date; raises UsageError for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: a date is wanted, such as 2024-08-08") from None


def clock(as_of: str, *, force: bool) -> datetime | None:
    """Return the time that `--as-of` names, in UTC without zone; None: it names none.

    Raises UsageError for what is no time, and without `force` for a time that is yet to come.
    """
    named = moment("--as-of", as_of)
    now = datetime.now(UTC).replace(tzinfo=None)
    if named and named > now + _GRACE and not force:
        raise UsageError(
            f"--as-of {as_of} is yet to come (it is {now:%Y-%m-%d %H:%M:%S} UTC): what completeness"
            " and retention move stays moved; give --force if it is meant"
        )
    return named


def variables(as_of: str, *, force: bool) -> dict[str, object]:
    """Return what a build's `--vars` say of its clock; raises as `clock` does."""
    named = clock(as_of, force=force)
    # As people type it: other variables make dbt read the project again.
    return {"as_of": str(named)} | ({"force": True} if force else {}) if named else {}
