from __future__ import annotations

from marketflows_pipeline.transforms.caveats import category_caveats
from marketflows_pipeline.transforms.grid import market_cap_grid
from marketflows_pipeline.transforms.groups import group_totals
from marketflows_pipeline.transforms.ranges import assign_buckets, bucket_members
from marketflows_pipeline_tests.transforms.frames import hourly, members_of, observations

Caps = dict[str, dict[float, float | None]]


def caveats_of(caps: Caps, limit: float = 1e9) -> dict[str, tuple[str, ...]]:
    """What is said of one narrative of all coins, and of one range, over 20 hours."""
    grid = market_cap_grid(observations(caps), hourly(20))
    members = members_of({("Narratives", "ai"): list(caps)})
    buckets = bucket_members(assign_buckets(grid, grid.select("coin_id").unique(), [limit]))
    return category_caveats(grid, members, buckets, group_totals(grid, members))


def every_hour(cap: float, start: int = 0, end: int = 20) -> dict[float, float | None]:
    return {float(hour): cap for hour in range(start, end + 1)}


def test_coins_observed_throughout_need_no_words() -> None:
    assert caveats_of({"a": every_hour(10), "b": every_hour(20)}) == {}


def test_a_coin_held_flat_for_more_than_a_step_is_named() -> None:
    assert caveats_of({"a": every_hour(10), "late": every_hour(10, start=5)}) == {
        "Narratives": ("held flat where not observed: late",)
    }


def test_a_hold_below_one_percent_of_the_series_is_not_worth_saying() -> None:
    assert caveats_of({"a": every_hour(1000), "late": every_hour(9, start=5)}) == {}


def test_much_interpolation_is_said_by_category() -> None:
    sparse: dict[float, float | None] = {0.0: 10.0, 10.0: 10.0, 20.0: 10.0}

    assert caveats_of({"a": every_hour(10), "sparse": sparse}) == {
        "Narratives": ("43 % of coin values interpolated over gaps",)
    }
