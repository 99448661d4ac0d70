"""What counts as the same row, against a plain Python model of design section 5."""

import hashlib
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from python_ingest.feeds.detect_format import scan_of
from python_ingest.feeds.kinds import TICKS
from python_ingest.feeds.relation import Scan
from python_ingest.feeds.values import content_hash
from python_ingest.landing import deduplicate
from python_ingest.landing.deduplicate import keys_rise
from python_ingest.landing.identity import Identity
from python_ingest.landing.land import LandingResult, land_files
from python_ingest.settings import Settings

Rows = Callable[[str], list[tuple[Any, ...]]]
Tick = dict[str, Any]

COLUMNS = ["exchange", "symbol", "timestamp", "venue", "last_price", "sequence_number", "trade_id"]


def write(path: Path, ticks: list[Tick]) -> Path:
    frame = pl.DataFrame(
        ticks,
        schema={
            "exchange": pl.String,
            "symbol": pl.String,
            "timestamp": pl.String,
            "venue": pl.String,
            "last_price": pl.String,
            "sequence_number": pl.Int64,
            "trade_id": pl.String,
            "source": pl.String,
        },
    )
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.with_columns(
            pl.col("timestamp").str.to_datetime(time_unit="us"),
            pl.col("last_price").cast(pl.Decimal(18, 8)),
        ).write_parquet(path)
    return path


def tick(**changes: Any) -> Tick:
    start = {
        "exchange": "x",
        "symbol": "s",
        "timestamp": "2024-01-02T10:00:00.000000",
        "venue": None,
        "last_price": "1",
        "sequence_number": None,
        "trade_id": None,
        "source": "websocket",
    }
    return {**start, **changes}


def key_of(t: Tick, identity: Identity) -> tuple[Any, ...] | None:
    trade_id = t["trade_id"] if identity.by_trade_id else None
    number = t["sequence_number"] if identity.by_sequence and trade_id is None else None
    if trade_id is None and number is None:
        return None
    return (t["exchange"], t["symbol"], t["venue"], t["timestamp"][:10], trade_id, number)


class Model:
    """The rule, row by row."""

    def __init__(self) -> None:
        self.keyed: dict[tuple[Any, ...], set[tuple[Any, ...]]] = defaultdict(set)
        self.copies: Counter[tuple[Any, ...]] = Counter()

    def land(self, ticks: list[Tick], identity: Identity) -> int:
        landed = 0
        seen: Counter[tuple[Any, ...]] = Counter()
        for t in ticks:
            content, key = tuple(t[c] for c in COLUMNS), key_of(t, identity)
            seen[content] += 1
            if self.copies[content] < (seen[content] if key is None else 1):
                self.copies[content] += 1
                landed += 1
                if key is not None:
                    self.keyed[key].add(content)
        return landed


@pytest.fixture
def land_as(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path, Identity], LandingResult]:
    """Land a file as one of a feed that says this of its numbers."""

    def land(path: Path, identity: Identity) -> LandingResult:
        def scan(*given: Any, **named: Any) -> Scan:
            return replace(
                scan_of(*given, **named),
                sequence_identifies=identity.by_sequence,
                trade_id_identifies=identity.by_trade_id,
            )

        monkeypatch.setattr("python_ingest.landing.prepare.scan_of", scan)
        return land_files(settings, "ticks", [path])[0]

    return land


@pytest.mark.parametrize(("seed", "suffix"), [(1, "parquet"), (2, "csv"), (3, "parquet")])
def test_overlapping_files_land_what_the_model_lands(
    rows: Rows,
    land_as: Callable[[Path, Identity], LandingResult],
    tmp_path: Path,
    seed: int,
    suffix: str,
) -> None:
    rng = random.Random(seed)  # noqa: S311

    def some() -> Tick:
        return tick(
            symbol=rng.choice("ab"),
            timestamp=f"2024-01-0{rng.randint(1, 2)}T{rng.choice(['00', '23'])}:59:59.000000",
            venue=rng.choice([None, "V"]),
            last_price=rng.choice(["1", "2"]),
            sequence_number=rng.choice([None, None, 1, 2]),
            trade_id=rng.choice([None, None, "1", "2"]),
            source=rng.choice(["websocket", "rest"]),
        )

    model = Model()
    for number in range(8):
        ticks = [some() for _ in range(rng.randint(1, 150))]
        identity = Identity(by_trade_id=rng.random() < 0.7, by_sequence=rng.random() < 0.5)
        result = land_as(write(tmp_path / f"{number}.{suffix}", ticks), identity)
        expected = model.land(ticks, identity)
        assert (result.landed, result.duplicate) == (expected, len(ticks) - expected)
    total = model.copies.total()
    assert rows("select count(*), count(distinct tick_id) from raw.market_ticks") == [(total,) * 2]
    most = max(model.copies.values())
    assert rows("select max(occurrence) from raw.market_ticks") == [(most,)]
    # whoever drops the loser of every pair keeps one row per key
    survivors = rows(f"""
        with ranked as (
            select *, (source not in ('rest', 'backfill'), content_hash) as rank,
                trade_id_identifies and trade_id is not null
                or sequence_identifies and sequence_number is not null as is_keyed
            from (select *, {content_hash(TICKS)} as content_hash from raw.market_ticks)
            inner join raw.landings using (batch_id)
        ),
        losers as (
            select case when a.rank > b.rank then a.tick_id else b.tick_id end as tick_id
            from raw.tick_conflicts as c
            join ranked as a on a.tick_id = c.tick_id
            join ranked as b on b.tick_id = c.rival_tick_id
        )
        select count(*) from ranked
        where is_keyed and tick_id not in (select tick_id from losers)
    """)
    assert survivors == [(len(model.keyed),)]
    assert rows(
        "select bool_and(rows_read = rows_landed + rows_duplicate + rows_rejected),"
        " sum(rows_landed) from raw.landings"
    ) == [(True, total)]


