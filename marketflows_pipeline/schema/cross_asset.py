"""Tables of the cross-asset part: prices, shares, flows, regimes, models."""

from __future__ import annotations

from dataclasses import replace

from marketflows_pipeline.schema.model import Column, DType, Table

_SYMBOL = Column("symbol", DType.TEXT, "Symbol of the universe in the settings")
_SESSION = Column("session", DType.DATE, "Trading session: a New York date for funds, a UTC date for crypto")
_FETCHED = Column("fetched_at", DType.TIME, "When it was fetched", "UTC")
_SOURCE = Column("source", DType.TEXT, "Which answer brought it, such as yahoo:chart; synthetic data says so")
_CLASS = Column("asset_class", DType.TEXT, "equity, metal, bond or crypto")
_WINDOW = Column("window_sessions", DType.INT, "Length of the window", "sessions")


def _usd(name: str, description: str, *derived_from: str, nullable: bool = True) -> Column:
    return Column(name, DType.FLOAT, description, "USD", nullable=nullable, derived_from=derived_from)


def _pct(name: str, description: str, *derived_from: str, nullable: bool = True) -> Column:
    return Column(name, DType.FLOAT, description, "%", nullable=nullable, derived_from=derived_from)


def _number(name: str, description: str, unit: str = "", *derived_from: str, nullable: bool = True) -> Column:
    return Column(name, DType.FLOAT, description, unit, nullable=nullable, derived_from=derived_from)


RAW_DAILY_BARS = Table(
    name="raw.daily_bars",
    part="cross_asset",
    grain="one asset and session",
    key=("symbol", "session"),
    description=(
        "Daily prices and volumes as the service gives them: adjusted for splits, not for dividends. A new "
        "split rewrites the whole history of its symbol, in one transaction. Source: Yahoo v8 "
        "chart, or the user's own folder."
    ),
    columns=(
        _SYMBOL,
        _SESSION,
        _usd("open_usd", "First price"),
        _usd("high_usd", "Highest price"),
        _usd("low_usd", "Lowest price"),
        _usd("close_usd", "Last price, adjusted for splits as given", nullable=False),
        _usd(
            "adjusted_close_usd",
            "The same adjusted for dividends too, as given when it was fetched; later dividends change it",
        ),
        _usd(
            "as_traded_close_usd", "Last price as it was traded, rebuilt from the splits", "raw.corporate_actions.value"
        ),
        _number("volume", "What was traded, in volume_unit"),
        Column("volume_unit", DType.TEXT, "shares (adjusted for splits as given) or usd (crypto)"),
        _SOURCE,
        _FETCHED,
    ),
    as_of="fetched_at",
    replaces="merge",
    revised_by=("open_usd", "high_usd", "low_usd", "close_usd", "as_traded_close_usd", "volume"),
    may_be_empty=True,
)

RAW_CORPORATE_ACTIONS = Table(
    name="raw.corporate_actions",
    part="cross_asset",
    grain="one dividend or split of one asset",
    key=("symbol", "session", "action"),
    description="Dividends and splits as the price service lists them.",
    columns=(
        _SYMBOL,
        replace(_SESSION, description="Session on which it took effect"),
        Column("action", DType.TEXT, "dividend or split"),
        _number("value", "Dollars a share as given, or new shares for each old one", "USD or ratio", nullable=False),
        _SOURCE,
        _FETCHED,
    ),
    as_of="fetched_at",
    replaces="merge",
    revised_by=("value",),
    may_be_empty=True,
)

RAW_SHARES_OUTSTANDING = Table(
    name="raw.shares_outstanding",
    part="cross_asset",
    grain="one vintage of one fund's figures for one session",
    key=("symbol", "session", "vintage"),
    description=(
        "Shares outstanding, net asset value and net assets as the issuer publishes them. A restatement is a new "
        "vintage; the earlier ones stay. Source: State Street, BlackRock, SPDR Gold, or the user's own folder."
    ),
    columns=(
        _SYMBOL,
        _SESSION,
        Column("vintage", DType.INT, "1 as first fetched, 2 once restated, and so on"),
        _number("shares", "Shares outstanding; null where only net assets are known", "shares"),
        _usd("nav_usd", "Net asset value of a share"),
        _usd("net_assets_usd", "Net assets of the fund"),
        Column("convention", DType.TEXT, "as_traded (figures of their day) or split_adjusted (in present shares)"),
        Column("published_at", DType.TIME, "When the issuer published it, where it says so", "UTC", nullable=True),
        _SOURCE,
        _FETCHED,
    ),
    as_of="fetched_at",
    replaces="merge",
    may_be_empty=True,
)

