"""Tables beside the flows of single assets: groups of funds, reference series, and flows that others report."""

from __future__ import annotations

from marketflows_pipeline.schema.model import Column, DType, Table

_GROUP = Column(
    "asset_group", DType.TEXT, "Group in the settings; one with a part, such as `spot crypto funds: ether`, is in both"
)
_SESSION = Column("session", DType.DATE, "Trading session in New York")

_SYMBOL = Column("symbol", DType.TEXT, "Symbol of the universe in the settings")
_SERIES = Column("series_id", DType.TEXT, "FRED's id of the series, such as DGS10")

MART_FUND_GROUP_FLOWS = Table(
    name="mart.fund_group_flows",
    part="cross_asset",
    grain="one group of funds and trade session",
    key=("asset_group", "session"),
    description=(
        "Flows of the funds of each group of the settings, summed over those that are known at the session, with how "
        "many and how much of the group those are. Nothing is filled in: a sum with a low coverage is that of a part. "
        "A fund counts from its first price on, one without any price always; coins are no funds and are left out."
    ),
    columns=(
        _GROUP,
        _SESSION,
        Column(
            "flow_usd",
            DType.FLOAT,
            "Sum of the flows that are known of this session; null where none is",
            "USD",
            nullable=True,
            derived_from=("core.asset_flows.trade_flow_usd",),
        ),
        Column(
            "gap_flow_usd",
            DType.FLOAT,
            "Sum of flows since earlier sessions that end here, of funds without figures in between: not of this "
            "session alone, and not in flow_usd",
            "USD",
            nullable=True,
            derived_from=("core.asset_flows.trade_gap_flow_usd",),
        ),
        Column("n_funds", DType.INT, "Funds of the group"),
        Column("n_known", DType.INT, "Those whose flow of the session is known"),
        Column("n_with_assets", DType.INT, "Those whose assets were known at any session up to this one"),
        Column(
            "assets_usd",
            DType.FLOAT,
            "Sum of the last known assets of the funds; null where none were ever known",
            "USD",
            nullable=True,
            derived_from=("core.asset_flows.market_cap_usd",),
        ),
        Column(
            "coverage_pct",
            DType.FLOAT,
            "Share of these last known assets that funds with a known flow hold; of funds whose assets were never "
            "known it says nothing (n_funds less n_with_assets)",
            "%",
            nullable=True,
            derived_from=("core.asset_flows.market_cap_usd",),
        ),
        Column("as_of", DType.TIME, "Close of the session, 16:00 in New York", "UTC"),
    ),
    as_of="as_of",
    may_be_empty=True,
)

RAW_REFERENCE_SERIES = Table(
    name="raw.reference_series",
    part="cross_asset",
    grain="one series and day",
    key=("series_id", "session"),
    description=(
        "Reference series without a flow: dollar index, Treasury yields, their slope, a credit spread. Days without a "
        "value, such as holidays, have no row. Source: FRED's CSV files, or the user's own folder."
    ),
    columns=(
        _SERIES,
        Column("session", DType.DATE, "Day of the value, in New York"),
        Column("value", DType.FLOAT, "Value, in the series' own unit (mart.reference_series.unit)"),
        Column("source", DType.TEXT, "Which answer brought it, such as fred:fredgraph"),
        Column("fetched_at", DType.TIME, "When it was fetched", "UTC"),
    ),
    as_of="fetched_at",
    replaces="merge",
    revised_by=("value",),
    may_be_empty=True,
)

