"""`rotation`: where each series stands, since when, and what chance alone gives such a chart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marketflows_pipeline.charts.rotation.wording import (
    EACH_ITS_OWN,
    NO_PLACEBO,
    STEPS,
    TURNS_BY_ITSELF,
    backfilled_text,
    band_sentence,
    is_outside,
    outside_sentence,
)
from marketflows_pipeline.cli.reports.cross_asset.provenance import credit, header
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.report.credits import BARS, SHARES

# A close may wait two days for its last member.
DAILY_LIMIT = timedelta(hours=50)
# A week's last close is known a few days later where a holiday follows.
WEEKLY_LIMIT = timedelta(days=11)
LOG_DAYS = 90

_PLANE = (
    "ratio is 100 plus the z-score (over {window}) of an EMA 10 of {level}; momentum is 100 plus the z-score of an EMA "
    "10 of the ratio's change. "
)
_QUADRANTS = (
    "leading: both from 100 on; weakening: momentum below; lagging: both below; improving: ratio below. heading_deg is "
    "where the point came from its last place, clockwise from straight up. return_pct is since the quadrant was "
    "entered, {returns}. "
)
_CHANCE = (
    "Chance: the same log returns, in blocks of {block}, shuffled 400 times, all series together; 95 % of the shuffles "
    "lie within the band. With seven figures one lies outside in every fourth chart by chance."
)
METHODS = {
    "narratives": _PLANE.format(window="21 closes", level="the narrative's price index over the coin's price")
    + _QUADRANTS.format(returns="over the coin's")
    + _CHANCE.format(block="10 days"),
    "cross-asset": _PLANE.format(window="14 weeks", level="the week's last close over the benchmark's")
    + _QUADRANTS.format(returns="over the benchmark's, dividends left out")
    + _CHANCE.format(block="2 weeks"),
    "flows": "ratio is 100 plus the z-score (over 14 weeks) of a fund's net flow of 4 weeks in % of its assets; "
    "momentum is 100 plus the z-score of its change in one week. " + _QUADRANTS.format(returns="that of the price"),
}

CSV_COLUMNS = (
    "series", "name", "benchmark", "ts", "quadrant", "entered_at", "is_seen_to_begin", "days", "return_pct", "ratio",
    "momentum", "heading_deg", "speed", "is_backfilled",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("series", "name"),
    ColumnFormat("quadrant", "quadrant"),
    ColumnFormat("since", "since"),
    ColumnFormat("days", "days", 0),
    ColumnFormat("return (%)", "return_pct", 1),
    ColumnFormat("ratio", "ratio", 2),
    ColumnFormat("momentum", "momentum", 2),
    ColumnFormat("heading (°)", "heading_deg", 0),
    ColumnFormat("speed", "speed", 2),
)

_TABLES = {True: "mart.rotation", False: "mart.cross_asset_rotation"}
_POINTS = """
select points.series, points.benchmark, points.ts, points.quadrant, stays.entered_at, stays.is_seen_to_begin,
       stays.days, stays.return_pct, points.ratio, points.momentum, points.heading_deg, points.speed,
       points.is_backfilled
from {points} points
left join {points}_log stays
  on stays.universe = points.universe and stays.series = points.series and stays.benchmark = points.benchmark
 and stays.left_at is null and points.quadrant is not null
where points.universe = $universe and points.benchmark = $benchmark
  and points.ts = (select max(ts) from {points} where universe = $universe and benchmark = $benchmark)
order by list_position(['leading', 'improving', 'weakening', 'lagging'], points.quadrant) nulls last,
         points.ratio desc, points.series
"""
_BENCHMARKS = "select distinct benchmark from {points} where universe = $universe order by benchmark"
_OTHERS = """
select series, max(ts) as newest from {points} where universe = $universe and benchmark = $benchmark
group by series having max(ts) < $newest order by series
"""
_LOG = """
select series, quadrant, entered_at, left_at, days, return_pct, is_seen_to_begin, is_backfilled from {points}_log
where universe = $universe and benchmark = $benchmark and entered_at >= $since order by entered_at desc, series
"""
_PLACEBO = """
select statistic, value, lower, upper, n_entries, reason, as_of, n_series, n_steps, n_backfilled from {points}_placebo
where universe = $universe and benchmark = $benchmark
order by list_position(['clockwise_pct', 'dwell', 'whipsaw_pct', 'return_after_leading', 'return_after_weakening',
                        'return_after_lagging', 'return_after_improving'], statistic)
