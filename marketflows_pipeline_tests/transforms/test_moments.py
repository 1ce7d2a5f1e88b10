"""Days of moments, and moments of days, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from marketflows_pipeline.transforms.moments import end_of_utc_day, in_new_york, utc_day


def test_a_moment_belongs_to_its_day_in_utc() -> None:
    late = pl.DataFrame({"at": [datetime(2026, 3, 3, 23, 30, tzinfo=UTC)]})
    there = late.select(pl.col("at").dt.convert_time_zone("Asia/Tokyo"))

    assert there.select(utc_day("at")).item() == date(2026, 3, 3)


def test_a_day_ends_at_the_next_midnight() -> None:
    assert pl.DataFrame({"day": [date(2026, 2, 28)]}).select(end_of_utc_day("day")).item() == datetime(
        2026, 3, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(("day", "hour"), [(date(2026, 1, 15), 14), (date(2026, 7, 15), 13)])
def test_new_york_has_its_summer_time(day: date, hour: int) -> None:
    moment = pl.select(in_new_york(pl.lit(day), hours=9, minutes=30)).item()

    assert moment == datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)
