from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import polars as pl
import pytest

from marketflows_pipeline.ingest.market_caps.plan import failing_coins, gaps_to_repair, histories_missing
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.queries.tracked_coins import by_importance
from marketflows_pipeline.schema import table

NOW = datetime(2026, 11, 20, 12, 5, tzinfo=UTC)
START = datetime(2026, 8, 21, tzinfo=UTC)


def coins(*rows: tuple[str, float | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"coin_id": pl.String, "market_cap_usd": pl.Float64}, orient="row")


def backfill(coin: str, **changes: object) -> dict[str, object]:
    return {
        "coin_id": coin,
        "granularity": "daily",
        "window_start": START,
        "window_end": NOW,
        "attempted_at": NOW - timedelta(hours=1),
        "outcome": "complete",
        "rows_served": 92,
        "rows_new": 92,
        "rows_rejected": 0,
        "note": None,
    } | changes


def backfills(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=table("meta.backfills").polars_schema)


def missing(*rows: dict[str, object], granularity: Granularity = Granularity.DAILY) -> list[str]:
    tracked = by_importance(bases=["bitcoin"], portfolio_coins=[], members=coins(), cohort=coins(("solana", 5e10)))
    return histories_missing(tracked, backfills(*rows), granularity=granularity, window_start=START, now=NOW)[
        "coin_id"
    ].to_list()


def test_a_coin_never_asked_for_needs_its_history() -> None:
    assert missing() == ["bitcoin", "solana"]


def test_a_complete_window_is_not_asked_for_again() -> None:
    assert missing(backfill("bitcoin")) == ["solana"]


def test_an_empty_answer_counts_as_complete() -> None:
    assert missing(backfill("bitcoin", outcome="empty", rows_served=0), backfill("solana")) == []


def test_a_window_that_reaches_further_back_asks_again() -> None:
    assert missing(backfill("bitcoin", window_start=START + timedelta(days=30))) == ["bitcoin", "solana"]


MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize("granularity", [Granularity.DAILY, Granularity.HOURLY])
def test_a_window_that_began_up_to_one_step_later_is_complete(granularity: Granularity) -> None:
    """Without this tolerance a second run within the hour would ask for all histories again."""
    a_step_later = backfill("bitcoin", granularity=granularity, window_start=START + granularity.step)
    assert missing(a_step_later, granularity=granularity) == ["solana"]
    beyond = a_step_later | {"window_start": START + granularity.step + MICROSECOND}
    assert missing(beyond, granularity=granularity) == ["bitcoin", "solana"]


def test_a_window_that_ended_as_this_one_began_is_complete() -> None:
    """No test told `>=` from `>` here, nor a window that ended just before the grid."""
    assert missing(backfill("bitcoin", window_end=START)) == ["solana"]
    assert missing(backfill("bitcoin", window_end=START - MICROSECOND)) == ["bitcoin", "solana"]


def test_a_five_minute_window_is_complete_where_it_reaches_the_last_step() -> None:
    """The reach of `now - step` survived every change of it, as one test looked an hour back."""
    last_step = NOW - timedelta(minutes=5)
    reached = backfill("bitcoin", granularity="5m", window_end=last_step)
    assert missing(reached, granularity=Granularity.FIVE_MINUTES) == ["solana"]
    short = reached | {"window_end": last_step - MICROSECOND}
    assert missing(short, granularity=Granularity.FIVE_MINUTES) == ["bitcoin", "solana"]


@pytest.mark.parametrize("outcome", ["failed", "refused", "not_found"])
def test_a_window_that_was_not_answered_is_not_complete(outcome: str) -> None:
    """An outcome added to those that complete a window would have left a coin without its history."""
    assert "bitcoin" in missing(backfill("bitcoin", outcome=outcome, attempted_at=NOW - timedelta(days=2)))


