"""A figure that is a hundred, a thousand or a million times what it was counts once a later one agrees."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.unit_slips import (
    LEAST_RANGE,
    cap_slips,
    close_slips,
    index_slips,
    known_once_released,
    share_slips,
)
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.transforms.cross_asset.frames import (
    bars_of,
    day,
    flows_of,
    rows_of,
    shares_of,
    splits_of,
    weekdays,
)
from marketflows_pipeline_tests.transforms.frames import at

NO_SPLITS = splits_of({})
Values = Sequence[float | None]


def observed(caps: Values, prices: Values | None = None, coin: str = "a") -> pl.DataFrame:
    """A coin's observations, one an hour."""
    rows = zip(caps, prices or [None] * len(caps), strict=True)
    return rows_of(
        "raw.market_caps",
        *(
            {"coin_id": coin, "ts": at(hour), "market_cap_usd": cap, "price_usd": price}
            for hour, (cap, price) in enumerate(rows)
        ),
    )


def of_caps(caps: Values, prices: Values | None = None) -> list[tuple[object, ...]]:
    """Hour of each doubted observation, its column, and the hour of the one that bears it out."""
    hour = (pl.col("ts", "released_at") - at(0)).dt.total_hours()
    return cap_slips(observed(caps, prices)).with_columns(hour).select("ts", "column_name", "released_at").rows()


def of_shares(
    shares: pl.DataFrame, bars: pl.DataFrame | None = None, splits: pl.DataFrame = NO_SPLITS
) -> list[tuple[object, ...]]:
    """Session and vintage of each doubted row, its column, and the session that bears it out."""
    found = share_slips(shares, splits, bars_of({}) if bars is None else bars)
    return found.select("session", "vintage", "column_name", "released_at").rows()


def of_closes(bars: pl.DataFrame, shares: pl.DataFrame | None = None) -> list[tuple[object, ...]]:
    found = close_slips(bars, shares_of({}) if shares is None else shares, NO_SPLITS)
    return found.select("session", "column_name", "released_at").rows()


@pytest.mark.parametrize("factor", [100, 1000, 1e6, 0.01, 0.001, 1e-6, 952, 1049, 96])
def test_a_cap_of_one_moment_in_another_unit_is_doubted(factor: float) -> None:
    """A published curve stood at 952 times its median for an hour, without a word."""
    assert of_caps([1e9, 1e9 * factor, 1.01e9, 1e9]) == [(1, "market_cap_usd", None)]


@pytest.mark.parametrize("factor", [10, 50, 94, 106, 300, 940, 1e4, 1e5, 0.1, 2])
def test_another_factor_is_no_slip_of_unit(factor: float) -> None:
    assert of_caps([1e9, 1e9 * factor, 1e9]) == []


@pytest.mark.parametrize("cap", [95.0, 105.0, 950.0, 1050.0, 0.95e6, 1.05e6, 0.0105, 0.0095])
def test_five_percent_off_is_still_a_slip(cap: float) -> None:
    """In floating point 105 is more than 5 % above 100: it passed, and the way back was left out in its place."""
    assert of_caps([1.0, cap, 1.0, 1.0]) == [(1, "market_cap_usd", None)]


def test_a_series_without_a_range_of_95_holds_no_slip() -> None:
    """Only coins with such a range are read for the search; a factor lower would read all, one higher miss some."""
    assert LEAST_RANGE <= 95 == pytest.approx(LEAST_RANGE)


def test_a_supply_five_percent_off_still_agrees() -> None:
    assert of_caps([100.0, 10_500.0, 100.0], [1.0, 100.0, 1.0]) == []


def test_a_cap_that_its_price_agrees_with_is_not_doubted() -> None:
    assert of_caps([1e9, 1e11, 1e11], [1, 101, 100]) == []


def test_a_slip_beside_a_move_of_the_price_shows_in_the_supply() -> None:
    """The price fell by 7 % in the hour in which a cap was a thousand times too large: 930 is not within 5 % of it."""
    assert of_caps([1e9, 930e9, 0.94e9], [1, 0.93, 0.94]) == [(1, "market_cap_usd", None)]


def test_a_price_of_one_moment_in_another_unit_is_doubted() -> None:
    """The supply, cap over price, fell to a hundredth and came back: 99 % of a stablecoin burnt and issued."""
    assert of_caps([1e9, 1e9, 1e9], [1, 100, 1]) == [(1, "price_usd", None)]


