"""The card of fresh money: measures side by side, never added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.wording import counted, usd_text
from marketflows_pipeline.report.credits import BARS, SHARES, market_credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, rows
from marketflows_pipeline.report.sections.exchange_netflow import CLASS_NAMES
from marketflows_pipeline.transforms.cross_asset.flow_windows import (
    ASSET,
    COINS,
    WEEK,
    WINDOWS,
    newest_windows,
    unit_name,
)
from marketflows_pipeline.transforms.cross_asset.stablecoins import issuance_by_span
from marketflows_pipeline.transforms.exchanges.netflow_sums import sum_by_class

ISSUANCE, BY_CLASS = "core.stablecoin_issuance", "mart.exchange_netflow_by_class"
DAYS = (1, 7, 30)
ALL_FUNDS = "all funds"
STABLECOINS, FUNDS, ON_EXCHANGES = "Stablecoins issued", "Fund creations", "Net flow of exchanges"
_SPANS = ("day_usd", "week_usd", "month_usd")
# What stablecoins and exchanges are summed from; funds are those of the card of flows.
ISSUED_SQL = "select coin_id, day, supply, issuance_usd from core.stablecoin_issuance order by coin_id, day"
_RECORDS = """
select slug, day, previous_day, asset_class, netflow_mid_usd, price_effect_mid_usd, netflow_units, reserves_usd,
       reserves_units
from mart.exchange_netflow_by_class
where day > (select max(day) from mart.exchange_netflow_by_class) - 30
order by slug, day, asset_class
"""
_ISSUED_PART = """
select 'Stablecoins issued' as measure, coin_id as of, day, issuance_usd as usd from core.stablecoin_issuance
where day > (select max(day) from core.stablecoin_issuance) - 31
  and day < (select max(day) from core.stablecoin_issuance)
"""
_RECORDS_PART = """
select 'Net flow of exchanges' as measure, slug || ', ' || asset_class as of, day, netflow_mid_usd as usd
from mart.exchange_netflow_by_class
where day > (select max(day) from mart.exchange_netflow_by_class) - 30
"""
_FUNDS_PART = """
select 'Fund creations' as measure, symbol as of, trade_session as day,
       coalesce(trade_flow_usd, trade_gap_flow_usd) as usd
