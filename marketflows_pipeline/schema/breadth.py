"""Tables of breadth and leadership: how many coins take part, who leads, what narratives share."""

from __future__ import annotations

from functools import partial

from marketflows_pipeline.schema.columns import COIN, flag, integer, moment, number, pct, text, usd
from marketflows_pipeline.schema.model import Table

_table = partial(Table, part="market_caps", may_be_empty=True)

_CAPS, _PRICES = "raw.market_caps.market_cap_usd", "raw.market_caps.price_usd"
_MEMBERS = "raw.narrative_members.coin_id"
_CLOSE = moment("ts", "Daily close")
_CATEGORY = text("category", "Narratives, Ranges, or Cohort for all ranges together")
_SERIES = text("series", "Narrative slug, a range's lower limit in whole dollars, or cohort")
_NARRATIVE = text("series", "Narrative slug as in the settings")
_BACKFILLED = flag(
    "is_backfilled", "Whether the coins were known later only, because no list of them was stored by then"
)

BREADTH_TABLES: tuple[Table, ...] = (
    _table(
        name="mart.breadth",
        grain="one universe at one daily close",
        key=("category", "series", "ts"),
        description=(
            "How many coins of a narrative, a range or the cohort take part in a move. Members are those of the close "
            "before, as they were known, with a price at both; ranges by their caps then. Null where fewer than 8 "
            "coins are known. Over all stored history, redenominations restated; a coin counts where it was observed "
            "in the 24 hours before a close."
        ),
        columns=(
            _CATEGORY,
            _SERIES,
            _CLOSE,
            integer("n", "Members of the close before whose price is known there and here"),
            integer("n_members", "Members of the close before"),
            _BACKFILLED,
            integer("n_advancing", "Coins whose price rose"),
            integer("n_declining", "Coins whose price fell"),
            number(
                "advance_decline", "1000 (advancing - declining) / (advancing + declining); 0 where none moved", _PRICES
            ),
            number(
                "mcclellan",
                "McClellan oscillator: EMA 19 less EMA 39 of advance_decline, null for the first 38 steps",
                _PRICES,
            ),
            *(
                pct(
                    f"above_ema_{span}_pct",
                    f"Coins above their EMA over {span} closes, of those that have as many",
                    _PRICES,
                )
                for span in (20, 50, 200)
            ),
            *(integer(f"n_ema_{span}", f"Coins with {span} closes or more") for span in (20, 50, 200)),
            *(
                pct(
                    f"beat_bitcoin_{days}d_pct",
                    f"Coins other than bitcoin that gained more than it in {days} days",
                    _PRICES,
                )
                for days in (7, 30, 90)
            ),
            *(
                integer(f"n_beat_{days}d", f"Coins other than bitcoin with a price {days} days ago")
                for days in (7, 30, 90)
            ),
            pct("median_return_pct", "Median of the coins' price returns since the close before", _PRICES),
            pct("cap_weighted_return_pct", "Their mean, weighted by market cap at the close before", _PRICES, _CAPS),
            number(
                "median_minus_cap_weighted_pct",
                "The one less the other: below 0 where few large coins lead",
                _PRICES,
                unit="pp",
            ),
            pct("dispersion_pct", "Standard deviation (n - 1) of the coins' returns, unweighted", _PRICES),
            number("hhi_index", "Herfindahl-Hirschman index of the market caps, 10,000 for a single coin", _CAPS),
            number("n_effective", "Equal coins that would be as concentrated: 10,000 / hhi_index", _CAPS, unit="coins"),
            number(
                "rank_churn_7d",
                "1 less the rank correlation of market caps 7 days ago and now: 0 where the order stayed",
                _CAPS,
            ),
            integer("n_ranked_7d", "Coins with a market cap 7 days ago and now"),
        ),
        as_of="ts",
    ),
    _table(
        name="mart.category_breadth",
        grain="one narrative's whole page at one observation, over one period",
        key=("series", "observed_at", "days"),
        description=(
            "Breadth of all that the service lists of a category (at most 250 coins, excluded ones left out), from the "
            "changes that the page itself gives, once a UTC day over the last 92 days. Null where fewer than 8 coins "
            "have one."
        ),
        columns=(
            _NARRATIVE,
            moment("observed_at", "When the page was asked for"),
            integer("days", "Period of the change: 1, 7 or 30", unit="days"),
            integer("n_listed", "Coins on the page that no exclusion drops"),
            integer("n", "Those with a change over the period"),
            integer("n_advancing", "Coins whose price rose"),
            integer("n_declining", "Coins whose price fell"),
            *(
                number(name, description, f"raw.narrative_members.price_change_{period}_pct", unit=unit)
                for name, description, unit, period in (
                    ("advancing_pct", "Coins whose price rose, of those with a change", "%", "7d"),
                    ("median_change_pct", "Median of the changes", "%", "7d"),
                    ("cap_weighted_change_pct", "Mean of the changes, weighted by market cap before", "%", "7d"),
                    ("median_minus_cap_weighted_pct", "The one less the other", "pp", "7d"),
                    ("dispersion_pct", "Standard deviation (n - 1) of the changes, unweighted", "%", "7d"),
                    ("beat_bitcoin_pct", "Coins other than bitcoin with a larger change than bitcoin's", "%", "7d"),
                )
            ),
            pct(
                "bitcoin_change_pct",
                "Bitcoin's own change, from the page of coins of the same run",
                "raw.cohort_members.price_change_7d_pct",
            ),
        ),
        as_of="observed_at",
    ),
    _table(
        name="mart.narrative_overlap",
        grain="two narratives at the newest daily close",
        key=("series", "other_series"),
        description=(
            "What each two narratives share, by the members known at the newest daily close and their market caps "
            "there. Each pair stands once, the first slug of the alphabet first."
        ),
        columns=(
            _NARRATIVE,
            text("other_series", "The other narrative"),
            _CLOSE,
            integer("n_shared", "Coins in both"),
            usd("shared_usd", "Their market cap", _CAPS, _MEMBERS, nullable=False),
            pct("of_smaller_pct", "Shared market cap, of that of the smaller narrative", _CAPS, _MEMBERS),
            pct("of_union_pct", "Shared market cap, of that of both together", _CAPS, _MEMBERS),
            _BACKFILLED,
        ),
        as_of="ts",
    ),
    _table(
        name="mart.market_map",
        grain="one coin at the newest daily close",
        key=("coin_id",),
        description=(
            "Every coin in one place: in the smallest narrative (by market cap of its members) that contains it, else "
            "in other, so that the parts add to 100 %. Coins: members of narratives, and those above the smallest "
            "range limit that no exclusion leaves out."
        ),
        columns=(
            COIN,
            text("series", "Narrative slug, or other"),
            _CLOSE,
            usd("market_cap_usd", "Market cap at the close", _CAPS, nullable=False),
            pct("share_pct", "Of all coins here", _CAPS, nullable=False),
            *(
                pct(
                    f"price_change_{days}d_pct",
                    f"Change of the coin's price over {days} day{'s' * (days > 1)}",
                    _PRICES,
                )
                for days in (1, 7, 30)
            ),
            integer("n_narratives", "Narratives that contain the coin"),
            usd("series_usd", "Market cap of all coins of the part", _CAPS, _MEMBERS, nullable=False),
            pct("series_share_pct", "Of all coins here", _CAPS, _MEMBERS, nullable=False),
            *(
                pct(
                    f"series_price_change_{days}d_pct",
                    f"Price change of the part's coins over {days} day{'s' * (days > 1)}, weighted by market cap "
                    "before",
                    _PRICES,
                    _CAPS,
                    _MEMBERS,
                )
                for days in (1, 7, 30)
            ),
            _BACKFILLED,
        ),
        as_of="ts",
    ),
    _table(
        name="mart.dominance",
        grain="one daily close",
        key=("ts",),
        description=(
            "Shares of bitcoin, ether and stablecoins, and totals without them, of the followed coins above the "
            "smallest range limit at each close; not of the whole market. Wrapped, staked and pegged coins are left "
            "out, since what they stand for is in it. Null where bitcoin or ether has no close."
        ),
        columns=(
            _CLOSE,
            integer("n", "Coins in the total"),
            integer("n_stablecoins", "Stablecoins among them"),
            usd("total_usd", "Market cap of all of them", _CAPS),
            pct("bitcoin_pct", "Bitcoin's share of the total", _CAPS),
            pct("ethereum_pct", "Ether's share", _CAPS),
            pct("stablecoins_pct", "Share of stablecoins; null where none are known", _CAPS, _MEMBERS),
            pct("others_pct", "Share of all other coins", _CAPS, _MEMBERS),
            usd("total_without_bitcoin_usd", "Total without bitcoin", _CAPS),
            usd("total_without_bitcoin_and_ethereum_usd", "Total without bitcoin and ether", _CAPS),
            usd("total_without_stablecoins_usd", "Total without stablecoins", _CAPS, _MEMBERS),
            _BACKFILLED,
        ),
        as_of="ts",
    ),
)
