"""The radar of categories: what CoinGecko's categories did lately, against their own past."""

from __future__ import annotations

from marketflows_pipeline.schema.model import Column, DType, Table

_RAW = "raw.category_snapshots"


def _pct(name: str, description: str, *derived_from: str, nullable: bool = True) -> Column:
    return Column(name, DType.FLOAT, description, "%", nullable=nullable, derived_from=derived_from)


def _usd(name: str, description: str, *derived_from: str) -> Column:
    return Column(name, DType.FLOAT, description, "USD", nullable=True, derived_from=derived_from)


def _unusualness(of: str, source: str) -> tuple[Column, ...]:
    """A change of the sum, how unusual it is, and how many past ones that rests on."""
    what = {"cap": "market cap", "volume": "24 h trading volume"}[of]
    return (
        _pct(f"{of}_change_pct", f"Change of the {what} since before_at; null where either is not known", source),
        Column(
            f"{of}_change_zscore",
            DType.FLOAT,
            "That change against mean and standard deviation of the category's own past changes over as many days; "
            "null with fewer than 20",
            nullable=True,
            derived_from=(source,),
        ),
        _pct(
            f"{of}_change_percentile_pct",
            "Share of those past changes that are lower, equal ones counted half; null with fewer than 20",
            source,
        ),
        Column(
            f"n_past_{of}_changes",
            DType.INT,
            "Past changes over as many days, up to 400 days back; those over 7 and 30 days overlap each other",
        ),
    )


MART_CATEGORY_RADAR = Table(
    name="mart.category_radar",
    part="market_caps",
    grain="one category of the newest daily snapshot over one period",
    key=("category_id", "period_days"),
    description=(
        "What each of the provider's categories did over 1, 7 and 30 days, against its own past. A category is summed "
        "by the service over the members that it has at the moment: who joins or leaves changes the sum, categories "
        "overlap, and a change of market cap is mostly one of price. No index level, and never chained to one."
    ),
    columns=(
        Column("category_id", DType.TEXT, "Category slug of the market-cap provider"),
        Column("period_days", DType.INT, "1, 7 or 30: between the UTC days that are compared", "days"),
        Column("name", DType.TEXT, "Display name"),
        Column(
            "kind",
            DType.TEXT,
            "ecosystem (coins of one chain) or venture_portfolio (holdings of one investor) by the words of its name, "
            "else narrative",
        ),
        Column("day", DType.DATE, "UTC day of the newest snapshot"),
        Column("observed_at", DType.TIME, "Time of the newest snapshot", "UTC"),
        _usd("market_cap_usd", "Sum of its coins' market caps as the service gives it", f"{_RAW}.market_cap_usd"),
        _usd("volume_24h_usd", "Trading volume of its coins in 24 hours", f"{_RAW}.volume_24h_usd"),
        Column(
            "before_at",
            DType.TIME,
            "Time of the snapshot it is compared with, that of the day period_days before; null where none is stored",
            "UTC",
            nullable=True,
        ),
        *_unusualness("cap", f"{_RAW}.market_cap_usd"),
        *_unusualness("volume", f"{_RAW}.volume_24h_usd"),
        Column("rank", DType.INT, "Place by market cap among categories of its kind, from 1", nullable=True),
        Column(
            "rank_change",
            DType.INT,
            "Places gained since before_at, among the categories of its kind that have a market cap at both times",
            nullable=True,
            derived_from=(f"{_RAW}.market_cap_usd",),
        ),
        Column(
            "near_duplicate_of",
            DType.TEXT,
            "The most alike larger category of its kind, where they share two or three of their three largest coins",
            nullable=True,
            derived_from=(f"{_RAW}.top_3_coins_id",),
        ),
        Column(
            "jaccard",
            DType.FLOAT,
            "Coins that both have among their three largest over those that either has: 0.5 or 1. Coarse: all other "
            "members are unknown",
            "0 to 1",
            nullable=True,
            derived_from=(f"{_RAW}.top_3_coins_id",),
        ),
        Column("reason", DType.TEXT, "Why change or unusualness of the market cap is null", nullable=True),
    ),
    as_of="observed_at",
    may_be_empty=True,
)

RADAR_TABLES: tuple[Table, ...] = (MART_CATEGORY_RADAR,)
