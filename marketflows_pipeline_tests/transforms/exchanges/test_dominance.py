"""How concentrated a market is: the index, its bounds, its changes, and what the list leaves uncovered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from marketflows_pipeline.transforms.exchanges.dominance import exchange_dominance, uncovered_shares
from marketflows_pipeline_tests.examples import at_most
from marketflows_pipeline_tests.transforms.exchanges.frames import (
    assert_in_shape,
    day,
    exchanges_of,
    moment,
    rows_of,
    shares_of,
    snapshot_of,
    volumes_of,
)
from marketflows_pipeline_tests.transforms.frames import pick

NOTHING_UNCOVERED = pl.DataFrame(schema={"segment": pl.String, "day": pl.Date, "uncovered_pct": pl.Float64})
THRESHOLDS = (1000.0, 1800.0)
VOLUMES = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=12)


def spot_of(volumes: Sequence[float]) -> pl.DataFrame:
    """Shares of today of exchanges with these volumes."""
    return shares_of(volumes_of({f"e{place:02}": {0: volume} for place, volume in enumerate(volumes)}))


def full_listing_of(volumes: dict[str, float | None], *, days_ago: int = 0, hour: float = 12) -> pl.DataFrame:
    rows = (
        {"observed_at": moment(days_ago, hour), "exchange_id": each, "volume_24h_btc": volume}
        for each, volume in volumes.items()
    )
    return rows_of("raw.exchanges", *rows)


def dominance_of(
    shares: pl.DataFrame, uncovered: pl.DataFrame = NOTHING_UNCOVERED, thresholds: Sequence[float] = THRESHOLDS
) -> pl.DataFrame:
    dominance = exchange_dominance(shares, uncovered, thresholds)
    assert_in_shape(dominance, "mart.exchange_dominance")
    return dominance


def uncovered_of(pct: float | None) -> pl.DataFrame:
    return pl.DataFrame({"segment": ["all"], "day": [day(0)], "uncovered_pct": [pct]}, schema=NOTHING_UNCOVERED.schema)


def test_nothing_measured_has_no_shares_no_dominance_and_nothing_uncovered() -> None:
    shares = shares_of()
    uncovered = uncovered_shares(shares, full_listing_of({}), exchanges_of())

    assert shares.is_empty()
    assert dict(uncovered.schema) == dict(NOTHING_UNCOVERED.schema)
    assert uncovered.is_empty()
    assert dominance_of(shares, uncovered).is_empty()


def test_uncovered_is_the_volume_of_the_full_listing_that_has_no_share() -> None:
    exchanges = exchanges_of(centralised=["a", "small"], decentralised=["x", "tiny"], tracked=["a"])
    shares = shares_of(volumes_of({"a": {0: 60.0}, "x": {0: 20.0}}), exchanges)
    full = full_listing_of({"a": 50.0, "x": 30.0, "small": 12.5, "tiny": 2.5, "off_map": 5.0, "silent": None})

    uncovered = uncovered_shares(shares, full, exchanges)

    # all: 12.5 + 2.5 + 5 of 100; centralised: 12.5 of 62.5; decentralised: 2.5 of 32.5
    assert uncovered.rows() == [
        ("all", day(0), 20.0),
        ("centralised", day(0), 20.0),
        ("decentralised", day(0), pytest.approx(100 * 2.5 / 32.5)),
    ]


def test_the_newest_full_listing_until_the_end_of_the_day_counts_for_seven_days() -> None:
    exchanges = exchanges_of(centralised=["a", "b"])
    listings = pl.concat(
        [
            full_listing_of({"a": 75.0, "b": 25.0}, days_ago=10, hour=0),
            full_listing_of({"a": 50.0, "b": 50.0}, days_ago=1, hour=23.99),
            full_listing_of({"a": 100.0}, days_ago=0, hour=0),
        ]
    )
    shares = shares_of(volumes_of({"a": dict.fromkeys((11, 10, 4, 3, 1, 0), 1.0)}), exchanges)

    everything = uncovered_shares(shares, listings, exchanges).filter(segment="all")

    # the end of day 4 is 7 days less a moment after the listing of day 10, that of day 3 is more
    assert everything.select("day", "uncovered_pct").rows() == [
        (day(11), None), (day(10), 25.0), (day(4), 25.0), (day(3), None), (day(1), 50.0), (day(0), 0.0),
    ]  # fmt: skip


def test_a_full_listing_without_any_volume_leaves_open_what_is_uncovered() -> None:
    shares = shares_of(volumes_of({"a": {0: 1.0}}))

    uncovered = uncovered_shares(shares, full_listing_of({"a": 0.0, "b": None}), exchanges_of())

    assert uncovered.rows() == [("all", day(0), None)]


def test_the_index_of_a_changing_set_is_followed_over_a_fixed_one() -> None:
    """Charts of 89, 45 and 15 days: 10,000 with one exchange for 44 days, then 5,000 with two, was one line."""
    long, short = dict.fromkeys(range(89), 60.0), dict.fromkeys(range(45), 40.0)
    volumes = {"a": long, "b": long, "later": short, "last": dict.fromkeys(range(15), 100.0)}
    names = list(volumes)
    shares = shares_of(volumes_of(volumes), exchanges_of(centralised=names, tracked=names))
    dominance = dominance_of(shares)

    tracked = dominance.filter(segment="tracked")
    assert (tracked.height, set(tracked["n_exchanges"]), set(tracked["hhi_index"])) == (89, {2}, {5000.0})
    everybody = dominance.filter(segment="all").sort("day")
    assert set(everybody["n_exchanges"]) == {2, 3, 4}, "each day's own figures stay"
    assert (set(everybody["n_fixed_exchanges"]), set(everybody["fixed_hhi_index"])) == ({2}, {5000.0})
    outside = shares.filter(pl.col("fixed_share_pct").is_null())
    assert set(outside["exchange_key"]) == {"later", "last"}


def test_one_exchange_alone_is_no_market() -> None:
    """A chart of one exchange read as a monopoly of 10,000."""
    exchanges = exchanges_of(centralised=["a", "b"], tracked=["a", "b"])
    shares = shares_of(volumes_of({"a": dict.fromkeys(range(89), 1.0), "b": {0: 9.0}}), exchanges)

    assert pick(shares, "day", segment="tracked") == []
    assert shares["fixed_share_pct"].null_count() == shares.height
    assert dominance_of(shares)["fixed_hhi_index"].null_count() == 89 * 2


def test_a_change_compares_the_exchanges_measured_on_both_days() -> None:
    """The index "fell by 1,812 over 30 days" between two exchanges and three, though nobody's volume had moved."""
    volumes = {"a": {30: 70.0, 0: 60.0}, "b": {30: 30.0, 0: 40.0}, "new": {0: 100.0}, "gone": {30: 50.0}}
    row = dominance_of(shares_of(volumes_of(volumes))).row(-1, named=True)

    # 70^2 + 30^2 = 5,800; 60^2 + 40^2 = 5,200
    assert (row["n_compared"], row["hhi_30d_ago"]) == (2, pytest.approx(5_800))
    assert row["hhi_change_30d"] == pytest.approx(-600)
    assert row["hhi_index"] == pytest.approx(30**2 + 20**2 + 50**2)