"""
_LABELS = "select series, label as name from core.series where category = 'Narratives'"


def series_rotation(data: PublishedData, universe: str, base: str | None) -> Report:
    """The report of `rotation`.

    Args:
        data: the published file.
        universe: ``narratives``, ``cross-asset`` or ``flows``.
        base: coin that narratives are measured against; None for the only benchmark that there is.

    Raises:
        UserInputError: if nothing is stored against that coin.
    """
    is_narratives = universe == "narratives"
    points = _TABLES[is_narratives]
    data.require(points)
    benchmarks = [row["benchmark"] for row in data.rows(_BENCHMARKS.format(points=points), {"universe": universe})]
    asked = {"universe": universe, "benchmark": base or next(iter(benchmarks), "")}
    if asked["benchmark"] not in benchmarks:
        raise UserInputError(_nothing(asked, benchmarks))
    series = data.rows(_POINTS.format(points=points), asked)
    names = _names(data, is_narratives=is_narratives)
    for row in series:
        row["name"] = names.get(row["series"], row["series"])
        row["since"] = _since(row)
    newest = series[0]["ts"]
    placebo = data.rows(_PLACEBO.format(points=points), asked)
    for row in placebo:
        row["is_outside"] = is_outside(row)
    stale = data.is_stale_by_market_caps(newest, DAILY_LIMIT) if is_narratives else data.is_stale(newest, WEEKLY_LIMIT)
    body: dict[str, Any] = {
        **(data.header(newest, stale=stale) if is_narratives else header(data, newest, stale=stale)),
        **asked,
        "step": STEPS[universe],
        "series": series,
        "log": data.rows(_LOG.format(points=points), {**asked, "since": newest - timedelta(days=LOG_DAYS)}),
        "log_days": LOG_DAYS,
        "placebo": placebo,
        "verdict": _verdict(placebo, universe),
        "source": _source(data, universe),
        "method": METHODS[universe],
        "coverage": {
            "n_series": len(series),
            "n_backfilled_closes": placebo[0]["n_backfilled"] if placebo else 0,
            "without_the_newest_close": data.rows(_OTHERS.format(points=points), {**asked, "newest": newest}),
        },
    }
    return Report(
        f"Rotation of {universe}" + ("" if universe == "flows" else f" against {asked['benchmark']}"),
        body,
        series,
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(placebo, universe),
        _footnotes(body),
        headline=body["verdict"],
    )


def _nothing(asked: Mapping[str, str], benchmarks: list[str]) -> str:
    if not benchmarks:
        return f"no rotation of {asked['universe']} is known yet: it takes 21 daily closes, or 14 weeks of funds"
    return f"no rotation against {asked['benchmark']} is stored; there is: {', '.join(benchmarks)}"


def _names(data: PublishedData, *, is_narratives: bool) -> dict[str, str]:
    if not is_narratives:
        return {asset.symbol: asset.symbol for asset in data.context.universe}
    return {row["series"]: row["name"] for row in data.rows(_LABELS)} if data.has("core.series") else {}


def _since(row: Mapping[str, Any]) -> str | None:
    if row["entered_at"] is None:
        return None
    entered: str = row["entered_at"].date().isoformat()
    return entered if row["is_seen_to_begin"] else f"{entered} or longer"


def _source(data: PublishedData, universe: str) -> str:
    if universe == "narratives":
        return data.credit(f"{data.market_source}.")
    return credit(data, BARS) if universe == "cross-asset" else credit(data, BARS, SHARES)


def _verdict(placebo: list[dict[str, Any]], universe: str) -> str:
    if not placebo:
        return NO_PLACEBO.capitalize()
    step = STEPS[universe]
    parts = (band_sentence(placebo[0], step), outside_sentence(placebo), backfilled_text(placebo, step))
    return "; ".join(filter(None, parts))


def _summary(placebo: list[dict[str, Any]], universe: str) -> tuple[str, ...]:
    sentences = (band_sentence(row, STEPS[universe]) for row in placebo)
    return tuple(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)


def _footnotes(body: Mapping[str, Any]) -> tuple[str, ...]:
    notes = [f"{TURNS_BY_ITSELF.capitalize()}; {EACH_ITS_OWN}."]
    if body["placebo"]:
        pooled = body["placebo"][0]
        notes.append(
            f"Judged over {pooled['n_series']:,} of {body['coverage']['n_series']:,} series and the "
            f"{pooled['n_steps']:,} {body['step']}s that all of these have."
        )
    if body["coverage"]["n_backfilled_closes"]:
        notes.append(
            f"Back-filled: {body['coverage']['n_backfilled_closes']:,} closes are before the first stored members and "
            "counted with those of later on, which flatters the past."
        )
    without = [row["series"] for row in body["coverage"]["without_the_newest_close"]]
    if without:
        notes.append(f"Without the newest close: {', '.join(without)}.")
    return tuple(notes)
