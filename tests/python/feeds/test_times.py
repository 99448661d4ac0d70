"""Times as programs write them: every digit kept or refused, local ones as clocks showed them."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from testkit import ask

from python_ingest.landing.land import land_files
from python_ingest.settings import Settings

CSV = """
name = "own"
kind = "ticks"
about = "ours"
file = { format = "csv" }
recognise = { header = ["at", "px"] }
columns.exchange = { constant = "x" }
columns.symbol = { constant = "s" }
columns.timestamp = { from = "at", unit = "%s" }
columns.last_price = "px"
"""
JSON = CSV.replace('"csv"', '"json"').replace('header = ["at", "px"]', 'keys = [["at", "px"]]')


def landed(
    settings: Settings, tmp_path: Path, declaration: str, content: str
) -> tuple[list[int], list[str]]:
    """Return each row's time in nanoseconds since 1970, and the reasons of the others."""
    settings.feeds_dir.mkdir(parents=True, exist_ok=True)
    (settings.feeds_dir / "own.toml").write_text(declaration)
    path = tmp_path / "a.txt" if tmp_path.is_dir() else tmp_path
    path.write_text(content)
    (result,) = land_files(settings, "ticks", [path])
    assert result.error is None
    times = ask(
        settings,
        "select epoch_us(timestamp) * 1000 + coalesce(nanoseconds, 0) from raw.market_ticks"
        " order by tick_id",
    )
    reasons = ask(settings, "select reason from raw.rejected_rows")
    return [row[0] for row in times], [row[0] for row in reasons]


@pytest.mark.parametrize("declaration", [CSV, JSON], ids=["csv", "json"])
def test_seconds_keep_every_digit_down_to_the_nanosecond(
    settings: Settings, tmp_path: Path, declaration: str
) -> None:
    rng = random.Random(7)  # noqa: S311 - made data
    texts = ["1700000000", "1700000000.", "1700000000.123", "1700000000.123456789"]
    texts = [text for text in texts if declaration == CSV or not text.endswith(".")]
    for _ in range(200):
        decimals = rng.randint(1, 9)
        fraction = rng.randrange(10**decimals)
        texts.append(f"{rng.randint(1_000_000_000, 1_790_000_000)}.{fraction:0{decimals}d}")
    lines = [f"{text},1\n" if declaration == CSV else f'{{"at":{text},"px":1}}\n' for text in texts]
    head = "at,px\n" if declaration == CSV else ""
    times, reasons = landed(settings, tmp_path, declaration % "s", head + "".join(lines))
    assert reasons == []
    assert times == [int(Decimal(text) * 10**9) for text in texts]


@pytest.mark.parametrize("declaration", [CSV, JSON], ids=["csv", "json"])
def test_seconds_beyond_nanoseconds_are_cut_and_those_beyond_64_bits_rejected_alone(
    settings: Settings, tmp_path: Path, declaration: str
) -> None:
    """Rounded, the last of a day were the first of the next; 9999999999 means no time."""
    cut = {
        "1700000000.1234567899": 1700000000_123456789,
        "1727980663.999999999999": 1727980663_999999999,
    }
    beyond = ["9999999999", "9223372036.854775807", "9223372036.9", "9999999999.9999999999"]
    texts = [*beyond, *cut]
    lines = [f"{text},1\n" if declaration == CSV else f'{{"at":{text},"px":1}}\n' for text in texts]
    head = "at,px\n" if declaration == CSV else ""
    times, reasons = landed(settings, tmp_path, declaration % "s", head + "".join(lines))
    assert times == list(cut.values())
    assert reasons == ["timestamp: not a Unix time in seconds"] * len(beyond)


