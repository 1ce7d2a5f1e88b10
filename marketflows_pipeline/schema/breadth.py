"""Tables of breadth and leadership: how many coins take part, who leads, what narratives share."""

from __future__ import annotations

from marketflows_pipeline.schema.model import Column, DType, Table

_CAPS, _PRICES = "raw.market_caps.market_cap_usd", "raw.market_caps.price_usd"
_MEMBERS = "raw.narrative_members.coin_id"
_CLOSE = Column("ts", DType.TIME, "Daily close", "UTC")
_CATEGORY = Column("category", DType.TEXT, "Narratives, Ranges, or Cohort for all ranges together")
_SERIES = Column("series", DType.TEXT, "Narrative slug, a range's lower limit in whole dollars, or cohort")
_NARRATIVE = Column("series", DType.TEXT, "Narrative slug as in the settings")
_BACKFILLED = Column(
    "is_backfilled",
    DType.BOOL,
    "Whether the coins were known later only, because no list of them was stored by then",
)


def _count(name: str, description: str) -> Column:
    return Column(name, DType.INT, description)


def _measure(name: str, description: str, unit: str = "%", *derived_from: str) -> Column:
    return Column(name, DType.FLOAT, description, unit, nullable=True, derived_from=derived_from or (_PRICES,))


MART_BREADTH = Table(
    name="mart.breadth",
    part="market_caps",
    grain="one universe at one daily close",
    key=("category", "series", "ts"),
    description=(
        "How many coins of a narrative, a range or the cohort take part in a move. Members are those of the close "
        "before, as they were known, with a price at both; ranges by their caps then. Null where fewer than 8 coins "
        "are known. Over all stored history, redenominations restated; a coin counts where it was observed in the 24 "
        "hours before a close."
    ),
    columns=(
        _CATEGORY,
        _SERIES,
        _CLOSE,
        _count("n", "Members of the close before whose price is known there and here"),
        _count("n_members", "Members of the close before"),
        _BACKFILLED,
        _count("n_advancing", "Coins whose price rose"),
        _count("n_declining", "Coins whose price fell"),
        _measure("advance_decline", "1000 (advancing - declining) / (advancing + declining); 0 where none moved", ""),
        _measure(
            "mcclellan",
            "McClellan oscillator: EMA 19 less EMA 39 of advance_decline, null for the first 38 steps",
            "",
        ),
        *(
            _measure(f"above_ema_{span}_pct", f"Coins above their EMA over {span} closes, of those that have as many")
            for span in (20, 50, 200)
        ),
        *(_count(f"n_ema_{span}", f"Coins with {span} closes or more") for span in (20, 50, 200)),
        *(
            _measure(f"beat_bitcoin_{days}d_pct", f"Coins other than bitcoin that gained more than it in {days} days")
            for days in (7, 30, 90)
        ),
        *(_count(f"n_beat_{days}d", f"Coins other than bitcoin with a price {days} days ago") for days in (7, 30, 90)),
        _measure("median_return_pct", "Median of the coins' price returns since the close before"),
        _measure(
            "cap_weighted_return_pct", "Their mean, weighted by market cap at the close before", "%", _PRICES, _CAPS
        ),
        _measure("median_minus_cap_weighted_pct", "The one less the other: below 0 where few large coins lead", "pp"),
        _measure("dispersion_pct", "Standard deviation (n - 1) of the coins' returns, unweighted"),
        _measure("hhi_index", "Herfindahl-Hirschman index of the market caps, 10,000 for a single coin", "", _CAPS),
        _measure("n_effective", "Equal coins that would be as concentrated: 10,000 / hhi_index", "coins", _CAPS),
        _measure(
            "rank_churn_7d",
            "1 less the rank correlation of market caps 7 days ago and now: 0 where the order stayed",
            "",
            _CAPS,
        ),
        _count("n_ranked_7d", "Coins with a market cap 7 days ago and now"),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_CATEGORY_BREADTH = Table(
    name="mart.category_breadth",
    part="market_caps",
    grain="one narrative's whole page at one observation, over one period",
    key=("series", "observed_at", "days"),
    description=(
        "Breadth of all that the service lists of a category (at most 250 coins, excluded ones left out), from the "
        "changes that the page itself gives, once a UTC day over the last 92 days. Null where fewer than 8 coins have "
        "one."
    ),
    columns=(
        _NARRATIVE,
        Column("observed_at", DType.TIME, "When the page was asked for", "UTC"),
        Column("days", DType.INT, "Period of the change: 1, 7 or 30", "days"),
        _count("n_listed", "Coins on the page that no exclusion drops"),
        _count("n", "Those with a change over the period"),
        _count("n_advancing", "Coins whose price rose"),
        _count("n_declining", "Coins whose price fell"),
        *(
            _measure(name, description, unit, f"raw.narrative_members.price_change_{period}_pct")
            for name, description, unit, period in (
                ("advancing_pct", "Coins whose price rose, of those with a change", "%", "7d"),
                ("median_change_pct", "Median of the changes", "%", "7d"),
                ("cap_weighted_change_pct", "Mean of the changes, weighted by market cap before", "%", "7d"),
                ("median_minus_cap_weighted_pct", "The one less the other", "pp", "7d"),
                ("dispersion_pct", "Standard deviation (n - 1) of the changes, unweighted", "%", "7d"),
                ("beat_bitcoin_pct", "Coins other than bitcoin with a larger change than bitcoin's", "%", "7d"),
            )
        ),
        _measure(
            "bitcoin_change_pct",
            "Bitcoin's own change, from the page of coins of the same run",
            "%",
            "raw.cohort_members.price_change_7d_pct",
        ),
    ),
    as_of="observed_at",
    may_be_empty=True,
)

MART_NARRATIVE_OVERLAP = Table(
    name="mart.narrative_overlap",
    part="market_caps",
    grain="two narratives at the newest daily close",
    key=("series", "other_series"),
    description=(
        "What each two narratives share, by the members known at the newest daily close and their market caps there. "
        "Each pair stands once, the first slug of the alphabet first."
    ),
    columns=(
        _NARRATIVE,
        Column("other_series", DType.TEXT, "The other narrative"),
        _CLOSE,
        _count("n_shared", "Coins in both"),
        Column("shared_usd", DType.FLOAT, "Their market cap", "USD", derived_from=(_CAPS, _MEMBERS)),
        _measure("of_smaller_pct", "Shared market cap, of that of the smaller narrative", "%", _CAPS, _MEMBERS),
        _measure("of_union_pct", "Shared market cap, of that of both together", "%", _CAPS, _MEMBERS),
        _BACKFILLED,
    ),
    as_of="ts",
    may_be_empty=True,
)

_MAP_CHANGES = tuple(
    _measure(f"price_change_{days}d_pct", f"Change of the coin's price over {days} day{'s' * (days > 1)}")
    for days in (1, 7, 30)
)

MART_MARKET_MAP = Table(
    name="mart.market_map",
    part="market_caps",
    grain="one coin at the newest daily close",
    key=("coin_id",),
    description=(
        "Every coin in one place: in the smallest narrative (by market cap of its members) that contains it, else in "
        "other, so that the parts add to 100 %. Coins: members of narratives, and those above the smallest range limit "
        "that no exclusion leaves out."
    ),
    columns=(
        Column("coin_id", DType.TEXT, "Coin id of the market-cap provider"),
        Column("series", DType.TEXT, "Narrative slug, or other"),
        _CLOSE,
        Column("market_cap_usd", DType.FLOAT, "Market cap at the close", "USD", derived_from=(_CAPS,)),
        Column("share_pct", DType.FLOAT, "Of all coins here", "%", derived_from=(_CAPS,)),
        *_MAP_CHANGES,
        _count("n_narratives", "Narratives that contain the coin"),
        Column("series_usd", DType.FLOAT, "Market cap of all coins of the part", "USD", derived_from=(_CAPS, _MEMBERS)),
        Column("series_share_pct", DType.FLOAT, "Of all coins here", "%", derived_from=(_CAPS, _MEMBERS)),
        *(
            _measure(
                f"series_price_change_{days}d_pct",
                f"Price change of the part's coins over {days} day{'s' * (days > 1)}, weighted by market cap before",
                "%",
                _PRICES,
                _CAPS,
                _MEMBERS,
            )
            for days in (1, 7, 30)
        ),
        _BACKFILLED,
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_DOMINANCE = Table(
    name="mart.dominance",
    part="market_caps",
    grain="one daily close",
    key=("ts",),
    description=(
        "Shares of bitcoin, ether and stablecoins, and totals without them, of the followed coins above the smallest "
        "range limit at each close; not of the whole market. Wrapped, staked and pegged coins are left out, since "
        "what they stand for is in it. Null where bitcoin or ether has no close."
    ),
    columns=(
        _CLOSE,
        _count("n", "Coins in the total"),
        _count("n_stablecoins", "Stablecoins among them"),
        _measure("total_usd", "Market cap of all of them", "USD", _CAPS),
        _measure("bitcoin_pct", "Bitcoin's share of the total", "%", _CAPS),
        _measure("ethereum_pct", "Ether's share", "%", _CAPS),
        _measure("stablecoins_pct", "Share of stablecoins; null where none are known", "%", _CAPS, _MEMBERS),
        _measure("others_pct", "Share of all other coins", "%", _CAPS, _MEMBERS),
        _measure("total_without_bitcoin_usd", "Total without bitcoin", "USD", _CAPS),
        _measure("total_without_bitcoin_and_ethereum_usd", "Total without bitcoin and ether", "USD", _CAPS),
        _measure("total_without_stablecoins_usd", "Total without stablecoins", "USD", _CAPS, _MEMBERS),
        _BACKFILLED,
    ),
    as_of="ts",
    may_be_empty=True,
)

BREADTH_TABLES: tuple[Table, ...] = (
    MART_BREADTH,
    MART_CATEGORY_BREADTH,
    MART_NARRATIVE_OVERLAP,
    MART_MARKET_MAP,
    MART_DOMINANCE,
)