RAW_VOLATILITY_INDEX = Table(
    name="raw.volatility_index",
    part="cross_asset",
    grain="one index and session",
    key=("index_name", "session"),
    description="Closing values of VIX and VIX3M. Source: Cboe's CSV files, FRED where those fail.",
    columns=(
        Column("index_name", DType.TEXT, "VIX or VIX3M"),
        _SESSION,
        _number("close", "Closing value", "% a year", nullable=False),
        _SOURCE,
        _FETCHED,
    ),
    as_of="fetched_at",
    replaces="merge",
    revised_by=("close",),
    may_be_empty=True,
)

CORE_ASSET_FLOWS = Table(
    name="core.asset_flows",
    part="cross_asset",
    grain="one asset and session",
    key=("symbol", "session"),
    description=(
        "Each asset's market cap and its change, split exactly: price effect = shares before times change of price, "
        "share effect = price now times change of shares. The share effect is the flow of a fund. For crypto it is "
        "issuance, not investors' flow. All sessions are those of the funds; crypto is summed over the gap between two "
        "of them."
    ),
    columns=(
        _SYMBOL,
        _SESSION,
        _CLASS,
        Column("previous_session", DType.DATE, "Session it is compared with; null for the first", nullable=True),
        _usd("close_usd", "Last price, adjusted for splits", "raw.daily_bars.close_usd", nullable=False),
        _usd(
            "price_usd",
            "Price that market cap and flow are valued at: net asset value where known, else as traded",
            "raw.shares_outstanding.nav_usd",
            "raw.daily_bars.as_traded_close_usd",
        ),
        _number(
            "shares",
            "Shares outstanding, or a coin's supply: median of cap / price over 7 days; in shares of that day",
            "shares or coins",
            "raw.shares_outstanding.shares",
            "raw.market_caps.market_cap_usd",
        ),
        _usd("market_cap_usd", "Shares times price", "raw.shares_outstanding.shares", "raw.shares_outstanding.nav_usd"),
        _usd(
            "market_cap_change_usd",
            "Change of the market cap: the naive proxy of a flow, mostly price",
            "core.asset_flows.market_cap_usd",
        ),
        _usd(
            "price_effect_usd",
            "Shares before times change of price, splits taken out",
            "raw.shares_outstanding.shares",
            "raw.daily_bars.close_usd",
        ),
        _usd(
            "share_effect_usd",
            "Price now times change of shares, splits taken out",
            "raw.shares_outstanding.shares",
            "raw.daily_bars.close_usd",
        ),
        _usd(
            "flow_usd",
            "Net flow: the share effect, or net assets less their growth by price; null where unknown",
            "core.asset_flows.share_effect_usd",
        ),
        Column(
            "flow_method",
            DType.TEXT,
            "shares, aum, supply (issuance of a coin, not a flow of investors) or price_only (no flow known)",
        ),
        _usd(
            "gap_flow_usd",
            "Flow since the last session with known figures, where those of one or more sessions in between are "
            "missing: it counts in each window that holds the whole gap, and is no flow of this session alone",
            "raw.shares_outstanding.shares",
            "raw.daily_bars.close_usd",
        ),
        _usd(
            "gap_price_effect_usd",
            "Price effect over the same gap; both sum to the change of the market cap over it",
            "raw.shares_outstanding.shares",
            "raw.daily_bars.close_usd",
        ),
        Column(
            "gap_sessions",
            DType.INT,
            "How many of the fund's sessions that gap spans, this one included; null without gap_flow_usd",
            "sessions",
            nullable=True,
        ),
        Column(
            "flow_unknown_reason",
            DType.TEXT,
            "suspected_split where shares changed as by a split that nobody lists (core.share_splits); null where the "
            "flow is known, or figures are missing",
            nullable=True,
        ),
        Column(
            "is_large_creation",
            DType.BOOL,
            "Whether the flow, or that of the gap, is beyond 35 % of the assets before it: real until shown otherwise",
        ),
        Column(
            "is_supply_revision",
            DType.BOOL,
            "Whether supply changed by more than 10 %: a re-count, kept out of flow_usd",
        ),
        Column(
            "share_lag_sessions",
            DType.INT,
            "How many sessions before its date the orders were placed that a count holds first; null without counts",
            "sessions",
            nullable=True,
        ),
        Column(
            "lag_basis",
            DType.TEXT,
            "How that is known: measured, documented, or unknown, which is taken as 0",
            nullable=True,
        ),
        Column(
            "trade_session",
            DType.DATE,
            "Session whose orders this row's count holds: rankings, map and charts go by it; null before the first",
            nullable=True,
        ),
        _usd(
            "trade_flow_usd",
            "The flow at the price of the trade session",
            "core.asset_flows.share_effect_usd",
            "raw.shares_outstanding.nav_usd",
        ),
        _usd(
            "trade_gap_flow_usd",
            "The flow of the gap at the price of the trade session",
            "core.asset_flows.gap_flow_usd",
            "raw.shares_outstanding.nav_usd",
        ),
        _pct("flow_pct_of_market_cap", "Flow as a share of the market cap before", "core.asset_flows.flow_usd"),
        _number(
            "flow_zscore",
            "Flow against mean and standard deviation of the 60 sessions before; null with fewer than 20",
            "",
            "core.asset_flows.flow_usd",
        ),
        _number(
            "gross_flow_share",
            "Flow over the sum of absolute flows of the session, issuance left out; absolute shares sum to 1",
            "",
            "core.asset_flows.flow_usd",
        ),
        _usd(
            "notional_usd",
            "What was traded: close times volume, or volume as given for crypto, summed over the gap",
            "raw.daily_bars.close_usd",
            "raw.daily_bars.volume",
        ),
        _usd(
            "notional_change_usd",
            "Change of the notional: a proxy of activity, without direction",
            "core.asset_flows.notional_usd",
        ),
        _number(
            "notional_share", "Share of the session's notional; shares sum to 1", "", "core.asset_flows.notional_usd"
        ),
        _number(
            "notional_zscore",
            "Notional against mean and standard deviation of the 60 sessions before",
            "",
            "core.asset_flows.notional_usd",
        ),
        _number(
            "price_return",
            "Return of the close since the previous session, dividends left out",
            "",
            "raw.daily_bars.close_usd",
        ),
        Column(
            "known_at",
            DType.TIME,
            "When the flow could be known: the next session's open where the issuer gives no time; not before later "
            "figures agreed where these looked like a slip of unit",
            "UTC",
            nullable=True,
        ),
    ),
    as_of=None,
    may_be_empty=True,
)

