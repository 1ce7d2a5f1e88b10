"""Tables of the exchange part: volumes, reserves, net flows, whale signals, concentration."""

from __future__ import annotations

from dataclasses import replace

from marketflows_pipeline.schema.model import Column, DType, Table

_OBSERVED = Column("observed_at", DType.TIME, "When the service was asked", "UTC")
_FETCHED = Column("fetched_at", DType.TIME, "When it was fetched", "UTC")
_FIRST_SEEN = Column(
    "first_seen_at",
    DType.TIME,
    "First answer that held the row once its UTC day was over; later ones change the figure, not what was first seen",
    "UTC",
    nullable=True,
)
_EXCHANGE_ID = Column("exchange_id", DType.TEXT, "CoinGecko exchange id, such as gdax for Coinbase")
_KEY = Column("exchange_key", DType.TEXT, "CoinGecko id of the exchange, or its DefiLlama slug where it has none")
_SLUG = Column("slug", DType.TEXT, "DefiLlama slug in lower case, such as binance-cex")
_NAME = Column("name", DType.TEXT, "Display name")
_TOKEN = Column("token", DType.TEXT, "Token symbol as the service gives it; different assets may share one")
_VOLUME = Column("volume_24h_btc", DType.FLOAT, "Spot volume of the 24 hours before, a rolling sum", "BTC")
_TRUST = Column("trust_score", DType.FLOAT, "CoinGecko's trust score, 1 to 10, as given", nullable=True)
_TRUST_RANK = Column("trust_score_rank", DType.INT, "CoinGecko's rank by trust score", nullable=True)
_YEAR = Column("year_established", DType.INT, "Year of foundation as the service gives it", nullable=True)
_COUNTRY = Column("country", DType.TEXT, "Country as the service gives it", nullable=True)
_URL = Column("url", DType.TEXT, "Web address", nullable=True)
_SOURCE = Column("source", DType.TEXT, "Which answer brought it, such as coingecko:exchanges")
_DAY = Column("day", DType.DATE, "Day in UTC")
_SEGMENT = Column(
    "segment",
    DType.TEXT,
    "all; centralised or decentralised (as CoinGecko says of the 150 largest, else centralised in DefiLlama's list, or "
    "in neither); tracked (those of the settings)",
)
_MEASURE = Column("measure", DType.TEXT, "spot_volume, reserves or derivatives_volume")


def _usd(name: str, description: str, *derived_from: str, nullable: bool = True) -> Column:
    return Column(name, DType.FLOAT, description, "USD", nullable=nullable, derived_from=derived_from)


def _pct(name: str, description: str, *derived_from: str, nullable: bool = True) -> Column:
    return Column(name, DType.FLOAT, description, "%", nullable=nullable, derived_from=derived_from)


RAW_EXCHANGES = Table(
    name="raw.exchanges",
    part="exchanges",
    grain="one exchange at one observation",
    key=("observed_at", "exchange_id"),
    description=(
        "CoinGecko's list of exchanges: the first 250 by its own order every hour, all of them once a day. Source: "
        "GET /exchanges."
    ),
    columns=(
        _OBSERVED,
        _EXCHANGE_ID,
        _NAME,
        Column("position", DType.INT, "Place in the service's own order, from 1"),
        replace(_VOLUME, nullable=True),
        _TRUST,
        _TRUST_RANK,
        _YEAR,
        _COUNTRY,
        _URL,
        Column("has_trading_incentive", DType.BOOL, "Whether trading is rewarded", nullable=True),
        Column("is_full_listing", DType.BOOL, "Whether this observation paged through to the last exchange"),
        _FETCHED,
    ),
    as_of="observed_at",
    replaces="merge",
)

RAW_EXCHANGE_VOLUMES = Table(
    name="raw.exchange_volumes",
    part="exchanges",
    grain="one point of one exchange's volume chart",
    key=("exchange_id", "ts"),
    description=(
        "Rolling 24 h spot volume of the tracked exchanges over the 90 days before they were first asked for; "
        "raw.exchanges carries the same figure on from there. Source: GET /exchanges/{id}/volume_chart."
    ),
    columns=(
        _EXCHANGE_ID,
        Column("ts", DType.TIME, "Moment at which the 24 hours end; not a midnight", "UTC"),
        _VOLUME,
        _SOURCE,
        _FETCHED,
        replace(_VOLUME, name="first_volume_24h_btc", description="Volume as in first_seen_at's answer", nullable=True),
        _FIRST_SEEN,
    ),
    as_of="ts",
    replaces="merge",
    revised_by=("volume_24h_btc",),
    set_once=("first_volume_24h_btc", "first_seen_at"),
    may_be_empty=True,
)

