"""The chart of a category: every curve of its series, which the control bar chooses from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl

from marketflows_pipeline.charts.market_caps.wording import base_words
from marketflows_pipeline.charts.spec import GROWTH_STEPS, INFLECTION_STEPS, ChartSpec, GainTableSpec
from marketflows_pipeline.charts.style.wording import counted, percent_text, utc_day
from marketflows_pipeline.report.gaps import usual_step, with_stretches
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, change_finding, described, select, source_of
from marketflows_pipeline.report.sections.controls import (
    AS_IS,
    BASE,
    EMA,
    ORDER,
    SCALE,
    ZERO_TO_ONE,
    Measures,
    field_of,
    order_label,
)
from marketflows_pipeline.report.sections.lines import Lines, Wording, line_spec, quoted
from marketflows_pipeline.report.sections.series import (
    KEY,
    Series,
    labels_of,
    newest_figures,
    points_for,
    styled,
    thinned,
    those_in,
)
from marketflows_pipeline.warehouse.ddl import literal

_HOURS = timedelta(hours=1)
# A field's name stands beside the signals', so it is made of them.
_CHOSEN = f"datum[{BASE} + '_' + {EMA} + '_' + {ORDER}]"


def category_card(
    file: PublishedFile,
    category: str,
    measures: Measures,
    caveats: tuple[str, ...],
    *,
    key: str = "",
    noun: str = "",
    width: Literal[2, 3] = 3,
) -> Card | None:
    """The card of a category; None where the file holds no curve of it.

    Args:
        file: the published file.
        category: as in ``mart.metrics``.
        measures: bases, averages and orders of the file.
        caveats: of the category, for the caption.
        key: anchor of the card; by default after the category.
        noun: what the series are called, in the plural; by default as the category.
        width: in columns of the page.
    """
    key, noun = key or f"{category.lower()}-curves", noun or category.lower()
    labels = labels_of(file, category)
    if not labels or not measures.bases:
        return None
    sql = _sql(category, measures)
    full = file.frame(sql)
    fields = [name for name in full.columns if name not in {KEY, "ts"}]
    if full.select(pl.any_horizontal(pl.col(fields).is_finite().any())).item() is not True:
        return None
    step = usual_step(full)
    rows, before = _with_newest_whole(with_stretches(full, [KEY], step), labels)
    series, dataset = styled(those_in(labels, rows)), f"curves_{key.replace('-', '_')}"
    start, end = full["ts"].min(), full["ts"].max()
    assert isinstance(start, datetime), "a frame with a known value has times"
    assert isinstance(end, datetime), "and a newest one"
    level = field_of("b0", 1, 0)
    of_start = full.select(KEY, "ts", change_pct=100 * (pl.col(level) - 1)) if level in full.columns else None
    gains = {} if of_start is None else newest_figures(of_start, "change_pct")
    title = change_finding(
        gains, f"since {utc_day(start)} {base_words(measures.bases[0], measures.base_labels[0])}", noun=noun
    )
    subtitle = (
        f"Market cap of each of {len(series)} {noun}, every {_step_words(step)} from {utc_day(start)} to "
        f"{utc_day(end)}; the control bar sets base, average, order and scale"
    )
    newest = [(label, percent_text(gain)) for label, gain in gains.items()]
    return Card(
        key=key,
        title=title,
        subtitle=subtitle,
        caption=caption(
            source_of(file),
            end,
            *caveats,
            f"growth shows the newest {GROWTH_STEPS} steps, inflection {INFLECTION_STEPS}, both taken on every step",
        ),
        dataset=Dataset(dataset, rows, before),
        columns=_columns(measures),
        sql=sql,
        spec=_spec(dataset, series, rows, measures, _note(measures, step, start)),
        description=described(title, subtitle, newest),
        series_key=KEY,
        series=series,
        controls=(BASE, EMA, ORDER, SCALE),
        pictures=_pictures(category, measures),
        width=width,
    )


def _sql(category: str, measures: Measures) -> str:
    curves = [
        f"max(m.value) filter (where m.base_asset = {literal(base)} and m.ema_period = {ema} "
        f"and m.diff_order = {order}) as {field_of(measures.base_value(base), ema, order)}"
        for base in measures.bases
        for ema in measures.emas
        for order in measures.orders
    ]
    listed = ",\n       ".join(curves)
    return select(
        f"select s.label, m.ts,\n       {listed}\n"
        "from mart.metrics m join core.series s using (category, series)\n"
        f"where m.category = {literal(category)} and not m.is_unit\n"
        "group by s.label, s.sort_order, m.ts order by s.sort_order, m.ts"
    )


def _with_newest_whole(full: pl.DataFrame, labels: tuple[str, ...]) -> tuple[pl.DataFrame, int | None]:
    """Thinned rows, but every one of the newest steps, which are all that growth and inflection show."""
    steps = full["ts"].n_unique()
    back = pl.col("ts").rank("dense", descending=True) - 1
    numbered = full.with_columns(back=back.cast(pl.Int32))
    most = points_for(len(labels))
    if steps <= most:
        rows, before = numbered, None
    else:
        is_newest = pl.col("back") < GROWTH_STEPS
        older, before = thinned(numbered.filter(~is_newest), [KEY], "ts", most - GROWTH_STEPS)
        rows, before = pl.concat([older, numbered.filter(is_newest)]), steps if before else None
    order = pl.col(KEY).replace_strict(
        list(labels), list(range(len(labels))), default=len(labels), return_dtype=pl.Int32
    )
    return rows.sort(order, "ts"), before


def _spec(dataset: str, series: Series, rows: pl.DataFrame, measures: Measures, note: str) -> dict[str, Any]:
    unit = f"{SCALE} === {quoted(ZERO_TO_ONE)}"
    lines = Lines(
        dataset=dataset,
        series=series,
        value=(
            f"{unit} ? (datum.most > datum.least ? (datum.chosen - datum.least) / (datum.most - datum.least) : null)"
            f" : isValid(datum.chosen) ? 100 * (datum.chosen - ({ORDER} === '0' ? 1 : 0)) : null"
        ),
        text=Wording(
            f"({unit} ? format({{figure}}, '.2f') : format({{figure}}, {ORDER} === '0' ? '+,.1f' : '+,.3f') + ' %')"
        ),
        steps=int(rows["ts"].n_unique()),
        is_daily=usual_step(rows) >= timedelta(days=1),
        axis={"labelExpr": f"{unit} ? datum.label : datum.label + ' %'"},
        filters=(f"{ORDER} === '0' || datum.back < ({ORDER} === '1' ? {GROWTH_STEPS} : {INFLECTION_STEPS})",),
        note=note,
        signals=measures.first,
    )
    spec = line_spec(lines)
    scaled = [
        {"calculate": _CHOSEN, "as": "chosen"},
        {
            "joinaggregate": [
                {"op": "min", "field": "chosen", "as": "least"},
                {"op": "max", "field": "chosen", "as": "most"},
            ],
            "groupby": ["ts"],
        },
    ]
    return {**spec, "transform": [*scaled, *spec["transform"]]}


def _note(measures: Measures, step: timedelta, start: datetime) -> str:
    """What the vertical axis is, by what is chosen."""
    a_step = _step_words(step)
    words = {"0": f"Change since {utc_day(start)}", "1": f"Growth per {a_step}", "2": f"Change of growth per {a_step}"}
    order = _choice(
        ORDER, {str(each): words.get(str(each), order_label(each).capitalize()) for each in measures.orders}
    )
    named = zip(measures.bases, measures.base_labels, strict=True)
    bases = {measures.base_value(base): base_words(base, label) for base, label in named}
    ema = f"({EMA} === '1' ? '' : ', EMA ' + {EMA})"
    unit = f"({SCALE} === {quoted(AS_IS)} ? ({ORDER} === '0' ? ', %' : ', % of the start') : ', 0 to 1 at each time')"
    return f"{order} + ' ' + {_choice(BASE, bases)} + {ema} + {unit}"


def _choice(signal: str, words: dict[str, str]) -> str:
    """An expression of the words for a signal's value."""
    chosen = quoted("")
    for value, text in reversed(words.items()):
        chosen = f"({signal} === {quoted(value)} ? {quoted(text)} : {chosen})"
    return chosen


def _columns(measures: Measures) -> tuple[FigureColumn, ...]:
    curves = (
        FigureColumn(
            field_of(f"b{place}", ema, order),
            f"{label}, {order_label(order)}{f', EMA {ema}' if ema > 1 else ''} (start = 1)",
            5 if order else 4,
            signed=order > 0,
        )
        for place, label in enumerate(measures.base_labels)
        for ema in measures.emas
        for order in measures.orders
    )
    return (FigureColumn("ts", "Time (UTC)"), FigureColumn(KEY, "Series"), *curves)


def _pictures(category: str, measures: Measures) -> tuple[str, ...]:
    names = []
    for base in measures.bases:
        names += [
            ChartSpec.file_name_of(
                category=category, base_asset=base, ema_period=ema, diff_order=order, is_unit=is_unit
            )
            for ema in measures.emas
            for order in measures.orders
            for is_unit in (False, True)
        ]
        names.append(GainTableSpec.file_name_of(category=category, base_asset=base))
    return tuple(names)


def _step_words(step: timedelta) -> str:
    if step >= timedelta(days=1):
        return "day"
    return "hour" if step == _HOURS else counted(f"{step / timedelta(minutes=1):g}", "minute")