CORE_SHARE_SPLITS = Table(
    name="core.share_splits",
    part="cross_asset",
    grain="one split of a fund, at the session from which on its shares are counted in new ones",
    key=("symbol", "session"),
    description=(
        "Splits of funds with the evidence: those that are listed, those that the issuer's own figures tell of "
        "(inferred: no flow), and changes of shares that look like one while nothing else tells (suspected: the flow "
        "is unknown until a line in splits.csv settles it). Ratios are against the figures before, in present shares "
        "as listed splits make them."
    ),
    columns=(
        _SYMBOL,
        replace(_SESSION, description="Session of the first count in new shares"),
        Column("previous_session", DType.DATE, "Session of the figures before", nullable=True),
        Column("listed_session", DType.DATE, "Session on which it is listed; null where it is not", nullable=True),
        Column("status", DType.TEXT, "listed, inferred, suspected, or denied by a listed ratio of 1"),
        Column("is_inferred", DType.BOOL, "Whether nobody lists it and the figures tell of it"),
        _number("ratio", "New shares for each old one", "", "raw.corporate_actions.value"),
        _number("share_ratio", "Shares over those before", "", "raw.shares_outstanding.shares"),
        _number("nav_ratio", "Net asset value over that before", "", "raw.shares_outstanding.nav_usd"),
        _number("close_ratio", "Close, adjusted for splits, over that before", "", "raw.daily_bars.close_usd"),
        _number(
            "basis_ratio",
            "Ratio of the closes over that of the net asset values: what the issuer's own basis changed by",
            "",
            "raw.daily_bars.close_usd",
            "raw.shares_outstanding.nav_usd",
        ),
        Column("splits_line", DType.TEXT, "The line of splits.csv that lists it; with the ratio 1 it is denied"),
    ),
    may_be_empty=True,
)