def test_a_lasting_level_counts_once_the_next_observation_agrees() -> None:
    """A supply was counted anew, a thousand times larger: real, which only the next answer tells."""
    assert of_caps([1e9, 1e12, 1.1e12, 1e12], [1, 1, 1.1, 1]) == [(1, "market_cap_usd", 2)]


def test_the_newest_observation_is_doubted_until_there_is_another() -> None:
    assert of_caps([1e9, 1e12]) == [(1, "market_cap_usd", None)]


def test_a_row_that_is_doubted_itself_bears_nothing_out() -> None:
    """After an observation without a cap, one at a price x 1000 confirmed a cap x 1000, and was left out itself."""
    assert of_caps([1.0, 1000.0, None, 1000.0, 1.0], [1.0, 1.0, 1.0, 1000.0, 1.0]) == [(1, "market_cap_usd", None)]
    assert of_caps([1.0, 1000.0, None, 1000.0], [1.0, 1.0, 1.0, 1.0]) == [(1, "market_cap_usd", 3)]


def test_two_different_slips_do_not_bear_each_other_out() -> None:
    assert of_caps([1e9, 1e12, 1e11, 1e9]) == [(1, "market_cap_usd", None), (2, "market_cap_usd", None)]


def test_slips_are_judged_against_the_last_accepted_observation_of_their_own_coin() -> None:
    both = pl.concat([observed([1e9, 1e12, 1e9, 1e6, 1e9], coin="a"), observed([1e12, 1e12], coin="b")])
    assert cap_slips(both).select("coin_id", "ts").rows() == [("a", at(1)), ("a", at(3))]


def test_the_reason_names_column_factor_and_what_was_accepted_before() -> None:
    (reason,) = cap_slips(observed([1.5e9, 1.5e12]))["reason"]
    assert reason == "market_cap_usd is 1000.0 times the last accepted one, 1500000000.0, and no other figure agrees"


steps = st.lists(st.sampled_from([1.0, 1.02, 0.5, 1e2, 1e3, 1e-3, 1e-2, 1e6]), min_size=2, max_size=12)


@at_most(40)
@given(factors=steps, price_factors=steps)
def test_what_is_said_of_an_observation_needs_none_after_its_release(
    factors: list[float], price_factors: list[float]
) -> None:
    """Cut off anywhere, the same rows are doubted, and those borne out later are still left out."""
    n = min(len(factors), len(price_factors))
    caps, prices = [1e9 * each for each in factors[:n]], list(price_factors[:n])
    whole = of_caps(caps, prices)
    for end in range(1, n + 1):
        expected = [
            (hour, column, released if released is not None and released < end else None)  # type: ignore[operator]
            for hour, column, released in whole
            if hour < end  # type: ignore[operator]
        ]
        assert of_caps(caps[:end], prices[:end]) == expected


@at_most(30)
@given(factors=steps)
def test_leaving_the_doubted_out_leaves_the_others_as_they_were(factors: list[float]) -> None:
    """Every run judges what is stored anew: what it left out before must not change the rest."""
    rows = observed([1e9 * each for each in factors])
    slips = cap_slips(rows)
    rest = rows.join(slips.filter(pl.col("released_at").is_null()), on=["coin_id", "ts"], how="anti")
    assert cap_slips(rest).equals(slips.drop_nulls("released_at"))


# Funds


def test_a_session_in_thousands_of_shares_is_doubted() -> None:
    """One day in thousands made a flow of -25 bn, and of +25 bn on the day after."""
    shares = shares_of({"A": [1e9, 1e9, 1e6, 1.001e9, 1e9]}, navs={"A": [25.0, 25.1, 25.2, 25.0, 25.1]})
    assert of_shares(shares) == [(day(2), 1, "shares", None)]


def test_net_assets_that_do_not_move_with_the_shares_are_no_evidence_for_them() -> None:
    shares = shares_of(
        {"A": [1e9, 1e6, 1e9]}, navs={"A": [25.0, 23.0, 25.0]}, net_assets={"A": [25e9, 23e9, 25e9]}
    )  # fmt: skip
    assert of_shares(shares) == [(day(1), 1, "shares", None)]


def test_a_new_fund_whose_net_assets_agree_is_believed_at_once() -> None:
    """A fund began with one basket: a hundred times the shares on its second day were real."""
    shares = shares_of({"A": [5e4, 5e6]}, navs={"A": [25.0, 25.1]}, net_assets={"A": [1.25e6, 1.255e8]})
    assert of_shares(shares) == []


