import re
from pathlib import Path

import pytest

from python_ingest.errors import ConfigError
from python_ingest.settings import ENVIRONMENT_PREFIX, Settings, load_settings

REPOSITORY = Path(__file__).parents[3]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "database.toml"
    path.write_text(text)
    return path


def test_each_setting_is_read_somewhere():
    modules = (REPOSITORY / "python_ingest").rglob("*.py")
    package = "\n".join(path.read_text("utf-8") for path in modules if path.name != "settings.py")
    sections = [type(getattr(Settings(), section)) for section in ENVIRONMENT_PREFIX]
    keys = {key for section in sections for key in section.model_fields}
    assert [key for key in sorted(keys) if not re.search(rf"\.{key}\b", package)] == []


def test_the_committed_file_holds_the_specifications_defaults():
    committed = load_settings(REPOSITORY / "database.toml", env={})
    assert committed == load_settings(Path("no-such-file.toml"), env={})
    assert committed.pool.max_readers == 50
    assert committed.pool.connection_timeout_ms == 5000
    assert committed.performance.memory_limit_mb == 8192
    assert committed.database_path == Path("data/trading.duckdb")


def test_a_file_may_begin_with_a_mark_of_its_encoding(tmp_path):
    path = write(tmp_path, "\ufeff[pool]\nmax_readers = 7\n")
    assert load_settings(path, {}).pool.max_readers == 7


def test_environment_overrides_the_file(tmp_path):
    path = write(tmp_path, "[pool]\nmax_readers = 7\nquery_timeout_ms = 10\n")
    env = {"DATABASE_QUERY_TIMEOUT_MS": "99", "DATABASE_MEMORY_LIMIT_MB": "512", "DATA_DIR": "/x"}
    settings = load_settings(path, env)
    assert (settings.pool.max_readers, settings.pool.query_timeout_ms) == (7, 99)
    assert settings.performance.memory_limit_mb == 512
    assert settings.database_path == Path("/x/trading.duckdb")
    assert settings.spool_dir == Path("/x/spool")
    assert settings.published_path == Path("/x/published/trading.duckdb")


def test_database_path_wins_over_data_dir():
    settings = load_settings(Path("none"), {"DATA_DIR": "/x", "DATABASE_PATH": "/y/other.duckdb"})
    assert settings.database_path == Path("/y/other.duckdb")
    assert settings.published_path == Path("/x/published/other.duckdb")


@pytest.mark.parametrize(
    ("text", "env", "words"),
    [
        ("[pool]\nmax_readers = 0\n", {}, ["pool.max_readers", "database.toml", "0"]),
        ("[pool]\nmax_raeders = 5\n", {}, ["pool.max_raeders"]),
        ("[pools]\nmax_readers = 5\n", {}, ["pools"]),
        (
            "",
            {"DATABASE_MEMORY_LIMIT_MB": "lots"},
            ["performance.memory_limit_mb", "environment DATABASE_MEMORY_LIMIT_MB", "lots"],
        ),
        ("[pool\n", {}, ["database.toml", "not valid TOML"]),
        ("[pool]\nmax_raeders = 5\n", {}, ["no such key", "nearest is max_readers"]),
        ("[preformance]\nnum_threads = 5\n", {}, ["no such key", "nearest is performance"]),
        ("", {"DATABASE_MEMORY": "1"}, ["DATABASE_MEMORY ", "DATABASE_MEMORY_LIMIT_MB"]),
        ("", {"DATABASE_THREADS": "1"}, ["DATABASE_THREADS ", "DATABASE_NUM_THREADS"]),
        ("", {"DATABASE_PTAH": "x"}, ["DATABASE_PTAH ", "DATABASE_PATH"]),
        ("", {"DATABSE_PATH": "x"}, ["DATABSE_PATH ", "DATABASE_PATH"]),
        ("", {"DATADIR": "x"}, ["DATADIR in the environment", "is DATA_DIR meant?"]),
        ("", {"DATABASEPATH": "x"}, ["DATABASEPATH ", "is DATABASE_PATH meant?"]),
        ("num_threads = 5\n", {}, ["num_threads (", "it belongs below [performance]"]),
        ("", {"TIMESCALE_DUALWRITE": "1"}, ["TIMESCALE_DUAL_WRITE"]),
        ("", {"BACKUP_STOER": "x"}, ["BACKUP_STORE"]),
    ],
)
def test_a_wrong_value_names_its_key_and_where_it_came_from(tmp_path, text, env, words):
    with pytest.raises(ConfigError) as error:
        load_settings(write(tmp_path, text), env)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    "name",
    """DATABASE_URL DATABASE_HOST DATABASE_PORT DATABASE_NAME DATABASE_USER DATABASE_PASSWORD
    SERVER_PORT DATA_PATH DB_PATH SERVE_TOKEN SERVE_HOST TIMESCALE_DSN BACKUP_DIR ARCHIVE_URL
    DATABASE LANDING_ DATA_DIRS
    """.split(),
)
def test_variables_of_others_are_theirs(name):
    assert load_settings(Path("none"), {name: "x"}) == load_settings(Path("none"), {})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        ("~/x", "only a shell knows ~"),
        ("/x/a?b=1", "behind a `?` for options"),
        ("/x/\udcff", "no UTF-8"),
    ],
)
@pytest.mark.parametrize("variable", ["DATA_DIR", "DATABASE_PATH"])
def test_a_path_that_is_not_the_same_for_all_who_read_it_is_refused(variable, value, words):
    with pytest.raises(ConfigError, match=re.escape(words)) as refused:
        load_settings(Path("none"), {variable: value})
    assert f"{variable.lower()} (environment {variable}): " in str(refused.value)
    assert ascii(value) in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "name",
    ["memory.duckdb", "Memory.v2.duckdb", "RAW.duckdb", "raw", "cold.db", "state", "publication"],
)
def test_a_database_is_not_called_as_what_duckdb_or_we_have_already(name):
    with pytest.raises(ConfigError, match="choose another name"):
        load_settings(Path("none"), {"DATABASE_PATH": f"/x/{name}"})
    assert load_settings(Path("none"), {"DATA_DIR": f"/x/{name}"}).data_dir.name == name


def test_a_file_is_no_data_dir(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(ConfigError, match="it is a file, a folder is wanted"):
        load_settings(Path("none"), {"DATA_DIR": str(tmp_path / "a")})
