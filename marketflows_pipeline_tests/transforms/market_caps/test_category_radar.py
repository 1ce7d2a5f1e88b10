from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.category_radar import (
    NO_CAP,
    NO_SNAPSHOT,
    NOT_LISTED,
    category_radar,
    near_duplicates,
)
from marketflows_pipeline_tests.transforms.exchanges.frames import assert_in_shape, rows_of

TODAY = datetime(2026, 3, 10, 0, 5, tzinfo=UTC)

Caps = Mapping[str, Mapping[int, float | None]]


def snapshots(caps: Caps, volumes: Caps | None = None, tops: Mapping[str, str] | None = None) -> pl.DataFrame:
    """Category to days ago to market cap; a category goes by its slug in capitals."""
    return rows_of(
        "raw.category_snapshots",
        *(
            {
                "category_id": category,
                "observed_at": TODAY - timedelta(days=ago),
                "name": category.replace("-", " ").title(),
                "market_cap_usd": cap,
                "volume_24h_usd": (volumes or {}).get(category, {}).get(ago),
                "top_3_coins_id": (tops or {}).get(category),
            }
            for category, by_day in caps.items()
            for ago, cap in by_day.items()
        ),
    )


def radar(*given: Any, **named: Any) -> pl.DataFrame:
    found = category_radar(snapshots(*given, **named))
    assert_in_shape(found, "mart.category_radar")
    return found


def of(found: pl.DataFrame, category: str, period: int, *columns: str) -> tuple[Any, ...]:
    return found.filter(category_id=category, period_days=period).select(columns).row(0)


def test_changes_are_against_the_snapshots_of_1_7_and_30_days_before() -> None:
    found = radar({"ai": {0: 120.0, 1: 100.0, 7: 80.0, 30: 240.0}}, {"ai": {0: 30.0, 1: 20.0, 7: 40.0}})

    assert of(found, "ai", 1, "cap_change_pct", "volume_change_pct") == pytest.approx((20.0, 50.0))
    assert of(found, "ai", 7, "cap_change_pct", "volume_change_pct") == pytest.approx((50.0, -25.0))
    assert of(found, "ai", 30, "cap_change_pct", "volume_change_pct") == (-50.0, None)
    assert of(found, "ai", 30, "before_at", "observed_at") == (TODAY - timedelta(days=30), TODAY)


def test_a_neighbouring_day_does_not_stand_in_and_the_reason_is_given() -> None:
    """A change over eight days, called one over seven, is one nobody can compare with another."""
    found = radar({"ai": {0: 120.0, 1: 100.0, 8: 80.0}, "new": {0: 5.0}, "silent": {0: None, 1: 3.0}})

    assert of(found, "ai", 7, "cap_change_pct", "before_at", "reason") == (None, None, NO_SNAPSHOT)
    assert of(found, "new", 1, "cap_change_pct", "reason") == (None, NOT_LISTED)
    assert of(found, "silent", 1, "cap_change_pct", "rank", "reason") == (None, None, NO_CAP)
    assert of(found, "ai", 1, "cap_change_pct", "cap_change_zscore", "reason") == (
        pytest.approx(20.0), None, "0 past changes are stored, 20 are needed",
    )  # fmt: skip


def test_a_change_is_unusual_against_the_categorys_own_past_changes() -> None:
    # Twenty changes of +1 % and -1 % by turns, the last of +10 %: mean 0, standard deviation sqrt(20 / 19) %.
    caps, cap = {21: 1.0}, 1.0
    for ago in range(20, 0, -1):
        cap *= 1.01 if ago % 2 else 0.99
        caps[ago] = cap
    found = radar({"ai": {**caps, 0: cap * 1.10}})

    assert of(found, "ai", 1, "cap_change_zscore")[0] == pytest.approx(10 / (20 / 19) ** 0.5)
    assert of(found, "ai", 1, "cap_change_percentile_pct", "n_past_cap_changes", "reason") == (100.0, 20, None)
    # 21 - 7 changes over seven days ended before today.
    assert of(found, "ai", 7, "cap_change_zscore", "n_past_cap_changes") == (None, 14)