MART_REFERENCE_SERIES = Table(
    name="mart.reference_series",
    part="cross_asset",
    grain="one reference series and session of the funds",
    key=("series_id", "session"),
    description=(
        "Reference series on the sessions of the funds, as context of regimes and correlations: they have no flow. A "
        "session without a value, such as a holiday of the bond market, is null and not filled in."
    ),
    columns=(
        _SERIES,
        _SESSION,
        Column("name", DType.TEXT, "What it is"),
        Column("unit", DType.TEXT, "Unit of the value: index, or % a year"),
        Column("value", DType.FLOAT, "Value", nullable=True, derived_from=("raw.reference_series.value",)),
        Column("change_unit", DType.TEXT, "Unit of the changes: % of an index, percentage points of a yield or spread"),
        Column(
            "change_1_session",
            DType.FLOAT,
            "Change since the session before; null where either has no value",
            nullable=True,
            derived_from=("raw.reference_series.value",),
        ),
        Column(
            "change_21_sessions",
            DType.FLOAT,
            "Change since 21 sessions before; null where either has no value",
            nullable=True,
            derived_from=("raw.reference_series.value",),
        ),
    ),
    may_be_empty=True,
)

RAW_REPORTED_FLOWS = Table(
    name="raw.reported_flows",
    part="cross_asset",
    grain="one fund and session",
    key=("symbol", "session"),
    description=(
        "Flows of funds as somebody else reports them, from tables that the user keeps in the folder flows/. They are "
        "compared with ours and enter nothing else."
    ),
    columns=(
        _SYMBOL,
        _SESSION,
        Column("flow_usd", DType.FLOAT, "Flow of the session as reported", "USD"),
        Column("source", DType.TEXT, "Which file brought it: folder:flows"),
        Column("fetched_at", DType.TIME, "When it was read", "UTC"),
    ),
    as_of="fetched_at",
    replaces="merge",
    revised_by=("flow_usd",),
    may_be_empty=True,
)

MART_FLOW_COMPARISON = Table(
    name="mart.flow_comparison",
    part="cross_asset",
    grain="one fund and lag",
    key=("symbol", "lag_sessions"),
    description=(
        "Our flows by trade session beside those that somebody else reports, shifted by up to two sessions: where "
        "another lag than 0 fits best, one of the two dates its flows otherwise."
    ),
    columns=(
        _SYMBOL,
        Column(
            "lag_sessions",
            DType.INT,
            "Sessions by which ours are taken as later: ours of a session beside theirs of so many sessions before",
            "sessions",
        ),
        Column(
            "correlation",
            DType.FLOAT,
            "Pearson's correlation; null under 20 pairs, or where one of the two does not vary",
            nullable=True,
            derived_from=("core.asset_flows.trade_flow_usd", "raw.reported_flows.flow_usd"),
        ),
        Column(
            "sign_agreement_pct",
            DType.FLOAT,
            "Pairs with the same sign, of those in which neither is 0; null without such pairs",
            "%",
            nullable=True,
            derived_from=("core.asset_flows.trade_flow_usd", "raw.reported_flows.flow_usd"),
        ),
        Column("n", DType.INT, "Pairs in which both are known"),
        Column("n_signed", DType.INT, "Those in which neither is 0"),
        Column(
            "is_best",
            DType.BOOL,
            "Whether this lag has the highest correlation of the fund, the nearest to 0 of equal ones",
        ),
        Column("first_session", DType.DATE, "Our first session with a pair", nullable=True),
        Column("last_session", DType.DATE, "Our last session with a pair", nullable=True),
        Column("our_flow_usd", DType.FLOAT, "Sum of our flows of the pairs", "USD", nullable=True),
        Column("reported_flow_usd", DType.FLOAT, "Sum of theirs", "USD", nullable=True),
        Column(
            "share_lag_sessions",
            DType.INT,
            "Lag of the fund's counts that our trade sessions are already made with",
            "sessions",
            nullable=True,
        ),
    ),
    may_be_empty=True,
)

CROSS_ASSET_CONTEXT_TABLES: tuple[Table, ...] = (
    MART_FUND_GROUP_FLOWS,
    RAW_REFERENCE_SERIES,
    MART_REFERENCE_SERIES,
    RAW_REPORTED_FLOWS,
    MART_FLOW_COMPARISON,
)
