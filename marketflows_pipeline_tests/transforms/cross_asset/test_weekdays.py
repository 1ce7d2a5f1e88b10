from __future__ import annotations

from datetime import UTC, datetime, timedelta

from marketflows_pipeline.transforms.cross_asset.weekdays import weekday_time

FETCHED = datetime(2026, 11, 19, 22, 30, tzinfo=UTC)


def test_weekends_do_not_count_into_the_age_of_a_fetch() -> None:
    def hours(until: datetime) -> float:
        return weekday_time(FETCHED, until) / timedelta(hours=1)

    # From Thursday 22:30: 25.5 hours to the weekend, which adds none.
    assert hours(datetime(2026, 11, 20, 0, 30, tzinfo=UTC)) == 2
    assert hours(datetime(2026, 11, 21, 9, tzinfo=UTC)) == 25.5
    assert hours(datetime(2026, 11, 23, 0, 30, tzinfo=UTC)) == 26
    assert hours(datetime(2026, 11, 26, 22, 30, tzinfo=UTC)) == 5 * 24