@pytest.mark.parametrize("known", ["nav", "close", "neither"])
def test_net_assets_agree_beside_what_the_price_did(known: str) -> None:
    """A fund grew a hundredfold on a day that gained 8 %; net assets were two percent behind."""
    before, now = (25.0, 27.0) if known != "neither" else (1.0, 1.0)
    held, assets = [5e4, 5e6], [5e4 * before, 0.98 * 5e6 * now]
    shares = shares_of({"A": held}, {"A": [before, now]} if known == "nav" else None, {"A": assets})
    bars = bars_of({"A": [before, now]}) if known == "close" else None

    assert of_shares(shares, bars) == []


def test_where_shares_are_not_known_net_assets_bear_a_net_asset_value_out() -> None:
    shares = shares_of({}, {"A": [25.0, 25.0 * 95.5]}, {"A": [1e9, 91e9]})

    assert of_shares(shares) == []


def test_a_close_that_moved_likewise_bears_a_net_asset_value_out() -> None:
    shares = shares_of({"A": [1e6, 1e6]}, {"A": [25.0, 2500.0]})

    assert of_shares(shares, bars_of({"A": [25.0, 2450.0]})) == []


def test_a_new_fund_without_net_assets_counts_from_the_session_that_agrees() -> None:
    assert of_shares(shares_of({"A": [5e4, 5e6, 5.1e6]})) == [(day(1), 1, "shares", day(2))]


def test_a_change_of_basis_that_leaves_net_assets_as_they_were_is_no_slip() -> None:
    assert of_shares(shares_of({"A": [1e6, 1e8]}, navs={"A": [2500.0, 25.0]})) == []


def test_a_listed_split_moves_nothing() -> None:
    assert of_shares(shares_of({"A": [1e6, 1e8]}), splits=splits_of({"A": {day(1): 100.0}})) == []


@pytest.mark.slow
def test_net_assets_of_which_shares_are_the_quotient_do_not_bear_them_out() -> None:
    """GLD's shares are net assets over net asset value: a slip in the one is in the other."""
    held, navs, assets = {"A": [3e8, 3e11, 3e8]}, {"A": [400.0] * 3}, {"A": [1.2e11, 1.2e14, 1.2e11]}
    for source in ("spdr_gold:archive", "vaneck:derived"):
        assert of_shares(shares_of(held, navs, assets, source=source)) == [(day(1), 1, "shares", None)]
    assert of_shares(shares_of(held, navs, assets, source="ssga:navhist")) == []


@pytest.mark.parametrize(("column", "figures"), [
    ("nav_usd", {"navs": [25.0, 2500.0, 25.0]}),
    ("net_assets_usd", {"navs": [25.0, 25.1, 25.0], "net_assets": [25e9, 25.1e6, 25e9]}),
    ("net_assets_usd", {"navs": [25.0, 23.2, 25.0], "net_assets": [25e9, 23.2e6, 25e9]}),
])  # fmt: skip
def test_net_asset_value_and_net_assets_are_doubted_likewise(column: str, figures: dict[str, list[float]]) -> None:
    shares = shares_of({"A": [1e9] * 3}, **{name: {"A": values} for name, values in figures.items()})
    assert of_shares(shares, bars_of({"A": [25.0, 25.0, 25.0]})) == [(day(1), 1, column, None)]


def test_where_a_restatement_is_a_slip_the_vintage_before_it_stands() -> None:
    first = shares_of({"A": [1e9, 1e9, 1e9]})
    restated = shares_of({"A": {day(1): 1e6}}, vintage=2)
    assert of_shares(pl.concat([first, restated])) == [(day(1), 2, "shares", None)]


def test_a_slip_that_was_restated_bothers_nobody() -> None:
    first = shares_of({"A": [1e9, 1e6, 1e9]})
    assert of_shares(pl.concat([first, shares_of({"A": {day(1): 1.01e9}}, vintage=2)])) == []


def test_a_close_a_hundred_times_its_neighbours_is_doubted() -> None:
    """A close x 100 between two normal ones was a return of +9,900 % and then of -99 %."""
    assert of_closes(bars_of({"A": [50.0, 5000.0, 51.0]})) == [(day(1), "close_usd", None)]


@pytest.mark.parametrize("close", [4650.0, 0.465])
def test_a_close_that_contradicts_the_net_asset_value_by_such_a_factor_is_doubted(close: float) -> None:
    """On a day that lost 7 % it was 93 times the close before, or 0.93 % of it."""
    shares = shares_of({"A": [1e6] * 3}, navs={"A": [50.0, 46.5, 47.0]})
    assert of_closes(bars_of({"A": [50.0, close, 47.0]}), shares) == [(day(1), "close_usd", None)]