RAW_TRENDING_COINS = Table(
    name="raw.trending_coins",
    part="exchanges",
    grain="one trending coin at one observation",
    key=("observed_at", "coin_id"),
    description=(
        "Coins that CoinGecko's users search for most, with their market figures. Source: GET /search/trending, then "
        "GET /coins/markets for all of them; source says which of the two the figures are from."
    ),
    columns=(
        _OBSERVED,
        Column("coin_id", DType.TEXT, "CoinGecko coin id"),
        Column("position", DType.INT, "Place among the trending coins, from 1"),
        Column("symbol", DType.TEXT, "Ticker as the service gives it; not unique"),
        _NAME,
        Column("market_cap_rank", DType.INT, "Place by market cap", nullable=True),
        _usd("market_cap_usd", "Market capitalisation"),
        _usd("volume_24h_usd", "Trading volume of the 24 hours before"),
        _usd("price_usd", "Price of one coin"),
        Column("price_btc", DType.FLOAT, "Price of one coin", "BTC", nullable=True),
        _pct("price_change_24h_pct", "Change of the price in dollars over 24 hours"),
        Column("last_updated", DType.TIME, "When the service observed the figures", "UTC", nullable=True),
        _SOURCE,
        _FETCHED,
    ),
    as_of="observed_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_BITCOIN_PRICES = Table(
    name="raw.bitcoin_prices",
    part="exchanges",
    grain="the price of a bitcoin at one observation",
    key=("observed_at",),
    description=(
        "Bitcoin's own price, from the answer with the trending coins' figures, so that volumes in bitcoins can be "
        "told in dollars. Source: GET /coins/markets."
    ),
    columns=(
        _OBSERVED,
        _usd("price_usd", "Price of a bitcoin", nullable=False),
        Column("last_updated", DType.TIME, "When the service observed it", "UTC", nullable=True),
        _SOURCE,
        _FETCHED,
    ),
    as_of="observed_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_EXCLUDED_COINS = Table(
    name="raw.excluded_coins",
    part="exchanges",
    grain="one member of one category at one observation",
    key=("observed_at", "category", "coin_id"),
    description=(
        "The 250 largest coins of the categories that whale signals leave out, such as stablecoins, once a day. "
        "Source: GET /coins/markets by category."
    ),
    columns=(
        _OBSERVED,
        Column("category", DType.TEXT, "CoinGecko category slug"),
        Column("coin_id", DType.TEXT, "CoinGecko coin id"),
        _FETCHED,
    ),
    as_of="observed_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_PROTOCOLS = Table(
    name="raw.protocols",
    part="exchanges",
    grain="one protocol at one observation",
    key=("observed_at", "slug"),
    description=(
        "DefiLlama's protocols of the categories CEX and Dexs, once a day. A protocol without an adapter has no TVL. "
        "Source: GET /protocols."
    ),
    columns=(
        _OBSERVED,
        _SLUG,
        _NAME,
        Column("category", DType.TEXT, "CEX or Dexs"),
        Column("symbol", DType.TEXT, "Symbol of its token", nullable=True),
        Column("parent_protocol", DType.TEXT, "Protocol it is a version of", nullable=True),
        Column("chains", DType.TEXT, "Chains it is on, comma separated", nullable=True),
        _usd("tvl_usd", "Total value locked; for an exchange, what its known wallets hold"),
        _pct("change_1d_pct", "Change of the TVL over a day, prices included"),
        _pct("change_7d_pct", "Change of the TVL over seven days, prices included"),
        _usd("mcap_usd", "Market cap of its token"),
        _URL,
        _FETCHED,
    ),
    as_of="observed_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_CEX_SNAPSHOTS = Table(
    name="raw.cex_snapshots",
    part="exchanges",
    grain="one centralised exchange at one observation",
    key=("observed_at", "name"),
    description=(
        "DefiLlama's overview of centralised exchanges. It covers the wallets it knows; an exchange that it does not "
        "measure has nulls. Positive inflows are money into the exchange. Source: GET /cexs, which carries no time."
    ),
    columns=(
        _OBSERVED,
        _NAME,
        replace(_SLUG, nullable=True),
        Column(
            "coingecko_id", DType.TEXT, "CoinGecko id of its spot market, where the service gives one", nullable=True
        ),
        Column("coin_symbol", DType.TEXT, "Symbol of its own token", nullable=True),
        Column("own_tokens", DType.TEXT, "Symbols of all its own tokens, comma separated", nullable=True),
        _usd("current_tvl_usd", "What its known wallets hold, own tokens included"),
        _usd("clean_assets_tvl_usd", "What its known wallets hold, own tokens left out"),
        _usd("inflows_24h_usd", "Net inflow over 24 hours as DefiLlama reports it, own tokens left out"),
        _usd("inflows_1w_usd", "Net inflow over a week as DefiLlama reports it, own tokens left out"),
        _usd("inflows_1m_usd", "Net inflow over a month as DefiLlama reports it, own tokens left out"),
        _usd("spot_volume_usd", "Spot volume of the 24 hours before"),
        _usd("derivatives_volume_usd", "Derivatives volume of the 24 hours before"),
        _usd("open_interest_usd", "Open interest"),
        Column("leverage", DType.FLOAT, "Open interest over clean assets", nullable=True),
        _FETCHED,
    ),
    as_of="observed_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_CENTRALISED_EXCHANGES = Table(
    name="raw.centralised_exchanges",
    part="exchanges",
    grain="one exchange ever listed as centralised",
    key=("exchange_id",),
    description=(
        "CoinGecko ids that DefiLlama lists as centralised. Source: GET /cexs, its list cg_volume_cexs and the ids "
        "of its exchanges."
    ),
    columns=(
        _EXCHANGE_ID,
        Column("first_seen_at", DType.TIME, "First answer that listed it", "UTC"),
        Column("last_seen_at", DType.TIME, "Latest answer that listed it", "UTC"),
    ),
    as_of="last_seen_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_EXCHANGE_KINDS = Table(
    name="raw.exchange_kinds",
    part="exchanges",
    grain="one exchange that was asked about",
    key=("exchange_id",),
    description=(
        "Whether an exchange is centralised, as CoinGecko says: the 150 largest, each asked once. Source: "
        "GET /exchanges/{id}."
    ),
    columns=(
        _EXCHANGE_ID,
        Column("is_centralised", DType.BOOL, "Whether it is; null where the service does not say", nullable=True),
        _FETCHED,
    ),
    as_of="fetched_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_CEX_TVL = Table(
    name="raw.cex_tvl",
    part="exchanges",
    grain="one record of one exchange's reserves",
    key=("slug", "ts"),
    description=(
        "What the known wallets of the tracked exchanges held in all, day by day, as DefiLlama sums it up. Source: "
        "tvl of GET /protocol/{slug}."
    ),
    columns=(
        _SLUG,
        Column("ts", DType.TIME, "Time of the record; daily ones are near midnight", "UTC"),
        _usd("tvl_usd", "What its known wallets hold, own tokens included", nullable=False),
        Column("is_now", DType.BOOL, "Whether this is the moment of asking rather than a day's record"),
        _FETCHED,
    ),
    as_of="ts",
    replaces="merge",
    revised_by=("tvl_usd", "is_now"),
    may_be_empty=True,
)