@pytest.mark.parametrize(("asked_at", "granularity"), list(permutations(Granularity, 2)))
def test_what_came_of_a_granularity_says_nothing_of_another(asked_at: Granularity, granularity: Granularity) -> None:
    """Compared by order instead of by name, hourly answers would have stood for the 5-minute ones, or the other way."""
    assert missing(backfill("bitcoin", granularity=asked_at), granularity=granularity) == ["bitcoin", "solana"]
    for outcome in ("not_found", "refused", "failed"):
        twice = [row | {"granularity": asked_at} for row in attempts(outcome, outcome)]
        assert missing(*twice, granularity=granularity) == ["bitcoin", "solana"]
    gaps = gap_frame(gap("solana", 1, 4), gap("tron", 1, 4))
    fruitless = attempt("tron", 1, 4, "nothing_new") | {"granularity": asked_at}
    assert repairs(gaps, fruitless, granularity=granularity) == ["tron", "solana"]


def test_a_coin_that_was_not_known_twice_rests_too() -> None:
    assert missing(*attempts("not_found", "not_found")) == ["solana"]


def test_coins_that_need_their_history_keep_the_order_of_importance() -> None:
    """Under a budget of calls the order decides whose turn comes."""
    names = [f"coin-{place:04}" for place in range(500)]
    tracked = by_importance(
        bases=[], portfolio_coins=[], members=coins(), cohort=coins(*((name, 1e9 - n) for n, name in enumerate(names)))
    )
    failed = [row | {"coin_id": name} for name in names[::2] for row in attempts("failed", "failed")]
    wanted = histories_missing(tracked, backfills(*failed), granularity=Granularity.DAILY, window_start=START, now=NOW)
    assert wanted["coin_id"].to_list() == names[1::2] + names[::2]


def test_a_window_that_ended_before_this_one_began_asks_again() -> None:
    assert missing(backfill("bitcoin", window_end=START - timedelta(days=1))) == ["bitcoin", "solana"]


def test_a_five_minute_window_is_asked_for_on_each_run() -> None:
    earlier = backfill("bitcoin", granularity="5m", window_end=NOW - timedelta(hours=1))
    assert missing(earlier, granularity=Granularity.FIVE_MINUTES) == ["bitcoin", "solana"]


@pytest.mark.parametrize(
    ("hours_ago", "asked"),
    [(1, ["solana"]), (23, ["solana"]), (24, ["bitcoin", "solana"]), (25, ["bitcoin", "solana"])],
)
def test_an_unknown_coin_is_asked_for_once_a_day(hours_ago: int, asked: list[str]) -> None:
    """At exactly a day it is asked again, or an hourly schedule would ask every 25 hours."""
    attempt = backfill("bitcoin", outcome="not_found", attempted_at=NOW - timedelta(hours=hours_ago))
    assert missing(attempt) == asked


def attempts(*outcomes: str, hours_ago: int = 1) -> list[dict[str, object]]:
    """What came of asking for bitcoin every hour, the last time so many hours ago."""
    times = [NOW - timedelta(hours=hours_ago + len(outcomes) - 1 - place) for place in range(len(outcomes))]
    return [backfill("bitcoin", outcome=outcome, attempted_at=at) for outcome, at in zip(outcomes, times, strict=True)]


@pytest.mark.parametrize(
    "outcomes",
    [
        ["refused"],
        ["refused", "complete", "refused"],
        ["refused", "failed"],
        ["empty", "failed", "failed", "refused", "failed"],
    ],
)
def test_a_refused_coin_is_tried_once_more_by_the_next_run(outcomes: list[str]) -> None:
    """A 520 from the CDN once marked bitcoin refused for a day."""
    further_back = [row | {"window_start": START + timedelta(days=30)} for row in attempts(*outcomes)]
    assert "bitcoin" in missing(*further_back)


@pytest.mark.parametrize(
    "outcomes",
    [["refused", "refused"], ["not_found", "refused"], ["refused", "failed", "refused"], ["refused"] * 5],
)
def test_after_a_second_refusal_in_a_row_it_rests_for_a_day(outcomes: list[str]) -> None:
    assert missing(*attempts(*outcomes)) == ["solana"]
    assert missing(*attempts(*outcomes, hours_ago=25)) == ["bitcoin", "solana"]


