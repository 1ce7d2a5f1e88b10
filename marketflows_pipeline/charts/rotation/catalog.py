"""Which charts of rotations there are: one for each benchmark of a universe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from marketflows_pipeline.charts.rendering.plan import RenderJob, chart_job
from marketflows_pipeline.charts.rotation.spec import RotationSpec
from marketflows_pipeline.charts.rotation.wording import STEPS, backfilled_text, band_sentence, outside_sentence
from marketflows_pipeline.charts.spec import SeriesStyle
from marketflows_pipeline.charts.style.time_axis import as_of

# Steps of the log, and of the paths.
_LOG_STEPS = {"close": 120, "week": 52}
_TAIL_STEPS = {"close": 10, "week": 8}
_WINDOWS = {"close": 21, "week": 14}


@dataclass(frozen=True)
class RotationContext:
    """What the charts of a universe share.

    Attributes:
        universe: ``narratives`` or ``cross-asset``.
        subject: what the series are called in the title.
        series: their styles, in their sort order.
        benchmark_labels: short names of benchmarks by id; others go by their id.
        source: the credit.
        notes: caveats for the footer.
    """

    universe: str
    subject: str
    series: tuple[SeriesStyle, ...]
    benchmark_labels: Mapping[str, str]
    source: str
    notes: tuple[str, ...] = ()


def rotation_charts(
    points: pl.DataFrame, stays: pl.DataFrame, placebo: pl.DataFrame, context: RotationContext
) -> list[RenderJob]:
    """The chart of each benchmark of a universe, in a stable order.

    Args:
        points: rows of ``mart.rotation`` or ``mart.cross_asset_rotation``.
        stays: rows of the log.
        placebo: rows of the placebo.
        context: what all charts share.
    """
    step = STEPS[context.universe]
    of_universe = points.filter(pl.col("universe") == context.universe)
    jobs = []
    for benchmark in of_universe["benchmark"].unique().sort():
        key = {"universe": context.universe, "benchmark": benchmark}
        of_chart = of_universe.filter(pl.col("benchmark") == benchmark)
        open_stays = stays.filter(**key).filter(pl.col("left_at").is_null())
        figures = placebo.filter(**key)
        frame = _newest(of_chart, _LOG_STEPS[step]).join(
            open_stays.select("series", "entered_at", "is_seen_to_begin", "return_pct"),
            on="series",
            how="left",
            maintain_order="left",
        )
        spec = RotationSpec(
            universe=context.universe,
            benchmark=benchmark,
            benchmark_label=context.benchmark_labels.get(benchmark, benchmark),
            subject=context.subject,
            series=context.series,
            as_of=as_of(of_chart, "ts"),
            step=step,
            window=_WINDOWS[step],
            chance=_chance(figures, step),
            tail=_TAIL_STEPS[step],
            source=context.source,
            notes=context.notes,
        )
        jobs.append(chart_job(frame, spec))
    return jobs


def _newest(points: pl.DataFrame, steps: int) -> pl.DataFrame:
    """The last steps of the series that have the newest one, by series and time."""
    times = points.get_column("ts").unique().sort().tail(steps)
    last = points.filter(pl.col("ts").is_in(times.implode()))
    return last.filter((pl.col("ts") == times[-1]).any().over("series")).sort("series", "ts")


def _chance(figures: pl.DataFrame, step: str) -> tuple[str, ...]:
    rows = figures.to_dicts()
    clockwise = [band_sentence(row, step) for row in rows if row["statistic"] == "clockwise_pct"]
    return tuple(filter(None, (*clockwise, outside_sentence(rows), backfilled_text(rows, step))))
