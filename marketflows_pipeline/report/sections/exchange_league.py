"""Cards of trading volume: the league of exchanges, coins traded unusually much, and who reports no reserves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.wording import counted, names_text, share_text, value_text
from marketflows_pipeline.report.credits import COINGECKO, credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import UNUSUAL_Z, caption, joined, of_all, rows

VOLUME = """
select rank, name as exchange, exchange_id as exchange_key, volume_24h_btc, market_share_pct, volume_change_pct,
       volume_zscore, history_days
from mart.exchange_flows
where rank <= 20 or volume_zscore is not null
order by rank nulls last, exchange_id
"""
SIGNALS = """
select rank, name as coin, symbol, coin_id, volume_24h_usd, volume_to_mcap_pct, volume_zscore, history_days,
       price_change_24h_pct, score_basis, is_trending
from mart.whale_signals
where is_unusual
order by rank, coin_id
"""
WITHOUT_RESERVES = """
select name as exchange, exchange_key, volume_24h_btc, is_tracked, reason
from mart.exchange_coverage
where aspect = 'reserves'
order by volume_24h_btc desc nulls last, exchange_key
limit 20
"""
_CANDIDATES = "select count(*) as n from mart.whale_signals"
_COVERED = """
select (select count(*) from mart.exchange_coverage where aspect = 'reserves') as n_without,
       (select count(*) from core.exchanges where is_centralised) as n_centralised,
       (select list(name order by exchange_key) from mart.exchange_coverage
        where aspect = 'netflow' and is_tracked) as without_flow