@pytest.mark.parametrize("outcomes", [["failed"], ["complete", "failed"], ["refused", "failed"]])
def test_a_failed_request_is_repeated_in_the_next_run(outcomes: list[str]) -> None:
    further_back = [row | {"window_start": START + timedelta(days=30)} for row in attempts(*outcomes)]
    assert missing(*further_back) == ["bitcoin", "solana"]


def test_a_coin_that_failed_twice_in_a_row_comes_last() -> None:
    """Three coins whose answers were never right were asked first in every run, and nobody else's turn came."""
    assert missing(*attempts("failed", "failed")) == ["solana", "bitcoin"]
    assert failing_coins(backfills(*attempts("failed", "failed")), granularity=Granularity.DAILY) == ["bitcoin"]
    assert failing_coins(backfills(*attempts("failed", "failed")), granularity=Granularity.HOURLY) == []
    assert failing_coins(backfills(*attempts("failed", "refused", "failed")), granularity=Granularity.DAILY) == []


def test_attempts_count_by_their_time_and_not_by_their_place_in_the_table() -> None:
    """Rows of a table come in any order; unsorted, a success of long ago would hide two failures."""
    newest_first = attempts("complete", "failed", "failed")[::-1]
    assert failing_coins(backfills(*newest_first), granularity=Granularity.DAILY) == ["bitcoin"]
    recovered = attempts("failed", "failed", "complete")[::-1]
    assert failing_coins(backfills(*recovered), granularity=Granularity.DAILY) == []
    refused_before = [row | {"window_start": START + timedelta(days=30)} for row in attempts("refused", "refused")]
    answered_since = backfill("bitcoin", window_start=START + timedelta(days=30), attempted_at=NOW)
    assert missing(answered_since, *refused_before) == ["bitcoin", "solana"]


def gap(coin: str, first_hour: int, last_hour: int) -> dict[str, object]:
    day = datetime(2026, 11, 19, tzinfo=UTC)
    return {
        "coin_id": coin,
        "gap_start": day + timedelta(hours=first_hour),
        "gap_end": day + timedelta(hours=last_hour),
        "n_steps": last_hour - first_hour + 1,
    }


def gap_frame(*rows: dict[str, object]) -> pl.DataFrame:
    time = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        list(rows), schema={"coin_id": pl.String, "gap_start": time, "gap_end": time, "n_steps": pl.Int32}
    )


def attempt(coin: str, first_hour: int, last_hour: int, outcome: str) -> dict[str, object]:
    bounds = gap(coin, first_hour, last_hour)
    return {
        "coin_id": coin,
        "granularity": "hourly",
        "gap_start": bounds["gap_start"],
        "gap_end": bounds["gap_end"],
        "attempted_at": NOW - timedelta(hours=2),
        "outcome": outcome,
        "rows_new": 0,
    }


def repairs(
    gaps: pl.DataFrame,
    *attempts: dict[str, object],
    served_since: datetime = START,
    granularity: Granularity = Granularity.HOURLY,
) -> list[str]:
    tracked = by_importance(
        bases=["bitcoin"], portfolio_coins=["dogecoin"], members=coins(), cohort=coins(("solana", 5e10), ("tron", 6e10))
    )
    recorded = pl.DataFrame(list(attempts), schema=table("meta.repairs").polars_schema)
    wanted = gaps_to_repair(gaps, tracked, recorded, granularity=granularity, served_since=served_since)
    return wanted["coin_id"].to_list()


def test_gaps_are_repaired_in_the_order_of_importance() -> None:
    gaps = gap_frame(gap("solana", 1, 4), gap("tron", 1, 4), gap("dogecoin", 1, 4), gap("bitcoin", 1, 4))
    assert repairs(gaps) == ["bitcoin", "dogecoin", "tron", "solana"]