CORE_STABLECOIN_ISSUANCE = Table(
    name="core.stablecoin_issuance",
    part="cross_asset",
    grain="one stablecoin and day",
    key=("coin_id", "day"),
    description=("Change of supply of the stablecoins that the market-cap part follows, at a dollar each."),
    columns=(
        Column("coin_id", DType.TEXT, "Coin id of the market-cap provider"),
        Column("day", DType.DATE, "Day in UTC"),
        _number(
            "supply",
            "Market cap over price at the day's last observation",
            "coins",
            "raw.market_caps.market_cap_usd",
            "raw.market_caps.price_usd",
            nullable=False,
        ),
        _usd(
            "issuance_usd",
            "Change of supply since the day before, at a dollar each; null after a gap",
            "raw.market_caps.market_cap_usd",
        ),
    ),
    may_be_empty=True,
)

MART_FLOW_RANKINGS = Table(
    name="mart.flow_rankings",
    part="cross_asset",
    grain="one asset and window at the newest session",
    key=("window_sessions", "symbol"),
    description="Sums of daily flows over the last trade sessions, ranked. Issuance of coins is shown and not ranked.",
    columns=(
        _WINDOW,
        _SYMBOL,
        Column(
            "session",
            DType.DATE,
            "Newest session of the window: the last trade session with 90 % of assets known",
        ),
        Column("name", DType.TEXT, "Display name"),
        _CLASS,
        Column("flow_method", DType.TEXT, "shares, aum, supply or price_only"),
        _usd("flow_usd", "Sum of the flows of the window; null where none is known", "core.asset_flows.flow_usd"),
        Column("sessions_known", DType.INT, "Sessions of the window with a known flow"),
        _pct(
            "flow_pct_of_market_cap", "Flow as a share of the market cap before the window", "core.asset_flows.flow_usd"
        ),
        _usd("price_effect_usd", "Sum of the price effects", "core.asset_flows.price_effect_usd"),
        _usd(
            "market_cap_change_usd",
            "Change of the market cap over the window: a proxy, mostly price",
            "core.asset_flows.market_cap_usd",
        ),
        _number("price_return", "Return of the close over the window", "", "core.asset_flows.close_usd"),
        Column(
            "inflow_rank",
            DType.INT,
            "Place by inflow, from 1; null for issuance, outflows and unknown flows",
            nullable=True,
        ),
        Column(
            "outflow_rank",
            DType.INT,
            "Place by outflow, from 1; null for issuance, inflows and unknown flows",
            nullable=True,
        ),
    ),
    may_be_empty=True,
)

MART_FLOW_MAP = Table(
    name="mart.flow_map",
    part="cross_asset",
    grain="one pair of a loser and a gainer, and a window, at the newest session",
    key=("window_sessions", "includes_issuance", "from_symbol", "to_symbol"),
    description=(
        "Who gained while others lost: outflows attributed to inflows in proportion to their size, the remainder to or "
        "from a node outside the universe. An attribution, not observed transfers."
    ),
    columns=(
        _WINDOW,
        Column("includes_issuance", DType.BOOL, "Whether issuance of coins counts as a flow"),
        Column("from_symbol", DType.TEXT, "Asset with outflows, or (outside the universe)"),
        Column("to_symbol", DType.TEXT, "Asset with inflows, or (outside the universe)"),
        Column("session", DType.DATE, "Newest session of the window"),
        _usd("flow_usd", "Attributed flow", "mart.flow_rankings.flow_usd", nullable=False),
    ),
    may_be_empty=True,
)