RAW_CEX_TOKEN_BALANCES = Table(
    name="raw.cex_token_balances",
    part="exchanges",
    grain="one token in one record of one exchange's reserves",
    key=("slug", "ts", "token"),
    description=(
        "How much of each token the known wallets of the tracked exchanges held, day by day, all chains together. A "
        "revision by DefiLlama replaces the figure of that day. Source: tokens and tokensInUsd of GET "
        "/protocol/{slug}, joined by date."
    ),
    columns=(
        _SLUG,
        Column("ts", DType.TIME, "Time of the record; daily ones are near midnight", "UTC"),
        _TOKEN,
        Column("quantity", DType.FLOAT, "How much of the token", "tokens", nullable=True),
        _usd("value_usd", "What it was worth"),
        Column("is_now", DType.BOOL, "Whether this is the moment of asking rather than a day's record"),
        _FETCHED,
        Column("first_quantity", DType.FLOAT, "Quantity as in first_seen_at's answer", "tokens", nullable=True),
        _usd("first_value_usd", "What it was worth as in first_seen_at's answer"),
        _FIRST_SEEN,
    ),
    as_of="ts",
    replaces="merge",
    revised_by=("quantity", "value_usd", "is_now"),
    set_once=("first_quantity", "first_value_usd", "first_seen_at"),
    may_be_empty=True,
)

CORE_EXCHANGES = Table(
    name="core.exchanges",
    part="exchanges",
    grain="one exchange",
    key=("exchange_key",),
    description=(
        "Which CoinGecko exchange is which DefiLlama protocol: from DefiLlama's own ids where it gives them, else from "
        "a packaged table."
    ),
    columns=(
        _KEY,
        replace(_EXCHANGE_ID, nullable=True),
        replace(_SLUG, name="defillama_slug", nullable=True),
        replace(_NAME, derived_from=("raw.exchanges.name", "raw.cex_snapshots.name")),
        Column(
            "is_centralised",
            DType.BOOL,
            "Whether it is centralised: as CoinGecko says, else true where DefiLlama lists it so, else null: not known",
            nullable=True,
            derived_from=("raw.exchange_kinds.is_centralised", "raw.centralised_exchanges.exchange_id"),
        ),
        Column("is_tracked", DType.BOOL, "Whether the settings name it"),
        Column("own_tokens", DType.TEXT, "Symbols of its own tokens, comma separated", nullable=True),
        Column("mapped_by", DType.TEXT, "cexs (DefiLlama's own id), packaged (our table), or none"),
    ),
)