@pytest.mark.parametrize("shares", [
    shares_of({"A": [1e6] * 2}, navs={"A": [50.0, 5100.0]}),
    shares_of({"A": [1e6, 1e4]}),
])  # fmt: skip
def test_a_close_that_net_asset_value_or_shares_agree_with_is_not(shares: pl.DataFrame) -> None:
    bars = bars_of({"A": [50.0, 5000.0]}, adjusted_close_usd={"A": [49.0, 4850.0]})
    assert of_closes(bars, shares) == []


def test_an_adjusted_close_that_contradicts_the_close_by_such_a_factor_is_doubted() -> None:
    """On a day that gained a tenth it was a hundredth of that, 0.011 of the one before."""
    bars = bars_of({"A": [50.0, 55.0, 55.0]}, adjusted_close_usd={"A": [49.0, 0.539, 53.9]})
    assert of_closes(bars) == [(day(1), "adjusted_close_usd", None)]


def test_an_adjusted_close_that_stayed_says_nothing_against_the_close() -> None:
    bars = bars_of({"A": [50.0, 5000.0]}, adjusted_close_usd={"A": [49.0, 49.0]})
    assert of_closes(bars, shares_of({"A": [1e6] * 2}, navs={"A": [50.0, 5000.0]})) == []


def test_where_two_figures_moved_as_far_neither_is_the_odd_one() -> None:
    """32 times up and 32 times down are a thousand between them, and as far for the one as for the other."""
    up, down = [50.0, 1600.0], [50.0, 1.5625]
    assert of_closes(bars_of({"A": up}), shares_of({"A": [1e6, 1e6]}, {"A": down})) == []
    assert of_closes(bars_of({"A": down}, adjusted_close_usd={"A": up})) == []


def test_an_adjusted_close_that_moved_by_a_factor_the_close_did_not_is_doubted() -> None:
    bars = bars_of({"A": [50.0, 500.0, 50.0]}, adjusted_close_usd={"A": [49.0, 4900.0, 49.0]})
    assert of_closes(bars) == [(day(1), "adjusted_close_usd", None)]


def test_a_net_asset_value_in_another_unit_does_not_take_the_close_with_it() -> None:
    shares = shares_of({"A": [1e6] * 3}, navs={"A": [50.0, 5000.0, 50.0]})
    assert of_closes(bars_of({"A": [50.0, 50.5, 50.0]}), shares) == []


def test_an_adjusted_close_must_move_as_the_close_does() -> None:
    bars = bars_of({"A": [50.0, 50.5, 50.0]}, adjusted_close_usd={"A": [49.0, 4949.0, 49.0]})
    assert of_closes(bars) == [(day(1), "adjusted_close_usd", None)]


def test_a_volatility_index_slips_too() -> None:
    values = rows_of(
        "raw.volatility_index",
        *({"index_name": "VIX", "session": day(n), "close": close} for n, close in enumerate([16.0, 1600.0, 16.5])),
    )
    assert index_slips(values).select("session", "column_name").rows() == [(day(1), "close")]


def test_a_flow_of_doubted_shares_is_known_when_the_next_agree() -> None:
    """A level that lasts was taken as known on its first day, a session before anyone could believe it."""
    bars = bars_of({"A": [25.0] * 4})
    # With net asset values, so that it is no suspected split.
    shares = shares_of({"A": [5e4, 5e6, 5.1e6, 5.1e6]}, navs={"A": [25.0] * 4})
    flows = flows_of(bars, shares)
    late = share_slips(shares, NO_SPLITS, bars)
    before, after = flows["known_at"].to_list(), known_once_released(flows, late)["known_at"].to_list()
    assert after == [before[0], before[2], before[2], before[3]]


def test_a_flow_of_a_coin_is_known_after_the_day_that_bears_it_out() -> None:
    friday, saturday = weekdays(5)[-1], day(5)
    flows = rows_of(
        "core.asset_flows", {"symbol": "B", "session": friday, "known_at": datetime(2026, 3, 7, tzinfo=UTC)}
    )
    late = pl.DataFrame({"symbol": ["B"], "session": [friday], "released_at": [saturday]})
    assert known_once_released(flows, late)["known_at"].to_list() == [datetime(2026, 3, 8, tzinfo=UTC)]
