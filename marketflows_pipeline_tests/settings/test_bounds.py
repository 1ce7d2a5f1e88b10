"""What can only fail late is refused at once: numbers beyond any use, and files that cannot be where they are said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from marketflows_pipeline.options import TUTORIAL_PRIVATE, TUTORIAL_PUBLISHED
from marketflows_pipeline.settings import ConfigFile, load_config
from marketflows_pipeline_tests.settings.conftest import Faults, Load


def _tables(model: type[BaseModel], table: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    yield table, model
    for name, field in model.model_fields.items():
        # Tables of which there are several are written otherwise (test_cross_asset.py).
        if getattr(field.annotation, "__origin__", None) is tuple:
            continue
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _tables(kind, f"{table}.{name}".lstrip("."))


def _number_keys() -> Iterator[tuple[str, str]]:
    """Table and key of every number, and of every list of numbers, that the settings hold."""
    for table, model in _tables(ConfigFile):
        for name, said in model.model_json_schema(by_alias=False)["properties"].items():
            kinds = [said, *said.get("anyOf", ()), said.get("items", {}), *said.get("prefixItems", ())]
            # days is clamped, with a warning.
            if name != "days" and any(kind.get("type") in {"integer", "number"} for kind in kinds):
                yield table, name


@pytest.mark.parametrize(("table", "key"), list(_number_keys()))
def test_every_number_of_the_settings_has_bounds(faults: Faults, table: str, key: str) -> None:
    """hours_ago = [1e9] and ema_periods = [3000000000] once failed after the whole ingest."""
    for number in ("1e300", "-1e300", "9" * 30, "-" + "9" * 30):
        for written in (number, f"[{number}]", f"[{number}, {number}]"):
            lines = faults(f"[{table}]\n{key} = {written}")
            assert all(line.startswith(f"config.toml: {table}.{key}") and ": expected " in line for line in lines)


def test_the_rule_of_bounds_sees_the_keys_that_it_is_about() -> None:
    keys = set(_number_keys())
    assert {("plots", "hours_ago"), ("analysis", "ema_periods"), ("run", "limit_minutes")} <= keys
    assert {("cross_asset", "windows"), ("exchanges", "hhi_thresholds"), ("plots", "scale")} <= keys


@pytest.mark.parametrize(
    ("table", "line", "expectation"),
    [
        ("plots", "hours_ago = [4, 1e9]", "offsets from 5 minutes (0.0833) to a year (8760), in hours"),
        ("plots", "hours_ago = [1e-9]", "offsets from 5 minutes (0.0833) to a year (8760), in hours"),
        ("plots", "scale = 0.001", "0.25 or more"),
        ("analysis", "ema_periods = [3000000000]", "10000 or less"),
        ("analysis", "smoothing_ema = 3000000000", "10000 or less"),
        ("analysis", "diff_orders = [1000000000]", "10 or less"),
        ("run", "limit_minutes = 1e-9", "0.1 or more"),
        ("exchanges", "outflow_pct = -150", "more than -100"),
        ("cross_asset", "correlation_window = 3", "10 or more"),
        ("cross_asset", "start = 1066-10-14", "a date from 1900-01-01 to 2100-01-01"),
        ("cross_asset", "start = 9999-12-31", "a date from 1900-01-01 to 2100-01-01"),
        ("providers.coingecko", "range_lower_limits = [1e300]", "1e+16 or less"),
    ],
)
def test_a_number_beyond_any_use_is_refused_with_its_bounds(
    faults: Faults, table: str, line: str, expectation: str
) -> None:
    """ema_periods = [3000000000] overflowed a column after all histories were fetched."""
    (fault,) = faults(f"[{table}]\n{line}")
    assert fault.startswith(f"config.toml: {table}.{line.split(' = ', maxsplit=1)[0]}")
    assert fault.endswith(f": expected {expectation}")


@pytest.mark.parametrize("line", ["hours_ago = [0.0834, 8760]", "scale = 0.25", "scale = 8"])
def test_the_bounds_themselves_are_taken(load: Load, line: str) -> None:
    assert load(f"[plots]\n{line}").plots


@pytest.mark.parametrize("key", ["path", "published_path"])
@pytest.mark.parametrize("written", [".", "..", "there", "there/../there"])
def test_a_folder_is_no_database_file(faults: Faults, tmp_path: Path, key: str, written: str) -> None:
    """published_path = "." was found out when everything had been fetched and was to be published."""
    (tmp_path / "there").mkdir()
    (fault,) = faults(f'[warehouse]\n{key} = "{written}"')
    assert fault.startswith(f"config.toml: warehouse.{key} = ")
    assert fault.endswith(" is a folder")


@pytest.mark.parametrize("key", ["path", "published_path"])
def test_a_pipe_or_device_is_no_database_file(faults: Faults, tmp_path: Path, key: str) -> None:
    """As root, a publish would have put its link in the place of /dev/null."""
    os.mkfifo(tmp_path / "pipe")
    (fault,) = faults(f'[warehouse]\n{key} = "pipe"')
    assert fault.startswith(f"config.toml: warehouse.{key} = ")
    assert fault.endswith(" expected the path of a plain file; pipe is none")


def test_a_folder_is_no_database_file_for_a_command_either(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[warehouse]\npublished_path = "."\n', encoding="utf-8")
    with pytest.raises(Exception, match=r"warehouse\.published_path = .*: expected the path of a file") as raised:
        load_config(tmp_path / "config.toml")
    assert getattr(raised.value, "exit_code", None) == 2


def test_no_file_can_be_below_a_file(faults: Faults) -> None:
    (fault,) = faults('[warehouse]\npath = "config.toml/a/b.duckdb"')
    assert fault.startswith("config.toml: warehouse.path = ")
    assert fault.endswith("expected a file in a folder; config.toml is a file")


@pytest.mark.parametrize("published", ["./a.duckdb", "x/../a.duckdb", "link/a.duckdb", "alias.duckdb", "second.duckdb"])
def test_one_file_under_two_spellings_is_one_file(faults: Faults, tmp_path: Path, published: str) -> None:
    """./a.duckdb beside a.duckdb passed as two files, and the publish would have replaced the private one."""
    (tmp_path / "a.duckdb").touch()
    (tmp_path / "x").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "alias.duckdb").symlink_to("a.duckdb")
    os.link(tmp_path / "a.duckdb", tmp_path / "second.duckdb")
    (fault,) = faults(f'[warehouse]\npath = "a.duckdb"\npublished_path = "{published}"')
    assert fault.startswith("config.toml: warehouse.published_path = ")
    assert fault.endswith(": expected another file than warehouse.path, which only the pipeline may open")


@pytest.mark.parametrize("key", ["path", "published_path"])
@pytest.mark.parametrize("other", ["config.toml", "secrets.toml"])
def test_a_settings_file_is_no_database_file(faults: Faults, key: str, other: str) -> None:
    lines = faults(f'[warehouse]\n{key} = "{other}"', secrets="")
    assert lines[0].startswith(f"config.toml: warehouse.{key} = ")
    assert lines[0].endswith(f": expected another file than {other}")


@pytest.mark.parametrize("key", ["path", "published_path"])
@pytest.mark.parametrize("other", [TUTORIAL_PRIVATE, TUTORIAL_PUBLISHED])
def test_live_data_is_not_kept_where_the_tutorial_begins_anew(
    faults: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, other: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (fault,) = faults(f'[warehouse]\n{key} = "{other}"')
    assert fault.endswith(": expected another file than the tutorial's")


@pytest.mark.parametrize(("key", "written"), [("path", "a.lock"), ("published_path", ".marketflows/warehouse.lock")])
def test_the_run_lock_is_no_database_file(faults: Faults, key: str, written: str) -> None:
    (fault,) = faults(f'[warehouse]\n{key} = "{written}"')
    assert fault.startswith(f"config.toml: warehouse.{key} = ")
    assert "run lock" in fault


def test_a_file_in_place_of_the_published_link_is_said_before_anything_is_fetched(
    faults: Faults, tmp_path: Path
) -> None:
    """It was said by the publish, after an hour of fetching."""
    (tmp_path / "mine.duckdb").touch()
    (fault,) = faults('[warehouse]\npublished_path = "mine.duckdb"')
    assert fault.endswith(": expected a link made by this program, or nothing; move the file away")
    assert load_config(tmp_path / "config.toml").warehouse.published_path == tmp_path / "mine.duckdb"


def test_the_link_that_a_publish_made_is_taken(load: Load, tmp_path: Path) -> None:
    (tmp_path / "mine.000001.duckdb").touch()
    (tmp_path / "mine.duckdb").symlink_to("mine.000001.duckdb")
    assert load('[warehouse]\npublished_path = "mine.duckdb"').warehouse


def test_a_name_that_no_disk_takes_is_no_traceback(load: Load) -> None:
    """What cannot even be looked at is left to whoever opens it."""
    assert load(f'[warehouse]\npath = "{"x" * 300}.duckdb"').warehouse


def test_a_folder_of_own_files_may_end_with_a_slash(load: Load, tmp_path: Path) -> None:
    """folder = "own/" was refused as no path of a file."""
    (tmp_path / "own").mkdir()
    settings = load('[cross_asset]\nfolder = "own/"').cross_asset
    assert settings is not None
    assert settings.folder == tmp_path / "own"


@pytest.mark.parametrize("written", ["missing", "config.toml"])
def test_a_folder_of_own_files_is_there(faults: Faults, written: str) -> None:
    (fault,) = faults(f'[cross_asset]\nfolder = "{written}"')
    assert fault.startswith("config.toml: cross_asset.folder = ")
    assert fault.endswith(": expected a folder that is there")