CORE_EXCHANGE_VOLUMES = Table(
    name="core.exchange_volumes",
    part="exchanges",
    grain="one exchange and day",
    key=("exchange_id", "day"),
    description=(
        "Each exchange's rolling 24 h volume at its last observation of each day, over the last 400 days: from its "
        "volume chart before it was followed hourly, from the list of exchanges since. A figure is one reading of a "
        "rolling sum, never a sum of readings."
    ),
    columns=(
        _EXCHANGE_ID,
        _DAY,
        Column("ts", DType.TIME, "Time of that observation", "UTC"),
        replace(_VOLUME, derived_from=("raw.exchange_volumes.volume_24h_btc", "raw.exchanges.volume_24h_btc")),
        replace(
            _VOLUME,
            name="first_volume_24h_btc",
            description="The same as first seen once the day was over, or at that observation of the list",
            nullable=True,
            derived_from=("raw.exchange_volumes.first_volume_24h_btc", "raw.exchanges.volume_24h_btc"),
        ),
        Column("known_at", DType.TIME, "When that was first seen", "UTC", nullable=True),
        _usd(
            "volume_24h_usd",
            "The same in dollars at bitcoin's own price of that time; null where none of 26 hours is known",
            "raw.exchanges.volume_24h_btc",
            "raw.market_caps.price_usd",
            "raw.bitcoin_prices.price_usd",
        ),
        _usd(
            "btc_price_usd",
            "Price of a bitcoin used for it",
            "raw.market_caps.price_usd",
            "raw.bitcoin_prices.price_usd",
        ),
        _SOURCE,
    ),
    as_of="ts",
)

MART_EXCHANGE_FLOWS = Table(
    name="mart.exchange_flows",
    part="exchanges",
    grain="one exchange at the newest observation",
    key=("exchange_id",),
    description=(
        "Where volume goes up and down. The direction is that of trading volume against its own past, an activity "
        "measure: it is not money moving in or out, which mart.exchange_netflow measures."
    ),
    columns=(
        _EXCHANGE_ID,
        _OBSERVED,
        Column("rank", DType.INT, "Place by volume, from 1; null without a volume", nullable=True),
        _NAME,
        Column("is_centralised", DType.BOOL, "Whether it is centralised; null where that is not known", nullable=True),
        Column("is_tracked", DType.BOOL, "Whether the settings name it"),
        replace(_VOLUME, nullable=True, derived_from=("raw.exchanges.volume_24h_btc",)),
        _usd(
            "volume_24h_usd",
            "The same in dollars",
            "raw.exchanges.volume_24h_btc",
            "core.exchange_volumes.btc_price_usd",
        ),
        _usd(
            "btc_price_usd",
            "Price of a bitcoin used for it",
            "raw.market_caps.price_usd",
            "raw.bitcoin_prices.price_usd",
        ),
        _pct(
            "market_share_pct",
            "Share of the volume of all exchanges of this observation",
            "raw.exchanges.volume_24h_btc",
        ),
        Column(
            "volume_7d_mean_btc",
            DType.FLOAT,
            "Mean of its last 7 days before today; null with fewer than 4 of them",
            "BTC",
            nullable=True,
            derived_from=("core.exchange_volumes.volume_24h_btc",),
        ),
        _pct("volume_change_pct", "Volume now against that mean", "core.exchange_volumes.volume_24h_btc"),
        Column(
            "volume_zscore",
            DType.FLOAT,
            "Volume now against mean and standard deviation of the 60 days before today; null with fewer than 20",
            nullable=True,
            derived_from=("core.exchange_volumes.volume_24h_btc",),
        ),
        Column("history_days", DType.INT, "Days of the 60 that have a volume"),
        Column(
            "flow_direction",
            DType.TEXT,
            "inflow, stable or outflow by volume_change_pct and the thresholds of the settings; null without a past",
            nullable=True,
        ),
        _TRUST,
        _TRUST_RANK,
        Column(
            "trust_heuristic",
            DType.TEXT,
            "A guess from the trust score alone, kept for comparison: above 7 inflow, above 5 stable, else outflow",
            nullable=True,
            derived_from=("raw.exchanges.trust_score",),
        ),
        _YEAR,
        _COUNTRY,
        _URL,
    ),
    as_of="observed_at",
)

