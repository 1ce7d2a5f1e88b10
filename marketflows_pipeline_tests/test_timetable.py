"""When scheduled jobs run: the words, the cron line and the next time say the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.jobs import KEYLESS_JOBS, PARTS_OF_JOBS
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.schedules import schedules_of
from marketflows_pipeline.schema import PARTS, Part
from marketflows_pipeline.timetable import (
    AFTER_US_CLOSE,
    DAILY,
    HOURLY,
    TIMINGS_OF,
    TIMINGS_OF_HOSTS,
    WEEKLY_PRUNING,
    WEEKLY_TRAINING,
    Timing,
    next_run,
)

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (made aware)
ALL = (HOURLY, DAILY, AFTER_US_CLOSE, WEEKLY_TRAINING, WEEKLY_PRUNING)


@pytest.mark.parametrize(
    ("timing", "cron", "words"),
    [
        (HOURLY, "5 * * * *", "hourly at minute 5"),
        (DAILY, "25 1 * * *", "daily at 01:25 UTC"),
        (AFTER_US_CLOSE, "45 22 * * 1-5", "Monday to Friday at 22:45 UTC"),
        (WEEKLY_TRAINING, "20 6 * * 6", "Saturday at 06:20 UTC"),
        (WEEKLY_PRUNING, "30 3 * * 0", "Sunday at 03:30 UTC"),
    ],
)
def test_cron_and_words(timing: Timing, cron: str, words: str) -> None:
    assert (timing.cron, timing.words) == (cron, words)


# The 27th of November 2026 is a Friday.
@pytest.mark.parametrize(
    ("timing", "moment", "due"),
    [
        (HOURLY, "2026-11-27T10:04:59", "2026-11-27T10:05:00"),
        (HOURLY, "2026-11-27T10:05:00", "2026-11-27T11:05:00"),
        (HOURLY, "2026-12-31T23:59:00", "2027-01-01T00:05:00"),
        (DAILY, "2026-11-27T01:25:00", "2026-11-28T01:25:00"),
        (AFTER_US_CLOSE, "2026-11-27T22:44:00", "2026-11-27T22:45:00"),
        (AFTER_US_CLOSE, "2026-11-27T22:45:00", "2026-11-30T22:45:00"),
        (WEEKLY_TRAINING, "2026-11-27T00:00:00", "2026-11-28T06:20:00"),
    ],
)
def test_the_next_time(timing: Timing, moment: str, due: str) -> None:
    assert timing.next_after(datetime.fromisoformat(f"{moment}+00:00")) == datetime.fromisoformat(f"{due}+00:00")


@given(moment=MOMENTS, timing=st.sampled_from(ALL))
def test_the_next_time_is_later_within_a_week_and_nothing_is_due_before_it(moment: datetime, timing: Timing) -> None:
    due = timing.next_after(moment)

    assert moment < due <= moment + timedelta(days=7)
    assert due.isoweekday() in timing.weekdays
    assert timing.next_after(due - timedelta(microseconds=1)) == due


def test_a_part_runs_next_by_the_earliest_of_its_schedules() -> None:
    alone, beside_others = TIMINGS_OF["exchanges"], TIMINGS_OF_HOSTS["exchanges"]
    for minute, expected in ((10, (25, 20)), (22, (25, 25)), (30, (5, 20))):
        moment = datetime(2026, 11, 27, 1, minute, tzinfo=UTC)
        assert (next_run(alone, moment).minute, next_run(beside_others, moment).minute) == expected


@pytest.mark.parametrize("part", PARTS)
def test_the_times_that_are_told_are_those_of_the_schedules(part: Part) -> None:
    """The next run of the exchanges was told as at :05 where a host of their own runs them at :20."""

    def ticks(served: tuple[Part, ...] | None) -> set[str]:
        """When what the part is told by is fetched: not trainings and upkeep."""
        found = [each for each in schedules_of(RunOptions(), served) if each.job_name not in KEYLESS_JOBS]
        return {str(each.cron_schedule) for each in found if part in PARTS_OF_JOBS.get(each.job_name, ())}

    assert ticks(None) == {timing.cron for timing in TIMINGS_OF[part]}
    assert ticks((part,)) == {timing.cron for timing in TIMINGS_OF_HOSTS[part]}
