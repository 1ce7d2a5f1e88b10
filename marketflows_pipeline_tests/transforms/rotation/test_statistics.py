"""What a chart claims, on paths short enough to be followed by eye."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest

from marketflows_pipeline.transforms.rotation import statistics
from marketflows_pipeline.transforms.rotation.plane import DAILY, Array, quadrants
from marketflows_pipeline.transforms.rotation.statistics import pooled_statistics

Walk: TypeAlias = Callable[..., dict[str, float]]

TINY = replace(DAILY, horizon=2, deviation=3)
# Corner of each quadrant, clockwise: leading, weakening, lagging, improving.
CORNERS = {"L": (101.0, 101.0), "W": (101.0, 99.0), "G": (99.0, 99.0), "I": (99.0, 101.0), "-": (np.nan, np.nan)}


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch) -> Walk:
    """A function of quadrants by step, a text for each series, to their statistics; closes double at each step."""

    def statistics_of(*series: str, levels: Array | None = None) -> dict[str, float]:
        points = np.array([[CORNERS[place] for place in path] for path in series]).transpose(1, 0, 2)[..., None]
        ratio, momentum = points[:, :, 0], points[:, :, 1]
        monkeypatch.setattr(statistics, "ratio_and_momentum", lambda *_: (ratio, momentum))
        closes = np.ones_like(ratio) if levels is None else levels[:, :, None]
        found = pooled_statistics(closes, TINY)
        return {name: float(pooled.value[0]) for name, pooled in found.items()}

    return statistics_of


def test_clockwise_moves_are_counted_among_those_that_turn(walk: Walk) -> None:
    # Three turns clockwise, one back; a step that stays does not turn, nor one through the centre.
    assert walk("-LWGII", "--LWLG")["clockwise_pct"] == pytest.approx(100 * 4 / 5)


def test_dwell_is_the_mean_of_stays_that_are_seen_to_begin_and_end(walk: Walk) -> None:
    # Whole stays: WW and GGG of the first, I of the second; what began before or goes on does not count.
    assert walk("LLLWWGGGI", "LIWWWWWWW")["dwell"] == pytest.approx((2 + 3 + 1) / 3)


def test_a_whipsaw_is_back_within_three_steps(walk: Walk) -> None:
    # L to W at step 1 is back in L at step 4; back to L at step 4 is not in W by step 7; L to G at step 8 has no
    # three steps behind it.
    assert walk("LWWWLLLLG")["whipsaw_pct"] == pytest.approx(50)
    assert walk("LWWWWLLLL")["whipsaw_pct"] == pytest.approx(0)


def test_an_unknown_point_is_no_entry(walk: Walk) -> None:
    found = walk("-LLLLLL", "L-WWWWW")
    assert np.isnan([found["dwell"], found["whipsaw_pct"]]).all()


def test_the_return_after_an_entry_is_scaled_by_the_deviation_before_it(walk: Walk) -> None:
    returns = np.array([[0.0, 0.1, -0.1, 0.1, 0.05, 0.07, -0.2]]).T
    levels = np.exp(np.cumsum(returns, axis=0))

    found = walk("LLLWWWW", levels=levels)

    deviation = np.std([0.1, -0.1, 0.1], ddof=1)
    assert found["return_after_weakening"] == pytest.approx((0.05 + 0.07) / (deviation * np.sqrt(2)))
    assert np.isnan(found["return_after_leading"])


def test_worlds_are_counted_apart_and_series_together() -> None:
    rng = np.random.default_rng(3)
    levels = np.exp(np.cumsum(rng.normal(0, 0.03, (150, 4, 5)), axis=0))

    together = pooled_statistics(levels, DAILY)

    for world in range(5):
        alone = pooled_statistics(levels[:, :, [world]], DAILY)
        for name, pooled in alone.items():
            np.testing.assert_allclose(pooled.value[0], together[name].value[world])
            assert pooled.n_entries[0] == together[name].n_entries[world]
    assert (together["clockwise_pct"].value > 60).all()


def test_quadrants_stand_in_clockwise_order() -> None:
    ratio, momentum = np.array(list(CORNERS.values())[:4]).T
    assert quadrants(ratio, momentum).tolist() == [0, 1, 2, 3]
