"""Tables that set exchanges side by side: league by net flow, flow by class of asset, derivatives and reserves."""

from __future__ import annotations

from marketflows_pipeline.schema.model import Column, DType, Table

_SLUG = Column("slug", DType.TEXT, "DefiLlama slug in lower case, such as binance-cex")
_KEY = Column("exchange_key", DType.TEXT, "CoinGecko id of the exchange, or its DefiLlama slug where it has none")
_NAME = Column("name", DType.TEXT, "Display name")
_OBSERVED = Column("observed_at", DType.TIME, "Time of DefiLlama's newest overview", "UTC")
_TOKENS = "mart.exchange_token_flows"
_CEXS = "raw.cex_snapshots"


def _usd(name: str, description: str, *derived_from: str) -> Column:
    return Column(name, DType.FLOAT, description, "USD", nullable=True, derived_from=derived_from)


def _pct(name: str, description: str, *derived_from: str) -> Column:
    return Column(name, DType.FLOAT, description, "%", nullable=True, derived_from=derived_from)


def _count(name: str, description: str, unit: str = "") -> Column:
    return Column(name, DType.INT, description, unit)


MART_EXCHANGE_NETFLOW_BY_CLASS = Table(
    name="mart.exchange_netflow_by_class",
    part="exchanges",
    grain="one class of asset of one exchange on one day",
    key=("slug", "day", "asset_class"),
    description=(
        "Net flow of the wallets that DefiLlama knows, by class of asset: bitcoin, ether, dollar stablecoins, others. "
        "netflow_mid_usd and price_effect_mid_usd sum over the classes to those of mart.exchange_netflow."
    ),
    columns=(
        _SLUG,
        Column("day", DType.DATE, "Day in UTC"),
        Column(
            "asset_class",
            DType.TEXT,
            "btc and eth (with tokens wrapped one for one), stablecoins (pegged to a dollar), other; by symbol",
        ),
        _KEY,
        _NAME,
        Column("ts", DType.TIME, "Time of the day's record", "UTC"),
        Column("previous_day", DType.DATE, "Day of the record it is compared with; null for the first", nullable=True),
        _usd(
            "netflow_mid_usd",
            "Net flow of the class's kept tokens at the mean of both days' prices; null where none is kept",
            f"{_TOKENS}.flow_mid_usd",
        ),
        _usd(
            "price_effect_mid_usd",
            "Change of value of the class's kept tokens by price alone",
            f"{_TOKENS}.price_effect_mid_usd",
        ),
        Column(
            "netflow_units",
            DType.FLOAT,
            "Change of the quantity of kept tokens: bitcoins, ethers, or coins of a dollar; null of other",
            "coins",
            nullable=True,
            derived_from=(f"{_TOKENS}.quantity", f"{_TOKENS}.quantity_before"),
        ),
        _usd("reserves_usd", "Value of all tokens of the class, kept or not", f"{_TOKENS}.value_usd"),
        Column(
            "reserves_units",
            DType.FLOAT,
            "Their quantity; null of other, and where one is not known",
            "coins",
            nullable=True,
            derived_from=(f"{_TOKENS}.quantity",),
        ),
        _count("n_tokens", "Tokens of the class in the record"),
        _count("n_tokens_kept", "Tokens of the class whose flow is known"),
    ),
    as_of="ts",
    may_be_empty=True,
)

