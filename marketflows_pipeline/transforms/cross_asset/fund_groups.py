"""Sum the flows of groups of funds, with the part of each group that is known."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.trade_sessions import trade_flows
from marketflows_pipeline.transforms.moments import in_new_york
from marketflows_pipeline.transforms.ratios import part_of
from marketflows_pipeline.transforms.sums import known_sum, order_independent_sum, sum_of_known

# What stands after it in the name of a group is a part of the group.
PART_SIGN = ":"

_FIGURES = ("flow_usd", "gap_flow_usd", "assets_usd")


def fund_group_flows(flows: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    """Flows of each group and trade session, of what is known, and how much that is (``mart.fund_group_flows``).

    With F the flow of a fund at the session, A its last known market cap, and K the funds whose flow is known::

        flow = sum of F over K     coverage = 100 (sum of A over K) / (sum of A over all funds)

    Nothing is filled in but A, and that with the past alone. Flows go by the session on which the money moved, up to
    the last one of which enough is known (`trade_flows`). A flow over a gap belongs to no session of it: it is summed
    beside, at the gap's end, and its fund is not known there.

    Args:
        flows: as in ``core.asset_flows``.
        universe: symbol, asset_group, share_source; assets without a group, and coins by their supply, are left out.

    Returns:
        The columns of ``mart.fund_group_flows`` by (asset_group, session); a group begins with its first fund.
    """
    members = _members(universe)
    known = trade_flows(flows).lazy().join(members.lazy().select("symbol").unique(), on="symbol", how="semi")
    first = known.group_by("symbol").agg(first=pl.col("session").min())
    in_group = known.select("symbol", "session").join(members.lazy(), on="symbol")
    figures = known.select("symbol", "session", "flow_usd", "gap_flow_usd", assets_usd="market_cap_usd")
    is_known = pl.col("flow_usd").is_not_null()
    grid = (
        in_group.select("asset_group", "session")
        .unique()
        .join(members.lazy(), on="asset_group")
        .join(first, on="symbol", how="left")
        .filter(pl.col("first").is_null() | (pl.col("session") >= pl.col("first")))
        .join(figures, on=["symbol", "session"], how="left")
        .sort("asset_group", "symbol", "session")
        .with_columns(pl.col("assets_usd").forward_fill().over("asset_group", "symbol"))
        .with_columns(known_assets_usd=pl.when(is_known).then("assets_usd"))
    )
    sums = grid.group_by("asset_group", "session").agg(
        *map(known_sum, _FIGURES),
        known_assets_usd=order_independent_sum("known_assets_usd"),
        n_funds=pl.len(),
        n_known=is_known.sum(),
        n_with_assets=pl.col("assets_usd").count(),
    )
    # The quotient first: a group that is known as a whole is at 100, not at a last bit above it.
    covered = part_of(pl.col("known_assets_usd"), pl.col("assets_usd")) * 100
    return table("mart.fund_group_flows").stored_form(
        sums.with_columns(coverage_pct=covered, as_of=in_new_york(pl.col("session"), hours=16))
    )


def group_sums(groups: pl.DataFrame, sessions: int) -> pl.DataFrame:
    """Flows of each group over its last sessions, with the newest and the least coverage among them.

    Args:
        groups: as in ``mart.fund_group_flows``.
        sessions: how many of the newest sessions of all groups.

    Returns:
        asset_group, session (the newest of the window), n_sessions, sessions_known (with any known flow), flow_usd and
        gap_flow_usd (sums of what is known), n_funds, n_known, n_with_assets, assets_usd and coverage_pct (of the
        newest session), least_coverage_pct (of all), as_of, by asset_group.
    """
    newest = groups.select(pl.col("session").unique().sort(descending=True).head(sessions))
    inside = groups.join(newest, on="session", how="semi").sort("asset_group", "session")
    of_newest = ("session", "n_funds", "n_known", "n_with_assets", "assets_usd", "coverage_pct", "as_of")
    flow = pl.col("flow_usd")
    return (
        inside.group_by("asset_group", maintain_order=True)
        .agg(
            *(sum_of_known(pl.col(name)).alias(name) for name in _FIGURES[:2]),
            *(pl.col(name).last() for name in of_newest),
            n_sessions=pl.len(),
            sessions_known=flow.count(),
            least_coverage_pct=pl.col("coverage_pct").min(),
        )
        .with_columns(pl.col("n_sessions", "sessions_known").cast(pl.Int32))
    )


def _members(universe: pl.DataFrame) -> pl.DataFrame:
    """``symbol, asset_group``: a fund of a part of a group is in the whole group too."""
    funds = universe.filter(pl.col("asset_group").is_not_null(), pl.col("share_source") != "supply")
    whole = pl.col("asset_group").str.split(PART_SIGN).list.first().str.strip_chars()
    return pl.concat([funds.select("symbol", "asset_group"), funds.select("symbol", asset_group=whole)]).unique()
