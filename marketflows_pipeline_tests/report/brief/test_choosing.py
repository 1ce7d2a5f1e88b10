from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.report.brief.choosing import MOST_STATEMENTS, choose
from marketflows_pipeline_tests.report.brief.events import CLOSE, DAY, NOW, event

HOUR = timedelta(hours=1)
SINCE = NOW - DAY


def told(*rows: dict[str, Any], **more: Any) -> list[str]:
    return [each.statement_id for each in choose(rows, more.pop("since", SINCE), NOW, **more)]


def test_what_is_about_a_later_moment_is_told() -> None:
    old = event("index_move", "old", as_of=CLOSE - DAY, first_seen_at=SINCE - HOUR)
    new = event("index_move", "new", first_seen_at=SINCE - HOUR)
    to_come = event("index_move", "to come", as_of=NOW + HOUR)

    assert told(old, new, to_come) == ["index_move:new:2026-11-20"]


def test_what_was_found_late_is_told_where_it_is_the_newest_of_its_kind() -> None:
    """Flows of a session are known days later; a repaired history finds what was long over."""
    newest = event("flow_shock", "GLD", as_of=CLOSE - 3 * DAY)
    older = event("flow_shock", "SLV", as_of=CLOSE - 4 * DAY)
    long_ago = event("share_step", "IAU", as_of=CLOSE - 8 * DAY)
    earlier = event("regime_change", "market", as_of=CLOSE - 9 * DAY, first_seen_at=SINCE - HOUR)

    assert told(newest, older, long_ago, earlier) == ["flow_shock:GLD:2026-11-17"]


def test_of_the_month_that_a_first_run_finds_the_newest_days_are_news() -> None:
    """Its events are all first seen now; those of last week are no change since yesterday."""
    last_week = event("flow_shock", "GLD", as_of=CLOSE - 5 * DAY)
    newest = event("netflow_outlier", "okx", as_of=SINCE - DAY)
    of_another_part = event(
        "regime_change", "market", part="cross_asset", as_of=SINCE - DAY, first_seen_at=SINCE - HOUR
    )

    assert told(last_week, newest, of_another_part) == ["netflow_outlier:okx:2026-11-18"]


def test_an_older_event_is_no_newest_one_because_the_newest_was_seen_before() -> None:
    seen = event("flow_shock", "GLD", as_of=CLOSE - 2 * DAY, first_seen_at=SINCE - HOUR)
    found = event("flow_shock", "SLV", as_of=CLOSE - 3 * DAY, first_seen_at=NOW)

    assert told(seen, found) == []


def test_the_most_unusual_come_first_one_a_subject_and_at_most_ten() -> None:
    rows = [event("index_move", f"s{place}", score=float(place)) for place in range(12)]
    again = event("rank_change", "s11", score=99.0)

    chosen = told(*rows, again)

    assert chosen[:3] == ["rank_change:s11:2026-11-20", "index_move:s10:2026-11-20", "index_move:s9:2026-11-20"]
    assert len(chosen) == MOST_STATEMENTS


def test_who_knows_what_was_there_gets_what_the_rest_of_that_run_found() -> None:
    """Parts are published one after the other, and all that a run finds is first seen when it began."""
    before, after = event("index_move", "a", first_seen_at=SINCE - HOUR), event("rank_change", "b")
    later_part = event("netflow_outlier", "okx", as_of=SINCE - DAY, first_seen_at=SINCE - HOUR, score=2.0)
    rows = [before, after, later_part]

    assert told(*rows, known={before["event_id"]}) == [after["event_id"], later_part["event_id"]]
    assert told(*rows, known={each["event_id"] for each in rows}) == []


@given(st.permutations([event("index_move", f"s{place}", score=2.0 + place % 2) for place in range(6)]))
def test_the_order_of_rows_does_not_matter(rows: list[dict[str, Any]]) -> None:
    assert told(*rows) == told(*sorted(rows, key=lambda row: row["event_id"]))


def test_who_looked_when_there_was_nothing_gets_what_the_rest_of_that_run_found() -> None:
    later_part = event("netflow_outlier", "okx", as_of=SINCE - DAY, first_seen_at=SINCE - HOUR)

    assert told(later_part, known=frozenset()) == [later_part["event_id"]]
    assert told(later_part) == []


def test_parts_and_records_of_one_day_do_not_hide_each_other() -> None:
    """Weekly quadrants of funds end on Saturdays, those of narratives daily; records of a day are minutes apart."""
    weekly = event("quadrant_change", "GLD", part="cross_asset", as_of=SINCE - DAY)
    daily = event("quadrant_change", "ai", as_of=SINCE - HOUR)
    first = event("volume_spike", "gate", part="exchanges", as_of=SINCE - 3 * HOUR)
    second = event("volume_spike", "kucoin", part="exchanges", as_of=SINCE - 2 * HOUR)

    assert set(told(weekly, daily, first, second)) == {each["event_id"] for each in (weekly, daily, first, second)}
