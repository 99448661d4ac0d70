"""Which rows of an extracted range are not here: SQL that compares the two as multisets.

A row there is the row here that is equal in the columns of SAME and of TOLD. One that tells nothing
in TOLD (its column is younger than the row) can be any of those that are equal in SAME; so can any
row there be one here that tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from python_ingest.feeds.kinds import Kind
from python_ingest.feeds.relation import hashed
from python_ingest.storage.sql import quoted

# Ids are left out, since each side numbers its own; JSON in logs too, since jsonb does not keep its
# text.
SAME: dict[str, tuple[str, ...]] = {
    "market_ticks": (
        "exchange", "symbol", "timestamp", "bid_price", "ask_price", "bid_size", "ask_size",
        "last_price", "last_size", "volume", "sequence_number", "conditions", "tape",
    ),
    "system_metrics": ("timestamp", "metric_name", "labels"),
    "application_logs": ("timestamp", "level", "service", "component", "message", "event"),
}  # fmt: skip
TOLD: dict[str, tuple[str, ...]] = {
    "market_ticks": ("trade_id",),
    "system_metrics": ("value", "quantiles"),
    "application_logs": ("context", "exception", "source"),
}


def told_by(relation: str, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns of TOLD that an extract with these columns and types has.

    A number that is no DOUBLE there may have been rounded when it was written.
    """
    rounded = ("FLOAT", "DECIMAL")
    return tuple(n for n in TOLD[relation] if n in columns and not columns[n].startswith(rounded))


def rows_here(relation: str, kind: Kind, told: tuple[str, ...], rows: str, span: str) -> str:
    """Return SQL of how often each row of a range is here, by content."""
    columns = ", ".join(map(quoted, (*SAME[relation], *told)))
    highest = "max(occurrence)" if kind.occurrences else "1"
    return (
        f"select {columns}, content_hash, count(*) as copies, {highest} as highest"
        f" from {hashed(kind, f'(from {rows} where {span})')} group by all"
    )


def missing_rows(relation: str, kind: Kind, told: tuple[str, ...], here: str) -> str:
    """Return SQL of the rows of `judged` that are missing in `here`, and of those with a reason.

    `here` has what `rows_here` returns. Rows of a kind that counts occurrences go on counting.
    """
    same, full = SAME[relation], (*SAME[relation], *told)
    tells = " or ".join(f"{quoted(name)} is not null" for name in told) or "false"
    numbered = (
        "coalesce((select max(h.highest) from here as h where h.content_hash = m.content_hash), 0)"
        " + row_number() over (partition by content_hash order by row_number)"
    )
    return f"""
        here as (select *, {tells} as tells from {here}),
        there as (select *, {tells} as tells from judged where reason is null),
        here_by_told as (
            select {_names(full)}, any_value(tells) as tells, sum(copies)::bigint as copies
            from here group by {_names(full)}
        ),
        there_by_told as (
            select {_names(full)}, count(*) as copies from there group by {_names(full)}
        ),
        -- what no row there equals
        left_here as (
            select {_names(same, "h")},
                sum(case when tells then greatest(h.copies - coalesce(t.copies, 0), 0) end)::bigint
                    as telling,
                sum(case when not tells then greatest(h.copies - coalesce(t.copies, 0), 0) end)
                    ::bigint as silent
            from here_by_told as h
            left join there_by_told as t on {_equal(full, "h", "t")}
            group by {_names(same, "h")}
        ),
        without_equal as (
            select t.* exclude (nth)
            from (
                select *, row_number() over (partition by {_names(full)} order by row_number) as nth
                from there
            ) as t
            left join here_by_told as h on {_equal(full, "t", "h")}
            where t.nth > coalesce(h.copies, 0)
        ),
        ranked as (
            select w.*, coalesce(h.telling, 0) as telling, coalesce(h.silent, 0) as silent,
                row_number() over (partition by {_names(same, "w")}, w.tells order by row_number)
                    as nth,
                count(*) filter (where not w.tells) over (partition by {_names(same, "w")})
                    as silent_there
            from without_equal as w
            left join left_here as h on {_equal(same, "w", "h")}
        ),
        -- rows that tell nothing are found first in those that tell something
        missing as (
            select * exclude (tells, telling, silent, nth, silent_there)
            from ranked
            where nth > case
                when tells then greatest(silent - greatest(silent_there - telling, 0), 0)
                else telling + silent
            end
        )
        select *{f", ({numbered})::integer as occurrence" if kind.occurrences else ""}
        from {hashed(kind, "missing")} as m
        union all by name
        select * from judged where reason is not null
    """


def _names(names: tuple[str, ...], table: str = "") -> str:
    return ", ".join(f"{table}.{quoted(name)}" if table else quoted(name) for name in names)


def _equal(names: tuple[str, ...], one: str, other: str) -> str:
    names = tuple(map(quoted, names))
    return " and ".join(f"{one}.{name} is not distinct from {other}.{name}" for name in names)