MART_EXCHANGE_LEAGUE = Table(
    name="mart.exchange_league",
    part="exchanges",
    grain="one exchange over one period",
    key=("period_days", "exchange_key"),
    description=(
        "Tracked exchanges by net flow over 1, 7 and 30 days, beside DefiLlama's own inflow of every exchange that it "
        "lists. Two measures of the same wallets: ours at the means of both days' prices between records near "
        "midnight, theirs up to the moment of the overview, own tokens left out; their formula is not published."
    ),
    columns=(
        Column("period_days", DType.INT, "1, 7 or 30, as DefiLlama's 24 hours, week and month", "days"),
        _KEY,
        Column("slug", DType.TEXT, "DefiLlama slug; null where it has none", nullable=True),
        _NAME,
        Column("is_tracked", DType.BOOL, "Whether the settings name it"),
        Column("rank", DType.INT, "Place by net flow among those with one, from 1", nullable=True),
        _usd(
            "netflow_mid_usd",
            "Sum of the daily net flows that are known; null where none is",
            "mart.exchange_netflow.netflow_mid_usd",
        ),
        _count("days_known", "Days of the period with a known net flow", "days"),
        Column("from_day", DType.DATE, "Day of the record that the first of them is compared with", nullable=True),
        Column("to_day", DType.DATE, "Last of them", nullable=True),
        _pct(
            "netflow_pct_of_reserves",
            "Net flow as a share of the reserves at its last day",
            "mart.exchange_netflow.netflow_mid_usd",
            "mart.exchange_netflow.reserves_usd",
        ),
        _usd("reserves_usd", "Value of all tokens at that day", "mart.exchange_netflow.reserves_usd"),
        Column("observed_at", DType.TIME, "Time of DefiLlama's newest overview", "UTC", nullable=True),
        _usd(
            "defillama_inflow_usd",
            "Net inflow as DefiLlama reports it",
            f"{_CEXS}.inflows_24h_usd",
            f"{_CEXS}.inflows_1w_usd",
            f"{_CEXS}.inflows_1m_usd",
        ),
        Column(
            "signs_differ",
            DType.BOOL,
            "Whether one is into and the other out of the exchange; null unless both are known and neither is 0",
            nullable=True,
        ),
        Column("reason", DType.TEXT, "Why there is no net flow, where there is none", nullable=True),
    ),
    as_of="observed_at",
    may_be_empty=True,
)

MART_EXCHANGE_POSITIONS = Table(
    name="mart.exchange_positions",
    part="exchanges",
    grain="one exchange of DefiLlama's newest overview",
    key=("exchange_key",),
    description=(
        "What is open and held at each exchange: open interest, leverage, spot against derivatives volume, and "
        "stablecoin reserves of tracked ones. Volumes are as exchanges report them. Derivatives are perpetuals and "
        "dated futures together: the service does not tell them apart."
    ),
    columns=(
        _KEY,
        Column("slug", DType.TEXT, "DefiLlama slug; null where it has none", nullable=True),
        _NAME,
        _OBSERVED,
        _usd("open_interest_usd", "Open interest", f"{_CEXS}.open_interest_usd"),
        _pct("open_interest_share_pct", "Its share of that of all listed", f"{_CEXS}.open_interest_usd"),
        Column(
            "leverage",
            DType.FLOAT,
            "Open interest over clean assets, as the service gives it",
            "times",
            nullable=True,
            derived_from=(f"{_CEXS}.leverage",),
        ),
        _usd("spot_volume_usd", "Spot volume of the 24 hours before", f"{_CEXS}.spot_volume_usd"),
        _usd("derivatives_volume_usd", "Derivatives volume of the 24 hours before", f"{_CEXS}.derivatives_volume_usd"),
        _pct("spot_share_pct", "Share of its spot volume in that of all listed", f"{_CEXS}.spot_volume_usd"),
        _pct(
            "derivatives_share_pct",
            "Share of its derivatives volume in that of all listed",
            f"{_CEXS}.derivatives_volume_usd",
        ),
        _pct(
            "derivatives_of_volume_pct",
            "Derivatives as a share of its own spot and derivatives volume; null unless both are known",
            f"{_CEXS}.spot_volume_usd",
            f"{_CEXS}.derivatives_volume_usd",
        ),
        Column("stablecoins_day", DType.DATE, "Day of the stablecoin reserves", nullable=True),
        _usd(
            "stablecoin_reserves_usd",
            "Dollar stablecoins in its known wallets; null where not tracked or none are known",
            "mart.exchange_netflow_by_class.reserves_usd",
        ),
        _pct(
            "stablecoin_reserves_pct",
            "Their share of all reserves of that day",
            "mart.exchange_netflow_by_class.reserves_usd",
        ),
    ),
    as_of="observed_at",
    may_be_empty=True,
)

EXCHANGE_LEAGUE_TABLES: tuple[Table, ...] = (
    MART_EXCHANGE_NETFLOW_BY_CLASS,
    MART_EXCHANGE_LEAGUE,
    MART_EXCHANGE_POSITIONS,
)
