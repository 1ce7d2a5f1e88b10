from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.transforms.market_caps.grid import GridSpec, market_cap_grid
from marketflows_pipeline.transforms.market_caps.observations import clean_observations
from marketflows_pipeline_tests.transforms.frames import START, at, hourly, observations, pick

NOW = datetime(2026, 3, 4, 17, 43, 21, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "start", "end", "step"),
    [
        (1, datetime(2026, 3, 3, 17, 40, tzinfo=UTC), datetime(2026, 3, 4, 17, 40, tzinfo=UTC), timedelta(minutes=5)),
        (2, datetime(2026, 3, 2, 17, tzinfo=UTC), datetime(2026, 3, 4, 17, tzinfo=UTC), timedelta(hours=1)),
        (90, datetime(2025, 12, 4, 17, tzinfo=UTC), datetime(2026, 3, 4, 17, tzinfo=UTC), timedelta(hours=1)),
        (91, datetime(2025, 12, 3, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC), timedelta(days=1)),
        (365, datetime(2025, 3, 4, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC), timedelta(days=1)),
    ],
)
def test_the_window_s_length_sets_the_step_and_both_ends_are_floored_to_it(
    days: int, start: datetime, end: datetime, step: timedelta
) -> None:
    assert GridSpec.from_window(NOW, days) == GridSpec(start, end, step)


def test_days_begin_at_midnight_utc_wherever_the_clock_stands() -> None:
    in_tokyo = NOW.astimezone(timezone(timedelta(hours=9)))

    assert GridSpec.from_window(in_tokyo, 91) == GridSpec.from_window(NOW, 91)


def test_times_hold_both_ends() -> None:
    spec = GridSpec.from_window(NOW, 90)

    assert spec.n_times == len(spec.times()) == 2161
    assert spec.times()[0] == spec.start
    assert spec.times()[-1] == spec.end
    assert spec.times().dtype == pl.Datetime("us", "UTC")


def test_a_grid_that_begins_later_keeps_its_times() -> None:
    """Days before the first observation were a flat line, and gains over them 0 %."""
    spec = GridSpec(at(0), at(5), timedelta(hours=1))

    assert spec.since(at(2.1)) == GridSpec(at(2), at(5), timedelta(hours=1))
    assert spec.since(at(2)).start == at(2)
    assert spec.since(at(-0.5)) == spec
    assert spec.since(at(7)).start == at(5)


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [
        (at(0), at(1.5), timedelta(hours=1)),
        (at(1), at(0), timedelta(hours=1)),
        (at(0), at(1), timedelta(0)),
        (at(0).replace(tzinfo=None), at(1), timedelta(hours=1)),
    ],
)
def test_a_grid_without_a_whole_number_of_steps_or_a_time_zone_is_refused(
    start: datetime, end: datetime, step: timedelta
) -> None:
    with pytest.raises(ValueError, match=r"whole number of steps|timezone-aware"):
        GridSpec(start, end, step)


def test_caps_are_linear_in_time_between_observations() -> None:
    grid = market_cap_grid(observations({"a": {0: 100.0, 4: 180.0}}), hourly(4))

    assert grid["market_cap_usd"].to_list() == [100.0, 120.0, 140.0, 160.0, 180.0]
    assert grid["fill"].to_list() == ["observed", "interpolated", "interpolated", "interpolated", "observed"]


def test_caps_are_held_flat_before_the_first_and_after_the_last_observation() -> None:
    grid = market_cap_grid(observations({"a": {2: 10.0, 3: 20.0}}), hourly(5))

    assert grid["market_cap_usd"].to_list() == [10.0, 10.0, 10.0, 20.0, 20.0, 20.0]
    assert grid["fill"].to_list() == [
        "before_first", "before_first", "observed", "observed", "after_last", "after_last",
    ]  # fmt: skip


def test_a_coin_listed_mid_window_does_not_make_its_neighbours_jump() -> None:
    grid = market_cap_grid(observations({"a": {0: 5.0, 2: 7.0}, "b": {2: 50.0}, "c": {0: 1.0, 2: 1.0}}), hourly(2))

    assert pick(grid, "market_cap_usd", coin_id="a") == [5.0, 6.0, 7.0]
    assert pick(grid, "market_cap_usd", coin_id="b") == [50.0, 50.0, 50.0]
    assert pick(grid, "fill", coin_id="b") == ["before_first", "before_first", "observed"]
    assert pick(grid, "market_cap_usd", coin_id="c") == [1.0, 1.0, 1.0]


def test_observations_off_the_grid_count_where_they_were_made() -> None:
    # a quarter past 0 at 100, a quarter past 1 at 200: at 1:00 three quarters of the way
    grid = market_cap_grid(observations({"a": {0.25: 100.0, 1.25: 200.0}}), hourly(1))

    assert grid["market_cap_usd"].to_list() == [100.0, 175.0]


def test_observations_outside_the_window_are_neighbours_and_get_no_rows() -> None:
    grid = market_cap_grid(observations({"a": {-2: 100.0, 3: 200.0}}), hourly(1))

    assert grid["market_cap_usd"].to_list() == pytest.approx([140.0, 160.0])
    assert grid["fill"].to_list() == ["interpolated", "interpolated"]
    assert grid["ts"].to_list() == [at(0), at(1)]


def test_a_coin_seen_only_before_the_window_is_held_through_it_and_one_seen_only_after_it_too() -> None:
    grid = market_cap_grid(observations({"a": {-9: 3.0, -5: 4.0}, "b": {7: 8.0, 9: 9.0}}), hourly(1))

    assert grid["market_cap_usd"].to_list() == [4.0, 4.0, 8.0, 8.0]
    assert grid["fill"].to_list() == ["after_last", "after_last", "before_first", "before_first"]


