"""Tables beside the flows of single assets: groups of funds, reference series, and flows that others report."""

from __future__ import annotations

from functools import partial

from marketflows_pipeline.schema.columns import FETCHED, SYMBOL, date, flag, integer, moment, number, pct, text, usd
from marketflows_pipeline.schema.model import Table

_table = partial(Table, part="cross_asset", may_be_empty=True)

_GROUP = text("asset_group", "Group in the settings; one with a part, such as `spot crypto funds: ether`, is in both")
_SESSION = date("session", "Trading session in New York")
_SERIES = text("series_id", "FRED's id of the series, such as DGS10")

CROSS_ASSET_CONTEXT_TABLES: tuple[Table, ...] = (
    _table(
        name="mart.fund_group_flows",
        grain="one group of funds and trade session",
        key=("asset_group", "session"),
        description=(
            "Flows of the funds of each group of the settings, summed over those that are known at the session, with "
            "how many and how much of the group those are. Nothing is filled in: a sum with a low coverage is that of "
            "a part. A fund counts from its first price on, one without any price always; coins are no funds and are "
            "left out."
        ),
        columns=(
            _GROUP,
            _SESSION,
            usd(
                "flow_usd",
                "Sum of the flows that are known of this session; null where none is",
                "core.asset_flows.trade_flow_usd",
            ),
            usd(
                "gap_flow_usd",
                "Sum of flows since earlier sessions that end here, of funds without figures in between: not of this "
                "session alone, and not in flow_usd",
                "core.asset_flows.trade_gap_flow_usd",
            ),
            integer("n_funds", "Funds of the group"),
            integer("n_known", "Those whose flow of the session is known"),
            integer("n_with_assets", "Those whose assets were known at any session up to this one"),
            usd(
                "assets_usd",
                "Sum of the last known assets of the funds; null where none were ever known",
                "core.asset_flows.market_cap_usd",
            ),
            pct(
                "coverage_pct",
                "Share of these last known assets that funds with a known flow hold; of funds whose assets were never "
                "known it says nothing (n_funds less n_with_assets)",
                "core.asset_flows.market_cap_usd",
            ),
            moment("as_of", "Close of the session, 16:00 in New York"),
        ),
        as_of="as_of",
    ),
    _table(
        name="raw.reference_series",
        grain="one series and day",
        key=("series_id", "session"),
        description=(
            "Reference series without a flow: dollar index, Treasury yields, their slope, a credit spread. Days "
            "without a value, such as holidays, have no row. Source: FRED's CSV files, or the user's own folder."
        ),
        columns=(
            _SERIES,
            date("session", "Day of the value, in New York"),
            number("value", "Value, in the series' own unit (mart.reference_series.unit)", nullable=False),
            text("source", "Which answer brought it, such as fred:fredgraph"),
            FETCHED,
        ),
        as_of="fetched_at",
        replaces="merge",
        revised_by=("value",),
    ),
    _table(
        name="mart.reference_series",
        grain="one reference series and session of the funds",
        key=("series_id", "session"),
        description=(
            "Reference series on the sessions of the funds, as context of regimes and correlations: they have no flow. "
            "A session without a value, such as a holiday of the bond market, is null and not filled in."
        ),
        columns=(
            _SERIES,
            _SESSION,
            text("name", "What it is"),
            text("unit", "Unit of the value: index, or % a year"),
            number("value", "Value", "raw.reference_series.value"),
            text("change_unit", "Unit of the changes: % of an index, percentage points of a yield or spread"),
            number(
                "change_1_session",
                "Change since the session before; null where either has no value",
                "raw.reference_series.value",
            ),
            number(
                "change_21_sessions",
                "Change since 21 sessions before; null where either has no value",
                "raw.reference_series.value",
            ),
        ),
    ),
    _table(
        name="raw.reported_flows",
        grain="one fund and session",
        key=("symbol", "session"),
        description=(
            "Flows of funds as somebody else reports them, from tables that the user keeps in the folder flows/. They "
            "are compared with ours and enter nothing else."
        ),
        columns=(
            SYMBOL,
            _SESSION,
            usd("flow_usd", "Flow of the session as reported", nullable=False),
            text("source", "Which file brought it: folder:flows"),
            moment("fetched_at", "When it was read"),
        ),
        as_of="fetched_at",
        replaces="merge",
        revised_by=("flow_usd",),
    ),
    _table(
        name="mart.flow_comparison",
        grain="one fund and lag",
        key=("symbol", "lag_sessions"),
        description=(
            "Our flows by trade session beside those that somebody else reports, shifted by up to two sessions: where "
            "another lag than 0 fits best, one of the two dates its flows otherwise."
        ),
        columns=(
            SYMBOL,
            integer(
                "lag_sessions",
                "Sessions by which ours are taken as later: ours of a session beside theirs of so many sessions before",
                unit="sessions",
            ),
            number(
                "correlation",
                "Pearson's correlation; null under 20 pairs, or where one of the two does not vary",
                "core.asset_flows.trade_flow_usd",
                "raw.reported_flows.flow_usd",
            ),
            pct(
                "sign_agreement_pct",
                "Pairs with the same sign, of those in which neither is 0; null without such pairs",
                "core.asset_flows.trade_flow_usd",
                "raw.reported_flows.flow_usd",
            ),
            integer("n", "Pairs in which both are known"),
            integer("n_signed", "Those in which neither is 0"),
            flag("is_best", "Whether this lag has the highest correlation of the fund, the nearest to 0 of equal ones"),
            date("first_session", "Our first session with a pair", nullable=True),
            date("last_session", "Our last session with a pair", nullable=True),
            usd("our_flow_usd", "Sum of our flows of the pairs"),
            usd("reported_flow_usd", "Sum of theirs"),
            integer(
                "share_lag_sessions",
                "Lag of the fund's counts that our trade sessions are already made with",
                unit="sessions",
                nullable=True,
            ),
        ),
    ),
)
