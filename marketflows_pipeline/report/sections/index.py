"""The chained index of narratives or portfolios."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import polars as pl

from marketflows_pipeline.charts.market_caps.spec import IndexSpec
from marketflows_pipeline.charts.market_caps.wording import base_words
from marketflows_pipeline.charts.style.wording import percent_text, utc_day
from marketflows_pipeline.report.gaps import with_stretches
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, newest_time, select
from marketflows_pipeline.report.sections.controls import BASE, Measures
from marketflows_pipeline.report.sections.lines import Lines, fixed, line_spec
from marketflows_pipeline.report.sections.series import KEY, labels_of, over_days, points_for, styled, those_in
from marketflows_pipeline.report.sections.words import change_finding, described, known, source_of
from marketflows_pipeline.report.thinning import thinned
from marketflows_pipeline.warehouse.ddl import literal

INDEX = "mart.narrative_index"
_DAYS = 28


def index_card(file: PublishedFile, category: str, measures: Measures) -> Card | None:
    """The chained index of a category's series in every base; None before the first close.

    Args:
        file: the published file.
        category: Narratives or Portfolios.
        measures: the bases of the control bar.
    """
    if not (file.has(INDEX) and file.has("core.series") and measures.bases):
        return None
    sql, noun = _sql(category, measures), category.lower()
    full = file.frame(sql)
    if full["ts"].n_unique() < 2:
        return None
    rows, before = thinned(with_stretches(full, [KEY]), [KEY], most=points_for(full[KEY].n_unique()))
    series, dataset = styled(those_in(labels_of(file, category), rows)), f"{noun}_index"
    final = full.filter(~pl.col("is_provisional"))
    first, close = full["ts"].min(), final["ts"].max()
    assert isinstance(first, datetime), "there are two times"
    gains = over_days(final, "price_b0", _DAYS, lambda before, now: 100 * (now / before - 1))
    in_base = base_words(measures.bases[0], measures.base_labels[0])
    title = change_finding(gains, f"over {_DAYS} days by chained index {in_base}", noun=noun)
    subtitle = (
        f"Price index of {noun}, base 1,000, members as known at each reconstitution; dashed where members are by "
        "hindsight; the control bar sets the base"
    )
    newest = [(label, percent_text(gain)) for label, gain in known(gains).items()]
    return Card(
        key=f"{noun}-index",
        title=title,
        subtitle=subtitle,
        caption=caption(
            source_of(file),
            newest_time(full, "ts"),
            f"last final close {utc_day(close)}, later points are provisional" if isinstance(close, datetime) else "",
            *_caveats(full),
            "returns are of prices: no measure of money that came in",
        ),
        dataset=Dataset(dataset, rows, before),
        columns=(
            FigureColumn("ts", "Time (UTC)"),
            FigureColumn(KEY, "Series"),
            *(
                FigureColumn(f"price_b{place}", f"Price index, {label} (base = 1,000)", 1)
                for place, label in enumerate(measures.base_labels)
            ),
            FigureColumn("coverage_pct", "Prices known, %", 1),
            FigureColumn("is_backfilled", "By hindsight"),
            FigureColumn("is_provisional", "Provisional"),
        ),
        sql=sql,
        spec=line_spec(
            Lines(
                dataset=dataset,
                series=series,
                value=f"datum['price_' + {BASE}]",
                text=fixed(1),
                steps=int(rows["ts"].n_unique()),
                dashed="datum.is_backfilled",
                signals={BASE: measures.first[BASE]},
            )
        ),
        description=described(title, subtitle, newest),
        series_key=KEY,
        series=series,
        controls=(BASE,),
        pictures=_pictures(category, measures, first),
    )


def _sql(category: str, measures: Measures) -> str:
    levels = ",\n       ".join(
        f"max(i.price_index) filter (where i.base_asset = {literal(base)}) as price_{measures.base_value(base)}"
        for base in measures.bases
    )
    return select(
        f"select s.label, i.ts,\n       {levels},\n"
        "       min(i.coverage_pct) as coverage_pct, bool_or(i.is_backfilled) as is_backfilled,\n"
        "       bool_or(i.is_provisional) as is_provisional\n"
        f"from mart.narrative_index i join core.series s using (category, series)\n"
        f"where i.category = {literal(category)}\n"
        "group by s.label, s.sort_order, i.ts order by s.sort_order, i.ts"
    )


def _caveats(full: pl.DataFrame) -> list[str]:
    words = []
    hindsight = full.filter(pl.col("is_backfilled"))
    if hindsight.height:
        last, whole = cast("datetime", hindsight["ts"].max()), hindsight.height == full.height
        until = "all closes" if whole else f"closes up to {utc_day(last)}"
        words.append(f"{until} are made with later members, by hindsight (survivor-biased)")
    least = full["coverage_pct"].min()
    if isinstance(least, float) and least < 99.95:
        words.append(f"prices of at least {least:.1f} % of a level are known, the rest is held")
    return words


def _pictures(category: str, measures: Measures, close: datetime) -> tuple[str, ...]:
    shared: dict[str, Any] = {"category": category, "base_label": "", "series": (), "as_of": close, "source": ""}
    return tuple(IndexSpec(**shared, base_asset=base, rule="", last_close=close).file_name for base in measures.bases)
