"""The first screen's table of gains: the series that are followed, over the spans of the settings."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.charts.market_caps.wording import hours_text
from marketflows_pipeline.charts.style.wording import moment
from marketflows_pipeline.report.gaps import course, usual_step
from marketflows_pipeline.report.model import GainRow, Gains
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.transforms.categories import NARRATIVES, PORTFOLIOS, RANGES

# More rows and columns than that are no first screen.
MOST_OF_A_CATEGORY = 8
MOST_SPANS = 5
COURSE_DAYS = 90
_DAY_HOURS, _WEEK_HOURS = 24.0, 168.0
# Series of any other category are coins.
_OF_THEIR_OWN = {NARRATIVES, PORTFOLIOS, RANGES}

_GAINS = """
select s.category, s.series, s.label, s.sort_order, g.hours_ago, g.gain_pct
from mart.percent_gains g join core.series s using (category, series)
where g.base_asset = 'us-dollar' order by s.category, s.sort_order, g.hours_ago
"""
_COURSES = """
select category, series, ts, market_cap_usd from core.group_totals
where ts > (select max(ts) from core.group_totals) - to_days($days)
order by category, series, ts
"""


def gains_of(file: PublishedFile) -> Gains:
    """Gains in US dollars; nothing where none is published."""
    if not file.has("mart.percent_gains"):
        return Gains()
    is_known = pl.col("gain_pct").is_finite()
    cells = file.frame(_GAINS).with_columns(gain_pct=pl.when(is_known).then("gain_pct"))
    spans = _spans(cells)
    if not spans:
        return Gains()
    order = spans[-1] if _WEEK_HOURS not in spans else _WEEK_HOURS
    series = cells.pivot(on="hours_ago", index=["category", "series", "label", "sort_order"], values="gain_pct")
    chosen = [_of_category(series.filter(pl.col("category") == name), str(order)) for name in _categories(series)]
    courses = _courses(file)
    rows: dict[tuple[str, str], GainRow] = {}
    for each in pl.concat([part for part, _ in chosen]).iter_rows(named=True):
        gains = {hours_text(hours): each[str(hours)] for hours in spans}
        line = courses.get((each["category"], each["series"]), ())
        # A coin of two portfolios stands once; a narrative, a portfolio or a range may be called as another series is.
        whose = each["category"] if each["category"] in _OF_THEIR_OWN else ""
        rows.setdefault((whose, each["series"]), GainRow(each["label"], line, gains))
    cut = [note for _, note in chosen if note]
    as_of = file.as_of("mart.percent_gains")
    note = f"Gain of market cap in US dollars, %, as of {moment(as_of)}." if as_of else "Gain of market cap, %."
    words = [note, "Mostly price, not money that came in.", f"Line: {COURSE_DAYS} days.", *cut]
    return Gains(tuple(rows.values()), " ".join(words))


def _spans(cells: pl.DataFrame) -> list[float]:
    """The longest spans that have a gain, days before hours."""
    known = cells.drop_nulls("gain_pct")["hours_ago"].unique().sort().to_list()
    days = [hours for hours in known if hours >= _DAY_HOURS]
    # A table that has no column of two days loses least.
    wanted = days if len(days) <= MOST_SPANS else [hours for hours in days if hours != 2 * _DAY_HOURS]
    return (wanted or known)[-MOST_SPANS:]


def _categories(series: pl.DataFrame) -> list[str]:
    found = series["category"].unique(maintain_order=True).to_list()
    coins = [name for name in found if name not in _OF_THEIR_OWN]
    return [name for name in (NARRATIVES, PORTFOLIOS, *coins, RANGES) if name in found]


def _of_category(series: pl.DataFrame, order: str) -> tuple[pl.DataFrame, str]:
    """Rows of a category; of very many the best and the worst over one span, with a word about that."""
    rows = series.sort("sort_order")
    if rows.height <= MOST_OF_A_CATEGORY:
        return rows, ""
    ranked = rows.drop_nulls(order).sort(order, descending=True, maintain_order=True)
    half = MOST_OF_A_CATEGORY // 2
    kept = pl.concat([ranked.head(half), ranked.tail(min(half, max(0, ranked.height - half)))])
    name = rows["category"][0]
    return kept, f"{name}: the best and the worst {half} of {rows.height}."


def _courses(file: PublishedFile) -> dict[tuple[str, str], tuple[float | None, ...]]:
    totals = file.frame(_COURSES, {"days": COURSE_DAYS})
    step = usual_step(totals)
    found = totals.partition_by(["category", "series"], as_dict=True, include_key=False)
    return {(category, series): course(rows, "market_cap_usd", step) for (category, series), rows in found.items()}
