"""What a part of a live build leaves for the parts that run beside its next pass."""

import duckdb
import pytest

from python_ingest.publication.live_models import Model
from python_ingest.publication.views import Relation
from python_ingest.serving.live_part import LivePart

ARRIVED, SMALL, TABLE = (Relation("main", name) for name in ("arrived", "small", "summed"))


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("create table arrived as select 1 as number")
        yield connection


def test_a_view_that_a_later_part_reads_is_made_in_each_pass(connection):
    """The later part must not make it: the next pass of the first one makes it meanwhile."""
    view = Model(SMALL, "", "view", "select number from arrived", (ARRIVED,))
    table = Model(TABLE, "", "table", "select sum(number) as total from small", (SMALL,))
    reads = {SMALL: set(), TABLE: {SMALL}}
    first = LivePart(connection, [view], {SMALL}, reads, {SMALL})
    later = LivePart(connection.cursor(), [table], {SMALL}, reads, set())
    for total in (1, 3):
        first.restate()
        connection.execute("insert into arrived values (2)")  # lands meanwhile
        later.restate()
        assert connection.execute("from summed").fetchall() == [(total,)]
