from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.whales import whale_signals
from marketflows_pipeline_tests.transforms.frames import TIME, pick

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COINS = pl.DataFrame({"coin_id": ["bitcoin", "ether"], "symbol": ["btc", "eth"], "name": ["Bitcoin", "Ether"]})
TRENDING = table("raw.trending_coins").empty()

# hours before now, market cap, price, volume
Seen = tuple[float, float | None, float | None, float | None]


def observed(history: Mapping[str, Sequence[Seen]]) -> pl.DataFrame:
    rows = [(coin, NOW - timedelta(hours=hours), *rest) for coin, seen in history.items() for hours, *rest in seen]
    schema = {"coin_id": pl.String(), "ts": TIME} | dict.fromkeys(
        ("market_cap_usd", "price_usd", "volume_usd"), pl.Float64()
    )
    return pl.DataFrame(rows, schema=schema, orient="row", strict=False)


def trending_of(*rows: dict[str, Any]) -> pl.DataFrame:
    defaults = {"observed_at": NOW, "symbol": "pep", "name": "Pep", "source": "coingecko:markets", "fetched_at": NOW}
    numbered = [defaults | {"position": place, **row} for place, row in enumerate(rows, start=1)]
    return pl.DataFrame(numbered, schema=TRENDING.schema)


def signals(
    history: Mapping[str, Sequence[Seen]] | None = None, *trending: dict[str, Any], excluded: Sequence[str] = ()
) -> pl.DataFrame:
    return whale_signals(observed(history or {}), trending_of(*trending), COINS, excluded, observed_at=NOW)


def past(ratios: Sequence[float], cap: float = 1_000.0) -> list[Seen]:
    """One observation a day at noon, the last of them yesterday, with these ratios in percent."""
    return [(24.0 * (len(ratios) - place), cap, 1.0, cap * ratio / 100) for place, ratio in enumerate(ratios)]


def test_the_ratio_is_volume_over_market_cap_in_percent() -> None:
    (row,) = signals({"bitcoin": [(1, 2_000.0, 5.0, 300.0)]}).to_dicts()

    assert (row["volume_to_mcap_pct"], row["market_cap_usd"], row["volume_24h_usd"]) == (15, 2_000, 300)
    assert (row["symbol"], row["name"], row["source"]) == ("BTC", "Bitcoin", "raw.market_caps")
    assert (row["is_trending"], row["market_cap_rank"], row["observed_at"]) == (False, None, NOW)


