"""The card of the rotation of assets against the benchmark, week by week."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.charts.rotation.wording import (
    EACH_ITS_OWN,
    QUADRANTS,
    STEPS,
    TURNS_BY_ITSELF,
    outside_sentence,
)
from marketflows_pipeline.charts.style.wording import counted, names_text
from marketflows_pipeline.report.credits import BARS, market_credit
from marketflows_pipeline.report.gaps import with_stretches
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, rows
from marketflows_pipeline.report.sections.rotation import PLACE_COLUMNS, chance_words, path_words, rotation_spec
from marketflows_pipeline.report.specs import series_of

POINTS, PLACEBO = "mart.cross_asset_rotation", "mart.cross_asset_rotation_placebo"
ROTATION = "cross_asset_rotation"
_UNIVERSE = "cross-asset"
_STEP = STEPS[_UNIVERSE]
# Weeks that the slider goes back to: two years.
SQL = """
with points as (
    select series, benchmark, ts, ratio, momentum, quadrant, dense_rank() over (order by ts desc) - 1 as step
    from mart.cross_asset_rotation where universe = 'cross-asset' and quadrant is not null
)
select series as label, benchmark, ts, step, ratio, momentum, quadrant from points
where step < 104
order by label, ts
"""
_PLACEBO_SQL = "select * from mart.cross_asset_rotation_placebo where universe = 'cross-asset' order by statistic"


def rotation_card(file: PublishedFile) -> Card | None:
    """Where each asset stands against the benchmark, and how it came there; nothing before there are points."""
    points = rows(file, SQL)
    if points.is_empty():
        return None
    figures = rows(file, _PLACEBO_SQL).to_dicts() if file.has(PLACEBO) else []
    newest, benchmark = points.filter(pl.col("step") == 0), points["benchmark"][0]
    title = rotation_title(newest, benchmark, figures)
    labels = points["label"].unique().sort().to_list()
    series = series_of([(label, label) for label in labels])
    return Card(
        key="cross-asset-rotation",
        title=title,
        subtitle=(
            f"Momentum over relative strength of prices against {benchmark}, each a z-score of its own past; "
            f"{path_words(len(series), 'weeks')}"
        ),
        caption=caption(
            market_credit(file, BARS),
            points["ts"].sort()[-1],
            EACH_ITS_OWN,
            TURNS_BY_ITSELF,
            outside_sentence(figures),
            "price, not flow; a picture of the past, no forecast",
        ),
        dataset=Dataset(ROTATION, with_stretches(points, ["label"], timedelta(days=7))),
        columns=(
            FigureColumn("ts", "Week to (UTC)"),
            FigureColumn("label", "Asset"),
            *PLACE_COLUMNS,
        ),
        sql=SQL,
        spec=rotation_spec(ROTATION, points.select("step", "ratio", "momentum"), series, step=_STEP),
        description=f"Paths of {counted(len(labels), 'asset')} through four quadrants. {title}.",
        series_key="label",
        series=series,
        pictures=(f"Rotation_cross-asset_by_{benchmark}.png",),
    )


def rotation_title(newest: pl.DataFrame, benchmark: str, figures: list[dict[str, Any]]) -> str:
    """Who is in which quadrant, and the turning beside what chance alone gives."""
    parts = []
    for quadrant in QUADRANTS:
        inside = newest.filter(pl.col("quadrant") == quadrant)["label"].sort().to_list()
        if inside:
            parts.append(f"{quadrant}: {names_text(inside, 4)}")
    places = "; ".join(parts) or "no asset has a place"
    return f"Against {benchmark}, {places} ({chance_words(figures, _STEP)})"