def test_a_newcomer_takes_nobodys_place() -> None:
    found = radar({"ai": {0: 30.0, 1: 10.0}, "meme": {0: 20.0, 1: 20.0}, "huge": {0: 900.0}})

    assert [of(found, each, 1, "rank", "rank_change") for each in ("huge", "ai", "meme")] == [
        (1, None),
        (2, 1),
        (3, -1),
    ]


def test_ecosystems_and_portfolios_of_investors_are_marked_and_have_places_of_their_own() -> None:
    found = radar({"solana-ecosystem": {0: 9.0}, "x-portfolio": {0: 8.0}, "ftx-holdings": {0: 7.0}, "ai": {0: 1.0}})

    assert {each: of(found, each, 1, "kind", "rank") for each in found["category_id"].unique()} == {
        "solana-ecosystem": ("ecosystem", 1),
        "x-portfolio": ("venture_portfolio", 1),
        "ftx-holdings": ("venture_portfolio", 2),
        "ai": ("narrative", 1),
    }


def duplicates(*rows: tuple[str, float, str | None], kinds: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    names = ("category_id", "market_cap_usd", "top_3_coins_id")
    frame = pl.DataFrame(rows, schema=dict(zip(names, (pl.String, pl.Float64, pl.String), strict=True)), orient="row")
    return near_duplicates(frame.with_columns(kind=pl.Series(kinds or ["narrative"] * len(rows)))).rows()


def test_two_of_three_shared_coins_make_a_near_duplicate_of_the_larger_category() -> None:
    # {a,b,c} and {a,b,d}: 2 of 4. {a,b,c} and {a,e,f}: 1 of 5.
    assert duplicates(("large", 9.0, "a,b,c"), ("small", 5.0, "b,a,d"), ("other", 7.0, "a,e,f")) == [
        ("small", "large", 0.5)
    ]
    # The same three coins are more alike than two of them, whichever category is larger.
    assert duplicates(("largest", 9.0, "a,b,x"), ("same", 7.0, "a,b,c"), ("small", 5.0, "c,b,a")) == [
        ("same", "largest", 0.5),
        ("small", "same", 1.0),
    ]


def test_too_few_coins_and_other_kinds_are_compared_with_none() -> None:
    assert duplicates(("large", 9.0, "a,b"), ("small", 5.0, "a,b"), ("none", 4.0, None)) == []
    assert duplicates(("large", 9.0, "a,b,c"), ("small", 5.0, "a,b,c"), kinds=["ecosystem", "narrative"]) == []


def test_before_the_first_snapshot_there_is_no_row_and_a_category_that_is_gone_has_none() -> None:
    assert category_radar(table("raw.category_snapshots").empty()).equals(table("mart.category_radar").empty())
    assert radar({"ai": {0: 1.0, 1: 1.0}, "gone": {1: 5.0}})["category_id"].unique().to_list() == ["ai"]


def test_later_days_change_no_past_figure() -> None:
    caps = {"ai": {ago: 100.0 + ago * ago % 7 for ago in range(40)}}
    until_yesterday = {"ai": {ago: cap for ago, cap in caps["ai"].items() if ago}}
    moved = {"ai": {**caps["ai"], 0: 1e9}}
    drop = {"ai": {ago: cap for ago, cap in moved["ai"].items() if ago}}

    assert radar(until_yesterday).equals(radar(drop))


def test_the_order_of_rows_does_not_matter() -> None:
    rows = snapshots({name: {ago: 100.0 + ago * 3 % 11 for ago in range(60)} for name in ("ai", "defi", "meme")})

    assert category_radar(rows.sample(fraction=1, shuffle=True, seed=3)).equals(category_radar(rows))