MART_EXCHANGE_MARKET = Table(
    name="mart.exchange_market",
    part="exchanges",
    grain="one segment at the newest observation",
    key=("segment",),
    description=(
        "Totals of mart.exchange_flows: volume, concentration, mean trust score, for all, centralised and "
        "decentralised."
    ),
    columns=(
        _SEGMENT,
        _OBSERVED,
        Column("n_exchanges", DType.BIGINT, "Exchanges with a volume"),
        replace(
            _VOLUME, name="total_volume_24h_btc", nullable=True, derived_from=("mart.exchange_flows.volume_24h_btc",)
        ),
        _usd("total_volume_24h_usd", "Volume of all of them", "mart.exchange_flows.volume_24h_usd"),
        _pct("top_3_concentration_pct", "Share of the three largest", "mart.exchange_flows.volume_24h_btc"),
        Column(
            "mean_trust_score",
            DType.FLOAT,
            "Mean of the trust scores that are given",
            nullable=True,
            derived_from=("mart.exchange_flows.trust_score",),
        ),
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
)

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

MART_EXCHANGE_NETFLOW = Table(
    name="mart.exchange_netflow",
    part="exchanges",
    grain="one exchange and day",
    key=("slug", "day"),
    description=(
        "Real net flow of the wallets that DefiLlama knows, from token quantities: for each kept token the flow is the "
        "change of its quantity at one price, the price effect the change of its price at one quantity, and neither is "
        "a residual. netflow_usd + price_effect_usd + left_out_usd is the change of the sum of the tokens' values, and "
        "so is netflow_mid_usd + price_effect_mid_usd + left_out_usd. A day is the record near its midnight, compared "
        "with the record before."
    ),
    columns=(
        _SLUG,
        _DAY,
        _KEY,
        _NAME,
        Column("ts", DType.TIME, "Time of the day's record", "UTC"),
        Column("previous_day", DType.DATE, "Day of the record it is compared with; null for the first", nullable=True),
        _usd("reserves_usd", "Value of all tokens", "raw.cex_token_balances.value_usd"),
        _usd("tvl_usd", "The same as DefiLlama sums it up", "raw.cex_tvl.tvl_usd"),
        _usd("tvl_change_usd", "Change of tvl_usd since the previous day", "raw.cex_tvl.tvl_usd"),
        _usd(
            "netflow_usd",
            "Net flow of kept tokens, each at the price now, or before where it was worth more; positive is inward",
            "raw.cex_token_balances.quantity",
            "raw.cex_token_balances.value_usd",
        ),
        _usd(
            "price_effect_usd",
            "Change of value of kept tokens by price alone, beside netflow_usd",
            "raw.cex_token_balances.quantity",
            "raw.cex_token_balances.value_usd",
        ),
        _usd(
            "netflow_mid_usd",
            "Net flow of kept tokens at the mean of both days' prices, the one shown; positive is into the exchange",
            "raw.cex_token_balances.quantity",
            "raw.cex_token_balances.value_usd",
        ),
        _usd(
            "price_effect_mid_usd",
            "Change of value of kept tokens by price alone, at the mean of both days' quantities",
            "raw.cex_token_balances.quantity",
            "raw.cex_token_balances.value_usd",
        ),
        _usd(
            "first_netflow_mid_usd",
            "netflow_mid_usd from quantities as first seen once each day was over, before any revision and without what"
            " was ever quarantined: for backtests",
            "raw.cex_token_balances.first_quantity",
            "raw.cex_token_balances.first_value_usd",
        ),
        Column(
            "known_at",
            DType.TIME,
            "When both records had first been seen; first_netflow_mid_usd was known from then on",
            "UTC",
            nullable=True,
            derived_from=("raw.cex_token_balances.first_seen_at",),
        ),
        _usd(
            "left_out_usd",
            "Change of value of all tokens that are not kept; null where nothing is compared",
            "raw.cex_token_balances.value_usd",
        ),
        _usd(
            "left_out_gross_usd",
            "The amounts of these changes added up, whatever their signs",
            "raw.cex_token_balances.value_usd",
        ),
        *(
            _usd(f"left_out_{reason}_usd", f"Of left_out_usd: {words}", "raw.cex_token_balances.value_usd")
            for reason, words in _LEFT_OUT.items()
        ),
        _pct(
            "identity_gap_pct",
            "tvl_change_usd less the three parts, as a share of the larger tvl_usd",
            "raw.cex_tvl.tvl_usd",
        ),
        _usd("largest_vanished_usd", "Value of the largest token that vanished", "raw.cex_token_balances.value_usd"),
        Column("largest_vanished_token", DType.TEXT, "Its symbol", nullable=True),
        _usd("largest_new_usd", "Value of the largest token that is new", "raw.cex_token_balances.value_usd"),
        Column("largest_new_token", DType.TEXT, "Its symbol", nullable=True),
        _pct(
            "own_token_share_pct",
            "Share of the exchange's own tokens in the value of all",
            "raw.cex_token_balances.value_usd",
        ),
        _pct("coverage_pct", "Share of kept tokens in the value of all", "raw.cex_token_balances.value_usd"),
        _pct(
            "coverage_before_pct",
            "The same of the record before, of which what vanished since was a part",
            "raw.cex_token_balances.value_usd",
        ),
        Column("n_tokens_kept", DType.INT, "Kept tokens", nullable=True),
        Column("n_tokens_unpriced", DType.INT, "Tokens left out as unpriced", nullable=True),
        Column("n_tokens_negative", DType.INT, "Tokens left out as negative", nullable=True),
        Column("n_tokens_quarantined", DType.INT, "Tokens left out as quarantined", nullable=True),
        Column("n_tokens_rebased", DType.INT, "Kept tokens counted on another basis than before", nullable=True),
        _pct(
            "market_share_pct",
            "Share of spot volume of that day among the exchanges observed",
            "core.exchange_volumes.volume_24h_btc",
        ),
        _usd(
            "defillama_inflow_24h_usd",
            "Net inflow over 24 hours as DefiLlama reported it last on that day",
            "raw.cex_snapshots.inflows_24h_usd",
        ),
        _usd("defillama_inflow_1w_usd", "The same over a week", "raw.cex_snapshots.inflows_1w_usd"),
        _usd("defillama_inflow_1m_usd", "The same over a month", "raw.cex_snapshots.inflows_1m_usd"),
        Column("reason", DType.TEXT, "Why there is no net flow, where there is none", nullable=True),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_EXCHANGE_TOKEN_FLOWS = Table(
    name="mart.exchange_token_flows",
    part="exchanges",
    grain="one token of one exchange on one day",
    key=("slug", "day", "token"),
    description="What mart.exchange_netflow adds up, token by token, over the last 30 days.",
    columns=(
        _SLUG,
        _DAY,
        Column("token", DType.TEXT, "Token symbol after joining the names of one token, such as WETH and ETH"),
        Column("quantity_before", DType.FLOAT, "Quantity at the previous record", "tokens", nullable=True),
        Column(
            "quantity",
            DType.FLOAT,
            "Quantity",
            "tokens",
            nullable=True,
            derived_from=("raw.cex_token_balances.quantity",),
        ),
        Column(
            "first_quantity",
            DType.FLOAT,
            "Quantity as first seen once the day was over, whatever revised it since",
            "tokens",
            nullable=True,
            derived_from=("raw.cex_token_balances.first_quantity",),
        ),
        _usd("value_before_usd", "Value at the previous record"),
        _usd("value_usd", "Value", "raw.cex_token_balances.value_usd"),
        _usd("price_usd", "Price at which the flow is valued: now, or before where the value was larger before"),
        _usd("flow_usd", "Change of quantity at that price; null where left out"),
        _usd("price_effect_usd", "Change of price at the other quantity; null where left out"),
        _usd("flow_mid_usd", "Change of quantity at the mean of both days' prices; null where left out"),
        _usd("price_effect_mid_usd", "Change of price at the mean of both days' quantities; null where left out"),
        _usd("left_out_usd", "Change of value where left out, else null"),
        Column(
            "reason",
            DType.TEXT,
            "Why it is left out: new, vanished, dust, absurd, own_token, unpriced, negative, quarantined; else null",
            nullable=True,
        ),
        Column(
            "basis_ratio",
            DType.FLOAT,
            "Quantity over that before where the token is counted on another basis (redenominated), its flow then 0",
            nullable=True,
            derived_from=("raw.cex_token_balances.quantity",),
        ),
    ),
    may_be_empty=True,
)

MART_WHALE_SIGNALS = Table(
    name="mart.whale_signals",
    part="exchanges",
    grain="one coin at the newest observation",
    key=("coin_id",),
    description=(
        "Trading volume that is unusual for a coin's size: a proxy for large holders at work, not transactions. "
        "Trending coins and all tracked ones; members of the excluded categories are left out."
    ),
    columns=(
        Column("coin_id", DType.TEXT, "CoinGecko coin id"),
        _OBSERVED,
        Column("rank", DType.INT, "Place: unusual coins first, by score, then by ratio"),
        Column("symbol", DType.TEXT, "Ticker in capitals"),
        _NAME,
        Column("is_trending", DType.BOOL, "Whether it is among the trending coins"),
        Column("market_cap_rank", DType.INT, "Place by market cap", nullable=True),
        _usd(
            "market_cap_usd",
            "Market capitalisation",
            "raw.market_caps.market_cap_usd",
            "raw.trending_coins.market_cap_usd",
            nullable=False,
        ),
        _usd(
            "volume_24h_usd",
            "Trading volume of the 24 hours before",
            "raw.market_caps.volume_usd",
            "raw.trending_coins.volume_24h_usd",
            nullable=False,
        ),
        _pct(
            "volume_to_mcap_pct",
            "Volume over market cap",
            "raw.market_caps.volume_usd",
            "raw.market_caps.market_cap_usd",
            nullable=False,
        ),
        Column(
            "volume_zscore",
            DType.FLOAT,
            "That ratio against its mean and standard deviation of the 60 days before today; null with fewer than 20",
            nullable=True,
            derived_from=("raw.market_caps.volume_usd", "raw.market_caps.market_cap_usd"),
        ),
        Column("history_days", DType.INT, "Days of the 60 that have a ratio"),
        _pct(
            "price_change_24h_pct",
            "Change of the price over 24 hours",
            "raw.market_caps.price_usd",
            "raw.trending_coins.price_change_24h_pct",
        ),
        Column("is_unusual", DType.BOOL, "z-score of 2 or more; without one, a ratio above 10 %"),
        Column(
            "whale_activity_score", DType.FLOAT, "0 to 10: twice the z-score; without one, a fifth of the ratio in %"
        ),
        Column("score_basis", DType.TEXT, "zscore or ratio"),
        Column(
            "ratio_heuristic", DType.INT, "A guess kept for comparison: a fifth of the ratio in %, whole, at most 10"
        ),
        Column(
            "signal_type",
            DType.TEXT,
            "Name of the sign of the price change over 24 hours, accumulation up and distribution down; nobody is seen"
            " to buy",
            nullable=True,
        ),
        Column("method", DType.TEXT, "How to read the row: always a proxy"),
        _SOURCE,
    ),
    as_of="observed_at",
    may_be_empty=True,
)

MART_EXCHANGE_TVL = Table(
    name="mart.exchange_tvl",
    part="exchanges",
    grain="one exchange or protocol at the newest observation",
    key=("kind", "slug"),
    description=(
        "Reserves of centralised exchanges (what their known wallets hold) and TVL of decentralised ones, ranked "
        "apart. A change is that of the value, prices included."
    ),
    columns=(
        Column("kind", DType.TEXT, "cex or dex"),
        replace(_SLUG, description="DefiLlama slug, or the name in lower case where there is none"),
        _OBSERVED,
        Column("rank", DType.INT, "Place within its kind, from 1; null without a TVL", nullable=True),
        _NAME,
        replace(_KEY, nullable=True),
        Column("symbol", DType.TEXT, "Symbol of its token", nullable=True),
        Column("category", DType.TEXT, "CEX or Dexs"),
        _usd("tvl_usd", "All assets", "raw.cex_snapshots.current_tvl_usd", "raw.protocols.tvl_usd"),
        _usd(
            "clean_tvl_usd",
            "The same without own tokens; centralised exchanges only",
            "raw.cex_snapshots.clean_assets_tvl_usd",
        ),
        _pct("tvl_dominance_pct", "Share of tvl_usd in all of its kind that are measured"),
        _pct("clean_dominance_pct", "Share of clean_tvl_usd in all of its kind that are measured"),
        _pct("change_1d_pct", "Change of the TVL over a day", "raw.protocols.change_1d_pct"),
        _pct("change_7d_pct", "Change of the TVL over seven days", "raw.protocols.change_7d_pct"),
        _usd("mcap_usd", "Market cap of its token", "raw.protocols.mcap_usd"),
        Column("chains", DType.TEXT, "Chains it is on, comma separated", nullable=True),
        _URL,
        _SOURCE,
    ),
    as_of="observed_at",
    may_be_empty=True,
)

MART_EXCHANGE_TVL_SUMMARY = Table(
    name="mart.exchange_tvl_summary",
    part="exchanges",
    grain="one kind at the newest observation",
    key=("kind",),
    description="Totals of mart.exchange_tvl.",
    columns=(
        Column("kind", DType.TEXT, "cex or dex"),
        _OBSERVED,
        _usd("total_tvl_usd", "All that are measured", "mart.exchange_tvl.tvl_usd"),
        _usd("total_clean_tvl_usd", "The same without own tokens", "mart.exchange_tvl.clean_tvl_usd"),
        Column("n_exchanges", DType.BIGINT, "Exchanges with a TVL"),
        Column("n_unmeasured", DType.BIGINT, "Exchanges without one"),
        _pct("top_5_dominance_pct", "Share of the five largest", "mart.exchange_tvl.tvl_usd"),
        _pct("avg_7d_change_pct", "Mean of the changes that are given", "mart.exchange_tvl.change_7d_pct"),
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
)

MART_EXCHANGE_MEMBERS = Table(
    name="mart.exchange_members",
    part="exchanges",
    grain="one exchange of one segment and measure",
    key=("measure", "segment", "exchange_key"),
    description=(
        "Who belongs to the fixed set that measures over time are over, and who is left out: members were measured on "
        "90 % or more of the days, of the last 90, on which anybody of the segment was. Fewer than two make no set."
    ),
    columns=(
        _MEASURE,
        _SEGMENT,
        _KEY,
        _NAME,
        Column("first_day", DType.DATE, "Its first measured day of the window"),
        Column("last_day", DType.DATE, "Its last measured day of the window"),
        Column("days_measured", DType.INT, "Days of the window on which it was measured"),
        Column("days_in_window", DType.INT, "Days of the window on which anybody was"),
        _pct("coverage_pct", "The one over the other", nullable=False),
        _pct("mean_share_pct", "Mean of its shares of all measured, on its days", nullable=False),
        Column("is_member", DType.BOOL, "Whether it is in the fixed set"),
    ),
    may_be_empty=True,
)

MART_EXCHANGE_SHARES = Table(
    name="mart.exchange_shares",
    part="exchanges",
    grain="one exchange of one segment, measure and day",
    key=("measure", "segment", "day", "exchange_key"),
    description=(
        "Market shares day by day, each day at its last observation, over all exchanges of the segment that were "
        "measured then; shares of a day sum to 100 %. To follow over time: fixed_share_pct, over the members of "
        "mart.exchange_members alone. Spot volume of the tracked segment is of members alone throughout, and leaves "
        "out days on which members that make up more than 1 % lack a reading."
    ),
    columns=(
        _MEASURE,
        _SEGMENT,
        _DAY,
        _KEY,
        Column("ts", DType.TIME, "Newest observation of that day in the segment", "UTC"),
        _NAME,
        Column("rank", DType.INT, "Place, from 1"),
        Column(
            "value", DType.FLOAT, "What is shared: BTC of volume, USD of reserves or derivatives volume", "BTC or USD"
        ),
        _pct("share_pct", "Share of the segment's sum", nullable=False),
        _pct(
            "fixed_share_pct",
            "Share of the fixed set's sum; null outside of it, and on days on which more than 1 % of it is missing",
        ),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_EXCHANGE_DOMINANCE = Table(
    name="mart.exchange_dominance",
    part="exchanges",
    grain="one segment, measure and day",
    key=("measure", "segment", "day"),
    description=(
        "Concentration day by day, over all exchanges measured: top shares, Herfindahl-Hirschman index (sum of squared "
        "shares in %, 10,000 is a monopoly), effective number of exchanges."
    ),
    columns=(
        _MEASURE,
        _SEGMENT,
        _DAY,
        Column("ts", DType.TIME, "Newest observation of that day in the segment", "UTC"),
        Column(
            "total", DType.FLOAT, "What is shared, in all", "BTC or USD", derived_from=("mart.exchange_shares.value",)
        ),
        Column("n_exchanges", DType.INT, "Exchanges measured"),
        _pct("top_1_dominance_pct", "Share of the largest", "mart.exchange_shares.share_pct", nullable=False),
        _pct("top_3_dominance_pct", "Share of the three largest", "mart.exchange_shares.share_pct", nullable=False),
        _pct("top_5_dominance_pct", "Share of the five largest", "mart.exchange_shares.share_pct", nullable=False),
        Column(
            "hhi_index",
            DType.FLOAT,
            "Herfindahl-Hirschman index of those measured",
            derived_from=("mart.exchange_shares.share_pct",),
        ),
        _pct(
            "uncovered_pct",
            "Share of the volume that was not measured, by the last full listing; spot volume only",
            "raw.exchanges.volume_24h_btc",
        ),
        Column(
            "hhi_lower_bound",
            DType.FLOAT,
            "The index if what was not measured is spread thin; spot volume only",
            nullable=True,
        ),
        Column(
            "hhi_upper_bound",
            DType.FLOAT,
            "The index if what was not measured is one exchange; spot volume only",
            nullable=True,
        ),
        Column(
            "effective_exchanges", DType.FLOAT, "10,000 over the index: how many equal exchanges are as concentrated"
        ),
        Column(
            "market_concentration",
            DType.TEXT,
            "competitive, moderately_concentrated or highly_concentrated, by the settings' thresholds",
        ),
        Column("systemic_risk", DType.TEXT, "low, medium or high, the same in other words: a heuristic"),
        Column("n_fixed_exchanges", DType.INT, "Members of the fixed set (mart.exchange_members) measured"),
        Column(
            "fixed_hhi_index",
            DType.FLOAT,
            "The index over the fixed set, the one to follow over time; null on days on which it is not complete",
            nullable=True,
            derived_from=("mart.exchange_shares.fixed_share_pct",),
        ),
        Column(
            "fixed_hhi_lower_bound",
            DType.FLOAT,
            "That index if all volume outside of the set is spread thin; spot volume only",
            nullable=True,
        ),
        Column(
            "fixed_hhi_upper_bound",
            DType.FLOAT,
            "That index if all volume outside of the set is one exchange; spot volume only",
            nullable=True,
        ),
        Column(
            "hhi_30d_ago",
            DType.FLOAT,
            "The index 30 days before, over the exchanges measured on both days; null with fewer than two",
            nullable=True,
            derived_from=("mart.exchange_shares.value",),
        ),
        Column(
            "hhi_change_30d",
            DType.FLOAT,
            "Change of the index since, over the same exchanges",
            nullable=True,
            derived_from=("mart.exchange_shares.value",),
        ),
        Column("n_compared", DType.INT, "Exchanges measured on both days; null with fewer than two", nullable=True),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_EXCHANGE_COVERAGE = Table(
    name="mart.exchange_coverage",
    part="exchanges",
    grain="one gap in what is known of one exchange",
    key=("aspect", "exchange_key"),
    description=(
        "What is missing: large exchanges without reserves, tracked ones without a volume or a net flow, ids that map "
        "to nothing."
    ),
    columns=(
        Column("aspect", DType.TEXT, "volume, reserves, netflow or mapping"),
        _KEY,
        _NAME,
        Column("is_tracked", DType.BOOL, "Whether the settings name it"),
        replace(_VOLUME, nullable=True, derived_from=("mart.exchange_flows.volume_24h_btc",)),
        Column("reason", DType.TEXT, "What is missing and why, in a few words"),
    ),
    may_be_empty=True,
)

EXCHANGE_TABLES: tuple[Table, ...] = (
    RAW_EXCHANGES,
    RAW_EXCHANGE_VOLUMES,
    RAW_TRENDING_COINS,
    RAW_BITCOIN_PRICES,
    RAW_EXCLUDED_COINS,
    RAW_PROTOCOLS,
    RAW_CEX_SNAPSHOTS,
    RAW_CENTRALISED_EXCHANGES,
    RAW_EXCHANGE_KINDS,
    RAW_CEX_TVL,
    RAW_CEX_TOKEN_BALANCES,
    CORE_EXCHANGES,
    CORE_EXCHANGE_VOLUMES,
    MART_EXCHANGE_FLOWS,
    MART_EXCHANGE_MARKET,
    MART_EXCHANGE_NETFLOW,
    MART_EXCHANGE_TOKEN_FLOWS,
    MART_WHALE_SIGNALS,
    MART_EXCHANGE_TVL,
    MART_EXCHANGE_TVL_SUMMARY,
    MART_EXCHANGE_MEMBERS,
    MART_EXCHANGE_SHARES,
    MART_EXCHANGE_DOMINANCE,
    MART_EXCHANGE_COVERAGE,
)