MART_ROLLING_STATS = Table(
    name="mart.rolling_stats",
    part="cross_asset",
    grain="one asset, session and window",
    key=("symbol", "session", "window_sessions"),
    description="Trailing return, volatility and drawdown of the close, dividends left out.",
    columns=(
        _SYMBOL,
        _SESSION,
        _WINDOW,
        _number("total_return", "Return over the window", "", "core.asset_flows.close_usd"),
        _number(
            "volatility",
            "Standard deviation of daily log returns over the window, times the root of 252",
            "a year",
            "core.asset_flows.close_usd",
        ),
        _number(
            "drawdown", "Close over its highest of the window, less 1; 0 at a high", "", "core.asset_flows.close_usd"
        ),
    ),
    may_be_empty=True,
)

MART_CORRELATIONS = Table(
    name="mart.correlations",
    part="cross_asset",
    grain="one pair of assets, window, and last session of a week",
    key=("symbol_a", "symbol_b", "window_sessions", "session"),
    description="Correlation of daily log returns, for each pair once, at the last session of each week.",
    columns=(
        Column("symbol_a", DType.TEXT, "First asset, before the other in the alphabet"),
        Column("symbol_b", DType.TEXT, "Second asset"),
        _WINDOW,
        _SESSION,
        _number(
            "correlation",
            "Pearson's correlation; null with fewer than 80 % of the window's returns",
            "",
            "core.asset_flows.price_return",
        ),
    ),
    may_be_empty=True,
)

MART_REGIMES = Table(
    name="mart.regimes",
    part="cross_asset",
    grain="one session",
    key=("session",),
    description="Risk-on, risk-off or mixed, from data up to that session alone.",
    columns=(
        _SESSION,
        _number("vix", "VIX at the close", "% a year", "raw.volatility_index.close"),
        _number(
            "vix_percentile",
            "Share of the last 252 sessions with a lower VIX, equal ones and this one counted half",
            "",
            "raw.volatility_index.close",
        ),
        _number("term_structure", "VIX over VIX3M; above 1 is backwardation", "", "raw.volatility_index.close"),
        Column("is_backwardation", DType.BOOL, "Whether VIX is above VIX3M", nullable=True),
        Column(
            "vix_regime",
            DType.TEXT,
            "risk_on, risk_off or mixed by the percentile, with hysteresis and confirmation",
            nullable=True,
        ),
        Column(
            "ratio_score",
            DType.INT,
            "Sum over the ratio pairs: +1 above a rising average, -1 below a falling one",
            nullable=True,
        ),
        Column("ratio_pairs_known", DType.INT, "Ratio pairs that have a signal"),
        Column("ratio_regime", DType.TEXT, "risk_on from 2, risk_off from -2, else mixed", nullable=True),
        Column(
            "regime",
            DType.TEXT,
            "What both say where they agree, or the one that is known, else mixed, once that held for "
            "confirm_sessions in a row; null before the first one",
            nullable=True,
        ),
    ),
    may_be_empty=True,
)

MART_PRESSURE = Table(
    name="mart.pressure",
    part="cross_asset",
    grain="one asset and session",
    key=("symbol", "session"),
    description="Buying and selling pressure by price and volume: not flows.",
    columns=(
        _SYMBOL,
        _SESSION,
        _number(
            "cmf_20",
            "Chaikin money flow over 20 sessions",
            "-1 to 1",
            "raw.daily_bars.close_usd",
            "raw.daily_bars.volume",
        ),
        _number(
            "mfi_14",
            "Money flow index over 14 sessions",
            "0 to 100",
            "raw.daily_bars.close_usd",
            "raw.daily_bars.volume",
        ),
        _number(
            "obv",
            "On-balance volume from the first session",
            "volume",
            "raw.daily_bars.close_usd",
            "raw.daily_bars.volume",
        ),
        _number(
            "relative_volume", "Notional over the median of the 20 sessions before", "", "core.asset_flows.notional_usd"
        ),
        _number(
            "signed_notional_ratio",
            "Notional signed by return over the sum of notional, 20 sessions",
            "-1 to 1",
            "core.asset_flows.notional_usd",
        ),
    ),
    may_be_empty=True,
)

