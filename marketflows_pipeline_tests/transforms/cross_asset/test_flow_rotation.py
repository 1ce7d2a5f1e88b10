from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from marketflows_pipeline.transforms.cross_asset.flow_rotation import TURN_SESSIONS, Rotation, flow_rotation
from marketflows_pipeline_tests.transforms.cross_asset.frames import day

Percents = Sequence[float | None]


def rotated(first: Percents, second: Percents, days: int = 1_000) -> Rotation:
    one, other = (
        pl.DataFrame(
            {"session": [day(n) for n in range(len(flows))], "flow_pct": flows},
            schema={"session": pl.Date, "flow_pct": pl.Float64},
        )
        for flows in (first, second)
    )
    return flow_rotation(one, other, days)


def test_differences_in_percent_of_assets_are_added_up() -> None:
    found = rotated([1.0, 2.0, -1.0], [0.5, -1.0, 1.0])

    assert found.sessions["difference_pct"].to_list() == [0.5, 3.0, -2.0]
    assert found.sessions["cumulative_pct"].to_list() == [0.5, 3.5, 1.5]
    assert rotated([1.0, 2.0, -1.0], [0.5, -1.0, 1.0], days=2).sessions["cumulative_pct"].to_list() == [3.0, 1.0]


def test_the_last_turn_is_where_the_sum_of_21_sessions_changed_its_sign() -> None:
    # 30 sessions of +1, then -1: after 11 of them the last 21 hold 10 of +1, so that their sum is -1.
    found = rotated([1.0] * 30 + [-1.0] * 15, [0.0] * 45)

    assert (found.favoured, found.turned_on, found.since) == ("second", day(40), day(40))
    assert found.sessions.filter(session=day(39))["trailing_pct"].item() == 1.0
    assert found.sessions.filter(session=day(40))["trailing_pct"].item() == -1.0


def test_how_many_sessions_are_shown_does_not_move_the_turn() -> None:
    assert rotated([1.0] * 30 + [-1.0] * 15, [0.0] * 45, days=3).turned_on == day(40)


def test_a_sum_of_nothing_turns_nothing_and_a_run_as_long_as_the_history_has_no_turn() -> None:
    # After 21 differences of 1 come 21 of 0, until their sum is 0: the sign stays.
    found = rotated([1.0] * 21 + [0.0] * 21, [0.0] * 42)

    assert (found.favoured, found.turned_on, found.since) == ("first", None, day(TURN_SESSIONS - 1))
    assert rotated([1.0] * 20, [0.0] * 20).favoured is None


def test_co_movement_needs_twenty_sessions_and_flows_that_vary() -> None:
    first: Percents = [n % 4 - 1.5 for n in range(20)]
    mirrored: Percents = [-2 * (n % 4 - 1.5) for n in range(20)]

    assert rotated(first, mirrored).correlation == pytest.approx(-1.0)
    assert rotated(first, mirrored).opposite_pct == 100.0
    assert rotated(first, first).opposite_pct == 0.0
    assert rotated(first, [1.0] * 20).correlation is None
    assert rotated(first[:19], mirrored[:19]).correlation is None


def test_sessions_on_which_one_is_not_known_are_left_out_and_counted() -> None:
    found = rotated([1.0, None, 3.0, None], [1.0, 2.0, 1.0, None])

    assert found.sessions["session"].to_list() == [day(0), day(2)]
    assert found.n_unknown == 1


def test_without_common_sessions_nothing_is_said() -> None:
    found = rotated([None, None], [1.0, 1.0])

    assert (found.sessions.height, found.favoured, found.correlation) == (0, None, None)
