"""Tables of the cross-asset part: prices, shares, flows, regimes, models."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from marketflows_pipeline.schema.columns import (
    COIN,
    FETCHED,
    NAME,
    SYMBOL,
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

_table = partial(Table, part="cross_asset", may_be_empty=True)

_SESSION = date("session", "Trading session: a New York date for funds, a UTC date for crypto")
_SOURCE = text("source", "Which answer brought it, such as yahoo:chart; synthetic data says so")
_CLASS = text("asset_class", "equity, metal, bond or crypto")
_GROUP = text("asset_group", "Group in the settings, such as sector; null without one", nullable=True)
_WINDOW = integer("window_sessions", "Length of the window", unit="sessions")
# What many columns are computed from.
_CLOSE = "raw.daily_bars.close_usd"
_SHARES = "raw.shares_outstanding.shares"
_NAV = "raw.shares_outstanding.nav_usd"
_NOTIONAL = "core.asset_flows.notional_usd"
_FLOW = "core.asset_flows.flow_usd"
_BAR_VOLUME = "raw.daily_bars.volume"
_ASSET_CLOSE = "core.asset_flows.close_usd"

CROSS_ASSET_TABLES: tuple[Table, ...] = (
    _table(
        name="raw.daily_bars",
        grain="one asset and session",
        key=("symbol", "session"),
        description=(
            "Daily prices and volumes as the service gives them: adjusted for splits, not for dividends. A new "
            "split rewrites the whole history of its symbol, in one transaction. Source: Yahoo v8 "
            "chart, or the user's own folder."
        ),
        columns=(
            SYMBOL,
            _SESSION,
            usd("open_usd", "First price"),
            usd("high_usd", "Highest price"),
            usd("low_usd", "Lowest price"),
            usd("close_usd", "Last price, adjusted for splits as given", nullable=False),
            usd(
                "adjusted_close_usd",
                "The same adjusted for dividends too, as given when it was fetched; later dividends change it",
            ),
            usd(
                "as_traded_close_usd",
                "Last price as it was traded, rebuilt from the splits",
                "raw.corporate_actions.value",
            ),
            number("volume", "What was traded, in volume_unit"),
            text("volume_unit", "shares (adjusted for splits as given) or usd (crypto)"),
            _SOURCE,
            FETCHED,
        ),
        as_of="fetched_at",
        replaces="merge",
        revised_by=("open_usd", "high_usd", "low_usd", "close_usd", "as_traded_close_usd", "volume"),
    ),
    _table(
        name="raw.corporate_actions",
        grain="one dividend or split of one asset",
        key=("symbol", "session", "action"),
        description="Dividends and splits as the price service lists them.",
        columns=(
            SYMBOL,
            replace(_SESSION, description="Session on which it took effect"),
            text("action", "dividend or split"),
            number(
                "value", "Dollars a share as given, or new shares for each old one", unit="USD or ratio", nullable=False
            ),
            _SOURCE,
            FETCHED,
        ),
        as_of="fetched_at",
        replaces="merge",
        revised_by=("value",),
    ),
    _table(
        name="raw.shares_outstanding",
        grain="one vintage of one fund's figures for one session",
        key=("symbol", "session", "vintage"),
        description=(
            "Shares outstanding, net asset value and net assets as the issuer publishes them. A restatement is a new "
            "vintage; the earlier ones stay. Sources: State Street, BlackRock, SPDR Gold, Invesco (the newest session "
            "alone, so that a history accrues), Grayscale, 21Shares, VanEck (shares derived as net assets over net "
            "asset value), or the user's own folder."
        ),
        columns=(
            SYMBOL,
            _SESSION,
            integer("vintage", "1 as first fetched, 2 once restated, and so on"),
            number("shares", "Shares outstanding; null where only net assets are known", unit="shares"),
            usd("nav_usd", "Net asset value of a share"),
            usd("net_assets_usd", "Net assets of the fund"),
            text("convention", "as_traded (figures of their day) or split_adjusted (in present shares)"),
            moment("published_at", "When the issuer published it, where it says so", nullable=True),
            _SOURCE,
            FETCHED,
        ),
        as_of="fetched_at",
        replaces="merge",
    ),
    _table(
        name="raw.volatility_index",
        grain="one index and session",
        key=("index_name", "session"),
        description="Closing values of VIX and VIX3M. Source: Cboe's CSV files, FRED where those fail.",
        columns=(
            text("index_name", "VIX or VIX3M"),
            _SESSION,
            number("close", "Closing value", unit="% a year", nullable=False),
            _SOURCE,
            FETCHED,
        ),
        as_of="fetched_at",
        replaces="merge",
        revised_by=("close",),
    ),
    _table(
        name="core.asset_flows",
        grain="one asset and session",
        key=("symbol", "session"),
        description=(
            "Each asset's market cap and its change, split exactly: price effect = shares before times change of "
            "price, share effect = price now times change of shares. The share effect is the flow of a fund. For "
            "crypto it is issuance, not investors' flow. All sessions are those of the funds; crypto is summed over "
            "the gap between two of them."
        ),
        columns=(
            SYMBOL,
            _SESSION,
            _CLASS,
            date("previous_session", "Session it is compared with; null for the first", nullable=True),
            usd("close_usd", "Last price, adjusted for splits", _CLOSE, nullable=False),
            usd(
                "price_usd",
                "Price that market cap and flow are valued at: net asset value where known, else as traded",
                _NAV,
                "raw.daily_bars.as_traded_close_usd",
            ),
            number(
                "shares",
                "Shares outstanding, or a coin's supply: median of cap / price over 7 days; in shares of that day",
                _SHARES,
                "raw.market_caps.market_cap_usd",
                unit="shares or coins",
            ),
            usd("market_cap_usd", "Shares times price", _SHARES, _NAV),
            usd(
                "market_cap_change_usd",
                "Change of the market cap: the naive proxy of a flow, mostly price",
                "core.asset_flows.market_cap_usd",
            ),
            usd("price_effect_usd", "Shares before times change of price, splits taken out", _SHARES, _CLOSE),
            usd("share_effect_usd", "Price now times change of shares, splits taken out", _SHARES, _CLOSE),
            usd(
                "flow_usd",
                "Net flow: the share effect, or net assets less their growth by price; null where unknown",
                "core.asset_flows.share_effect_usd",
            ),
            text(
                "flow_method",
                "shares, aum, supply (issuance of a coin, not a flow of investors) or price_only (no flow known)",
            ),
            usd(
                "gap_flow_usd",
                "Flow since the last session with known figures, where those of one or more sessions in between are "
                "missing: it counts in each window that holds the whole gap, and is no flow of this session alone",
                _SHARES,
                _CLOSE,
            ),
            usd(
                "gap_price_effect_usd",
                "Price effect over the same gap; both sum to the change of the market cap over it",
                _SHARES,
                _CLOSE,
            ),
            integer(
                "gap_sessions",
                "How many of the fund's sessions that gap spans, this one included; null without gap_flow_usd",
                unit="sessions",
                nullable=True,
            ),
            text(
                "flow_unknown_reason",
                "suspected_split where shares changed as by a split that nobody lists (core.share_splits); null where "
                "the flow is known, or figures are missing",
                nullable=True,
            ),
            flag(
                "is_large_creation",
                "Whether the flow, or that of the gap, is beyond 35 % of the assets before it: real until shown "
                "otherwise",
            ),
            flag("is_supply_revision", "Whether supply changed by more than 10 %: a re-count, kept out of flow_usd"),
            integer(
                "share_lag_sessions",
                "How many sessions before its date the orders were placed that a count holds first; null without "
                "counts",
                unit="sessions",
                nullable=True,
            ),
            text(
                "lag_basis", "How that is known: measured, documented, or unknown, which is taken as 0", nullable=True
            ),
            date(
                "trade_session",
                "Session whose orders this row's count holds: rankings, map and charts go by it; null before the first",
                nullable=True,
            ),
            usd(
                "trade_flow_usd",
                "The flow at the price of the trade session",
                "core.asset_flows.share_effect_usd",
                _NAV,
            ),
            usd(
                "trade_gap_flow_usd",
                "The flow of the gap at the price of the trade session",
                "core.asset_flows.gap_flow_usd",
                _NAV,
            ),
            pct("flow_pct_of_market_cap", "Flow as a share of the market cap before", _FLOW),
            number(
                "flow_zscore",
                "Flow against mean and standard deviation of the 60 sessions before; null with fewer than 20",
                _FLOW,
            ),
            number(
                "gross_flow_share",
                "Flow over the sum of absolute flows of the session, issuance left out; absolute shares sum to 1",
                _FLOW,
            ),
            usd(
                "notional_usd",
                "What was traded: close times volume, or volume as given for crypto, summed over the gap",
                _CLOSE,
                _BAR_VOLUME,
            ),
            usd("notional_change_usd", "Change of the notional: a proxy of activity, without direction", _NOTIONAL),
            number("notional_share", "Share of the session's notional; shares sum to 1", _NOTIONAL),
            number(
                "notional_zscore", "Notional against mean and standard deviation of the 60 sessions before", _NOTIONAL
            ),
            number("price_return", "Return of the close since the previous session, dividends left out", _CLOSE),
            moment(
                "known_at",
                "When the flow could be known: the next session's open where the issuer gives no time; not before "
                "later figures agreed where these looked like a slip of unit",
                nullable=True,
            ),
            _GROUP,
        ),
        as_of=None,
    ),
    _table(
        name="core.share_splits",
        grain="one split of a fund, at the session from which on its shares are counted in new ones",
        key=("symbol", "session"),
        description=(
            "Splits of funds with the evidence: those that are listed, those that the issuer's own figures tell of "
            "(inferred: no flow), and changes of shares that look like one while nothing else tells (suspected: the "
            "flow is unknown until a line in splits.csv settles it). Ratios are against the figures before, in present "
            "shares as listed splits make them."
        ),
        columns=(
            SYMBOL,
            replace(_SESSION, description="Session of the first count in new shares"),
            date("previous_session", "Session of the figures before", nullable=True),
            date("listed_session", "Session on which it is listed; null where it is not", nullable=True),
            text("status", "listed, inferred, suspected, or denied by a listed ratio of 1"),
            flag("is_inferred", "Whether nobody lists it and the figures tell of it"),
            number("ratio", "New shares for each old one", "raw.corporate_actions.value"),
            number("share_ratio", "Shares over those before", _SHARES),
            number("nav_ratio", "Net asset value over that before", _NAV),
            number("close_ratio", "Close, adjusted for splits, over that before", _CLOSE),
            number(
                "basis_ratio",
                "Ratio of the closes over that of the net asset values: what the issuer's own basis changed by",
                _CLOSE,
                _NAV,
            ),
            text("splits_line", "The line of splits.csv that lists it; with the ratio 1 it is denied"),
        ),
    ),
    _table(
        name="core.stablecoin_issuance",
        grain="one stablecoin and day",
        key=("coin_id", "day"),
        description=("Change of supply of the stablecoins that the market-cap part follows, at a dollar each."),
        columns=(
            COIN,
            date("day", "Day in UTC"),
            number(
                "supply",
                "Market cap over price at the day's last observation",
                "raw.market_caps.market_cap_usd",
                "raw.market_caps.price_usd",
                unit="coins",
                nullable=False,
            ),
            usd(
                "issuance_usd",
                "Change of supply since the day before, at a dollar each; null after a gap",
                "raw.market_caps.market_cap_usd",
            ),
        ),
    ),
    _table(
        name="mart.flow_rankings",
        grain="one asset and window at the newest session",
        key=("window_sessions", "symbol"),
        description=(
            "Sums of daily flows over the last trade sessions, ranked. Issuance of coins is shown and not ranked."
        ),
        columns=(
            _WINDOW,
            SYMBOL,
            date("session", "Newest session of the window: the last trade session with 90 % of assets known"),
            NAME,
            _CLASS,
            text("flow_method", "shares, aum, supply or price_only"),
            usd("flow_usd", "Sum of the flows of the window; null where none is known", _FLOW),
            integer("sessions_known", "Sessions of the window with a known flow"),
            pct("flow_pct_of_market_cap", "Flow as a share of the market cap before the window", _FLOW),
            usd("price_effect_usd", "Sum of the price effects", "core.asset_flows.price_effect_usd"),
            usd(
                "market_cap_change_usd",
                "Change of the market cap over the window: a proxy, mostly price",
                "core.asset_flows.market_cap_usd",
            ),
            number("price_return", "Return of the close over the window", _ASSET_CLOSE),
            integer(
                "inflow_rank", "Place by inflow, from 1; null for issuance, outflows and unknown flows", nullable=True
            ),
            integer(
                "outflow_rank", "Place by outflow, from 1; null for issuance, inflows and unknown flows", nullable=True
            ),
            _GROUP,
        ),
    ),
    _table(
        name="mart.flow_map",
        grain="one pair of a loser and a gainer, and a window, at the newest session",
        key=("window_sessions", "includes_issuance", "from_symbol", "to_symbol"),
        description=(
            "Who gained while others lost: outflows attributed to inflows in proportion to their size, the remainder "
            "to or from a node outside the universe. An attribution, not observed transfers."
        ),
        columns=(
            _WINDOW,
            flag("includes_issuance", "Whether issuance of coins counts as a flow"),
            text("from_symbol", "Asset with outflows, or (outside the universe)"),
            text("to_symbol", "Asset with inflows, or (outside the universe)"),
            date("session", "Newest session of the window"),
            usd("flow_usd", "Attributed flow", "mart.flow_rankings.flow_usd", nullable=False),
        ),
    ),
    _table(
        name="mart.rolling_stats",
        grain="one asset, session and window",
        key=("symbol", "session", "window_sessions"),
        description="Trailing return, volatility and drawdown of the close, dividends left out.",
        columns=(
            SYMBOL,
            _SESSION,
            _WINDOW,
            number("total_return", "Return over the window", _ASSET_CLOSE),
            number(
                "volatility",
                "Standard deviation of daily log returns over the window, times the root of 252",
                _ASSET_CLOSE,
                unit="a year",
            ),
            number("drawdown", "Close over its highest of the window, less 1; 0 at a high", _ASSET_CLOSE),
        ),
    ),
    _table(
        name="mart.correlations",
        grain="one pair of assets, window, and last session of a week",
        key=("symbol_a", "symbol_b", "window_sessions", "session"),
        description=(
            "Correlation of log returns of one session, for each pair once, at the last session of each week; a return "
            "over a gap takes part in none. Reference series are in it by FRED's ids: of yields, slope and spread by "
            "daily differences."
        ),
        columns=(
            text("symbol_a", "First asset or reference series, before the other in the alphabet"),
            text("symbol_b", "Second asset, or reference series"),
            _WINDOW,
            _SESSION,
            number(
                "correlation",
                "Pearson's correlation; null with fewer than 80 % of the window's returns",
                "core.asset_flows.price_return",
            ),
        ),
    ),
    _table(
        name="mart.regimes",
        grain="one session",
        key=("session",),
        description="Risk-on, risk-off or mixed, from data up to that session alone.",
        columns=(
            _SESSION,
            number("vix", "VIX at the close", "raw.volatility_index.close", unit="% a year"),
            number(
                "vix_percentile",
                "Share of the last 252 sessions with a lower VIX, equal ones and this one counted half",
                "raw.volatility_index.close",
            ),
            number("term_structure", "VIX over VIX3M; above 1 is backwardation", "raw.volatility_index.close"),
            flag("is_backwardation", "Whether VIX is above VIX3M", nullable=True),
            text(
                "vix_regime",
                "risk_on, risk_off or mixed by the percentile, with hysteresis and confirmation",
                nullable=True,
            ),
            integer(
                "ratio_score",
                "Sum over the ratio pairs: +1 above a rising average, -1 below a falling one",
                nullable=True,
            ),
            integer("ratio_pairs_known", "Ratio pairs that have a signal"),
            text("ratio_regime", "risk_on from 2, risk_off from -2, else mixed", nullable=True),
            text(
                "regime",
                "What both say where they agree, or the one that is known, else mixed, once that held for "
                "confirm_sessions in a row; null before the first one",
                nullable=True,
            ),
        ),
    ),
    _table(
        name="mart.pressure",
        grain="one asset and session",
        key=("symbol", "session"),
        description="Buying and selling pressure by price and volume: not flows.",
        columns=(
            SYMBOL,
            _SESSION,
            number("cmf_20", "Chaikin money flow over 20 sessions", _CLOSE, _BAR_VOLUME, unit="-1 to 1"),
            number("mfi_14", "Money flow index over 14 sessions", _CLOSE, _BAR_VOLUME, unit="0 to 100"),
            number("obv", "On-balance volume from the first session", _CLOSE, _BAR_VOLUME, unit="volume"),
            number("relative_volume", "Notional over the median of the 20 sessions before", _NOTIONAL),
            number(
                "signed_notional_ratio",
                "Notional signed by return over the sum of notional, 20 sessions",
                _NOTIONAL,
                unit="-1 to 1",
            ),
        ),
    ),
    _table(
        name="mart.model_evaluation",
        grain="one figure of one model's walk-forward evaluation",
        key=("model_id", "variant", "metric", "scope"),
        description=(
            "How models and baselines did out of sample, walked forward by date with purging and embargo. Intervals "
            "are 95 %, by block bootstrap over dates. The placebo is the same training on permuted labels: median and "
            "band of its draws, counted in n."
        ),
        columns=(
            text("model_id", "Horizon, target, kind of model and time of training"),
            text("variant", "with_flows, without_flows, base_rate, always_up, momentum, or placebo"),
            text("metric", "auc, date_auc, brier, brier_skill, log_loss, ece, reliability or ablation_auc and so on"),
            text("scope", "all, mean of assets, a symbol, or a bin of the reliability table"),
            number("value", "The figure"),
            number("lower_95", "Lower end of its interval"),
            number("upper_95", "Upper end of its interval"),
            Column("n", DType.BIGINT, "Test rows behind it, or draws of a placebo"),
            moment("trained_at", "When the model was trained"),
            flag("is_synthetic", "Whether the data is made up"),
        ),
        as_of="trained_at",
        replaces="merge",
    ),
    _table(
        name="mart.model_forecasts",
        grain="one forecast out of sample of one asset and session by one variant of one model",
        key=("model_id", "variant", "session", "symbol"),
        description=(
            "What the walk-forward evaluation forecast, each row by a fit that had seen no label known after the block "
            "of sessions began; of the newest model of each target, horizon and kind."
        ),
        columns=(
            text("model_id", "Model whose evaluation it belongs to"),
            text("variant", "with_flows, without_flows, base_rate, always_up or momentum"),
            date("session", "Session whose close the features end at"),
            SYMBOL,
            date("label_end", "Session whose close decided the outcome"),
            integer("y", "What came: 1 the target, 0 not"),
            number("p", "Forecast probability of the target", unit="0 to 1", nullable=False),
        ),
        replaces="merge",
    ),
    _table(
        name="mart.model_scores",
        grain="one asset scored by one model for one session",
        key=("model_id", "session", "symbol"),
        description="Probabilities for a session, with what they were worth out of sample.",
        columns=(
            text("model_id", "Model that scored"),
            date("session", "Session whose close the features end at"),
            SYMBOL,
            integer("horizon", "How far ahead", unit="sessions"),
            text("target", "direction (close higher) or rank (above the median of the universe)"),
            number("probability", "Calibrated probability of the target", unit="0 to 1", nullable=False),
            number(
                "bin_lower_95", "Observed frequency in that bin out of sample, lower end of its interval", unit="0 to 1"
            ),
            number("bin_upper_95", "The same, upper end", unit="0 to 1"),
            number("base_rate", "Frequency of the target for this asset in training", unit="0 to 1"),
            text("verdict", "What it is worth, in a sentence"),
            moment("scored_at", "When it was scored"),
            flag("is_synthetic", "Whether the data is made up"),
        ),
        as_of="scored_at",
        replaces="merge",
    ),
)
