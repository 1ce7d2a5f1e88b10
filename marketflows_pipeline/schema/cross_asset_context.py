"""Tables beside the flows of single assets: groups of funds, reference series, and flows that others report."""

from __future__ import annotations

from marketflows_pipeline.schema.model import Column, DType, Table

_GROUP = Column(
    "asset_group", DType.TEXT, "Group in the settings; one with a part, such as `spot crypto funds: ether`, is in both"
)
_SESSION = Column("session", DType.DATE, "Trading session in New York")

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

CROSS_ASSET_CONTEXT_TABLES: tuple[Table, ...] = (MART_FUND_GROUP_FLOWS,)
