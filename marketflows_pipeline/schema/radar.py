"""The radar of categories: what CoinGecko's categories did lately, against their own past."""

from __future__ import annotations

from functools import partial

from marketflows_pipeline.schema.columns import NAME, date, integer, moment, number, pct, text, usd
from marketflows_pipeline.schema.model import Column, Table

_table = partial(Table, part="market_caps", may_be_empty=True)

_RAW = "raw.category_snapshots"


def _unusualness(of: str, source: str) -> tuple[Column, ...]:
    """A change of the sum, how unusual it is, and how many past ones that rests on."""
    what = {"cap": "market cap", "volume": "24 h trading volume"}[of]
    return (
        pct(f"{of}_change_pct", f"Change of the {what} since before_at; null where either is not known", source),
        number(
            f"{of}_change_zscore",
            "That change against mean and standard deviation of the category's own past changes over as many days; "
            "null with fewer than 20",
            source,
        ),
        pct(
            f"{of}_change_percentile_pct",
            "Share of those past changes that are lower, equal ones counted half; null with fewer than 20",
            source,
        ),
        integer(
            f"n_past_{of}_changes",
            "Past changes over as many days, up to 400 days back; those over 7 and 30 days overlap each other",
        ),
    )


RADAR_TABLES: tuple[Table, ...] = (
    _table(
        name="mart.category_radar",
        grain="one category of the newest daily snapshot over one period",
        key=("category_id", "period_days"),
        description=(
            "What each of the provider's categories did over 1, 7 and 30 days, against its own past. A category is "
            "summed by the service over the members that it has at the moment: who joins or leaves changes the sum, "
            "categories overlap, and a change of market cap is mostly one of price. No index level, and never chained "
            "to one."
        ),
        columns=(
            text("category_id", "Category slug of the market-cap provider"),
            integer("period_days", "1, 7 or 30: between the UTC days that are compared", unit="days"),
            NAME,
            text(
                "kind",
                "ecosystem (coins of one chain) or venture_portfolio (holdings of one investor) by the words of its "
                "name, else narrative",
            ),
            date("day", "UTC day of the newest snapshot"),
            moment("observed_at", "Time of the newest snapshot"),
            usd("market_cap_usd", "Sum of its coins' market caps as the service gives it", f"{_RAW}.market_cap_usd"),
            usd("volume_24h_usd", "Trading volume of its coins in 24 hours", f"{_RAW}.volume_24h_usd"),
            moment(
                "before_at",
                "Time of the snapshot it is compared with, that of the day period_days before; null where none is "
                "stored",
                nullable=True,
            ),
            *_unusualness("cap", f"{_RAW}.market_cap_usd"),
            *_unusualness("volume", f"{_RAW}.volume_24h_usd"),
            integer("rank", "Place by market cap among categories of its kind, from 1", nullable=True),
            integer(
                "rank_change",
                "Places gained since before_at, among the categories of its kind that have a market cap at both times",
                f"{_RAW}.market_cap_usd",
                nullable=True,
            ),
            text(
                "near_duplicate_of",
                "The most alike larger category of its kind, where they share two or three of their three largest "
                "coins",
                f"{_RAW}.top_3_coins_id",
                nullable=True,
            ),
            number(
                "jaccard",
                "Coins that both have among their three largest over those that either has: 0.5 or 1. Coarse: all "
                "other members are unknown",
                f"{_RAW}.top_3_coins_id",
                unit="0 to 1",
            ),
            text("reason", "Why change or unusualness of the market cap is null", nullable=True),
        ),
        as_of="observed_at",
    ),
)
