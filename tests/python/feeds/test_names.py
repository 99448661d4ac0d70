"""A file's name tells symbol and date as a whole, or not at all."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from python_ingest.cli.main import app
from python_ingest.errors import FileRejectedError
from python_ingest.feeds.catalogue import feeds
from python_ingest.feeds.declaration import Declaration
from python_ingest.feeds.detect_format import Wanted, _parts, format_and_version
from python_ingest.feeds.kinds import KINDS
from python_ingest.feeds.recognise import Beginning

from .test_nearest import contents

HERE = Path(__file__).parent / "examples"
BEFORE = ("old_", "OLD_", "old-", "OLD-", "OLD.", "2024-", "20240101_", "copy of ", "(1) ", "ETH-")
AFTER = ("_old", "_OLD", "-OLD", ".OLD", " (1)", "-2024", "_2", ".1", "-1m", "_USDT", "-USD")
EXTENSIONS = (".csv.gz", ".csv", ".zip", ".json", ".ndjson.gz")


def named_feeds() -> list[Declaration]:
    return [feed for feed in feeds() if feed.parts]


def examples(feed: Declaration) -> Iterator[tuple[str, str, str]]:
    """Folder, name and extension of each example of a feed, and of the files in a zip."""
    for path in (HERE / feed.name).glob("expected*.toml"):
        for name in tomllib.loads(path.read_text(encoding="utf-8"))["files"]:
            file = HERE / feed.name / name
            inside = ZipFile(file).namelist() if file.suffix == ".zip" else []
            for one in (name, *inside):
                folder, _, last = f"/{one}".rpartition("/")
                extension = next(e for e in EXTENSIONS if last.endswith(e))
                yield folder, last.removesuffix(extension), extension


def parts(feed: Declaration, folder: str, name: str, inside: str | None = None) -> dict[str, str]:
    found = Beginning(b"", f"{folder}/{name}", inside).parts(feed)
    return {part: text for part, text in found.items() if part in feed.parts}


@pytest.mark.parametrize("feed", named_feeds(), ids=lambda feed: feed.name)
def test_what_stands_before_or_behind_a_name_changes_no_part_of_it(feed: Declaration) -> None:
    told = {e: parts(feed, e[0], e[1] + e[2]) for e in examples(feed)}
    assert any(set(found) == set(feed.parts) for found in told.values())
    for (folder, name, extension), right in told.items():
        others = [before + name for before in BEFORE] + [name + after for after in AFTER]
        for other in others:
            for found in (
                parts(feed, folder, other + extension),
                parts(feed, "", "some.zip", other + ".csv"),
                parts(feed, "", other + ".zip", "some.csv"),
            ):
                assert found.items() <= right.items(), other


@pytest.mark.parametrize("feed", named_feeds(), ids=lambda feed: feed.name)
def test_a_file_of_a_zip_is_known_by_its_own_name_first(feed: Declaration) -> None:
    names = {name: found for _, name, _ in examples(feed) if (found := parts(feed, "", name))}
    for name, right in names.items():
        symbol = right.get("symbol")
        other = name.replace(symbol, "XRP" + symbol[3:]) if symbol else name
        assert parts(feed, "", f"{other}.zip", f"{name}.csv") == right


def test_a_name_may_be_packed_in_any_way() -> None:
    (feed,) = [feed for feed in feeds() if feed.name == "binance-trades"]
    name = "BTCUSDT-trades-2024-07-04"
    for extension in ("", ".csv", ".csv.gz", ".CSV", ".zip", ".txt", ".csv.zip"):
        assert parts(feed, "/any", name + extension) == {"symbol": "BTCUSDT"}


@pytest.mark.parametrize("feed", named_feeds(), ids=lambda feed: feed.name)
def test_a_file_without_the_name_that_it_needs_is_told_one(feed: Declaration) -> None:
    path = f"/data/{feed.recognise.example}"
    told = path if feed.recognise.path else path.rpartition("/")[2]
    assert set(Beginning(b"", path).parts(feed)) >= set(feed.parts)
    content = next(iter(contents(feed))).encode()
    exchange = None if len(feed.exchanges) == 1 else feed.exchanges[0]
    wanted = Wanted(KINDS[feed.kind], feed.name, exchange)
    with pytest.raises(FileRejectedError) as error:
        format_and_version(wanted, Beginning(content, "/odd.csv"))
    assert str(error.value).endswith(
        "only in its name: give it the name that it was published under, as"
        f" {feed.recognise.example}"
    )
    assert format_and_version(wanted, Beginning(content, told))[0].startswith(feed.name)


def test_a_feed_without_an_example_shows_its_pattern() -> None:
    (feed,) = [feed for feed in feeds() if feed.name == "kraken-trades"]
    seen = feed.recognise.model_copy(update={"example": None})
    with pytest.raises(FileRejectedError, match=r"as a name that matches \(\?P<symbol>ETH2"):
        _parts(feed.model_copy(update={"recognise": seen}), Beginning(b"", "/a.csv"))


@pytest.mark.parametrize("name", ["nofile.csv", "."])
def test_a_try_of_a_file_that_is_not_there_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    done = CliRunner().invoke(app, ["feeds", "try", "kraken-trades", str(tmp_path / name)])
    assert done.exit_code != 0
    assert str(done.exception).startswith(f"{tmp_path / name}: ")


def test_a_try_of_a_zip_names_the_file_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    with ZipFile(tmp_path / "all.zip", "w") as packed:
        packed.writestr("XBTEUR.csv", "1704067200,42283.5,0.01\n")
        packed.writestr("in/odd.csv", "1704067200,42283.5,0.01\n")
    done = CliRunner().invoke(app, ["feeds", "try", "kraken-trades", str(tmp_path / "all.zip")])
    assert str(done.exception).startswith(f"{tmp_path / 'all.zip'}: in/odd.csv in it: a file of f")
