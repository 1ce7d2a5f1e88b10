"""Several questions to one published file."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.warehouse.published import read_published
from marketflows_pipeline_tests.warehouse.frames import NOW


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "v1.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table t as select timestamptz '2026-11-20 18:00:00+00' as ts, i as x from range(3) r(i)"
        )
    return path


def test_rows_go_by_column_name_and_times_are_utc(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    with read_published(file) as reading:
        assert reading.rows("select ts, x from t where x >= $least order by x", {"least": 1}) == [
            {"ts": NOW, "x": 1},
            {"ts": NOW, "x": 2},
        ]
        assert reading.rows("select x from t where x > 9") == []


def test_all_questions_see_the_file_that_was_there_at_first(file: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "v2.duckdb")) as connection:
        connection.execute("create table t as select 7 as x")
    link = tmp_path / "link.duckdb"
    link.symlink_to(file.name)
    with read_published(link) as reading:
        link.unlink()
        link.symlink_to("v2.duckdb")
        assert len(reading.rows("select x from t")) == 3


def test_a_file_of_another_version_is_no_fault_of_the_user(file: Path) -> None:
    with read_published(file) as reading, pytest.raises(MarketflowsError, match="another version") as caught:
        reading.rows("select y from t")
    assert not isinstance(caught.value, UserInputError)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1
