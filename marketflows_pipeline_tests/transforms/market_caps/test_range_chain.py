"""The chain of a range: growth over fixed members, whoever trembles at a limit."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.range_chain import chain_changes, range_chain
from marketflows_pipeline.transforms.market_caps.ranges import range_places
from marketflows_pipeline_tests.transforms.frames import pick
from marketflows_pipeline_tests.transforms.market_caps.attributed_closes import TIME, closes, day

LIMITS = [100.0, 1000.0]
NO_LEVELS = pl.DataFrame(schema={"series": pl.String, "ts": TIME, "market_cap_usd": pl.Float64})
NOISE = 0.005

Caps = dict[str, list[float | None]]


def chained(caps: Caps, *, since: int = 0, beyond: float = 0.05, levels: pl.DataFrame = NO_LEVELS) -> pl.DataFrame:
    rows = closes({coin: (values, [1.0] * len(values)) for coin, values in caps.items()})
    return range_chain(range_places(rows, list(caps), LIMITS), levels, limits=LIMITS, since=day(since), beyond=beyond)


def test_a_coin_changes_its_range_once_it_is_well_beyond_the_limit() -> None:
    found = chained({"a": [990, 1040, 1051, 1200, 960, 949], "b": [2000] * 6, "c": [500] * 6})

    assert pick(found, "n_members", series="1000") == [1, 1, 2, 2, 2, 1]
    # Past the limit by less than 5 %: on day 1 upwards, on day 4 downwards.
    assert pick(found, "n_kept", series="100") == [0, 1, 0, 0, 0, 0]
    assert pick(found, "n_kept", series="1000") == [0, 0, 0, 0, 1, 0]
    lower = [1000, 1000 * 1540 / 1490, 1000 * 1551 / 1490]
    assert pick(found, "chain_index", series="100") == pytest.approx([*lower, lower[2], lower[2], lower[2]])
    upper = [1000, 1000, 1000, 1000 * 3200 / 3051, 1000 * 2960 / 3051, 1000 * 2949 / 3051]
    assert pick(found, "chain_index", series="1000") == pytest.approx(upper)


def test_a_coin_may_pass_several_limits_at_once_and_a_new_one_is_placed_by_its_first_cap() -> None:
    found = chained({"a": [50, 2000, 50], "b": [None, 1010, 1010], "c": [500] * 3, "d": [5000] * 3})

    assert pick(found, "n_members", series="100") == [1, 1, 1]
    assert pick(found, "n_members", series="1000") == [1, 3, 2]


def test_a_range_without_a_member_has_no_chain() -> None:
    found = chained({"a": [500, 2000, 4000]})

    assert pick(found, "chain_index", series="1000") == [None, 1000.0, 2000.0]
    assert pick(found, "chain_index", series="100") == [1000.0, None, None]


def test_a_coin_that_is_gone_leaves_the_chain_unmoved() -> None:
    found = chained({"a": [500, 500, None], "b": [200, 200, 220]})

    assert pick(found, "chain_index", series="100") == pytest.approx([1000, 1000, 1100])


def test_the_chain_begins_with_the_stored_cohort_and_stands_beside_the_level() -> None:
    levels = pl.DataFrame({"series": ["100"], "ts": [day(2)], "market_cap_usd": [7.0]}, schema=NO_LEVELS.schema)
    found = chained({"a": [500, 550, 605]}, since=1, levels=levels)

    assert pick(found, "ts", series="100") == [day(1), day(2)]
    assert pick(found, "chain_index", series="100") == pytest.approx([1000, 1100])
    assert pick(found, "level_usd", series="100") == [None, 7.0]


def test_no_close_since_the_first_cohort_makes_no_row() -> None:
    assert chained({"a": [500]}, since=5).is_empty()


def test_changes_are_between_the_newest_close_and_some_days_before() -> None:
    levels = pl.DataFrame(
        {"series": ["100"] * 3, "ts": [day(0), day(1), day(2)], "market_cap_usd": [400.0, 500.0, 250.0]},
        schema=NO_LEVELS.schema,
    )
    chain = chained({"a": [500, 550, 605]}, levels=levels)

    changes = chain_changes(chain, 2).row(0, named=True)
    assert changes["chain_change_pct"] == pytest.approx(21)
    assert changes["level_change_pct"] == pytest.approx(-37.5)
    assert chain_changes(chain, 30)["chain_change_pct"].to_list() == [None, None]


# Days of ten coins: by how much of the noise each is above or below the limit.
trembling = st.lists(st.lists(st.sampled_from([-1, -0.5, 0, 0.5, 1]), min_size=10, max_size=10), max_size=20)


@given(trembling)
def test_noise_at_a_limit_is_no_growth(days: list[list[float]]) -> None:
    """Ten coins with 0.5 % of noise at a limit once chained to +439 %."""
    at_rest = [0.0] * 10
    paths = zip(*[at_rest, *days, at_rest], strict=True)
    caps: Caps = {f"c{place}": [1000 * (1 + NOISE * sign) for sign in path] for place, path in enumerate(paths)}
    steady: Caps = {"low": [500.0] * (len(days) + 2), "high": [5000.0] * (len(days) + 2)}
    ends = chained(caps | steady).filter(pl.col("ts") == pl.col("ts").max())["chain_index"]

    assert ends.to_list() == pytest.approx([1000, 1000], rel=1e-3)


def test_the_same_noise_without_the_band_invents_growth() -> None:
    signs = [1, -1] * 30
    caps: Caps = {f"c{place}": [1000 * (1 + NOISE * (-1) ** place * sign) for sign in signs] for place in range(10)}

    lower, upper = (pick(chained(caps, beyond=0.0), "chain_index", series=series)[-2] for series in ("100", "1000"))
    assert (lower > 1700, upper < 600) == (True, True)
    assert pick(chained(caps), "chain_index", series="1000")[-2] == pytest.approx(1000)