from core.asset_flows
where trade_session > (select max(session) from core.asset_flows) - 45 and flow_method in ('shares', 'aum')
"""


def fresh_money_card(file: PublishedFile, windows: pl.DataFrame | None) -> Card | None:
    """Issuance, creations and net flow of exchanges beside each other; nothing where none is known.

    Args:
        file: the published file.
        windows: flows by unit, as `windows_of` returns them; None where the file has no flows.
    """
    lines = [*_stablecoins(file), *([] if windows is None else funds_lines(windows)), *_exchanges(file)]
    known = [line for line in lines if any(line[span] is not None for span in _SPANS)]
    if not known:
        return None
    money = pl.DataFrame(known, schema=_SCHEMA)
    parts = {STABLECOINS: _ISSUED_PART, FUNDS: _FUNDS_PART, ON_EXCHANGES: _RECORDS_PART}
    present = [part for measure, part in parts.items() if measure in set(money["measure"])]
    # Figures of two tables are no newer than the older one.
    times = (file.as_of(table) for table in ("raw.market_caps", BARS, BY_CLASS))
    return Card(
        key="cross-asset-fresh-money",
        title=fresh_money_title(money),
        subtitle="Million USD over 1, 7 and 30 days, of funds over 1, 5 and 21 sessions, each to its own last day",
        caption=caption(
            market_credit(file, BARS, SHARES),
            min((each for each in times if each is not None), default=None),
            "" if file.is_tutorial else f"stablecoins: {file.market_credit}; exchanges: DefiLlama",
            "never added: a new stablecoin that is sent to an exchange and pays for bitcoin is in three of them",
            "who holds new stablecoins is not known; a creation may hedge a short sale; coins that come to an exchange "
            "may be for sale, a pledge, or a move between wallets",
        ),
        dataset=Dataset("fresh_money", money),
        columns=(
            FigureColumn("measure", "Measure"),
            FigureColumn("of", "Of"),
            FigureColumn("day_usd", "A day (M USD)", 1, signed=True, divisor=1e6),
            FigureColumn("week_usd", "A week (M USD)", 1, signed=True, divisor=1e6),
            FigureColumn("month_usd", "A month (M USD)", 1, signed=True, divisor=1e6),
            FigureColumn("to_day", "To"),
        ),
        sql="union all".join(present) + "order by measure, of, day\n",
        width=6,
    )


_SCHEMA = {"measure": pl.String, "of": pl.String, **dict.fromkeys(_SPANS, pl.Float64), "to_day": pl.Date}


def fresh_money_title(money: pl.DataFrame) -> str:
    """The week of each measure, side by side."""
    wanted = (
        (STABLECOINS, "", "stablecoins issued"),
        (FUNDS, ALL_FUNDS, "funds"),
        (ON_EXCHANGES, "Stablecoins", "stablecoins on exchanges"),
    )
    parts = []
    for measure, of, name in wanted:
        rows_of = money.filter(pl.col("measure") == measure, pl.col("of").str.starts_with(of))
        week = rows_of["week_usd"].drop_nulls()
        if week.len():
            parts.append(f"{name} {usd_text(week[0], signed=True)}")
    text = ", ".join(parts) or "known for other measures and spans alone"
    return f"Fresh money in a week, by measure: {text}"


def _stablecoins(file: PublishedFile) -> Iterator[dict[str, Any]]:
    if not file.has(ISSUANCE):
        return
    issuance = rows(file, ISSUED_SQL)
    newest: date = issuance["day"].sort()[-1]
    # The newest day may still be under way.
    until = newest - timedelta(days=1)
    coins = counted(issuance["coin_id"].n_unique(), "coin")
    yield _line(STABLECOINS, f"{coins} followed", issuance_by_span(issuance, DAYS, until=until), until)


def funds_lines(windows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """All funds and each class of them, by windows of 1, 5 and 21 sessions."""
    newest = newest_windows(windows).filter(pl.col("kind") != COINS, pl.col("level") != ASSET)
    by_unit: dict[str, dict[int, dict[str, Any]]] = {}
    for row in newest.to_dicts():
        by_unit.setdefault(unit_name(row), {})[row["window_sessions"]] = row
    for name, found in sorted(by_unit.items(), key=lambda item: (item[0] != ALL_FUNDS, item[0])):
        week = found.get(WEEK, {"n_known": 0, "n_assets": 0})
        partly = f", {week['n_known']} of {week['n_assets']} known" if week["n_known"] < week["n_assets"] else ""
        sums = [found[window]["flow_usd"] if window in found else None for window in WINDOWS]
        yield _line(FUNDS, f"{name}{partly}", sums, newest["session"][0])


def _exchanges(file: PublishedFile) -> Iterator[dict[str, Any]]:
    if not file.has(BY_CLASS):
        return
    records = rows(file, _RECORDS).to_dicts()
    if not records:
        return
    newest = max(record["day"] for record in records)
    begins = (newest - timedelta(days=days) for days in DAYS)
    # A flow since before the span is not the span's.
    inside = (
        [each for each in records if each["day"] > begin and (each["previous_day"] or begin) >= begin]
        for begin in begins
    )
    spans = [{each["asset_class"]: each["netflow_mid_usd"] for each in sum_by_class(some)} for some in inside]
    for name in sorted({each["asset_class"] for each in records}, key=lambda name: (name != "stablecoins", name)):
        yield _line(ON_EXCHANGES, CLASS_NAMES.get(name, name), [sums.get(name) for sums in spans], newest)


def _line(measure: str, of: str, known: Sequence[float | None], to_day: date) -> dict[str, Any]:
    return {"measure": measure, "of": of, **dict(zip(_SPANS, known, strict=True)), "to_day": to_day}