def test_without_two_exchanges_on_both_days_there_is_no_change() -> None:
    volumes = {"a": {30: 70.0, 0: 60.0}, "b": {29: 30.0, 0: 40.0}}
    row = dominance_of(shares_of(volumes_of(volumes))).row(-1, named=True)

    assert (row["n_compared"], row["hhi_30d_ago"], row["hhi_change_30d"]) == (None, None, None)


def test_the_bounds_of_the_fixed_set_count_everybody_outside_as_not_measured() -> None:
    """Two of the set with 40 each, a newcomer with 20, and 20 % never measured: 64 % is known, 36 % is not."""
    both = dict.fromkeys(range(20), 40.0)
    shares = shares_of(volumes_of({"a": both, "b": both, "new": {0: 20.0}}))
    row = dominance_of(shares, uncovered_of(20.0)).row(-1, named=True)

    assert row["fixed_hhi_index"] == 5_000
    assert row["fixed_hhi_lower_bound"] == pytest.approx(5_000 * 0.64**2)
    assert row["fixed_hhi_upper_bound"] == pytest.approx(5_000 * 0.64**2 + 36**2)


def test_concentration_of_four_exchanges() -> None:
    dominance = dominance_of(spot_of([40.0, 30.0, 20.0, 10.0]))

    # 1600 + 900 + 400 + 100 = 3000
    assert dominance.select(
        "total", "n_exchanges", "top_1_dominance_pct", "top_3_dominance_pct", "top_5_dominance_pct", "hhi_index"
    ).rows() == [(100.0, 4, 40.0, 90.0, 100.0, 3000.0)]
    assert dominance["effective_exchanges"].to_list() == pytest.approx([10_000 / 3000])
    assert dominance.select("uncovered_pct", "hhi_lower_bound", "hhi_upper_bound").rows() == [(None, None, None)]


