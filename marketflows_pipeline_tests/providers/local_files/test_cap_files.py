"""Files of market caps: bad rows are left out and named, files that are not as documented are refused in one line."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.bad_rows import counting_left_out
from marketflows_pipeline.providers.local_files import cap_files
from marketflows_pipeline.providers.local_files.cap_files import CapFiles
from marketflows_pipeline.providers.local_files.tables import OwnTable, read_file
from marketflows_pipeline.system.printable import is_identity, presentable
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES
from marketflows_pipeline_tests.providers.local_files.conftest import write

HEAD = "coin,ts,market_cap\n"
GOOD = "".join(f"big,2026-01-{day:02},{day}\n" for day in range(1, 31))


def caps(folder: Path) -> list[tuple[str, float | None]]:
    return CapFiles(folder).contents().points.select("coin_id", "market_cap_usd").rows()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-05", datetime(2026, 1, 5, tzinfo=UTC)),
        ("2026-01-05T13:00:00Z", datetime(2026, 1, 5, 13, tzinfo=UTC)),
        ("2026-01-05 13:00:00", datetime(2026, 1, 5, 13, tzinfo=UTC)),
        ("2026-01-05 13:00:00.250000+02:00", datetime(2026, 1, 5, 11, 0, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(tmp_path: Path, text: str, moment: datetime) -> None:
    write(tmp_path, "caps.csv", f"{HEAD}big,{text},5\n")

    assert CapFiles(tmp_path).contents().points["ts"].to_list() == [moment]


def test_times_of_parquet_are_read_as_what_they_are(tmp_path: Path) -> None:
    noon = datetime(2026, 1, 5, 12, tzinfo=timezone(timedelta(hours=2)))
    frame = pl.DataFrame({"coin": ["big"], "ts": [noon], "market_cap": [5]})
    frame.write_parquet(tmp_path / "caps.parquet")
    frame.with_columns(pl.col("ts").dt.date(), coin=pl.lit("day")).write_parquet(tmp_path / "more.parquet")

    points = CapFiles(tmp_path).contents().points

    assert points["ts"].to_list() == [datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 1, 5, tzinfo=UTC)]


def test_caps_are_taken_raw(tmp_path: Path) -> None:
    write(tmp_path, "caps.csv", f"{HEAD}a,2026-01-01,\nb,2026-01-01,0\nc,2026-01-01,-5\nd,2026-01-01,n/a\n")

    assert caps(tmp_path) == [("a", None), ("b", 0.0), ("c", -5.0), ("d", None)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            "big,yesterday,5",
            "column `ts`: expected a date or an ISO time, such as 2026-01-05T13:00:00Z, found 'yesterday'",
        ),
        ("big,20260105,5", "found '20260105'"),
        ("big,1767571200,5", "found '1767571200'"),
        ("big,,5", "column `ts`: expected a date or an ISO time, such as 2026-01-05T13:00:00Z, found an empty cell"),
        ("big,1999-12-31,5", "column `ts`: expected a time from 2009-01-01 on, found '1999-12-31'"),
        ("big,0001-01-01T00:00:00+02:00,5", "column `ts`: expected a date or an ISO time"),
        (",2026-02-01,5", "column `coin_id`: expected an id of at most 200 printable characters, found an empty cell"),
        ("\x1b[2Jbig,2026-02-01,5", r"found '\\x1b[2Jbig'"),
        (f"{'b' * 201},2026-02-01,5", "column `coin_id`: expected an id of at most 200"),
        ("big,2026-02-01,much", "column `market_cap_usd`: expected a number or an empty cell, found 'much'"),
        ("big,2026-02-01,inf", "column `market_cap_usd`: expected a number or an empty cell, found 'inf'"),
        ('big,2026-02-01,"1,5"', "an empty cell (decimals with a point, thousands without a sign), found '1,5'"),
        ("big,2026-02-01,1e30", "column `market_cap_usd`: expected a number up to 1e+15, found '1e30'"),
        ("big,2026-02-01", "expected 3 values, one a column, found 2"),
        ("big,2026-02-01,1,5", "expected 3 values, one a column, found 4; a comma within a number?"),
    ],
)
def test_a_bad_row_is_left_out_and_named(
    tmp_path: Path, log: pytest.LogCaptureFixture, row: str, expected: str
) -> None:
    file = write(tmp_path, "caps.csv", f"{HEAD}{GOOD}{row}\n")

    with counting_left_out() as left_out:
        points = caps(tmp_path)

    assert len(points) == 30
    assert left_out.total() == 1
    assert f"{file}: 1 of 31 rows left out: line 32: " in log.text
    assert expected in log.text
    assert "\x1b" not in log.text


def test_a_row_with_two_faults_counts_once(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "caps.csv", f"{HEAD}{GOOD},yesterday,much\n")

    assert len(caps(tmp_path)) == 30
    assert "1 of 31 rows left out" in log.text


def test_a_file_of_bad_rows_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "caps.csv", f"{HEAD}{GOOD}big,2026-02-01,a\nbig,2026-02-02,b\nbig,2026-02-03,c\n")

    with pytest.raises(UserInputError) as fault:
        caps(tmp_path)

    assert str(fault.value) == (
        f"{file}: 3 of 33 rows are malformed, more than 5%; the first: line 32: column `market_cap_usd`: expected a "
        "number or an empty cell, found 'a'"
    )


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("caps.csv", "coin,ts\nbig,2026-01-01\n", "expected a column `market_cap_usd`, found coin_id, ts"),
        ("caps.csv", "coin,coin_id,ts,market_cap\na,a,2026-01-01,1\n", "expected one column of `coin` and `coin_id`"),
        ("caps.csv", "", "is empty; expected the columns coin_id, ts, market_cap_usd"),
        ("caps.csv", HEAD, "expected rows below the names of the columns"),
        ("caps.csv", "coin;ts;market_cap\na;2026-01-01;1\n", "found semicolons"),
        ("caps.csv", "<html>", "found a web page"),
        ("caps.csv", "coin,ts,market_cap,currency\na,2026-01-01,1,EUR\n", "line 2, column `currency`: expected USD"),
        ("caps.parquet", "PAR1", "cannot be read"),
        ("categories.csv", "category\nalpha\n", "expected a column `coin_id`"),
    ],
)
def test_a_file_that_is_not_as_documented_is_refused(tmp_path: Path, name: str, text: str, expected: str) -> None:
    write(tmp_path, "good.csv", f"{HEAD}{GOOD}")
    file = write(tmp_path, name, text)

    with pytest.raises(UserInputError) as fault:
        caps(tmp_path)

    assert str(fault.value).startswith(str(file))
    assert expected in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_folder_without_tables_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match=r"nowhere: expected a folder, as `path` in \[providers.folder\] names it"):
        caps(tmp_path / "nowhere")
    write(tmp_path, ".hidden.csv", "x")
    write(tmp_path, "readme.txt", "x")
    write(tmp_path, "categories.csv", "category,coin\na,b\n")
    with pytest.raises(UserInputError, match="expected files of market caps"):
        caps(tmp_path)


def test_no_link_is_followed(tmp_path: Path) -> None:
    """The first line of a file of keys would have stood in the message about its columns."""
    secret = write(tmp_path.parent, "secrets.toml", 'api_key = "CG-canary"\n')
    (tmp_path / "caps.csv").symlink_to(secret)

    with pytest.raises(UserInputError, match=r"caps\.csv: expected a file, found a link") as fault:
        caps(tmp_path)
    assert "canary" not in str(fault.value)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path / "data", "caps.csv", f"{HEAD}{GOOD}")
    (tmp_path / "own").symlink_to(tmp_path / "data")

    assert len(caps(tmp_path / "own")) == 30


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """To open a pipe that nobody writes to waits for ever."""
    os.mkfifo(tmp_path / "caps.csv")

    with pytest.raises(UserInputError, match="expected a file, found something else"):
        caps(tmp_path)


def test_a_folder_has_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        write(tmp_path, f"{name}.csv", f"{HEAD}{GOOD}")
    monkeypatch.setattr(cap_files, "MAX_ROWS", 59)
    with pytest.raises(UserInputError, match="expected at most 59 rows in all files"):
        caps(tmp_path)
    monkeypatch.setattr(cap_files, "MAX_FILES", 1)
    with pytest.raises(UserInputError, match="expected at most 1 files, found 2"):
        caps(tmp_path)


def test_two_files_of_categories_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "caps.csv", f"{HEAD}{GOOD}")
    for name in ("categories.csv", "Categories.parquet"):
        write(tmp_path, name, "category,coin\na,big\n")

    with pytest.raises(UserInputError, match=r"one of Categories\.parquet and categories\.csv"):
        caps(tmp_path)


def test_of_two_rows_of_a_moment_the_later_counts_and_a_difference_is_told(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "2026-01.csv", f"{HEAD}a,2026-01-31,1\nb,2026-01-31,5\n")
    write(tmp_path, "2026-02.csv", f"{HEAD}b,2026-01-31T00:00:00Z,5\na,2026-01-31,2\n")

    assert caps(tmp_path) == [("a", 2.0), ("b", 5.0)]
    assert "1 of 4 rows state another market cap for a coin and time" in log.text
    assert "a at 2026-01-31 00:00 is the first" in log.text


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(file: Path, **options: Any) -> OwnTable:
        read.append(file.name)
        return read_file(file, **options)

    monkeypatch.setattr(f"{cap_files.__name__}.read_file", counted)
    first = write(tmp_path, "a.csv", f"{HEAD}a,2026-01-01,1\n")
    write(tmp_path, "b.csv", f"{HEAD}b,2026-01-01,1\n")
    files = CapFiles(tmp_path)
    files.contents()
    files.contents()
    assert read == ["a.csv", "b.csv"]

    write(tmp_path, "a.csv", f"{HEAD}a,2026-01-01,77\n")
    os.utime(first, ns=(0, first.stat().st_mtime_ns + 1))

    assert files.contents().points["market_cap_usd"].to_list() == [77.0, 1.0]
    assert read == ["a.csv", "b.csv", "a.csv"]

    (tmp_path / "b.csv").unlink()
    assert files.contents().of_coin("b").is_empty()


def test_coins_of_categories_without_rows_are_told(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "caps.csv", f"{HEAD}{GOOD}")
    write(tmp_path, "categories.csv", "category,coin\nalpha,big\nalpha,bgi\n")

    caps(tmp_path)

    assert "coins of categories without a row of market caps: bgi" in log.text


@pytest.mark.parametrize("name", [name for attack, name in HOSTILE_NAMES.items() if attack != "half a character"])
def test_hostile_names_are_made_presentable_or_left_out(tmp_path: Path, name: str) -> None:
    good = pl.DataFrame(
        {"coin": [f"coin-{at}" for at in range(30)], "ts": "2026-01-01", "market_cap": 1.0, "name": "A"}
    )
    bad = pl.DataFrame({"coin": [name, "big"], "ts": "2026-01-01", "market_cap": 1.0, "name": name})
    pl.concat([good, bad]).write_parquet(tmp_path / "caps.parquet")

    points = CapFiles(tmp_path).contents().points

    assert {"big", "coin-0"} <= set(points["coin_id"])
    assert all(map(is_identity, points["coin_id"]))
    assert all(each == presentable(each) for each in points["name"].drop_nulls())


def test_names_are_made_presentable(tmp_path: Path) -> None:
    write(tmp_path, "caps.csv", "coin,ts,market_cap,name,symbol\nbig,2026-01-01,1,\x1b[31mRed\u202e,\x07\n")

    assert CapFiles(tmp_path).contents().points.select("name", "symbol").row(0) == ("[31mRed", "(no name)")