MART_MODEL_EVALUATION = Table(
    name="mart.model_evaluation",
    part="cross_asset",
    grain="one figure of one model's walk-forward evaluation",
    key=("model_id", "variant", "metric", "scope"),
    description=(
        "How models and baselines did out of sample, walked forward by date with purging and embargo. Intervals are "
        "95 %, by block bootstrap over dates. The placebo is the same training on permuted labels: median and band of "
        "its draws, counted in n."
    ),
    columns=(
        Column("model_id", DType.TEXT, "Horizon, target, kind of model and time of training"),
        Column("variant", DType.TEXT, "with_flows, without_flows, base_rate, always_up, momentum, or placebo"),
        Column(
            "metric",
            DType.TEXT,
            "auc, date_auc, brier, brier_skill, log_loss, ece, reliability or ablation_auc and so on",
        ),
        Column("scope", DType.TEXT, "all, mean of assets, a symbol, or a bin of the reliability table"),
        _number("value", "The figure"),
        _number("lower_95", "Lower end of its interval"),
        _number("upper_95", "Upper end of its interval"),
        Column("n", DType.BIGINT, "Test rows behind it, or draws of a placebo"),
        Column("trained_at", DType.TIME, "When the model was trained", "UTC"),
        Column("is_synthetic", DType.BOOL, "Whether the data is made up"),
    ),
    as_of="trained_at",
    replaces="merge",
    may_be_empty=True,
)

MART_MODEL_FORECASTS = Table(
    name="mart.model_forecasts",
    part="cross_asset",
    grain="one forecast out of sample of one asset and session by one variant of one model",
    key=("model_id", "variant", "session", "symbol"),
    description=(
        "What the walk-forward evaluation forecast, each row by a fit that had seen no label known after the block of "
        "sessions began; of the newest model of each target, horizon and kind."
    ),
    columns=(
        Column("model_id", DType.TEXT, "Model whose evaluation it belongs to"),
        Column("variant", DType.TEXT, "with_flows, without_flows, base_rate, always_up or momentum"),
        Column("session", DType.DATE, "Session whose close the features end at"),
        _SYMBOL,
        Column("label_end", DType.DATE, "Session whose close decided the outcome"),
        Column("y", DType.INT, "What came: 1 the target, 0 not"),
        _number("p", "Forecast probability of the target", "0 to 1", nullable=False),
    ),
    replaces="merge",
    may_be_empty=True,
)

MART_MODEL_SCORES = Table(
    name="mart.model_scores",
    part="cross_asset",
    grain="one asset scored by one model for one session",
    key=("model_id", "session", "symbol"),
    description="Probabilities for a session, with what they were worth out of sample.",
    columns=(
        Column("model_id", DType.TEXT, "Model that scored"),
        Column("session", DType.DATE, "Session whose close the features end at"),
        _SYMBOL,
        Column("horizon", DType.INT, "How far ahead", "sessions"),
        Column("target", DType.TEXT, "direction (close higher) or rank (above the median of the universe)"),
        _number("probability", "Calibrated probability of the target", "0 to 1", nullable=False),
        _number("bin_lower_95", "Observed frequency in that bin out of sample, lower end of its interval", "0 to 1"),
        _number("bin_upper_95", "The same, upper end", "0 to 1"),
        _number("base_rate", "Frequency of the target for this asset in training", "0 to 1"),
        Column("verdict", DType.TEXT, "What it is worth, in a sentence"),
        Column("scored_at", DType.TIME, "When it was scored", "UTC"),
        Column("is_synthetic", DType.BOOL, "Whether the data is made up"),
    ),
    as_of="scored_at",
    replaces="merge",
    may_be_empty=True,
)

CROSS_ASSET_TABLES: tuple[Table, ...] = (
    RAW_DAILY_BARS,
    RAW_CORPORATE_ACTIONS,
    RAW_SHARES_OUTSTANDING,
    RAW_VOLATILITY_INDEX,
    CORE_ASSET_FLOWS,
    CORE_SHARE_SPLITS,
    CORE_STABLECOIN_ISSUANCE,
    MART_FLOW_RANKINGS,
    MART_FLOW_MAP,
    MART_ROLLING_STATS,
    MART_CORRELATIONS,
    MART_REGIMES,
    MART_PRESSURE,
    MART_MODEL_EVALUATION,
    MART_MODEL_FORECASTS,
    MART_MODEL_SCORES,
)
