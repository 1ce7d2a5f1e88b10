"""Which pictures a set holds."""

from __future__ import annotations

import pytest

from marketflows_pipeline.charts.rendering.plan import chart_job, chosen_jobs
from marketflows_pipeline_tests.charts.frames import chart_spec, grid_frame

FRAME = grid_frame({"ai": [1.0, 1.1]})


def unit(count: int, **changes: object) -> bool:
    labels = {f"s{place}": f"S{place}" for place in range(count)}
    return bool(chart_spec(labels, **({"is_unit": True, "ema_period": 20} | changes)).is_essential)


def test_the_document_has_all_in_their_order_and_none_has_none() -> None:
    jobs = [chart_job(FRAME, chart_spec(ema_period=span)) for span in (20, 1, 5)]

    assert chosen_jobs(jobs, "document") == jobs
    assert chosen_jobs(jobs, "none") == []
    assert chosen_jobs(jobs, "essential") == [], "panels of all bases stand for them"


@pytest.mark.parametrize(("count", "is_in"), [(2, False), (3, True), (5, True), (6, False)])
def test_scaled_curves_are_fit_to_paste_from_three_series_on_until_ranks_say_more(count: int, is_in: bool) -> None:
    assert unit(count) is is_in


@pytest.mark.parametrize(
    "change", [{"base_asset": "bitcoin"}, {"diff_order": 1}, {"ema_period": 1}, {"is_unit": False}]
)
def test_of_scaled_curves_only_the_smooth_levels_in_dollars(change: dict[str, object]) -> None:
    assert not unit(4, **change)
