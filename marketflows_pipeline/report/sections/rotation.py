"""Rotation of narratives: where each stands against a coin, how it came there, and what chance alone gives."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from typing import Any, cast

import polars as pl

from marketflows_pipeline.charts.rotation.spec import RotationSpec
from marketflows_pipeline.charts.rotation.wording import (
    EACH_ITS_OWN,
    QUADRANTS,
    TURNS_BY_ITSELF,
    backfilled_text,
    band_sentence,
    outside_sentence,
)
from marketflows_pipeline.charts.style.theme import GREY
from marketflows_pipeline.charts.style.wording import value_text
from marketflows_pipeline.report.gaps import broken_lines, with_stretches
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, described, listed, select, source_of
from marketflows_pipeline.report.sections.controls import base_labels
from marketflows_pipeline.report.sections.lines import at_pixels, input_range
from marketflows_pipeline.report.sections.series import KEY, Series, labels_of, styled, those_in
from marketflows_pipeline.report.specs import FADED, SINGLED_OUT, by_series, fading, kept_spec, spec_of
from marketflows_pipeline.transforms.categories import NARRATIVES
from marketflows_pipeline.warehouse.ddl import literal

ROTATION, PLACEBO = "mart.rotation", "mart.rotation_placebo"
_STEP = "close"
# Closes that the slider goes back to, and steps of a path.
_CLOSES, _TAIL, _LONGEST_TAIL = 120, 10, 30
# Of so many series all paths are seen; of more those of the series under the pointer or singled out.
_ALL_PATHS = 8
_HEIGHT = 360


PLACE_COLUMNS = (
    FigureColumn("quadrant", "Quadrant"),
    FigureColumn("ratio", "Relative strength (100 + z)", 2),
    FigureColumn("momentum", "Momentum (100 + z)", 2),
)


def rotation_cards(file: PublishedFile) -> tuple[Card, ...]:
    """A card for each coin that narratives are measured against; none before there are points."""
    if not (file.has(ROTATION) and file.has("core.series")):
        return ()
    found = file.frame(
        "select distinct benchmark from mart.rotation where universe = 'narratives' and quadrant is not null "
        "order by benchmark"
    )
    benchmarks = tuple(found["benchmark"])
    named = dict(zip(benchmarks, base_labels(file, benchmarks), strict=True))
    cards = (_card(file, benchmark, named[benchmark]) for benchmark in benchmarks)
    return tuple(card for card in cards if card is not None)


def _card(file: PublishedFile, benchmark: str, benchmark_label: str) -> Card | None:
    sql = _sql(benchmark)
    rows = file.frame(sql)
    if rows.is_empty():
        return None
    newest = rows.filter(pl.col("step") == 0)
    series = styled(those_in(labels_of(file, NARRATIVES), rows))
    figures = _placebo(file, benchmark)
    title = _title(newest, benchmark_label, figures)
    subtitle = (
        f"Momentum over relative strength of narratives' price index against {benchmark_label}, each a z-score of its "
        f"own past; {path_words(len(series), 'closes')}"
    )
    # Sentences of the brief lead to this card, however the provider calls the coin.
    key = f"narratives-rotation-{'bitcoin' if benchmark == file.bitcoin_id else re.sub('[^A-Za-z0-9]', '-', benchmark)}"
    dataset = key.replace("-", "_")
    places = [
        (label, f"{quadrant} ({value_text(ratio - 100, 1, signed=True)}, {value_text(momentum - 100, 1, signed=True)})")
        for label, quadrant, ratio, momentum in newest.select(KEY, "quadrant", "ratio", "momentum").iter_rows()
    ]
    as_of = cast("datetime", rows["ts"].max())
    return Card(
        key=key,
        title=title,
        subtitle=subtitle,
        caption=caption(
            source_of(file),
            as_of,
            EACH_ITS_OWN,
            TURNS_BY_ITSELF,
            outside_sentence(figures),
            backfilled_text(figures, _STEP),
            "a picture of the past, no forecast",
        ),
        dataset=Dataset(dataset, with_stretches(rows, [KEY])),
        columns=(
            FigureColumn("ts", "Close (UTC)"),
            FigureColumn(KEY, "Series"),
            *PLACE_COLUMNS,
            FigureColumn("is_backfilled", "By hindsight"),
        ),
        sql=sql,
        spec=rotation_spec(dataset, rows.select("step", "ratio", "momentum"), series),
        description=described(title, subtitle, places),
        series_key=KEY,
        series=series,
        pictures=(RotationSpec.file_name_of(universe="narratives", benchmark=benchmark),),
    )


def _sql(benchmark: str) -> str:
    return select(f"""
        with points as (
            select series, ts, ratio, momentum, quadrant, is_backfilled,
                   dense_rank() over (order by ts desc) - 1 as step
            from mart.rotation where universe = 'narratives' and benchmark = {literal(benchmark)}
        )
        select s.label, p.ts, p.step, p.ratio, p.momentum, p.quadrant, p.is_backfilled
        from points p join core.series s on s.category = {literal(NARRATIVES)} and s.series = p.series
        where p.step < {_CLOSES} and p.quadrant is not null
        order by s.sort_order, p.ts
    """)


def _placebo(file: PublishedFile, benchmark: str) -> list[dict[str, Any]]:
    if not file.has(PLACEBO):
        return []
    return file.frame(
        "select * from mart.rotation_placebo where universe = 'narratives' and benchmark = $benchmark "
        "order by statistic",
        {"benchmark": benchmark},
    ).to_dicts()


def _title(newest: pl.DataFrame, benchmark: str, figures: list[dict[str, Any]]) -> str:
    """Who is in which quadrant, and the turning beside what chance alone gives."""
    chance = f": {chance_words(figures, _STEP)}"
    if newest.is_empty():
        return f"No narrative has a place against {benchmark} at the newest close{chance}"
    inside = {name: newest.filter(pl.col("quadrant") == name)[KEY].to_list() for name in QUADRANTS}
    if newest.height > 3:
        words = [f"{len(labels)} {name}" for name, labels in inside.items() if labels]
        return f"Of {newest.height} narratives against {benchmark}, {listed(words, 4)}{chance}"
    words = [f"{listed(labels)} {name}" for name, labels in inside.items() if labels]
    return f"{listed(words, 4)} against {benchmark}{chance}"


def path_words(n_series: int, steps: str) -> str:
    """What a path is, and whose is seen: of many series those of one alone, or none could be told from another."""
    hidden = "" if n_series <= _ALL_PATHS else ", seen of the series under the pointer or chosen in the legend"
    return f"a path is the {steps} before{hidden}"


def chance_words(figures: list[dict[str, Any]], step: str) -> str:
    """The turning beside what chance alone gives.

    Args:
        figures: rows of the placebo, by statistic.
        step: what one is called.
    """
    clockwise = (band_sentence(figure, step) for figure in figures if figure["statistic"] == "clockwise_pct")
    return next(clockwise, "too short to tell from chance")


@kept_spec
def rotation_spec(dataset: str, rows: pl.DataFrame, series: Series, *, step: str = _STEP) -> dict[str, Any]:
    """Paths through the quadrants, and a slider through time.

    Args:
        dataset: name of the rows.
        rows: step (0 for the newest time), ratio, momentum.
        series: key, label and colour of each.
        step: what one is called.
    """
    import altair as alt

    reach = rows.select(pl.max_horizontal((pl.col("ratio", "momentum") - 100).abs()).max()).item()
    edge = float(max(1, math.ceil(reach or 1)))
    at_zero = {"condition": {"test": "datum.value === 0", "value": 1}, "value": 0}
    scale = alt.Scale(domain=[-edge, edge], nice=False)
    x, y = (
        channel(f"{name}:Q", scale=scale, axis=alt.Axis(title=title, grid=True, gridOpacity=at_zero))
        for channel, name, title in (
            (alt.X, "across", "relative strength, z-score"),
            (alt.Y, "up", "momentum, z-score"),
        )
    )
    under = alt.selection_point(name="under", on="pointerover", clear="pointerout", fields=[KEY], empty=False)
    base = alt.Chart(alt.NamedData(dataset))
    shown = {"param": "under", "empty": False, "value": 1}
    is_own = {"test": f"{SINGLED_OUT} === datum.{KEY}", "value": 1}
    usual = 0.45 if len(series) <= _ALL_PATHS else 0
    others = {"test": f"{SINGLED_OUT} !== ''", "value": min(usual, FADED)}
    faded = alt.OpacityValue(usual, condition=[shown, is_own, others])
    inside = base.transform_filter("datum.back >= 0 && datum.back <= tail")
    channels = {"x": x, "y": y, "color": by_series(KEY, series), "order": alt.Order("ts:T"), "opacity": faded}
    paths = broken_lines(inside, KEY, "ts", "across", look={"clip": True}, **channels)
    now = base.transform_filter("datum.back === 0")
    heads = (
        now.transform_calculate(when="utcFormat(datum.ts, '%-d %b %Y')")
        .mark_circle(size=110, opacity=1)
        .encode(
            x=x,
            y=y,
            color=by_series(KEY, series),
            opacity=fading(KEY),
            tooltip=[
                alt.Tooltip(f"{KEY}:N", title="Series"),
                alt.Tooltip("when:N", title=step.capitalize()),
                alt.Tooltip("quadrant:N", title="Quadrant"),
                alt.Tooltip("across:Q", title="Relative strength", format="+.2f"),
                alt.Tooltip("up:Q", title="Momentum", format="+.2f"),
            ],
        )
        .add_params(under)
    )
    names = now.mark_text(align="left", dx=8, dy=-8, fontWeight="bold").encode(
        x=x, y=y, text=f"{KEY}:N", opacity=alt.OpacityValue(0, condition=[shown, is_own])
    )
    chart = alt.layer(*_quadrant_names(base), *paths, heads, names)
    chart = chart.transform_calculate(across="datum.ratio - 100", up="datum.momentum - 100", back="datum.step + day")
    oldest = cast("int | None", rows["step"].max()) or 0
    inputs = [
        input_range("day", f"{step.capitalize()}s back", -oldest, 0, 0),
        input_range("tail", "Path", 0, _LONGEST_TAIL, _TAIL),
    ]
    return spec_of(chart, dataset, height=_HEIGHT, inputs=inputs)


def _quadrant_names(base: Any) -> list[Any]:  # noqa: ANN401 (of Altair)
    """The names of the quadrants in their corners, and the day that the slider is at."""
    import altair as alt

    one = base.transform_filter("datum.back === 0").transform_aggregate(ts="max(ts)")
    right, bottom = alt.ExprRef("width - 6"), alt.ExprRef("height - 8")
    corners = {"leading": (right, 12), "weakening": (right, bottom), "lagging": (6, bottom), "improving": (6, 12)}
    texts = {name: json.dumps(name.upper()) for name in QUADRANTS}
    layers = [
        one.mark_text(
            align="right" if x is right else "left", fontSize=11, color=GREY, text=alt.ExprRef(texts[name])
        ).encode(**at_pixels(x, y))
        for name, (x, y) in corners.items()
    ]
    day = (
        one.transform_calculate(when="utcFormat(datum.ts, '%-d %b %Y')")
        .mark_text(align="right", fontSize=11, color=GREY)
        .encode(text="when:N", **at_pixels(right, 28))
    )
    return [*layers, day]