# Rising numbers need no count; all others do, wherever the first that does not rise stands.
RISING = [["1", "2", "3", "4", "10", "11"], ["01", "2", "3", "4.4", "5", "99999999999"]]
NOT_RISING = {
    "equal": ["1", "2", "3", "3", "5"],
    "equal across blocks": ["1", "2", "3", "4", "4", "6"],
    "the same number otherwise": ["1", "01", "2", "3"],
    "rounded": ["1", "2", "2.4", "3"],
    "falling": ["3", "2", "1"],
    "a word": ["1", "2", "3", "4", "5", "x"],
    "too long": ["1", "2", "99999999999999999999", "99999999999999999999"],
    "none": ["1", "2", None, None],
}


@pytest.mark.parametrize("ids", [*RISING, *NOT_RISING.values()])
def test_rising_keys_are_seen_and_change_nothing(
    ids: list[str | None],
    settings: Settings,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = []

    def seen(connection: duckdb.DuckDBPyConnection) -> bool:
        found.append(keys_rise(connection))
        return found[-1]

    monkeypatch.setattr(deduplicate, "_BLOCK", 2)
    monkeypatch.setattr(deduplicate, "keys_rise", seen)
    ticks = [tick(trade_id=name) for name in ids]
    (result,) = land_files(settings, "ticks", [write(tmp_path / "a.parquet", ticks)])
    assert found == [ids in RISING]
    keys = Counter(name or f"none {at}" for at, name in enumerate(ids))
    assert (result.landed, result.duplicate) == (len(keys), len(ids) - len(keys))
    places = rows("select trade_id, place from raw.market_ticks order by tick_id")
    numbered = [n is not None and n != "x" for n, _ in places]
    assert [place is None for _, place in places] == numbered


def test_content_that_differs_only_in_shape_is_not_the_same(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    near = [
        tick(exchange="a|b", symbol="c"),
        tick(exchange="a", symbol="b|c"),
        tick(exchange="a", symbol="b|c", venue="0"),
        tick(exchange="a", symbol="b|c", venue="1:b"),
        tick(exchange="a", symbol="b|c", trade_id="1:b"),
        tick(exchange="1:a", symbol="b|c"),
    ]
    result = land_files(settings, "ticks", [write(tmp_path / "a.parquet", near)])[0]
    assert result.landed == len(near)
    hashes = f"select count(distinct {content_hash(TICKS)}) from raw.market_ticks"
    assert rows(hashes) == [(len(near),)]


def test_a_key_shared_by_all_costs_one_pair_per_row(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    ticks = [tick(trade_id="0", last_price=str(i)) for i in range(2000)]
    for name, part in (("a", ticks[:1000]), ("b", ticks[1000:])):
        assert land_files(settings, "ticks", [write(tmp_path / f"{name}.parquet", part)])[0].landed
    assert rows("select count(*) < 2001 from raw.tick_conflicts") == [(True,)]


def test_a_tick_counts_as_its_most_reliable_copy_in_any_order(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    """Batches of the same copies in every order: who says so is the same, once per tick."""
    copies = [
        (number, source) for number in (1, 2) for source in ("websocket", "rest", "websocket")
    ]
    orders = sorted(set(itertools.permutations(copies)))
    ticks = [
        tick(symbol=f"S{case}", trade_id=str(number), source=source)
        for case, order in enumerate(orders)
        for number, source in order
    ]
    for part in range(3):  # two copies of each case a batch
        some = [t for at, t in enumerate(ticks) if at % 6 // 2 == part]
        land_files(settings, "ticks", [write(tmp_path / f"{part}.parquet", some)])
    assert len(orders) > 50
    assert rows("""
        select coalesce(confirmations.source, ticks.source), count(*), count(distinct ticks.tick_id)
        from raw.market_ticks as ticks
        left join raw.tick_confirmations as confirmations using (tick_id)
        group by 1
    """) == [("rest", 2 * len(orders), 2 * len(orders))]
    assert rows("""
        select count(*) > 50, bool_and(ticks.source = 'websocket'),
            bool_and(confirmations.batch_id > ticks.batch_id)
        from raw.tick_confirmations as confirmations
        left join raw.market_ticks as ticks using (tick_id)
    """) == [(True, True, True)]


def test_a_tick_without_a_key_is_not_confirmed(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    for source in ("websocket", "rest"):
        path = write(tmp_path / f"{source}.parquet", [tick(source=source)])
        land_files(settings, "ticks", [path])
    assert rows("select count(*) from raw.market_ticks") == [(1,)]
    assert rows("select count(*) from raw.tick_confirmations") == [(0,)]


def test_the_hash_is_md5_of_the_documented_text(
    settings: Settings, rows: Rows, tmp_path: Path
) -> None:
    land_files(settings, "ticks", [write(tmp_path / "a.parquet", [tick(trade_id="é7", venue="")])])
    text = "1:x1:s1704189600000000|trade|:||||1.00000000||||3:é7::"
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    (found,) = rows(f"select {content_hash(TICKS)} from raw.market_ticks")[0]
    assert found == int.from_bytes(digest, "little") >> 65