def test_bounds_scale_the_known_shares_and_add_the_unknown_part_as_nothing_or_as_one_exchange() -> None:
    dominance = dominance_of(spot_of([50.0, 50.0]), uncovered_of(20.0))

    # known shares are really 40 and 40: 3200, and 20 for one more: 3200 + 400
    assert dominance["hhi_index"].to_list() == [5000.0]
    assert dominance["hhi_lower_bound"].to_list() == pytest.approx([3200.0])
    assert dominance["hhi_upper_bound"].to_list() == pytest.approx([3600.0])


def test_with_nothing_uncovered_both_bounds_are_the_index() -> None:
    dominance = dominance_of(spot_of([50.0, 50.0]), uncovered_of(0.0))

    assert dominance.select("hhi_lower_bound", "hhi_upper_bound").rows() == [(5000.0, 5000.0)]


def test_bounds_are_of_spot_volume_only() -> None:
    snapshots = snapshot_of({"name": "A", "slug": "a", "current_tvl_usd": 1.0})
    uncovered = uncovered_of(20.0).with_columns(segment=pl.lit("centralised"))

    dominance = dominance_of(shares_of(snapshots=snapshots), uncovered)

    assert dominance.select("measure", "uncovered_pct", "hhi_upper_bound").rows() == [("reserves", None, None)]


@pytest.mark.parametrize(
    ("n_equal", "thresholds", "concentration", "risk"),
    [
        (5, (1000.0, 1800.0), "highly_concentrated", "high"),
        (5, (1500.0, 2500.0), "moderately_concentrated", "medium"),
        (5, (1000.0, 2000.0), "moderately_concentrated", "medium"),
        (5, (2000.0, 2500.0), "competitive", "low"),
        (20, (1000.0, 1800.0), "competitive", "low"),
    ],
)
def test_the_index_must_exceed_a_threshold(
    n_equal: int, thresholds: tuple[float, float], concentration: str, risk: str
) -> None:
    # n equal exchanges have an index of 10,000 / n; five of them exactly 2000
    dominance = dominance_of(spot_of([1.0] * n_equal), thresholds=thresholds)

    assert dominance.select("market_concentration", "systemic_risk").rows() == [(concentration, risk)]


@at_most(40)
@given(VOLUMES)
def test_shares_of_a_day_sum_to_a_hundred_and_the_index_stays_within_its_range(volumes: list[float]) -> None:
    shares = spot_of(volumes)
    dominance = dominance_of(shares).row(0, named=True)

    assert math.isclose(shares["share_pct"].sum(), 100.0, rel_tol=1e-9)
    assert 10_000 / len(volumes) * (1 - 1e-9) <= dominance["hhi_index"] <= 10_000 * (1 + 1e-9)
    assert 1 - 1e-9 <= dominance["effective_exchanges"] <= len(volumes) * (1 + 1e-9)
    assert dominance["top_1_dominance_pct"] <= dominance["top_3_dominance_pct"] <= 100 * (1 + 1e-9)


@at_most(40)
@given(known=VOLUMES, unknown=VOLUMES)
def test_the_bounds_contain_the_index_of_any_completion(known: list[float], unknown: list[float]) -> None:
    uncovered_pct = 100 * sum(unknown) / (sum(known) + sum(unknown))

    bounds = dominance_of(spot_of(known), uncovered_of(uncovered_pct)).row(0, named=True)

    complete = dominance_of(spot_of([*known, *unknown]))["hhi_index"].item()
    assert bounds["hhi_lower_bound"] * (1 - 1e-9) <= complete <= bounds["hhi_upper_bound"] * (1 + 1e-9)


@at_most(30)
@given(volumes=VOLUMES, order=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(volumes: list[float], order: Any) -> None:
    rows = volumes_of({f"e{place:02}": {0: volume} for place, volume in enumerate(volumes)})
    places = list(range(rows.height))
    order.shuffle(places)

    assert_frame_equal(shares_of(rows[places]), shares_of(rows))
    assert_frame_equal(dominance_of(shares_of(rows)[places]), dominance_of(shares_of(rows)))


def test_the_same_shares_give_the_same_index_to_the_last_bit() -> None:
    """Each run once gave changes with other last digits, and events were looked for anew as if figures had changed."""
    rows = volumes_of({f"e{place:02}": {day: 1e3 / (place + day / 7 + 1) for day in range(60)} for place in range(40)})
    shares = shares_of(rows)
    first = dominance_of(shares)

    assert first["hhi_change_30d"].count() > 20
    for seed in range(4):
        again = dominance_of(shares.sample(fraction=1, shuffle=True, seed=seed))
        columns = ["hhi_30d_ago", "hhi_change_30d"]
        assert_frame_equal(again.select(columns), first.select(columns), check_exact=True)
