"""A row's key as one text: what a person can type, and what comes back as the very same row."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.catalog import insert
from marketflows_pipeline.warehouse.quarantine import canonical_key, quarantine
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.warehouse.frames import NOW, caps, frame

IDS = st.text(st.sampled_from("ab ,|\"\n\r'é("), max_size=8)
TIMES = st.datetimes(timezones=st.just(UTC))


def left_out(warehouse: Warehouse, name: str, rows: pl.DataFrame) -> list[str]:
    """Leave rows out, and give their keys."""
    key = table(name).key
    found = rows.select(*key, column_name=pl.lit(""), reason=pl.lit("test"))
    return quarantine(warehouse, name, found, rule="test", at=NOW)["key"].to_list()


@pytest.mark.slow
@settings(at_most(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(coin=IDS, ts=TIMES)
def test_whatever_an_id_holds_its_key_finds_that_row_and_no_other(
    warehouse: Warehouse, coin: str, ts: datetime
) -> None:
    """Ids come from services: spaces, commas, bars and quotation marks have all been seen in names."""
    with warehouse.transaction() as cursor:
        cursor.execute("delete from raw.market_caps")
        cursor.execute("delete from meta.quarantine")
    warehouse.merge("raw.market_caps", caps((coin, ts, 1.0), (coin + "x", ts, 2.0)))
    (key,) = left_out(warehouse, "raw.market_caps", caps((coin, ts, 1.0)))
    assert warehouse.accepted("raw.market_caps")["coin_id"].to_list() == [coin + "x"]
    assert canonical_key(warehouse, "raw.market_caps", key) == key


@pytest.mark.parametrize(
    ("name", "row", "key"),
    [
        (
            "raw.market_caps",
            {"coin_id": "bitcoin", "ts": datetime(2026, 11, 1, tzinfo=UTC)},
            "bitcoin,2026-11-01T00:00:00Z",
        ),
        (
            "raw.market_caps",
            {"coin_id": 'a, "b"', "ts": datetime(2026, 11, 1, 0, 0, 0, 250_000, tzinfo=UTC)},
            '"a, ""b""",2026-11-01T00:00:00.25Z',
        ),
        (
            "raw.narrative_members",
            {"observed_at": datetime(2026, 11, 1, 7, 5, tzinfo=UTC), "narrative": "layer-1", "coin_id": "x|y z"},
            "2026-11-01T07:05:00Z,layer-1,x|y z",
        ),
        ("raw.shares_outstanding", {"symbol": "SPY", "session": date(2026, 11, 2), "vintage": 2}, "SPY,2026-11-02,2"),
    ],
)
def test_a_key_is_one_csv_record_of_the_key_columns(
    warehouse: Warehouse, name: str, row: dict[str, object], key: str
) -> None:
    assert left_out(warehouse, name, frame(name, row)) == [key]


@pytest.mark.parametrize(
    "typed",
    [
        "bitcoin,2026-11-01",
        "bitcoin,2026-11-01 00:00:00",
        "bitcoin, 2026-11-01T00:00:00Z",
        "bitcoin,2026-11-01T02:00:00+02:00",
        '"bitcoin",2026-11-01T00:00:00.000Z',
    ],
)
def test_a_person_may_write_a_time_in_other_ways(warehouse: Warehouse, typed: str) -> None:
    assert canonical_key(warehouse, "raw.market_caps", typed) == "bitcoin,2026-11-01T00:00:00Z"


@pytest.mark.parametrize("typed", ["", "bitcoin", "bitcoin,", "bitcoin,noon", "bitcoin,2026-13-01", "a,2026-11-01,b"])
def test_what_is_no_key_is_told_as_such(warehouse: Warehouse, typed: str) -> None:
    assert canonical_key(warehouse, "raw.market_caps", typed) is None


def test_a_time_beyond_what_python_knows_is_left_out_all_the_same(warehouse: Warehouse) -> None:
    """Microseconds taken for milliseconds are stored as the year 58,000, which no datetime of Python holds."""
    far = 1_794_236_400_000_000_000
    times = pl.Series([far, -far, 0]).cast(pl.Datetime("us", "UTC"))
    rows = caps(*[("bitcoin", NOW + timedelta(hours=hour), 1.0) for hour in range(3)]).with_columns(ts=times)
    with warehouse.transaction() as cursor:
        insert(cursor, table("raw.market_caps"), rows)
    assert len(left_out(warehouse, "raw.market_caps", rows.head(2))) == 2
    assert warehouse.accepted("raw.market_caps")["ts"].to_list() == [datetime(1970, 1, 1, tzinfo=UTC)]


@pytest.mark.slow
def test_a_file_of_before_the_quarantine_gets_it_when_it_is_opened(private: Path) -> None:
    with Warehouse(private) as warehouse:
        warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.0)))
        with warehouse.transaction() as cursor:
            cursor.execute("drop schema accepted cascade")
            cursor.execute("drop table meta.quarantine")
    with Warehouse(private) as warehouse:
        assert warehouse.accepted("raw.market_caps").height == 1
        assert warehouse.read("meta.quarantine").is_empty()
