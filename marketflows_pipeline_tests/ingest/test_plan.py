from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from marketflows_pipeline.ingest.plan import failing_coins, gaps_to_repair, histories_missing, tracked_coins
from marketflows_pipeline.providers.protocol import Granularity
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
    tracked = tracked_coins(bases=["bitcoin"], portfolio_coins=[], members=coins(), cohort=coins(("solana", 5e10)))
    return histories_missing(tracked, backfills(*rows), granularity=granularity, window_start=START, now=NOW)[
        "coin_id"
    ].to_list()


def test_base_assets_come_first_then_portfolios_then_the_largest_caps() -> None:
    tracked = tracked_coins(
        bases=["bitcoin"],
        portfolio_coins=["dogecoin"],
        members=coins(("tiny", 1e6), ("solana", 5e10)),
        cohort=coins(("ethereum", 3e11), ("dogecoin", 2e10), ("bitcoin", 1e12)),
    )
    assert tracked["coin_id"].to_list() == ["bitcoin", "dogecoin", "ethereum", "solana", "tiny"]
    assert tracked["priority"].to_list() == [0, 1, 2, 2, 2]


def test_a_coin_of_several_groups_is_tracked_once() -> None:
    tracked = tracked_coins(
        bases=["bitcoin"],
        portfolio_coins=["bitcoin"],
        members=coins(("bitcoin", None)),
        cohort=coins(("bitcoin", 1e12)),
    )
    assert tracked.rows() == [("bitcoin", 0, 1e12)]


def test_a_coin_never_asked_for_needs_its_history() -> None:
    assert missing() == ["bitcoin", "solana"]


def test_a_complete_window_is_not_asked_for_again() -> None:
    assert missing(backfill("bitcoin")) == ["solana"]


def test_an_empty_answer_counts_as_complete() -> None:
    assert missing(backfill("bitcoin", outcome="empty", rows_served=0), backfill("solana")) == []


def test_a_window_that_reaches_further_back_asks_again() -> None:
    assert missing(backfill("bitcoin", window_start=START + timedelta(days=30))) == ["bitcoin", "solana"]


def test_another_granularity_asks_again() -> None:
    assert missing(backfill("bitcoin", granularity="hourly")) == ["bitcoin", "solana"]


def test_a_window_that_ended_before_this_one_began_asks_again() -> None:
    assert missing(backfill("bitcoin", window_end=START - timedelta(days=1))) == ["bitcoin", "solana"]


def test_a_five_minute_window_is_asked_for_on_each_run() -> None:
    earlier = backfill("bitcoin", granularity="5m", window_end=NOW - timedelta(hours=1))
    assert missing(earlier, granularity=Granularity.FIVE_MINUTES) == ["bitcoin", "solana"]


@pytest.mark.parametrize(("hours_ago", "asked"), [(1, ["solana"]), (25, ["bitcoin", "solana"])])
def test_an_unknown_coin_is_asked_for_once_a_day(hours_ago: int, asked: list[str]) -> None:
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


def repairs(gaps: pl.DataFrame, *attempts: dict[str, object], served_since: datetime = START) -> list[str]:
    tracked = tracked_coins(
        bases=["bitcoin"], portfolio_coins=["dogecoin"], members=coins(), cohort=coins(("solana", 5e10), ("tron", 6e10))
    )
    recorded = pl.DataFrame(list(attempts), schema=table("meta.repairs").polars_schema)
    wanted = gaps_to_repair(gaps, tracked, recorded, granularity=Granularity.HOURLY, served_since=served_since)
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


def test_a_coin_no_longer_tracked_is_not_repaired() -> None:
    assert repairs(gap_frame(gap("forgotten", 1, 4))) == []