def test_a_gap_that_brought_nothing_new_is_not_repaired_again() -> None:
    gaps = gap_frame(gap("solana", 1, 4), gap("tron", 1, 4))
    assert repairs(gaps, attempt("tron", 1, 4, "nothing_new")) == ["solana"]


@pytest.mark.parametrize("outcome", ["refused", "failed"])
def test_a_gap_that_was_refused_once_or_failed_is_tried_again(outcome: str) -> None:
    """One 520 left the gaps of the ten most important coins open for good."""
    gaps = gap_frame(gap("solana", 1, 4), gap("tron", 1, 4))
    assert repairs(gaps, attempt("tron", 1, 4, outcome)) == ["tron", "solana"]


def at(hour: int, tried: dict[str, object]) -> dict[str, object]:
    return tried | {"attempted_at": datetime(2026, 11, 20, hour, tzinfo=UTC)}


def test_a_gap_that_was_refused_twice_in_a_row_rests() -> None:
    gaps = gap_frame(gap("solana", 1, 4), gap("tron", 1, 4))
    refused = attempt("tron", 1, 4, "refused")
    assert repairs(gaps, at(8, refused), at(9, refused)) == ["solana"]
    failed = attempt("tron", 1, 4, "failed")
    assert repairs(gaps, at(8, refused), at(9, failed), at(10, refused), at(11, failed)) == ["solana"]
    other = attempt("tron", 6, 9, "refused")
    assert repairs(gaps, at(8, refused), at(9, other)) == ["tron", "solana"]


def test_gaps_of_a_coin_that_failed_twice_in_a_row_come_last() -> None:
    gaps = gap_frame(gap("solana", 1, 4), gap("tron", 1, 4), gap("tron", 6, 9))
    failed = [attempt("tron", 1, 4, "failed"), attempt("tron", 6, 9, "failed")]
    assert repairs(gaps, *(at(8, each) for each in failed)) == ["tron", "tron", "solana"], "once, of two gaps"
    assert repairs(gaps, *(at(hour, each) for hour in (8, 9) for each in failed)) == ["solana", "tron", "tron"]


def test_what_a_partial_repair_left_open_is_tried_again() -> None:
    gaps = gap_frame(gap("tron", 3, 4))
    assert repairs(gaps, attempt("tron", 1, 4, "partial")) == ["tron"]


def test_a_gap_older_than_the_plan_serves_is_left() -> None:
    gaps = gap_frame(gap("solana", 1, 4), gap("tron", 10, 14))
    assert repairs(gaps, served_since=datetime(2026, 11, 19, 8, tzinfo=UTC)) == ["tron"]


def test_a_gap_that_ends_where_the_plan_begins_to_serve_is_repaired() -> None:
    """The boundary survived: one step of the gap is still served."""
    gaps = gap_frame(gap("solana", 1, 4))
    assert repairs(gaps, served_since=datetime(2026, 11, 19, 4, tzinfo=UTC)) == ["solana"]
    assert repairs(gaps, served_since=datetime(2026, 11, 19, 4, tzinfo=UTC) + MICROSECOND) == []


def test_gaps_of_one_coin_are_repaired_in_the_order_of_time() -> None:
    """Under a budget of ten calls the order decides which gaps stay open."""
    gaps = gap_frame(gap("tron", 6, 9), gap("tron", 1, 4))
    tracked = by_importance(bases=["tron"], portfolio_coins=[], members=coins(), cohort=coins())
    none_yet = pl.DataFrame(schema=table("meta.repairs").polars_schema)
    wanted = gaps_to_repair(gaps, tracked, none_yet, granularity=Granularity.HOURLY, served_since=START)
    assert wanted["gap_start"].dt.hour().to_list() == [1, 6]


def test_a_coin_no_longer_tracked_is_not_repaired() -> None:
    assert repairs(gap_frame(gap("forgotten", 1, 4))) == []
