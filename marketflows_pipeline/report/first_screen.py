"""The first screen: five numbers of the day, and the gains of the series that are followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any, cast

import polars as pl

from marketflows_pipeline.charts.market_caps.wording import hours_text
from marketflows_pipeline.charts.style.wording import (
    counted,
    day_text,
    moment,
    percent_text,
    share_text,
    usd_text,
    value_text,
)
from marketflows_pipeline.report.gaps import course, usual_step
from marketflows_pipeline.report.guard import guarded
from marketflows_pipeline.report.model import GainRow, Gains, Tile
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.transforms.categories import NARRATIVES, PORTFOLIOS, RANGES

# Points of a sparkline: days, or sessions.
COURSE = 90
WEEK = timedelta(days=7)
FLOW_SESSIONS = 21

_TOTALS = "select ts, n, total_usd, bitcoin_pct from mart.dominance order by ts desc limit $course"
_INDEX = """
select s.label, i.series, i.ts, i.price_index
from mart.narrative_index i join core.series s using (category, series)
where i.category = 'Narratives' and i.base_asset = 'us-dollar' and not i.is_provisional
    and i.ts > (select max(ts) from mart.narrative_index where not is_provisional) - to_days($course)
order by s.sort_order, i.ts
"""
_FUNDS = """
select window_sessions, symbol, name, session, flow_usd, flow_pct_of_market_cap as flow_pct,
       count(*) over (partition by window_sessions) as n_funds
from mart.flow_rankings
where flow_method in ('shares', 'aum') and flow_usd is not null and flow_pct_of_market_cap is not null
    and sessions_known = window_sessions
