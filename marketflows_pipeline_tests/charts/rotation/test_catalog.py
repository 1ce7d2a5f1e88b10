from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.charts.rendering.render import render_all
from marketflows_pipeline.charts.rotation.catalog import rotation_charts
from marketflows_pipeline.charts.rotation.plane_and_log import rotation_chart
from marketflows_pipeline.charts.rotation.spec import RotationSpec
from marketflows_pipeline_tests.charts.rotation.frames import (
    CLOCKWISE,
    CONTEXT,
    back,
    placebo_frame,
    points_frame,
    stays_frame,
)

AROUND = [(99.0, 101.0), (101.0, 101.0), (101.0, 99.0), (99.0, 99.0)]
POINTS = points_frame({"ai": AROUND, "meme": AROUND[::-1]})
STAYS = stays_frame(("ai", "lagging", 0, -1.5), ("meme", "improving", 3, None))
PLACEBO = placebo_frame(CLOCKWISE)


def spec_of(points: pl.DataFrame = POINTS, placebo: pl.DataFrame = PLACEBO) -> tuple[pl.DataFrame, RotationSpec]:
    (job,) = rotation_charts(points, STAYS, placebo, CONTEXT)
    assert isinstance(job.spec, RotationSpec)
    return job.frame, job.spec


def test_there_is_a_chart_for_each_benchmark() -> None:
    both = pl.concat([POINTS, points_frame({"ai": AROUND}, benchmark="ethereum")])
    names = [job.file_name for job in rotation_charts(both, STAYS, PLACEBO, CONTEXT)]

    assert names == ["Rotation_narratives_by_bitcoin.png", "Rotation_narratives_by_ethereum.png"]
    assert rotation_charts(POINTS.clear(), STAYS, PLACEBO, CONTEXT) == []


@pytest.mark.slow
def test_the_subtitle_says_what_chance_gives() -> None:
    chart = rotation_chart(*spec_of()).to_dict()

    assert chart["title"]["subtitle"][0].startswith(
        "76 % clockwise; chance alone gives 74 to 80 % · none of 1 figures outside of chance"
    )


@pytest.mark.slow
def test_the_subtitle_says_where_nothing_can_be_told() -> None:
    short = placebo_frame(CLOCKWISE | {"lower": None, "upper": None, "reason": "too short to tell: 90 of 365 closes"})
    chart = rotation_chart(*spec_of(placebo=short)).to_dict()

    assert chart["title"]["subtitle"][0].startswith("76 % clockwise; too short to tell: 90 of 365 closes")


@pytest.mark.slow
def test_the_title_names_who_leads_and_counts_the_others() -> None:
    def title(**paths: list[tuple[float, float]]) -> str:
        return str(rotation_chart(*spec_of(points_frame(paths))).to_dict()["title"]["text"])

    leads, lags = AROUND[:2], AROUND
    assert title(ai=lags, meme=lags) == "Narratives against BTC: none leads, 2 lagging"
    assert title(ai=leads, meme=lags) == "Narratives against BTC: Artificial intelligence leads, 1 lagging"
    assert title(ai=leads, meme=leads) == "Narratives against BTC: Artificial intelligence and Meme lead"


def test_a_series_without_the_newest_close_is_left_out() -> None:
    ended = POINTS.filter((pl.col("series") == "ai") | (pl.col("ts") < back(0)))
    frame, spec = spec_of(ended)

    assert frame["series"].unique().to_list() == ["ai"]
    assert spec.as_of == back(0)


def test_without_a_point_at_the_newest_close_there_is_no_chart() -> None:
    frame, spec = spec_of(POINTS.with_columns(quadrant=pl.lit(None, pl.String)))

    assert spec.reason_to_skip(frame) == "no series has the 42 closes that a point takes"


@pytest.mark.slow
def test_what_is_back_filled_is_dashed_and_said() -> None:
    frame, spec = spec_of(points_frame({"ai": AROUND, "meme": AROUND}, backfilled=2))
    chart = rotation_chart(frame, spec).to_dict()
    dashed = [layer for layer in chart["layer"] if layer["mark"].get("strokeDash")]

    # Both series up to their first known close, the third.
    assert len(chart["datasets"][dashed[0]["data"]["name"]]) == 2 * 3
    assert "before the first stored members" in str(chart["layer"])


@pytest.mark.slow
def test_both_universes_are_drawn(tmp_path: Path) -> None:
    crowd = {f"n{at}": [(ratio + at / 20, momentum - at / 30) for ratio, momentum in AROUND] for at in range(30)}
    styles = CONTEXT.series
    many = replace(CONTEXT, series=tuple(replace(styles[0], series=name, label=f"Narrative {name}") for name in crowd))
    jobs = [
        *rotation_charts(POINTS, STAYS, PLACEBO, CONTEXT),
        *rotation_charts(points_frame(crowd, benchmark="ethereum"), STAYS, PLACEBO, many),
        *rotation_charts(
            POINTS.with_columns(universe=pl.lit("cross-asset"), benchmark=pl.lit("SPY")),
            STAYS.clear(),
            PLACEBO.clear(),
            replace(CONTEXT, universe="cross-asset"),
        ),
    ]

    assert len(render_all(jobs, tmp_path, 0.5).drawn) == 3
