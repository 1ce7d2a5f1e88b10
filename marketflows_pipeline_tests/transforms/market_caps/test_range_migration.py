"""Coins between ranges: who moved, entered, left, was listed or delisted, and what that sums to."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.attribution_totals import attribution_totals
from marketflows_pipeline.transforms.market_caps.cap_attribution import cap_attribution
from marketflows_pipeline.transforms.market_caps.range_migration import pair_flows, range_flows, range_migration
from marketflows_pipeline.transforms.market_caps.ranges import bucket_members, range_places
from marketflows_pipeline_tests.transforms.market_caps.attributed_closes import DAY_0, TIME, closes, day, supplies

LIMITS = [100.0, 1000.0]
Caps = dict[str, list[float | None]]


def places_of(caps: Caps) -> pl.DataFrame:
    rows = closes({coin: (values, [1.0] * len(values)) for coin, values in caps.items()})
    return range_places(rows, list(caps), LIMITS)


def migrated(
    caps: Caps, *, since: int = 0, known: Sequence[str] = (), gone: Sequence[str] = (), periods: Sequence[int] = (1,)
) -> pl.DataFrame:
    known_from = pl.DataFrame(
        {"coin_id": list(known), "known_from": [DAY_0] * len(known)}, schema={"coin_id": pl.String, "known_from": TIME}
    )
    return range_migration(places_of(caps), since=day(since), known_from=known_from, gone=gone, periods=periods)


def test_the_worked_example() -> None:
    found = migrated({"a": [90, 120], "b": [500, 1200], "d": [100, 100]})

    columns = ("coin_id", "from_range", "to_range", "cap_before_usd", "cap_after_usd", "kind")
    assert found.select(columns).rows() == [
        ("a", None, "100", 90, 120, "entered"),
        ("b", "100", "1000", 500, 1200, "moved"),
    ]
    assert found.select("period_days", "ts_from", "ts").unique().rows() == [(1, day(0), day(1))]


@pytest.mark.parametrize(
    ("caps", "known", "gone", "kind"),
    [
        ([None, 500], ["x"], [], "listed"),
        # Its history before is not known, so it may have been there below the limit.
        ([None, 500], [], [], "entered"),
        ([500, None], [], ["x"], "delisted"),
        ([500, None], [], [], "left"),
        ([500, 100], [], [], "left"),
        ([500, 100], [], ["x"], "left"),
        ([50, 500], ["x"], [], "entered"),
    ],
)
def test_kinds(caps: list[float | None], known: list[str], gone: list[str], kind: str) -> None:
    found = migrated({"x": caps, "other": [200, 200]}, known=known, gone=gone)

    assert found["kind"].to_list() == [kind]
    assert found.select("cap_before_usd", "cap_after_usd").row(0) == tuple(caps)


def test_a_coin_that_went_and_came_back_within_a_period_did_not_move() -> None:
    caps: Caps = {"x": [500, 1500, 500, 500, 500, 500, 500, 500]}

    assert migrated(caps, periods=(7,)).is_empty()
    assert migrated(caps)["ts"].to_list() == [day(1), day(2)]


def test_nothing_is_known_before_the_first_stored_cohort() -> None:
    """The coins stored today are the survivors of those that were there a year ago."""
    caps: Caps = {"x": [500, 1500, 500, 1500]}

    assert migrated(caps, since=1)["ts"].to_list() == [day(2), day(3)]
    assert migrated(caps, since=3).is_empty()
    assert migrated(caps, since=9).is_empty()


def test_what_crossed_is_summed_net_and_gross() -> None:
    moves = migrated({"a": [90, 120], "b": [500, 1200], "e": [2000, 800], "f": [150, None]}, gone=["f"])

    assert range_flows(moves, ["100", "1000", "9000"]).rows() == [
        ("100", -430.0, 920.0, 1350.0, 2, 2),
        ("1000", 400.0, 1200.0, 800.0, 1, 1),
        ("9000", 0.0, 0.0, 0.0, 0, 0),
    ]
    assert pair_flows(moves).rows() == [
        ("100", "1000", 1200.0, 1),
        ("1000", "100", 800.0, 1),
        ("100", None, 150.0, 1),
        (None, "100", 120.0, 1),
    ]


cap = st.none() | st.sampled_from([50.0, 100.0, 101.0, 500.0, 1000.0, 1001.0, 7000.0])


@given(st.lists(st.lists(cap, min_size=5, max_size=5), min_size=1, max_size=6))
def test_migration_sums_to_the_arrivals_and_departures_of_each_range(coins: list[list[float | None]]) -> None:
    caps = {f"c{number}": days for number, days in enumerate(coins)}
    rows = closes({coin: (days, [1.0] * 5) for coin, days in caps.items()})
    attribution = cap_attribution(rows, supplies({}), ())
    places = range_places(attribution, list(caps), LIMITS)
    totals = attribution_totals(attribution, bucket_members(places))
    empty = pl.DataFrame(schema={"coin_id": pl.String, "known_from": TIME})
    moves = range_migration(places, since=DAY_0, known_from=empty, gone=(), periods=(1,))

    for total in totals.iter_rows(named=True):
        flows = range_flows(moves.filter(pl.col("ts") == total["ts"]), [total["series"]]).row(0, named=True)
        assert flows["arrivals_usd"] == pytest.approx(total["arrivals_usd"])
        assert flows["departures_usd"] == pytest.approx(total["departures_usd"])
        assert flows["net_usd"] == pytest.approx(total["arrivals_usd"] - total["departures_usd"])
