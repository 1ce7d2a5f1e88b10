from __future__ import annotations

import polars as pl
import pytest

from marketflows_pipeline.transforms.market_caps.caveats import category_caveats, chain_words, crossing_words
from marketflows_pipeline.transforms.market_caps.grid import market_cap_grid
from marketflows_pipeline.transforms.market_caps.groups import group_totals
from marketflows_pipeline.transforms.market_caps.ranges import assign_buckets, bucket_members, crossings
from marketflows_pipeline_tests.transforms.frames import grid_of, hourly, members_of, observations

Caps = dict[str, dict[float, float | None]]


def caveats_of(caps: Caps, limit: float = 1e9) -> dict[str, tuple[str, ...]]:
    """What is said of one narrative of all coins, and of one range, over 20 hours."""
    grid = market_cap_grid(observations(caps), hourly(20))
    members = members_of({("Narratives", "ai"): list(caps)})
    buckets = bucket_members(assign_buckets(grid, grid.select("coin_id").unique(), [limit]))
    return category_caveats([(grid, buckets)], members, group_totals(grid, members))


def every_hour(cap: float, start: int = 0, end: int = 20) -> dict[float, float | None]:
    return {float(hour): cap for hour in range(start, end + 1)}


def test_crossings_of_range_limits_are_counted_with_their_coins() -> None:
    """A range's level jumped by a whole coin where one crossed a limit, and no footer said so."""
    limits = (10.0, 100.0)
    grid = grid_of({"a": [50, 150, 150, 50], "b": [5, 20, 20, 20], "c": [30, 30, 30, 30]})
    buckets = assign_buckets(grid, pl.DataFrame({"coin_id": ["a", "b", "c"]}), limits)
    assert crossings(buckets).select("coin_id", "from_limit_usd", "to_limit_usd").rows() == [
        ("a", 10.0, 100.0),
        ("a", 100.0, 10.0),
        ("b", None, 10.0),
    ]
    assert (
        crossing_words([buckets])
        == "2 coins crossed a range limit, 3 times in all: levels and gains jump there, growth does not"
    )
    assert crossing_words([buckets.filter(pl.col("coin_id") == "c")]) == ""
    assert (
        crossing_words([buckets.filter(pl.col("coin_id") == "b")])
        == "1 coin crossed a range limit, 1 time in all: levels and gains jump there, growth does not"
    )


def test_coins_observed_throughout_need_no_words() -> None:
    assert caveats_of({"a": every_hour(10), "b": every_hour(20)}) == {}


def test_a_coin_held_flat_for_more_than_a_step_is_named() -> None:
    assert caveats_of({"a": every_hour(10), "late": every_hour(10, start=5)}) == {
        "Narratives": ("held flat where not observed: late",)
    }


def test_a_coin_held_flat_for_one_step_needs_no_words() -> None:
    """A service gives the first value up to a step after the window begins, so every coin would be named."""
    assert caveats_of({"a": every_hour(10), "late": every_hour(10, start=1)}) == {}
    assert caveats_of({"a": every_hour(10), "late": every_hour(10, start=2)}) == {
        "Narratives": ("held flat where not observed: late",)
    }


def test_a_coin_that_is_held_in_two_series_at_one_time_is_held_for_one_step() -> None:
    """Rows were counted for times: of two narratives with one coin, one step was two."""
    grid = market_cap_grid(observations({"late": every_hour(10, start=1)}), hourly(20))
    members = members_of({("Narratives", "ai"): ["late"], ("Narratives", "memes"): ["late"]})
    buckets = bucket_members(assign_buckets(grid, grid.select("coin_id").unique(), [1e9]))

    assert category_caveats([(grid, buckets)], members, group_totals(grid, members)) == {}


@pytest.mark.parametrize(("cap", "is_said"), [(10.0, False), (10.1, True)])
def test_a_hold_of_exactly_one_percent_is_not_worth_saying(cap: float, is_said: bool) -> None:
    """The boundary survived: 10 of 1000 is 1 %, and more than that is said."""
    assert bool(caveats_of({"a": every_hour(1000 - cap), "late": every_hour(cap, start=5)})) is is_said


@pytest.mark.parametrize(("n_held", "ending"), [(3, "l1, l2, l3"), (4, "l1, l2, l3 and 1 more")])
def test_three_held_coins_are_named_and_the_others_counted(n_held: int, ending: str) -> None:
    """ "and 0 more" would stand under three names."""
    caps = {"a": every_hour(10)} | {f"l{place}": every_hour(10, start=5) for place in range(1, n_held + 1)}

    assert caveats_of(caps) == {"Narratives": (f"held flat where not observed: {ending}",)}


def test_the_coin_that_is_held_longest_is_named_first() -> None:
    """Three are named, so the order decides who is."""
    caps = {"a": every_hour(10)} | {f"l{hours}": every_hour(10, start=hours) for hours in range(3, 8)}

    assert caveats_of(caps) == {"Narratives": ("held flat where not observed: l7, l6, l5 and 2 more",)}


def test_a_hold_below_one_percent_of_the_series_is_not_worth_saying() -> None:
    assert caveats_of({"a": every_hour(1000), "late": every_hour(9, start=5)}) == {}


@pytest.mark.parametrize(
    ("n_values", "said"), [(20, {}), (19, {"Narratives": ("5 % of coin values interpolated over gaps",)})]
)
def test_interpolation_is_said_above_five_percent(n_values: int, said: dict[str, tuple[str, ...]]) -> None:
    """Any threshold from 0 to 43 passed: 1 of 20 values is exactly 5 % and is not said, 1 of 19 is 5.3 %."""
    caps = {float(hour): 10.0 for hour in range(n_values) if hour != 5}
    grid = market_cap_grid(observations({"sparse": caps}), hourly(n_values - 1))
    members = members_of({("Narratives", "ai"): ["sparse"]})
    buckets = bucket_members(assign_buckets(grid, grid.select("coin_id").unique(), [1e9]))

    assert category_caveats([(grid, buckets)], members, group_totals(grid, members)) == said


def test_much_interpolation_is_said_by_category() -> None:
    sparse: dict[float, float | None] = {0.0: 10.0, 10.0: 10.0, 20.0: 10.0}

    assert caveats_of({"a": every_hour(10), "sparse": sparse}) == {
        "Narratives": ("43 % of coin values interpolated over gaps",)
    }


def test_growth_by_coins_that_stay_stands_beside_that_of_the_level() -> None:
    changes = pl.DataFrame({"series": ["1", "5"], "chain_change_pct": [-25.6, None], "level_change_pct": [59.94, 1.0]})
    series = pl.DataFrame(
        {"category": ["Ranges"] * 2, "series": ["1", "5"], "label": ["$1B to $5B", "above $5B"], "sort_order": [1, 2]}
    )

    words = "over 30 days by coins that stay in the range: $1B to $5B \N{MINUS SIGN}25.6% (level +59.9%)"
    assert chain_words(changes, series, 30) == words
    assert chain_words(changes.tail(1), series, 30) == ""