@pytest.mark.parametrize(("clock", "far"), [("s", "9999999999.9"), ("ns", "9" * 19)])
def test_a_local_clock_beyond_64_bits_refuses_its_line_alone(
    settings: Settings, tmp_path: Path, clock: str, far: str
) -> None:
    declaration = JSON.replace('format = "json"', f'format = "json", clock = "{clock}"') % "s"
    content = "".join(f'{at} {{"at":1700000000,"px":1}}\n' for at in (far, "1700000000"))
    times, reasons = landed(settings, tmp_path, declaration, content)
    assert times == [1700000000 * 10**9]
    assert len(reasons) == 1


@pytest.mark.parametrize(
    ("unit", "whole", "ns"),
    [
        ("ms", "1720087200123", 1720087200123_000_000),
        ("us", "1720087200123456", 1720087200123456_000),
        ("ns", "1720087200123456789", 1720087200123456789),
        ("ms or us", "1720087200123456", 1720087200123456_000),
    ],
)
def test_a_whole_number_may_be_written_as_a_float(
    settings: Settings, tmp_path: Path, unit: str, whole: str, ns: int
) -> None:
    content = f"at,px\n{whole},1\n{whole}.0,2\n{whole}.000,3\n{whole}.5,4\n{whole[:-3]}e3,5\n"
    times, reasons = landed(settings, tmp_path, CSV % unit, content)
    assert times == [ns] * 3
    assert len(reasons) == 2
    assert all(reason.startswith("timestamp: not a Unix time in ") for reason in reasons)


ZONES = [
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Tokyo",
]
ZONED = CSV.replace('unit = "%s"', 'format = %s, zone = "%s"')
WRITTEN = {
    '"%Y%m%d %H:%M:%S.%g"': ("%Y%m%d %H:%M:%S.123", 123_000_000),
    '"%d.%m.%Y %H:%M:%S.%n"': ("%d.%m.%Y %H:%M:%S.123456789", 123_456_789),
    '"ISO"': ("%Y-%m-%dT%H:%M:%S.123456789", 123_456_789),
    '["ISO", "%d.%m.%Y %H:%M:%S"]': ("%d.%m.%Y %H:%M:%S", 0),
}


@cache
def changes(zone: str) -> list[datetime]:
    """Local times around each hour in which a zone's clocks are put forward or back."""
    found, time = [], datetime(2017, 1, 1, tzinfo=UTC)
    while time.year < 2025:
        later = time + timedelta(hours=1)
        if (
            time.astimezone(ZoneInfo(zone)).utcoffset()
            != later.astimezone(ZoneInfo(zone)).utcoffset()
        ):
            for minutes in range(-120, 181, 15):
                local = later.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
                found.append(local + timedelta(minutes=minutes))
        time = later
    return found or [datetime(2024, 3, 4, 5, 6, 7)]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("written", WRITTEN)
def test_a_local_time_that_no_clock_showed_is_rejected(
    settings: Settings, tmp_path: Path, zone: str, written: str
) -> None:
    """One that clocks showed twice is the second of both: standard time."""
    pattern, below = WRITTEN[written]
    here, expected, none = ZoneInfo(zone), [], 0
    times = [*changes(zone), datetime(2024, 3, 4, 5, 6, 7), datetime(2024, 7, 4, 5, 6, 7)]
    for local in times:
        moment = local.replace(tzinfo=here, fold=1).astimezone(UTC)
        if moment.astimezone(here).replace(tzinfo=None) == local:
            expected.append(int(moment.timestamp()) * 10**9 + below)
        else:
            none += 1
    content = "at,px\n" + "".join(f"{t.strftime(pattern)},{n}\n" for n, t in enumerate(times, 1))
    found, reasons = landed(settings, tmp_path, ZONED % (written, zone), content)
    assert found == expected
    assert reasons == [f"timestamp: no clock of {zone} showed it: it was put forward"] * none
    assert (none > 0) == (zone != "Asia/Tokyo")