qualify window_sessions = coalesce(
    max(window_sessions) filter (window_sessions <= $sessions) over (), min(window_sessions) over ()
)
order by abs(flow_pct_of_market_cap) desc, symbol limit 1
"""
_FUND_COURSE = """
select session, case when flow_usd is not null then sum(flow_usd) over (order by session) end as flow_usd
from (select session, flow_usd from core.asset_flows where symbol = $symbol order by session desc limit $course)
order by session
"""
_NET_FLOWS = """
select day, previous_day, slug, netflow_mid_usd as netflow_usd from mart.exchange_netflow
where day > (select max(day) from mart.exchange_netflow) - $course order by day, slug
"""
_REGIMES = "select session, vix, vix_percentile, regime from mart.regimes order by session desc limit $course"

# More rows and columns than that are no first screen.
MOST_OF_A_CATEGORY, MOST_SPANS = 8, 5
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


def tiles_of(file: PublishedFile) -> tuple[Tile, ...]:
    """Market cap of what is tracked, leading narrative, largest fund flow, exchanges, regime: those that are known."""
    # One number that cannot be told must not cost the others.
    made = (guarded(f"tile {what}", partial(tile, file), None) for table, what, tile in _TILES if file.has(table))
    return tuple(tile for tile in made if tile is not None)


def _closes(file: PublishedFile, known: str) -> pl.DataFrame:
    """Closes of all tracked coins, the oldest first, of which a column is known."""
    return file.frame(_TOTALS, {"course": COURSE}).sort("ts").drop_nulls(known)


def _market_cap(file: PublishedFile) -> Tile | None:
    closes = _closes(file, "total_usd")
    if closes.is_empty():
        return None
    newest, before = _newest_and_week_before(closes)
    comparison = "no close of a week before"
    if before is not None:
        comparison = f"{percent_text(_change(before['total_usd'], newest['total_usd']))} in a week, mostly price"
        if before["n"] != newest["n"]:
            comparison += f"; {before['n']} coins then"
    return Tile(
        label=f"Market cap, {counted(newest['n'], 'tracked coin')}",
        value=usd_text(newest["total_usd"]),
        comparison=comparison,
        href="#dominance",
        line=course(closes, "total_usd"),
    )


def _leader(file: PublishedFile) -> Tile | None:
    closes = file.frame(_INDEX, {"course": COURSE})
    changes = {}
    for (series,), own in closes.group_by("series", maintain_order=True):
        newest, before = _newest_and_week_before(own)
        if before is not None and newest["ts"] == closes["ts"].max():
            changes[series] = _change(before["price_index"], newest["price_index"])
    if not changes:
        return None
    leader = max(changes, key=lambda series: changes[series])
    own = closes.filter(pl.col("series") == leader)
    return Tile(
        label=f"First of {counted(len(changes), 'narrative')} in a week",
        value=own["label"][0],
        comparison=f"{percent_text(changes[leader])} by price index, not inflow",
        href="#narratives-index",
        line=course(own, "price_index"),
    )


def _fund_flow(file: PublishedFile) -> Tile | None:
    found = file.frame(_FUNDS, {"sessions": FLOW_SESSIONS})
    if found.is_empty():
        return _dominance(file)
    fund = found.row(0, named=True)
    sessions = file.frame(_FUND_COURSE, {"symbol": fund["symbol"], "course": COURSE})
    return Tile(
        label=f"{fund['name']}, {counted(fund['window_sessions'], 'session')}",
        value=usd_text(fund["flow_usd"], signed=True),
        comparison=f"{percent_text(fund['flow_pct'])} of its assets, {_funds(fund['n_funds'])}",
        href="#cross-asset-flows",
        line=tuple(sessions["flow_usd"]),
    )


def _funds(known: int) -> str:
    if known == 1:
        return "the only fund whose flow is known"
    return f"the largest share of {known} funds whose flow is known"


def _dominance(file: PublishedFile) -> Tile | None:
    if not file.has("mart.dominance"):
        return None
    closes = _closes(file, "bitcoin_pct")
    if closes.is_empty():
        return None
    newest, before = _newest_and_week_before(closes)
    change = "no close of a week before"
    if before is not None:
        change = f"{value_text(newest['bitcoin_pct'] - before['bitcoin_pct'], 1, signed=True)} points in a week"
    return Tile(
        label="Bitcoin's share of tracked coins",
        value=share_text(newest["bitcoin_pct"]),
        comparison=change,
        href="#dominance",
        line=course(closes, "bitcoin_pct"),
    )


def _exchanges(file: PublishedFile) -> Tile | None:
    """Net flow of a week over the exchanges of which every day is known; a sum with gaps would be none."""
    flows = file.frame(_NET_FLOWS, {"course": COURSE}).drop_nulls("netflow_usd")
    if flows.is_empty():
        return None
    last = cast("date", flows["day"].max())
    week = flows.filter(pl.col("day") > last - WEEK, pl.col("previous_day") >= last - WEEK)
    known = week.group_by("slug").len().filter(pl.col("len") == WEEK.days)["slug"]
    if known.is_empty():
        return None
    total = float(week.filter(pl.col("slug").is_in(known.implode()))["netflow_usd"].sum())
    daily = flows.filter(pl.col("slug").is_in(known.implode())).group_by("day").agg(pl.col("netflow_usd").sum())
    return Tile(
        label="Net flow of exchanges, 7 days",
        value=usd_text(total, signed=True),
        comparison=f"{counted(known.len(), 'exchange')}, reported wallets, to {day_text(last)}",
        href="#exchanges-netflow",
        line=course(daily, "netflow_usd", time="day"),
    )


def _regime(file: PublishedFile) -> Tile | None:
    sessions = file.frame(_REGIMES, {"course": COURSE}).sort("session")
    known = sessions.drop_nulls("regime")
    if known.is_empty():
        return None
    newest = known.row(-1, named=True)
    return Tile(
        label=f"Regime, {day_text(newest['session'])}",
        value=newest["regime"].replace("_", "-").capitalize(),
        comparison="; ".join(_vix_words(newest)),
        href="#cross-asset-regimes",
        line=tuple(sessions["vix"]),
    )


def _vix_words(session: dict[str, Any]) -> Iterator[str]:
    if session["vix"] is None:
        yield "VIX unknown"
    else:
        yield f"VIX {value_text(session['vix'], 1, signed=False)}"
        if session["vix_percentile"] is not None:
            yield f"{share_text(100 * session['vix_percentile'])} of a year's sessions were lower"


def _newest_and_week_before(rows: pl.DataFrame) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The last row, and that of a week before; None where there is none."""
    newest = rows.row(-1, named=True)
    return newest, next(rows.filter(pl.col("ts") == newest["ts"] - WEEK).iter_rows(named=True), None)


def _change(before: float, now: float) -> float:
    return 100 * (now / before - 1) if before else float("nan")


_TILES: tuple[tuple[str, str, Callable[[PublishedFile], Tile | None]], ...] = (
    ("mart.dominance", "market cap", _market_cap),
    ("mart.narrative_index", "leader", _leader),
    ("mart.flow_rankings", "fund flow", _fund_flow),
    ("mart.exchange_netflow", "exchanges", _exchanges),
    ("mart.regimes", "regime", _regime),
)


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
    words = [note, "Mostly price, not money that came in.", f"Line: {COURSE} days.", *cut]
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
    totals = file.frame(_COURSES, {"days": COURSE})
    step = usual_step(totals)
    found = totals.partition_by(["category", "series"], as_dict=True, include_key=False)
    return {(category, series): course(rows, "market_cap_usd", step) for (category, series), rows in found.items()}