"""


def volume_card(file: PublishedFile) -> Card | None:
    """Exchanges by volume, each against its own past; nothing where no volume is known."""
    league = rows(file, VOLUME)
    if league["volume_24h_btc"].drop_nulls().is_empty():
        return None
    return Card(
        key="exchanges-league",
        title=volume_title(league),
        subtitle=(
            "Spot volume of 24 hours in BTC and its share of all exchanges; against the mean of the exchange's own 7 "
            "days before, and as a z-score against its 60 days before"
        ),
        caption=caption(
            credit(file, COINGECKO),
            file.as_of("mart.exchange_flows"),
            "volume as the exchanges report it: activity, not money that moves in or out",
            "without a past, for exchanges that are not tracked, only the volume is known",
        ),
        dataset=Dataset("exchange_volume", league),
        columns=(
            FigureColumn("rank", "#", 0),
            FigureColumn("exchange", "Exchange"),
            FigureColumn("volume_24h_btc", "24 h (BTC)", 0),
            FigureColumn("market_share_pct", "Share (%)", 1),
            FigureColumn("volume_change_pct", "Against 7 d (%)", 1, signed=True),
            FigureColumn("volume_zscore", "z", 1, signed=True),
        ),
        sql=VOLUME,
        series_key="exchange_key",
        pictures=("Exchanges_market_share_tracked.png",),
        width=6,
    )


def volume_title(league: pl.DataFrame) -> str:
    """Who stands out: the exchange furthest from its own past, or the largest where none is unusual."""
    compared = league.drop_nulls("volume_zscore").sort(pl.col("volume_zscore").abs(), descending=True)
    unusual = compared.filter(pl.col("volume_zscore").abs() >= UNUSUAL_Z)
    if unusual.height:
        first = unusual.row(0, named=True)
        others = f"; {counted(unusual.height - 1, 'other')} unusual too" if unusual.height > 1 else ""
        score = value_text(first["volume_zscore"], 1, signed=True)
        return f"{first['exchange']}'s volume stands out: {_against_week(first)}z {score}{others}"
    largest = league.drop_nulls("volume_24h_btc").sort("volume_24h_btc", descending=True, maintain_order=True)
    first = largest.row(0, named=True)
    share = "" if first["market_share_pct"] is None else f", {share_text(first['market_share_pct'])} of the volume"
    if compared.is_empty():
        return f"{first['exchange']} trades most{share}"
    usual = of_all(compared.height, compared.height, "exchange")
    return f"Volume is usual at {usual} with a past; {first['exchange']} trades most{share}"


def signals_card(file: PublishedFile) -> Card:
    """Coins whose volume is unusual for their size: a proxy, in which no transaction is seen."""
    signals, candidates = rows(file, SIGNALS), file.frame(_CANDIDATES)["n"].item()
    return Card(
        key="exchanges-whales",
        title=signals_title(signals, candidates),
        subtitle="Whale signals by proxy: volume of 24 hours against market cap, and as a z-score over 60 days",
        caption=caption(
            credit(file, COINGECKO),
            file.as_of("mart.whale_signals"),
            "a proxy: no single transaction is seen, nor who bought or sold",
            "unusual is a z-score of 2 or more, or, with less than 20 days of history, volume above 10 % of market cap",
            "the change of price is no measure of money that came in",
        ),
        dataset=Dataset("whale_signals", signals),
        columns=(
            FigureColumn("rank", "#", 0),
            FigureColumn("coin", "Coin"),
            FigureColumn("symbol", "Symbol"),
            FigureColumn("volume_24h_usd", "24 h (M USD)", 1, divisor=1e6),
            FigureColumn("volume_to_mcap_pct", "Of market cap (%)", 1),
            FigureColumn("volume_zscore", "z", 1, signed=True),
            FigureColumn("price_change_24h_pct", "Price, 24 h (%)", 1, signed=True),
        ),
        sql=SIGNALS,
        series_key="coin_id",
        pictures=("Exchanges_whale_signals.png",),
    )


def signals_title(signals: pl.DataFrame, candidates: int) -> str:
    """How many coins are unusual, and which one most."""
    if signals.is_empty():
        return f"No coin of {candidates:,} is traded unusually much for its size (a proxy)"
    first = signals.row(0, named=True)
    if first["volume_zscore"] is not None:
        why = f": z {value_text(first['volume_zscore'], 1, signed=True)}"
    elif first["volume_to_mcap_pct"] is not None:
        why = f": volume is {value_text(first['volume_to_mcap_pct'], 0, signed=False)}% of its market cap"
    else:
        why = ""
    are = "is" if signals.height == 1 else "are"
    return (
        f"{of_all(signals.height, candidates, 'coin').capitalize()} {are} traded unusually much (a proxy), "
        f"{first['symbol']} most{why}"
    )


def without_reserves_card(file: PublishedFile) -> Card | None:
    """The largest centralised exchanges of which no reserves are known; nothing where all report them."""
    missing, counts = rows(file, WITHOUT_RESERVES), file.frame(_COVERED).row(0, named=True)
    if missing.is_empty():
        return None
    without_flow = names_text(sorted(counts["without_flow"] or ()))
    return Card(
        key="exchanges-coverage",
        title=without_reserves_title(missing["exchange"].to_list(), counts),
        subtitle="The 20 largest by volume of which no reserves are known, spot volume of 24 hours in BTC",
        caption=caption(
            credit(file, f"{COINGECKO} and DefiLlama"),
            file.as_of("mart.exchange_flows"),
            "what is said of reserves and net flow is said without these",
            f"tracked, but without a net flow: {without_flow}" if without_flow else "",
        ),
        dataset=Dataset("exchanges_without_reserves", missing),
        columns=(
            FigureColumn("exchange", "Exchange"),
            FigureColumn("volume_24h_btc", "24 h (BTC)", 0),
            FigureColumn("is_tracked", "Tracked"),
            FigureColumn("reason", "Why"),
        ),
        sql=WITHOUT_RESERVES,
        series_key="exchange_key",
    )


def without_reserves_title(largest: Sequence[str], counts: dict[str, Any]) -> str:
    """How many report no reserves, and the two largest of them."""
    without, centralised = counts["n_without"], counts["n_centralised"]
    names = joined(list(largest[:2]))
    if without == 1:
        return f"{names} reports no reserves"
    whole = of_all(without, centralised, "centralised exchange") if centralised >= without else f"{without:,} exchanges"
    return f"{whole.capitalize()} report no reserves{f', {names} the largest' if without > 2 else f': {names}'}"


def _against_week(row: dict[str, Any]) -> str:
    change = row["volume_change_pct"]
    if change is None:
        return ""
    side = "above" if change > 0 else "below"
    return f"{value_text(abs(change), 0, signed=False)}% {side} its 7-day mean, "