@pytest.mark.parametrize("written", WRITTEN)
def test_a_time_out_of_all_bounds_is_rejected_alone(
    settings: Settings, tmp_path: Path, written: str
) -> None:
    pattern, below = WRITTEN[written]
    times = [datetime(year, 4, 11, 23, 47, 16) for year in (2262, 2263, 9999, 1677, 1, 2024)]
    content = "at,px\n" + "".join(f"{t.strftime(pattern)},1\n" for t in times)
    found, reasons = landed(
        settings,
        tmp_path,
        ZONED % (written, "America/New_York"),
        content.replace("\n1-", "\n0001-"),
    )
    assert len(reasons) == len(times) - 1
    assert found == [int(datetime(2024, 4, 12, 3, 47, 16, tzinfo=UTC).timestamp()) * 10**9 + below]


def test_a_time_with_an_offset_needs_no_zone(settings: Settings, tmp_path: Path) -> None:
    formats = '["ISO", "%d.%m.%Y %H:%M:%S %z", "%d.%m.%Y %H:%M:%S"]'
    content = (
        "at,px\n2024-07-04T10:00:00Z,1\n2024-07-04T10:00:00+01:00,2\n2024-07-04 10:00:00,3\n"
        "04.07.2024 10:00:00 +0100,4\n04.07.2024 10:00:00,5\n"
    )
    times, reasons = landed(settings, tmp_path, ZONED % (formats, "Europe/Berlin"), content)
    assert reasons == []
    hours = [datetime.fromtimestamp(ns / 10**9, UTC).hour for ns in times]
    assert hours == [10, 9, 8, 9, 8]


def test_formats_with_and_without_an_offset(settings: Settings, tmp_path: Path) -> None:
    formats = '["%d.%m.%Y %H:%M:%S.%g %z", "%d.%m.%Y %H:%M:%S.%g"]'
    content = "at,px\n04.07.2024 10:00:00.250 +0100,1\n04.07.2024 10:00:00.125,2\nnever,3\n"
    times, reasons = landed(settings, tmp_path, ZONED % (formats, "Europe/Berlin"), content)
    nine = int(datetime(2024, 7, 4, 9, tzinfo=UTC).timestamp()) * 10**9
    assert times == [nine + 250_000_000, nine - 3_600_000_000_000 + 125_000_000]
    assert len(reasons) == 1


@pytest.mark.parametrize(
    ("unit", "text", "passed"),
    [
        ("s", "86399.9999999", 86_399_999_999),
        ("ms", "0.9999999", 999),
        ("us", "5.9999999", 5),
    ],
)
def test_a_time_since_midnight_is_cut_at_the_microsecond(
    settings: Settings, tmp_path: Path, unit: str, text: str, passed: int
) -> None:
    declaration = CSV.replace("header = [", "name = '(?P<date>.*)', header = [")
    declaration = declaration.replace('unit = "%s"', f'after_midnight = "{unit}"')
    content = f"at,px\n{text},1\n"
    times, reasons = landed(settings, tmp_path / "20240704.csv", declaration, content)
    midnight = int(datetime(2024, 7, 4, tzinfo=UTC).timestamp()) * 10**9
    assert (times, reasons) == ([midnight + passed * 1000], [])


@pytest.mark.parametrize(
    ("unit", "day"), [("s", 86_400), ("ms", 86_400_000), ("us", 86_400_000_000)]
)
def test_a_time_since_midnight_is_of_its_day(
    settings: Settings, tmp_path: Path, unit: str, day: int
) -> None:
    declaration = CSV.replace("header = [", "name = '(?P<date>.*)', header = [")
    declaration = declaration.replace('unit = "%s"', f'after_midnight = "{unit}"')
    path = tmp_path / "20240704.csv"
    content = f"at,px\n0,1\n{day - 1},2\n{day - 1}.9,3\n{day},4\n{day * 9},5\n-1,6\nx,7\n1_0,8\n"
    times, reasons = landed(settings, path, declaration, content)
    assert [datetime.fromtimestamp(ns // 10**9, UTC).date().day for ns in times] == [4, 4, 4]
    assert reasons == ["timestamp: no time since midnight, below 24 hours"] * 5
