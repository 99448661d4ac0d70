"""Bring schema `raw` to the newest version, one numbered SQL file after the other.

with open_writer(settings, create=True) as connection:
    migrate(connection)    # names of what was applied; nothing when it is the newest
"""

import duckdb

from python_ingest.schema.built_tables import take_over
from python_ingest.schema.one_spelling import follow
from python_ingest.schema.version import current_version, migrations, require_current
from python_ingest.schema.wide_tables import widen
from python_ingest.storage.writer import transaction

# What SQL cannot say.
_AND_THEN = {"006_chains": take_over, "008_wide_decimals": widen, "023_one_spelling": follow}
_VERSIONS = """
create schema if not exists raw;
create table if not exists raw.schema_versions (
    version integer primary key,
    name varchar not null,
    applied_at timestamp not null
);
"""


def migrate(connection: duckdb.DuckDBPyConnection, up_to: int | None = None) -> list[str]:
    """Apply what is missing, each migration in a transaction of its own; return their names.

    `up_to`: stop at this version, as an older backup needs it.
    Raises NotInitialisedError when the database is newer than this code.
    """
    version = current_version(connection)
    known = migrations()
    if version > known[-1][0]:
        require_current(connection)
    applied = []
    for number, name, sql in known:
        if number <= version or (up_to is not None and number > up_to):
            continue
        with transaction(connection):
            connection.execute(_VERSIONS)
            connection.execute(sql)
            if name in _AND_THEN:
                _AND_THEN[name](connection)
            connection.execute(
                "insert into raw.schema_versions values (?, ?, now()::timestamp)", [number, name]
            )
        applied.append(name)
    return applied
