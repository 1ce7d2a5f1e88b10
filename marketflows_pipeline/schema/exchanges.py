"""Tables of the exchange part: volumes, reserves, net flows, whale signals, concentration."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from marketflows_pipeline.schema.columns import (
    EXCHANGE_KEY,
    FETCHED,
    NAME,
    OBSERVED,
    SLUG,
    date,
    flag,
    integer,
    moment,
    number,
    pct,
    text,
    usd,
)
from marketflows_pipeline.schema.model import Column, DType, Table

_table = partial(Table, part="exchanges")

_FIRST_SEEN = moment(
    "first_seen_at",
    "First answer that held the row once its UTC day was over; later ones change the figure, not what was first seen",
    nullable=True,
)
_EXCHANGE_ID = text("exchange_id", "CoinGecko exchange id, such as gdax for Coinbase")
_TOKEN = text("token", "Token symbol as the service gives it; different assets may share one")
_VOLUME = number("volume_24h_btc", "Spot volume of the 24 hours before, a rolling sum", unit="BTC", nullable=False)
_TRUST = number("trust_score", "CoinGecko's trust score, 1 to 10, as given")
_TRUST_RANK = integer("trust_score_rank", "CoinGecko's rank by trust score", nullable=True)
_YEAR = integer("year_established", "Year of foundation as the service gives it", nullable=True)
_COUNTRY = text("country", "Country as the service gives it", nullable=True)
_URL = text("url", "Web address", nullable=True)
_SOURCE = text("source", "Which answer brought it, such as coingecko:exchanges")
_DAY = date("day", "Day in UTC")
_SEGMENT = text(
    "segment",
    "all; centralised or decentralised (as CoinGecko says of the 150 largest, else centralised in DefiLlama's list, or "
    "in neither); tracked (those of the settings)",
)
_MEASURE = text("measure", "spot_volume, reserves or derivatives_volume")
_LEFT_OUT = {
    "new": "tokens that were not there the day before",
    "vanished": "tokens that are not there any more",
    "dust": "tokens below 10,000 USD or 0.01 % of the smaller total, before or after",
    "absurd": "tokens whose flow would exceed twice what is held, an error of data",
    "own_token": "the exchange's own tokens",
    "unpriced": "tokens without a quantity or a value, or with one of them 0",
    "negative": "tokens with a quantity or value below 0",
    "quarantined": "tokens whose record, or the one before, is quarantined",
}
# What many columns are computed from.
_VALUE = "raw.cex_token_balances.value_usd"
_QUANTITY = "raw.cex_token_balances.quantity"
_LISTED_VOLUME = "raw.exchanges.volume_24h_btc"
_DAILY_VOLUME = "core.exchange_volumes.volume_24h_btc"
_SHARE = "mart.exchange_shares.share_pct"

EXCHANGE_TABLES: tuple[Table, ...] = (
    _table(
        name="raw.exchanges",
        grain="one exchange at one observation",
        key=("observed_at", "exchange_id"),
        description=(
            "CoinGecko's list of exchanges: the first 250 by its own order every hour, all of them once a day. Source: "
            "GET /exchanges."
        ),
        columns=(
            OBSERVED,
            _EXCHANGE_ID,
            NAME,
            integer("position", "Place in the service's own order, from 1"),
            replace(_VOLUME, nullable=True),
            _TRUST,
            _TRUST_RANK,
            _YEAR,
            _COUNTRY,
            _URL,
            flag("has_trading_incentive", "Whether trading is rewarded", nullable=True),
            flag("is_full_listing", "Whether this observation paged through to the last exchange"),
            FETCHED,
        ),
        as_of="observed_at",
        replaces="merge",
    ),
    _table(
        name="raw.exchange_volumes",
        grain="one point of one exchange's volume chart",
        key=("exchange_id", "ts"),
        description=(
            "Rolling 24 h spot volume of the tracked exchanges over the 90 days before they were first asked for; "
            "raw.exchanges carries the same figure on from there. Source: GET /exchanges/{id}/volume_chart."
        ),
        columns=(
            _EXCHANGE_ID,
            moment("ts", "Moment at which the 24 hours end; not a midnight"),
            _VOLUME,
            _SOURCE,
            FETCHED,
            replace(
                _VOLUME, name="first_volume_24h_btc", description="Volume as in first_seen_at's answer", nullable=True
            ),
            _FIRST_SEEN,
        ),
        as_of="ts",
        replaces="merge",
        revised_by=("volume_24h_btc",),
        set_once=("first_volume_24h_btc", "first_seen_at"),
        may_be_empty=True,
    ),
    _table(
        name="raw.trending_coins",
        grain="one trending coin at one observation",
        key=("observed_at", "coin_id"),
        description=(
            "Coins that CoinGecko's users search for most, with their market figures. Source: GET /search/trending, "
            "then GET /coins/markets for all of them; source says which of the two the figures are from."
        ),
        columns=(
            OBSERVED,
            text("coin_id", "CoinGecko coin id"),
            integer("position", "Place among the trending coins, from 1"),
            text("symbol", "Ticker as the service gives it; not unique"),
            NAME,
            integer("market_cap_rank", "Place by market cap", nullable=True),
            usd("market_cap_usd", "Market capitalisation"),
            usd("volume_24h_usd", "Trading volume of the 24 hours before"),
            usd("price_usd", "Price of one coin"),
            number("price_btc", "Price of one coin", unit="BTC"),
            pct("price_change_24h_pct", "Change of the price in dollars over 24 hours"),
            moment("last_updated", "When the service observed the figures", nullable=True),
            _SOURCE,
            FETCHED,
        ),
        as_of="observed_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="raw.bitcoin_prices",
        grain="the price of a bitcoin at one observation",
        key=("observed_at",),
        description=(
            "Bitcoin's own price, from the answer with the trending coins' figures, so that volumes in bitcoins can be "
            "told in dollars. Source: GET /coins/markets."
        ),
        columns=(
            OBSERVED,
            usd("price_usd", "Price of a bitcoin", nullable=False),
            moment("last_updated", "When the service observed it", nullable=True),
            _SOURCE,
            FETCHED,
        ),
        as_of="observed_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="raw.excluded_coins",
        grain="one member of one category at one observation",
        key=("observed_at", "category", "coin_id"),
        description=(
            "The 250 largest coins of the categories that whale signals leave out, such as stablecoins, once a day. "
            "Source: GET /coins/markets by category."
        ),
        columns=(
            OBSERVED,
            text("category", "CoinGecko category slug"),
            text("coin_id", "CoinGecko coin id"),
            FETCHED,
        ),
        as_of="observed_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="raw.protocols",
        grain="one protocol at one observation",
        key=("observed_at", "slug"),
        description=(
            "DefiLlama's protocols of the categories CEX and Dexs, once a day. A protocol without an adapter has no "
            "TVL. Source: GET /protocols."
        ),
        columns=(
            OBSERVED,
            SLUG,
            NAME,
            text("category", "CEX or Dexs"),
            text("symbol", "Symbol of its token", nullable=True),
            text("parent_protocol", "Protocol it is a version of", nullable=True),
            text("chains", "Chains it is on, comma separated", nullable=True),
            usd("tvl_usd", "Total value locked; for an exchange, what its known wallets hold"),
            pct("change_1d_pct", "Change of the TVL over a day, prices included"),
            pct("change_7d_pct", "Change of the TVL over seven days, prices included"),
            usd("mcap_usd", "Market cap of its token"),
            _URL,
            FETCHED,
        ),
        as_of="observed_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="raw.cex_snapshots",
        grain="one centralised exchange at one observation",
        key=("observed_at", "name"),
        description=(
            "DefiLlama's overview of centralised exchanges. It covers the wallets it knows; an exchange that it does "
            "not measure has nulls. Positive inflows are money into the exchange. Source: GET /cexs, which carries no "
            "time."
        ),
        columns=(
            OBSERVED,
            NAME,
            replace(SLUG, nullable=True),
            text("coingecko_id", "CoinGecko id of its spot market, where the service gives one", nullable=True),
            text("coin_symbol", "Symbol of its own token", nullable=True),
            text("own_tokens", "Symbols of all its own tokens, comma separated", nullable=True),
            usd("current_tvl_usd", "What its known wallets hold, own tokens included"),
            usd("clean_assets_tvl_usd", "What its known wallets hold, own tokens left out"),
            usd("inflows_24h_usd", "Net inflow over 24 hours as DefiLlama reports it, own tokens left out"),
            usd("inflows_1w_usd", "Net inflow over a week as DefiLlama reports it, own tokens left out"),
            usd("inflows_1m_usd", "Net inflow over a month as DefiLlama reports it, own tokens left out"),
            usd("spot_volume_usd", "Spot volume of the 24 hours before"),
            usd("derivatives_volume_usd", "Derivatives volume of the 24 hours before"),
            usd("open_interest_usd", "Open interest"),
            number("leverage", "Open interest over clean assets"),
            FETCHED,
        ),
        as_of="observed_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="raw.centralised_exchanges",
        grain="one exchange ever listed as centralised",
        key=("exchange_id",),
        description=(
            "CoinGecko ids that DefiLlama lists as centralised. Source: GET /cexs, its list cg_volume_cexs and the ids "
            "of its exchanges."
        ),
        columns=(
            _EXCHANGE_ID,
            moment("first_seen_at", "First answer that listed it"),
            moment("last_seen_at", "Latest answer that listed it"),
        ),
        as_of="last_seen_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="raw.exchange_kinds",
        grain="one exchange that was asked about",
        key=("exchange_id",),
        description=(
            "Whether an exchange is centralised, as CoinGecko says: the 150 largest, each asked once. Source: "
            "GET /exchanges/{id}."
        ),
        columns=(
            _EXCHANGE_ID,
            flag("is_centralised", "Whether it is; null where the service does not say", nullable=True),
            FETCHED,
        ),
        as_of="fetched_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="raw.cex_tvl",
        grain="one record of one exchange's reserves",
        key=("slug", "ts"),
        description=(
            "What the known wallets of the tracked exchanges held in all, day by day, as DefiLlama sums it up. Source: "
            "tvl of GET /protocol/{slug}."
        ),
        columns=(
            SLUG,
            moment("ts", "Time of the record; daily ones are near midnight"),
            usd("tvl_usd", "What its known wallets hold, own tokens included", nullable=False),
            flag("is_now", "Whether this is the moment of asking rather than a day's record"),
            FETCHED,
        ),
        as_of="ts",
        replaces="merge",
        revised_by=("tvl_usd", "is_now"),
        may_be_empty=True,
    ),
    _table(
        name="raw.cex_token_balances",
        grain="one token in one record of one exchange's reserves",
        key=("slug", "ts", "token"),
        description=(
            "How much of each token the known wallets of the tracked exchanges held, day by day, all chains together. "
            "A revision by DefiLlama replaces the figure of that day; a token that it no longer names in a record has "
            "no figures there. Source: tokens and tokensInUsd of GET "
            "/protocol/{slug}, joined by date."
        ),
        columns=(
            SLUG,
            moment("ts", "Time of the record; daily ones are near midnight"),
            _TOKEN,
            number("quantity", "How much of the token", unit="tokens"),
            usd("value_usd", "What it was worth"),
            flag("is_now", "Whether this is the moment of asking rather than a day's record"),
            FETCHED,
            number("first_quantity", "Quantity as in first_seen_at's answer", unit="tokens"),
            usd("first_value_usd", "What it was worth as in first_seen_at's answer"),
            _FIRST_SEEN,
        ),
        as_of="ts",
        replaces="merge",
        revised_by=("quantity", "value_usd", "is_now"),
        set_once=("first_quantity", "first_value_usd", "first_seen_at"),
        may_be_empty=True,
    ),
    _table(
        name="core.exchanges",
        grain="one exchange",
        key=("exchange_key",),
        description=(
            "Which CoinGecko exchange is which DefiLlama protocol: from DefiLlama's own ids where it gives them, else "
            "from a packaged table."
        ),
        columns=(
            EXCHANGE_KEY,
            replace(_EXCHANGE_ID, nullable=True),
            replace(SLUG, name="defillama_slug", nullable=True),
            replace(NAME, derived_from=("raw.exchanges.name", "raw.cex_snapshots.name")),
            flag(
                "is_centralised",
                "Whether it is centralised: as CoinGecko says, else true where DefiLlama lists it so, else null: not "
                "known",
                "raw.exchange_kinds.is_centralised",
                "raw.centralised_exchanges.exchange_id",
                nullable=True,
            ),
            flag("is_tracked", "Whether the settings name it"),
            text("own_tokens", "Symbols of its own tokens, comma separated", nullable=True),
            text("mapped_by", "cexs (DefiLlama's own id), packaged (our table), or none"),
        ),
    ),
    _table(
        name="core.exchange_volumes",
        grain="one exchange and day",
        key=("exchange_id", "day"),
        description=(
            "Each exchange's rolling 24 h volume at its last observation of each day, over the last 400 days: from its "
            "volume chart before it was followed hourly, from the list of exchanges since. A figure is one reading of "
            "a rolling sum, never a sum of readings."
        ),
        columns=(
            _EXCHANGE_ID,
            _DAY,
            moment("ts", "Time of that observation"),
            replace(_VOLUME, derived_from=("raw.exchange_volumes.volume_24h_btc", _LISTED_VOLUME)),
            replace(
                _VOLUME,
                name="first_volume_24h_btc",
                description="The same as first seen once the day was over, or at that observation of the list",
                nullable=True,
                derived_from=("raw.exchange_volumes.first_volume_24h_btc", _LISTED_VOLUME),
            ),
            moment("known_at", "When that was first seen", nullable=True),
            usd(
                "volume_24h_usd",
                "The same in dollars at bitcoin's own price of that time; null where none of 26 hours is known",
                _LISTED_VOLUME,
                "raw.market_caps.price_usd",
                "raw.bitcoin_prices.price_usd",
            ),
            usd(
                "btc_price_usd",
                "Price of a bitcoin used for it",
                "raw.market_caps.price_usd",
                "raw.bitcoin_prices.price_usd",
            ),
            _SOURCE,
        ),
        as_of="ts",
    ),
    _table(
        name="mart.exchange_flows",
        grain="one exchange at the newest observation",
        key=("exchange_id",),
        description=(
            "Where volume goes up and down. The direction is that of trading volume against its own past, an activity "
            "measure: it is not money moving in or out, which mart.exchange_netflow measures."
        ),
        columns=(
            _EXCHANGE_ID,
            OBSERVED,
            integer("rank", "Place by volume, from 1; null without a volume", nullable=True),
            NAME,
            flag("is_centralised", "Whether it is centralised; null where that is not known", nullable=True),
            flag("is_tracked", "Whether the settings name it"),
            replace(_VOLUME, nullable=True, derived_from=(_LISTED_VOLUME,)),
            usd("volume_24h_usd", "The same in dollars", _LISTED_VOLUME, "core.exchange_volumes.btc_price_usd"),
            usd(
                "btc_price_usd",
                "Price of a bitcoin used for it",
                "raw.market_caps.price_usd",
                "raw.bitcoin_prices.price_usd",
            ),
            pct("market_share_pct", "Share of the volume of all exchanges of this observation", _LISTED_VOLUME),
            number(
                "volume_7d_mean_btc",
                "Mean of its last 7 days before today; null with fewer than 4 of them",
                _DAILY_VOLUME,
                unit="BTC",
            ),
            pct("volume_change_pct", "Volume now against that mean", _DAILY_VOLUME),
            number(
                "volume_zscore",
                "Volume now against mean and standard deviation of the 60 days before today; null with fewer than 20",
                _DAILY_VOLUME,
            ),
            integer("history_days", "Days of the 60 that have a volume"),
            text(
                "flow_direction",
                "inflow, stable or outflow by volume_change_pct and the thresholds of the settings; null without a "
                "past",
                nullable=True,
            ),
            _TRUST,
            _TRUST_RANK,
            text(
                "trust_heuristic",
                "A guess from the trust score alone, kept for comparison: above 7 inflow, above 5 stable, else outflow",
                "raw.exchanges.trust_score",
                nullable=True,
            ),
            _YEAR,
            _COUNTRY,
            _URL,
        ),
        as_of="observed_at",
    ),
    _table(
        name="mart.exchange_market",
        grain="one segment at the newest observation",
        key=("segment",),
        description=(
            "Totals of mart.exchange_flows: volume, concentration, mean trust score, for all, centralised and "
            "decentralised."
        ),
        columns=(
            _SEGMENT,
            OBSERVED,
            Column("n_exchanges", DType.BIGINT, "Exchanges with a volume"),
            replace(
                _VOLUME,
                name="total_volume_24h_btc",
                nullable=True,
                derived_from=("mart.exchange_flows.volume_24h_btc",),
            ),
            usd("total_volume_24h_usd", "Volume of all of them", "mart.exchange_flows.volume_24h_usd"),
            pct("top_3_concentration_pct", "Share of the three largest", "mart.exchange_flows.volume_24h_btc"),
            number("mean_trust_score", "Mean of the trust scores that are given", "mart.exchange_flows.trust_score"),
            Column("n_with_trust_score", DType.BIGINT, "Exchanges with a trust score"),
        ),
        view_sql="""
        with members as (
            select 'all' as segment, * from mart.exchange_flows
            union all
            select case when is_centralised then 'centralised' else 'decentralised' end, *
            from mart.exchange_flows where is_centralised is not null
        ), placed as (
            select *, row_number() over (
                partition by segment order by volume_24h_btc desc nulls last, exchange_id
            ) as place
            from members
        )
        select
            segment,
            max(observed_at) as observed_at,
            count(volume_24h_btc) as n_exchanges,
            sum(volume_24h_btc) as total_volume_24h_btc,
            sum(volume_24h_usd) as total_volume_24h_usd,
            100 * sum(volume_24h_btc) filter (where place <= 3) / nullif(sum(volume_24h_btc), 0)
                as top_3_concentration_pct,
            avg(trust_score) as mean_trust_score,
            count(trust_score) as n_with_trust_score
        from placed group by segment
    """,
    ),
    _table(
        name="mart.exchange_netflow",
        grain="one exchange and day",
        key=("slug", "day"),
        description=(
            "Real net flow of the wallets that DefiLlama knows, from token quantities: for each kept token the flow is "
            "the change of its quantity at one price, the price effect the change of its price at one quantity, and "
            "neither is a residual. netflow_usd + price_effect_usd + left_out_usd is the change of the sum of the "
            "tokens' values, and so is netflow_mid_usd + price_effect_mid_usd + left_out_usd. A day is the record near "
            "its midnight, compared with the record before."
        ),
        columns=(
            SLUG,
            _DAY,
            EXCHANGE_KEY,
            NAME,
            moment("ts", "Time of the day's record"),
            date("previous_day", "Day of the record it is compared with; null for the first", nullable=True),
            usd("reserves_usd", "Value of all tokens", _VALUE),
            usd("tvl_usd", "The same as DefiLlama sums it up", "raw.cex_tvl.tvl_usd"),
            usd("tvl_change_usd", "Change of tvl_usd since the previous day", "raw.cex_tvl.tvl_usd"),
            usd(
                "netflow_usd",
                "Net flow of kept tokens, each at the price now, or before where it was worth more; positive is inward",
                _QUANTITY,
                _VALUE,
            ),
            usd(
                "price_effect_usd",
                "Change of value of kept tokens by price alone, beside netflow_usd",
                _QUANTITY,
                _VALUE,
            ),
            usd(
                "netflow_mid_usd",
                "Net flow of kept tokens at the mean of both days' prices, the one shown; positive is into the "
                "exchange",
                _QUANTITY,
                _VALUE,
            ),
            usd(
                "price_effect_mid_usd",
                "Change of value of kept tokens by price alone, at the mean of both days' quantities",
                _QUANTITY,
                _VALUE,
            ),
            usd(
                "first_netflow_mid_usd",
                "netflow_mid_usd from quantities as first seen once each day was over, before any revision and "
                "without what was ever quarantined: for backtests",
                "raw.cex_token_balances.first_quantity",
                "raw.cex_token_balances.first_value_usd",
            ),
            moment(
                "known_at",
                "When both records had first been seen; first_netflow_mid_usd was known from then on",
                "raw.cex_token_balances.first_seen_at",
                nullable=True,
            ),
            usd(
                "left_out_usd",
                "Change of value of all tokens that are not kept; null where nothing is compared",
                _VALUE,
            ),
            usd("left_out_gross_usd", "The amounts of these changes added up, whatever their signs", _VALUE),
            *(
                usd(f"left_out_{reason}_usd", f"Of left_out_usd: {words}", _VALUE)
                for reason, words in _LEFT_OUT.items()
            ),
            pct(
                "identity_gap_pct",
                "tvl_change_usd less the three parts, as a share of the larger tvl_usd",
                "raw.cex_tvl.tvl_usd",
            ),
            usd("largest_vanished_usd", "Value of the largest token that vanished", _VALUE),
            text("largest_vanished_token", "Its symbol", nullable=True),
            usd("largest_new_usd", "Value of the largest token that is new", _VALUE),
            text("largest_new_token", "Its symbol", nullable=True),
            pct("own_token_share_pct", "Share of the exchange's own tokens in the value of all", _VALUE),
            pct("coverage_pct", "Share of kept tokens in the value of all", _VALUE),
            pct(
                "coverage_before_pct", "The same of the record before, of which what vanished since was a part", _VALUE
            ),
            integer("n_tokens_kept", "Kept tokens", nullable=True),
            integer("n_tokens_unpriced", "Tokens left out as unpriced", nullable=True),
            integer("n_tokens_negative", "Tokens left out as negative", nullable=True),
            integer("n_tokens_quarantined", "Tokens left out as quarantined", nullable=True),
            integer("n_tokens_rebased", "Kept tokens counted on another basis than before", nullable=True),
            pct("market_share_pct", "Share of spot volume of that day among the exchanges observed", _DAILY_VOLUME),
            usd(
                "defillama_inflow_24h_usd",
                "Net inflow over 24 hours as DefiLlama reported it last on that day",
                "raw.cex_snapshots.inflows_24h_usd",
            ),
            usd("defillama_inflow_1w_usd", "The same over a week", "raw.cex_snapshots.inflows_1w_usd"),
            usd("defillama_inflow_1m_usd", "The same over a month", "raw.cex_snapshots.inflows_1m_usd"),
            text("reason", "Why there is no net flow, where there is none", nullable=True),
        ),
        as_of="ts",
        may_be_empty=True,
    ),
    _table(
        name="mart.exchange_token_flows",
        grain="one token of one exchange on one day",
        key=("slug", "day", "token"),
        description="What mart.exchange_netflow adds up, token by token, over the last 30 days.",
        columns=(
            SLUG,
            _DAY,
            text("token", "Token symbol after joining the names of one token, such as WETH and ETH"),
            number("quantity_before", "Quantity at the previous record", unit="tokens"),
            number("quantity", "Quantity", _QUANTITY, unit="tokens"),
            number(
                "first_quantity",
                "Quantity as first seen once the day was over, whatever revised it since",
                "raw.cex_token_balances.first_quantity",
                unit="tokens",
            ),
            usd("value_before_usd", "Value at the previous record"),
            usd("value_usd", "Value", _VALUE),
            usd("price_usd", "Price at which the flow is valued: now, or before where the value was larger before"),
            usd("flow_usd", "Change of quantity at that price; null where left out"),
            usd("price_effect_usd", "Change of price at the other quantity; null where left out"),
            usd("flow_mid_usd", "Change of quantity at the mean of both days' prices; null where left out"),
            usd("price_effect_mid_usd", "Change of price at the mean of both days' quantities; null where left out"),
            usd("left_out_usd", "Change of value where left out, else null"),
            text(
                "reason",
                "Why it is left out: new, vanished, dust, absurd, own_token, unpriced, negative, quarantined; else "
                "null",
                nullable=True,
            ),
            number(
                "basis_ratio",
                "Quantity over that before where the token is counted on another basis (redenominated), its flow then "
                "0",
                _QUANTITY,
            ),
        ),
        may_be_empty=True,
    ),
    _table(
        name="mart.whale_signals",
        grain="one coin at the newest observation",
        key=("coin_id",),
        description=(
            "Trading volume that is unusual for a coin's size: a proxy for large holders at work, not transactions. "
            "Trending coins and all tracked ones; members of the excluded categories are left out."
        ),
        columns=(
            text("coin_id", "CoinGecko coin id"),
            OBSERVED,
            integer("rank", "Place: unusual coins first, by score, then by ratio"),
            text("symbol", "Ticker in capitals"),
            NAME,
            flag("is_trending", "Whether it is among the trending coins"),
            integer("market_cap_rank", "Place by market cap", nullable=True),
            usd(
                "market_cap_usd",
                "Market capitalisation",
                "raw.market_caps.market_cap_usd",
                "raw.trending_coins.market_cap_usd",
                nullable=False,
            ),
            usd(
                "volume_24h_usd",
                "Trading volume of the 24 hours before",
                "raw.market_caps.volume_usd",
                "raw.trending_coins.volume_24h_usd",
                nullable=False,
            ),
            pct(
                "volume_to_mcap_pct",
                "Volume over market cap",
                "raw.market_caps.volume_usd",
                "raw.market_caps.market_cap_usd",
                nullable=False,
            ),
            number(
                "volume_zscore",
                "That ratio against its mean and standard deviation of the 60 days before today; null with fewer than "
                "20",
                "raw.market_caps.volume_usd",
                "raw.market_caps.market_cap_usd",
            ),
            integer("history_days", "Days of the 60 that have a ratio"),
            pct(
                "price_change_24h_pct",
                "Change of the price over 24 hours",
                "raw.market_caps.price_usd",
                "raw.trending_coins.price_change_24h_pct",
            ),
            flag("is_unusual", "z-score of 2 or more; without one, a ratio above 10 %"),
            number(
                "whale_activity_score",
                "0 to 10: twice the z-score; without one, a fifth of the ratio in %",
                nullable=False,
            ),
            text("score_basis", "zscore or ratio"),
            integer("ratio_heuristic", "A guess kept for comparison: a fifth of the ratio in %, whole, at most 10"),
            text(
                "signal_type",
                "Name of the sign of the price change over 24 hours, accumulation up and distribution down; nobody is "
                "seen to buy",
                nullable=True,
            ),
            text("method", "How to read the row: always a proxy"),
            _SOURCE,
        ),
        as_of="observed_at",
        may_be_empty=True,
    ),
    _table(
        name="mart.exchange_tvl",
        grain="one exchange or protocol at the newest observation",
        key=("kind", "slug"),
        description=(
            "Reserves of centralised exchanges (what their known wallets hold) and TVL of decentralised ones, ranked "
            "apart. A change is that of the value, prices included."
        ),
        columns=(
            text("kind", "cex or dex"),
            replace(SLUG, description="DefiLlama slug, or the name in lower case where there is none"),
            OBSERVED,
            integer("rank", "Place within its kind, from 1; null without a TVL", nullable=True),
            NAME,
            replace(EXCHANGE_KEY, nullable=True),
            text("symbol", "Symbol of its token", nullable=True),
            text("category", "CEX or Dexs"),
            usd("tvl_usd", "All assets", "raw.cex_snapshots.current_tvl_usd", "raw.protocols.tvl_usd"),
            usd(
                "clean_tvl_usd",
                "The same without own tokens; centralised exchanges only",
                "raw.cex_snapshots.clean_assets_tvl_usd",
            ),
            pct("tvl_dominance_pct", "Share of tvl_usd in all of its kind that are measured"),
            pct("clean_dominance_pct", "Share of clean_tvl_usd in all of its kind that are measured"),
            pct("change_1d_pct", "Change of the TVL over a day", "raw.protocols.change_1d_pct"),
            pct("change_7d_pct", "Change of the TVL over seven days", "raw.protocols.change_7d_pct"),
            usd("mcap_usd", "Market cap of its token", "raw.protocols.mcap_usd"),
            text("chains", "Chains it is on, comma separated", nullable=True),
            _URL,
            _SOURCE,
        ),
        as_of="observed_at",
        may_be_empty=True,
    ),
    _table(
        name="mart.exchange_tvl_summary",
        grain="one kind at the newest observation",
        key=("kind",),
        description="Totals of mart.exchange_tvl.",
        columns=(
            text("kind", "cex or dex"),
            OBSERVED,
            usd("total_tvl_usd", "All that are measured", "mart.exchange_tvl.tvl_usd"),
            usd("total_clean_tvl_usd", "The same without own tokens", "mart.exchange_tvl.clean_tvl_usd"),
            Column("n_exchanges", DType.BIGINT, "Exchanges with a TVL"),
            Column("n_unmeasured", DType.BIGINT, "Exchanges without one"),
            pct("top_5_dominance_pct", "Share of the five largest", "mart.exchange_tvl.tvl_usd"),
            pct("avg_7d_change_pct", "Mean of the changes that are given", "mart.exchange_tvl.change_7d_pct"),
        ),
        view_sql="""
        select
            kind,
            max(observed_at) as observed_at,
            sum(tvl_usd) as total_tvl_usd,
            sum(clean_tvl_usd) as total_clean_tvl_usd,
            count(tvl_usd) as n_exchanges,
            count(*) - count(tvl_usd) as n_unmeasured,
            100 * sum(tvl_usd) filter (where rank <= 5) / nullif(sum(tvl_usd), 0) as top_5_dominance_pct,
            avg(change_7d_pct) as avg_7d_change_pct
        from mart.exchange_tvl group by kind
    """,
    ),
    _table(
        name="mart.exchange_members",
        grain="one exchange of one segment and measure",
        key=("measure", "segment", "exchange_key"),
        description=(
            "Who belongs to the fixed set that measures over time are over, and who is left out: members were measured "
            "on 90 % or more of the days, of the last 90, on which anybody of the segment was. Fewer than two make no "
            "set."
        ),
        columns=(
            _MEASURE,
            _SEGMENT,
            EXCHANGE_KEY,
            NAME,
            date("first_day", "Its first measured day of the window"),
            date("last_day", "Its last measured day of the window"),
            integer("days_measured", "Days of the window on which it was measured"),
            integer("days_in_window", "Days of the window on which anybody was"),
            pct("coverage_pct", "The one over the other", nullable=False),
            pct("mean_share_pct", "Mean of its shares of all measured, on its days", nullable=False),
            flag("is_member", "Whether it is in the fixed set"),
        ),
        may_be_empty=True,
    ),
    _table(
        name="mart.exchange_shares",
        grain="one exchange of one segment, measure and day",
        key=("measure", "segment", "day", "exchange_key"),
        description=(
            "Market shares day by day, each day at its last observation, over all exchanges of the segment that were "
            "measured then; shares of a day sum to 100 %. To follow over time: fixed_share_pct, over the members of "
            "mart.exchange_members alone. Spot volume of the tracked segment is of members alone throughout, and "
            "leaves out days on which members that make up more than 1 % lack a reading."
        ),
        columns=(
            _MEASURE,
            _SEGMENT,
            _DAY,
            EXCHANGE_KEY,
            moment("ts", "Newest observation of that day in the segment"),
            NAME,
            integer("rank", "Place, from 1"),
            number(
                "value",
                "What is shared: BTC of volume, USD of reserves or derivatives volume",
                unit="BTC or USD",
                nullable=False,
            ),
            pct("share_pct", "Share of the segment's sum", nullable=False),
            pct(
                "fixed_share_pct",
                "Share of the fixed set's sum; null outside of it, and on days on which more than 1 % of it is missing",
            ),
        ),
        as_of="ts",
        may_be_empty=True,
    ),
    _table(
        name="mart.exchange_dominance",
        grain="one segment, measure and day",
        key=("measure", "segment", "day"),
        description=(
            "Concentration day by day, over all exchanges measured: top shares, Herfindahl-Hirschman index (sum of "
            "squared shares in %, 10,000 is a monopoly), effective number of exchanges."
        ),
        columns=(
            _MEASURE,
            _SEGMENT,
            _DAY,
            moment("ts", "Newest observation of that day in the segment"),
            number("total", "What is shared, in all", "mart.exchange_shares.value", unit="BTC or USD", nullable=False),
            integer("n_exchanges", "Exchanges measured"),
            pct("top_1_dominance_pct", "Share of the largest", _SHARE, nullable=False),
            pct("top_3_dominance_pct", "Share of the three largest", _SHARE, nullable=False),
            pct("top_5_dominance_pct", "Share of the five largest", _SHARE, nullable=False),
            number("hhi_index", "Herfindahl-Hirschman index of those measured", _SHARE, nullable=False),
            pct(
                "uncovered_pct",
                "Share of the volume that was not measured, by the last full listing; spot volume only",
                _LISTED_VOLUME,
            ),
            number("hhi_lower_bound", "The index if what was not measured is spread thin; spot volume only"),
            number("hhi_upper_bound", "The index if what was not measured is one exchange; spot volume only"),
            number(
                "effective_exchanges",
                "10,000 over the index: how many equal exchanges are as concentrated",
                nullable=False,
            ),
            text(
                "market_concentration",
                "competitive, moderately_concentrated or highly_concentrated, by the settings' thresholds",
            ),
            text("systemic_risk", "low, medium or high, the same in other words: a heuristic"),
            integer("n_fixed_exchanges", "Members of the fixed set (mart.exchange_members) measured"),
            number(
                "fixed_hhi_index",
                "The index over the fixed set, the one to follow over time; null on days on which it is not complete",
                "mart.exchange_shares.fixed_share_pct",
            ),
            number(
                "fixed_hhi_lower_bound", "That index if all volume outside of the set is spread thin; spot volume only"
            ),
            number(
                "fixed_hhi_upper_bound", "That index if all volume outside of the set is one exchange; spot volume only"
            ),
            number(
                "hhi_30d_ago",
                "The index 30 days before, over the exchanges measured on both days; null with fewer than two",
                "mart.exchange_shares.value",
            ),
            number(
                "hhi_change_30d", "Change of the index since, over the same exchanges", "mart.exchange_shares.value"
            ),
            integer("n_compared", "Exchanges measured on both days; null with fewer than two", nullable=True),
        ),
        as_of="ts",
        may_be_empty=True,
    ),
    _table(
        name="mart.exchange_coverage",
        grain="one gap in what is known of one exchange",
        key=("aspect", "exchange_key"),
        description=(
            "What is missing: large exchanges without reserves, tracked ones without a volume or a net flow, ids that "
            "map to nothing."
        ),
        columns=(
            text("aspect", "volume, reserves, netflow or mapping"),
            EXCHANGE_KEY,
            NAME,
            flag("is_tracked", "Whether the settings name it"),
            replace(_VOLUME, nullable=True, derived_from=("mart.exchange_flows.volume_24h_btc",)),
            text("reason", "What is missing and why, in a few words"),
        ),
        may_be_empty=True,
    ),
)
