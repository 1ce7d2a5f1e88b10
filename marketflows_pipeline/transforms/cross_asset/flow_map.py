"""Attribute outflows to inflows in proportion: who gained while others lost."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table

OUTSIDE = "(outside the universe)"

_OUT, _IN = pl.col("outflow_usd"), pl.col("inflow_usd")
_ALL_OUT, _ALL_IN = pl.col("all_outflows_usd"), pl.col("all_inflows_usd")


def flow_map(rankings: pl.DataFrame, *, include_issuance: bool) -> pl.DataFrame:
    """Outflows spread over inflows, window by window (``mart.flow_map``); an attribution, not observed transfers.

    With outflows o and inflows n, both above 0::

        M[i, j] = o[i] n[j] / max(Σo, Σn)

    Where more flows out than in, the rest of each outflow goes to ``(outside the universe)``; where less, the rest of
    each inflow comes from there. So rows sum to outflows, columns to inflows. Assets without a known flow are neither.

    Args:
        rankings: as in ``mart.flow_rankings``.
        include_issuance: whether issuance of coins counts as a flow.

    Returns:
        The columns of ``mart.flow_map`` for that choice, pairs above 0 only, by (window_sessions, from_symbol,
        to_symbol).
    """
    flow = pl.col("flow_usd")
    counted = rankings.lazy().filter((pl.col("flow_method") != "supply") | include_issuance)
    of_window = pl.col("window_sessions", "session")
    losers = counted.filter(flow < 0).select(of_window, from_symbol="symbol", outflow_usd=-flow)
    gainers = counted.filter(flow > 0).select(of_window, to_symbol="symbol", inflow_usd=flow)
    totals = counted.group_by("window_sessions", maintain_order=True).agg(
        all_outflows_usd=-flow.filter(flow < 0).sum(), all_inflows_usd=flow.filter(flow > 0).sum()
    )
    outside = pl.lit(OUTSIDE)
    pairs = (
        losers.join(gainers.drop("session"), on="window_sessions")
        .join(totals, on="window_sessions")
        .with_columns(flow_usd=_OUT * (_IN / pl.max_horizontal(_ALL_OUT, _ALL_IN)))
    )
    lost = losers.join(totals, on="window_sessions").with_columns(
        to_symbol=outside, flow_usd=_OUT * (1 - _ALL_IN / _ALL_OUT)
    )
    gained = gainers.join(totals, on="window_sessions").with_columns(
        from_symbol=outside, flow_usd=_IN * (1 - _ALL_OUT / _ALL_IN)
    )
    return (
        pl.concat([pairs, lost, gained], how="diagonal")
        .filter(flow > 0)
        .with_columns(includes_issuance=pl.lit(include_issuance))
        .sort("window_sessions", "from_symbol", "to_symbol")
        .select(table("mart.flow_map").column_names)
        .collect()
    )


def other_side(rankings: pl.DataFrame, symbol: str, *, include_issuance: bool) -> pl.DataFrame:
    """The assets on the other side of one asset's flow: who took in what it lost, or lost what it took in.

    Args:
        rankings: as in ``mart.flow_rankings``, of one window.
        symbol: of the asset.
        include_issuance: as in `flow_map`.

    Returns:
        symbol, attributed_usd, share_pct (of the asset's own flow) by size, equal ones by symbol,
        ``(outside the universe)`` last. No rows where the asset has no flow, or one of 0.
    """
    is_loser, is_gainer = pl.col("from_symbol") == symbol, pl.col("to_symbol") == symbol
    return (
        flow_map(rankings, include_issuance=include_issuance)
        .filter(is_loser | is_gainer)
        .select(symbol=pl.when(is_loser).then("to_symbol").otherwise("from_symbol"), attributed_usd="flow_usd")
        .with_columns(share_pct=100 * pl.col("attributed_usd") / pl.col("attributed_usd").sum())
        .sort(pl.col("symbol") == OUTSIDE, "attributed_usd", "symbol", descending=[False, True, False])
    )
