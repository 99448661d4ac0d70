"""The step of migration 023 that SQL cannot say: what dbt built, where it was built.

Both tables are continued by builds and carry ids, texts and hashes of ticks.
"""

import duckdb

_CHANGED = {
    "int_disputed_ticks": """
        delete from intermediate.int_disputed_ticks
        where tick_id in (select tick_id from double_ticks);
        update intermediate.int_disputed_ticks as d
        set venue = r.venue, content_hash = r.content_hash
        from respelled_ticks as r
        where d.tick_id = r.tick_id
    """,
    "int_latest_ticks": """
        update intermediate.int_latest_ticks as l
        set tick_id = d.kept
        from double_ticks as d
        where l.tick_id = d.tick_id
    """,
}


def follow(connection: duckdb.DuckDBPyConnection) -> None:
    """Give what was built of respelled ticks their new values.

    Runs inside the migration's transaction, after its SQL, whose temporary tables it reads and
    drops.
    """
    there = connection.execute(
        "select table_name from duckdb_tables() where database_name = current_database()"
        " and schema_name = 'intermediate'"
    ).fetchall()
    for (name,) in there:
        if name in _CHANGED:
            connection.execute(_CHANGED[name])
    for name in ("respelled_ticks", "copies", "double_ticks", "confirmed", "respelled_events"):
        connection.execute(f"drop table temp.{name}")
