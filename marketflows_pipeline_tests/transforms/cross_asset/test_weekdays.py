from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketflows_pipeline.transforms.cross_asset.weekdays import weekdays_later

FETCHED = datetime(2026, 11, 19, 22, 30, tzinfo=UTC)


# From Thursday 22:30: 25.5 hours to the weekend, which adds none.
@pytest.mark.parametrize(
    ("hours", "until"),
    [
        (2, datetime(2026, 11, 20, 0, 30, tzinfo=UTC)),
        (25.5, datetime(2026, 11, 23, tzinfo=UTC)),
        (26, datetime(2026, 11, 23, 0, 30, tzinfo=UTC)),
        (5 * 24, datetime(2026, 11, 26, 22, 30, tzinfo=UTC)),
    ],
)
def test_weekends_do_not_count_into_the_age_of_a_fetch(hours: float, until: datetime) -> None:
    assert weekdays_later(FETCHED, timedelta(hours=hours)) == until


def test_what_was_fetched_on_a_weekend_ages_from_monday_on() -> None:
    saturday = datetime(2026, 11, 21, 9, tzinfo=UTC)
    assert weekdays_later(saturday, timedelta(hours=26)) == datetime(2026, 11, 24, 2, tzinfo=UTC)