def test_observed_means_an_observation_within_half_a_step_half_included() -> None:
    nearly = 0.5 + 1 / 3600
    grid = market_cap_grid(observations({"a": {0.5: 1.0, 2 - nearly: 2.0, 2 + nearly: 3.0, 5: 4.0}}), hourly(6))

    assert grid["fill"].to_list() == [
        "observed", "observed", "interpolated", "observed", "interpolated", "observed", "after_last",
    ]  # fmt: skip


def test_an_observation_shortly_after_the_end_of_the_grid_makes_the_end_observed() -> None:
    grid = market_cap_grid(observations({"a": {0: 1.0, 1.4: 2.4}}), hourly(1))

    assert grid["fill"].to_list() == ["observed", "observed"]
    assert grid["market_cap_usd"].to_list() == pytest.approx([1.0, 2.0])


def test_a_coin_without_any_observation_has_no_rows() -> None:
    assert market_cap_grid(observations({}), hourly(3)).is_empty()


def test_the_grid_has_the_registered_types_and_is_sorted_by_coin_and_time() -> None:
    grid = market_cap_grid(observations({"b": {0: 1.0}, "a": {0: 1.0}}), hourly(1))

    assert grid.schema == {
        "coin_id": pl.String(),
        "ts": pl.Datetime("us", "UTC"),
        "market_cap_usd": pl.Float64(),
        "price_usd": pl.Float64(),
        "fill": pl.String(),
    }
    assert grid.select("coin_id", "ts").rows() == [("a", at(0)), ("a", at(1)), ("b", at(0)), ("b", at(1))]


def test_prices_follow_as_caps_do_and_are_null_where_one_of_the_observations_has_none() -> None:
    hours = {0: 10.0, 4: 18.0, 5: None, 7: 30.0}
    seen = observations({"a": dict.fromkeys(hours, 100.0)}).with_columns(price_usd=pl.Series(hours.values()))
    grid = market_cap_grid(seen, hourly(8))

    assert grid["price_usd"].to_list() == [10.0, 12.0, 14.0, 16.0, 18.0, None, None, 30.0, 30.0]


def test_without_prices_the_grid_has_none() -> None:
    assert market_cap_grid(observations({"a": {0: 1.0}}), hourly(1))["price_usd"].to_list() == [None, None]


minutes = st.integers(-200, 800)
histories = st.dictionaries(
    st.sampled_from(["a", "b", "c", "dd"]),
    st.dictionaries(minutes, st.floats(1.0, 1e12), min_size=1, max_size=12),
    min_size=1,
)


def from_minutes(history: dict[str, dict[int, float]]) -> pl.DataFrame:
    clean, _ = clean_observations(
        observations({coin: {minute / 60: cap for minute, cap in caps.items()} for coin, caps in history.items()})
    )
    return clean


def naive_cap(caps: dict[int, float], minute: int) -> float:
    """The textbook's interpolation, one point at a time."""
    before, after = [m for m in caps if m <= minute], [m for m in caps if m >= minute]
    if not before:
        return caps[min(after)]
    if not after or minute in caps:
        return caps[max(before)]
    t0, t1 = max(before), min(after)
    return caps[t0] + (caps[t1] - caps[t0]) * (minute - t0) / (t1 - t0)


def naive_fill(caps: dict[int, float], minute: int) -> str:
    if any(abs(m - minute) <= 30 for m in caps):
        return "observed"
    if minute < min(caps):
        return "before_first"
    return "after_last" if minute > max(caps) else "interpolated"


@given(histories)
def test_every_point_equals_the_textbook_s_interpolation(history: dict[str, dict[int, float]]) -> None:
    grid = market_cap_grid(from_minutes(history), hourly(10))

    expected = [
        (c, at(h), naive_cap(history[c], 60 * h), naive_fill(history[c], 60 * h))
        for c in sorted(history)
        for h in range(11)
    ]
    assert grid.drop("market_cap_usd", "price_usd").rows() == [(coin, ts, fill) for coin, ts, _, fill in expected]
    assert grid["market_cap_usd"].to_list() == pytest.approx([cap for _, _, cap, _ in expected], rel=1e-12)


@given(histories)
def test_interpolation_passes_through_every_observation_on_the_grid(history: dict[str, dict[int, float]]) -> None:
    on_grid = {coin: {minute // 60 * 60: cap for minute, cap in caps.items()} for coin, caps in history.items()}

    observed = from_minutes(on_grid)
    through = market_cap_grid(observed, hourly(10)).join(observed, on=["coin_id", "ts"], suffix="_observed")

    assert (through["market_cap_usd"] == through["market_cap_usd_observed"]).all()
    assert through.height == sum(0 <= minute <= 600 for caps in on_grid.values() for minute in caps)


@given(histories, st.dictionaries(st.integers(1, 300), st.floats(1.0, 1e12), min_size=1, max_size=5))
def test_later_observations_change_nothing_at_or_before_the_last_one_there_was(
    history: dict[str, dict[int, float]], later: dict[int, float]
) -> None:
    extended = {
        coin: caps | {max(caps) + minutes_on: cap for minutes_on, cap in later.items()}
        for coin, caps in history.items()
    }
    known_until = {coin: START + timedelta(minutes=max(caps)) for coin, caps in history.items()}

    def known(caps: dict[str, dict[int, float]]) -> pl.DataFrame:
        until = pl.col("coin_id").replace_strict(known_until, return_dtype=pl.Datetime("us", "UTC"))
        return market_cap_grid(from_minutes(caps), hourly(10)).filter(pl.col("ts") <= until).drop("fill")

    assert known(extended).equals(known(history))