@pytest.mark.parametrize(("days", "zscore", "basis"), [(19, None, "ratio"), (20, 4.873397, "zscore")])
def test_twenty_days_of_history_make_a_z_score_and_nineteen_do_not(days: int, zscore: float | None, basis: str) -> None:
    # ten days of 4 and ten of 6: mean 5, deviation sqrt(20 / 19) = 1.025978; (10 - 5) / 1.025978 = 4.873397
    ratios = [4.0, 6.0] * (days // 2) + [4.0] * (days % 2)
    (row,) = signals({"bitcoin": [*past(ratios), (0, 1_000.0, 1.0, 100.0)]}).to_dicts()

    assert row["history_days"] == days
    assert row["volume_zscore"] == (None if zscore is None else pytest.approx(zscore))
    assert row["score_basis"] == basis
    assert "proxy" in row["method"]
    assert ("z-score" in row["method"]) == (basis == "zscore")


def test_only_the_last_ratio_of_each_of_the_sixty_days_before_today_counts() -> None:
    ratios = [4.0, 6.0] * 30
    noise: list[Seen] = [
        (12.5, 1_000.0, 1.0, 40.0),  # half an hour before midnight: stands for yesterday instead of noon's 6
        (11.9, 1_000.0, 1.0, 900.0),  # today
        (61 * 24.0, 1_000.0, 1.0, 900.0),  # 61 days ago
    ]
    (row,) = signals({"bitcoin": [*noise, *past(ratios), (0, 1_000.0, 1.0, 60.0)]}).to_dicts()

    kept = [*ratios[:-1], 4.0]
    assert row["history_days"] == 60
    assert row["volume_zscore"] == pytest.approx((6 - statistics.fmean(kept)) / statistics.stdev(kept))


def test_days_and_today_are_those_of_utc_wherever_the_clock_stands() -> None:
    frame = observed({"bitcoin": [*past([4.0, 6.0] * 12), (0, 1_000.0, 1.0, 60.0)]})
    in_tokyo = NOW.astimezone(timezone(timedelta(hours=13)))

    assert whale_signals(frame, TRENDING, COINS, [], observed_at=in_tokyo).equals(
        whale_signals(frame, TRENDING, COINS, [], observed_at=NOW)
    )


def test_a_history_that_varies_by_rounding_alone_has_no_z_score() -> None:
    # 7.1 % of ever other market caps: the quotients differ in their last bits
    history: list[Seen] = [(24.0 * day, 1e6 + 7 * day, 1.0, (1e6 + 7 * day) * 0.071) for day in range(1, 31)]
    assert len({100 * volume / cap for _, cap, _, volume in history if cap and volume}) > 1

    (row,) = signals({"bitcoin": [*history, (0, 1_000.0, 1.0, 100.0)]}).to_dicts()

    assert (row["volume_zscore"], row["history_days"], row["score_basis"]) == (None, 30, "ratio")


@pytest.mark.parametrize(
    ("ratio", "score", "heuristic", "is_unusual"),
    [
        (0.0, 0.0, 0, False),
        (10.0, 2.0, 2, False),
        (10.01, 2.002, 2, True),
        (14.9, 2.98, 2, True),
        (999.0, 10.0, 10, True),
    ],
)
def test_without_a_z_score_the_ratio_scores(ratio: float, score: float, heuristic: int, is_unusual: bool) -> None:
    (row,) = signals({"bitcoin": [(0, 1_000.0, 1.0, 10 * ratio)]}).to_dicts()

    assert row["whale_activity_score"] == pytest.approx(score)
    assert (row["ratio_heuristic"], row["is_unusual"]) == (heuristic, is_unusual)


@pytest.mark.parametrize(
    ("ratio", "score", "is_unusual"),
    # mean 50, deviation 10.25978: two deviations above are 70.51956
    [(70.5, 3.996186, False), (70.6, 4.015679, True), (500.0, 10.0, True), (20.0, 0.0, False)],
)
def test_with_a_z_score_the_ratio_itself_does_not_matter(ratio: float, score: float, is_unusual: bool) -> None:
    (row,) = signals({"bitcoin": [*past([40.0, 60.0] * 10), (0, 1_000.0, 1.0, 10 * ratio)]}).to_dicts()

    assert row["whale_activity_score"] == pytest.approx(score, abs=1e-6)
    assert (row["is_unusual"], row["ratio_heuristic"]) == (is_unusual, min(10, int(ratio / 5)))


@pytest.mark.parametrize(("ratio", "is_unusual"), [(7.0, True), (6.99, False)])
def test_two_deviations_are_unusual(ratio: float, is_unusual: bool) -> None:
    # ten of 4, ten of 6, one of 5: mean 5, deviation sqrt(20 / 20) = 1
    (row,) = signals({"bitcoin": [*past([*[4.0, 6.0] * 10, 5.0]), (0, 1_000.0, 1.0, 10 * ratio)]}).to_dicts()

    assert row["is_unusual"] == is_unusual


def test_stablecoins_are_left_out_whether_tracked_or_trending() -> None:
    coin = {"market_cap_usd": 100.0, "volume_24h_usd": 50.0}
    frame = signals(
        {"tether": [(0, 100.0, 1.0, 90.0)], "bitcoin": [(0, 100.0, 1.0, 1.0)]},
        {"coin_id": "usd-coin", **coin},
        {"coin_id": "pepe", **coin},
        excluded=["tether", "usd-coin", "not-there"],
    )

    assert frame["coin_id"].to_list() == ["bitcoin", "pepe"]


def test_a_coin_without_a_volume_or_a_market_cap_is_not_shown_and_nothing_is_divided_by_zero() -> None:
    frame = signals(
        {"bitcoin": [(0, 0.0, 1.0, 5.0)], "ether": [(0, 100.0, 1.0, None)], "nil": [(0, None, 1.0, 5.0)]},
        {"coin_id": "a", "market_cap_usd": None, "volume_24h_usd": 1.0},
        {"coin_id": "b", "market_cap_usd": 0.0, "volume_24h_usd": 1.0},
        {"coin_id": "c", "market_cap_usd": 1.0, "volume_24h_usd": None},
    )

    assert frame.is_empty()


def test_figures_of_a_tracked_coin_may_be_three_hours_old_and_no_older() -> None:
    frame = signals({"bitcoin": [(3, 100.0, 1.0, 5.0)], "ether": [(3.01, 100.0, 1.0, 5.0)]})

    assert frame["coin_id"].to_list() == ["bitcoin"]


def test_the_newest_whole_figures_count() -> None:
    (row,) = signals({"bitcoin": [(2, 100.0, 1.0, 5.0), (1, 100.0, 1.0, 7.0), (0, 100.0, 1.0, None)]}).to_dicts()

    assert row["volume_24h_usd"] == 7


def test_trending_figures_win_for_a_coin_that_is_tracked_as_well_and_keep_its_history() -> None:
    trending = {"coin_id": "bitcoin", "market_cap_usd": 1_000.0, "volume_24h_usd": 100.0, "symbol": "btc"}
    (row,) = signals(
        {"bitcoin": [*past([4.0, 6.0] * 10), (0, 1_000.0, 1.0, 900.0)]},
        {**trending, "market_cap_rank": 1, "price_change_24h_pct": -3.0},
    ).to_dicts()

    assert (row["volume_to_mcap_pct"], row["is_trending"], row["source"]) == (10, True, "coingecko:markets")
    assert (row["market_cap_rank"], row["symbol"]) == (1, "BTC")
    assert row["volume_zscore"] == pytest.approx(4.873397)
    assert (row["price_change_24h_pct"], row["signal_type"]) == (-3.0, "distribution")


def test_a_trending_coin_without_figures_is_shown_by_its_tracked_ones() -> None:
    (row,) = signals({"bitcoin": [(0, 100.0, 1.0, 5.0)]}, {"coin_id": "bitcoin", "volume_24h_usd": 9.0}).to_dicts()

    assert (row["volume_24h_usd"], row["is_trending"], row["source"]) == (5, True, "raw.market_caps")


def test_trending_coins_of_more_than_three_hours_ago_are_no_longer_shown() -> None:
    old = {"coin_id": "pepe", "market_cap_usd": 1.0, "volume_24h_usd": 1.0, "observed_at": NOW - timedelta(hours=4)}

    assert signals({}, old).is_empty()


def test_the_price_of_a_tracked_coin_is_compared_with_the_one_nearest_to_a_day_before() -> None:
    # figures of an hour ago, so a day before them is 25 hours ago: 26.2 h is nearer to it than 23.6 h
    (row,) = signals({"bitcoin": [(26.2, 1.0, 80.0, 1.0), (23.6, 1.0, 200.0, 1.0), (1, 100.0, 100.0, 5.0)]}).to_dicts()

    assert (row["price_change_24h_pct"], row["signal_type"]) == (25, "accumulation")


@pytest.mark.parametrize(
    ("hours", "price", "expected"),
    [
        (22.5, 80.0, 25.0),
        (25.5, 80.0, 25.0),
        (22.49, 80.0, None),
        (25.51, 80.0, None),
        (24, None, None),
        (24, 0.0, None),
    ],
)
def test_without_a_price_within_ninety_minutes_of_a_day_before_there_is_no_change(
    hours: float, price: float | None, expected: float | None
) -> None:
    (row,) = signals({"bitcoin": [(hours, 1.0, price, 1.0), (0, 100.0, 100.0, 5.0)]}).to_dicts()

    assert row["price_change_24h_pct"] == expected
    assert row["signal_type"] == (None if expected is None else "accumulation")


def test_another_coin_s_price_is_never_taken() -> None:
    frame = signals({"bitcoin": [(24, 1.0, 80.0, 1.0)], "ether": [(0, 100.0, 100.0, 5.0)]})

    assert frame.select("coin_id", "price_change_24h_pct").rows() == [("ether", None)]


def test_a_price_that_stood_still_is_no_signal() -> None:
    (row,) = signals({"bitcoin": [(24, 1.0, 100.0, 1.0), (0, 100.0, 100.0, 5.0)]}).to_dicts()

    assert (row["price_change_24h_pct"], row["signal_type"]) == (0, None)


def test_unusual_coins_are_first_then_by_score_then_by_ratio_then_by_name() -> None:
    # calm has a z-score of 1.95 and so 3.9 points without being unusual; loud and even only just beat 10 %
    frame = signals(
        {
            "calm": [*past([4.0, 6.0] * 10), (0, 1_000.0, 1.0, 70.0)],
            "loud": [(0, 1_000.0, 1.0, 101.0)],
            "even": [(0, 1_000.0, 1.0, 101.0)],
            "huge": [(0, 1_000.0, 1.0, 900.0)],
            "more": [(0, 1_000.0, 1.0, 950.0)],
        }
    )

    assert frame.sort("rank")["coin_id"].to_list() == ["more", "huge", "even", "loud", "calm"]
    assert sorted(frame["rank"]) == [1, 2, 3, 4, 5]
    assert pick(frame, "is_unusual", coin_id="calm") == [False]


def test_a_coin_without_an_entry_goes_by_its_id() -> None:
    (row,) = signals({"nameless": [(0, 100.0, 1.0, 5.0)]}).to_dicts()

    assert (row["symbol"], row["name"]) == ("NAMELESS", "nameless")


def test_the_columns_are_those_of_the_registry_and_rows_are_by_coin() -> None:
    entry = table("mart.whale_signals")
    coin = {"market_cap_usd": 100.0, "volume_24h_usd": 50.0}

    for frame in (
        signals(),
        signals({"b": [(0, 1.0, 1.0, 1.0)], "a": [(0, 1.0, 1.0, 1.0)]}, {"coin_id": "aa", **coin}),
    ):
        assert frame.schema == entry.polars_schema
        assert tuple(frame.columns) == entry.column_names
        assert frame["coin_id"].to_list() == sorted(frame["coin_id"])
        never_null = [column.name for column in entry.columns if not column.nullable]
        assert frame.select(never_null).null_count().is_empty() or not any(frame.select(never_null).null_count().row(0))
    assert signals().is_empty()


ratios = st.lists(st.floats(0.01, 500.0), min_size=0, max_size=70)


@given(ratios, st.floats(0.01, 500.0), st.floats(1e3, 1e12))
def test_scores_lie_between_nought_and_ten_and_do_not_depend_on_the_size_of_the_coin(
    before: list[float], ratio: float, cap: float
) -> None:
    def scored(size: float) -> dict[str, Any]:
        return signals({"bitcoin": [*past(before, size), (0, size, 1.0, size * ratio / 100)]}).to_dicts()[0]

    small, large = scored(1_000.0), scored(cap)
    assert 0 <= small["whale_activity_score"] <= 10
    assert 0 <= small["ratio_heuristic"] <= 10
    assert small["history_days"] == min(len(before), 60)
    assert large["whale_activity_score"] == pytest.approx(small["whale_activity_score"], rel=1e-6, abs=1e-6)


def test_the_same_history_gives_the_same_z_score_to_the_last_bit() -> None:
    history = {f"coin{coin:02}": past([3 + 1 / (coin + day + 1) for day in range(60)]) for coin in range(40)}
    for seen in history.values():
        seen.append((0.0, 1_000.0, 1.0, 77.0))
    rows = observed(history)
    first, *others = (
        whale_signals(rows.sample(fraction=1, shuffle=True, seed=seed), TRENDING, COINS, (), observed_at=NOW)[
            "volume_zscore"
        ]
        for seed in range(5)
    )

    assert first.count() == 40
    assert all(other.equals(first) for other in others)
