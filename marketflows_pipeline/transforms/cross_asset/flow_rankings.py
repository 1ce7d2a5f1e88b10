"""Sum and rank the flows of the last sessions, as of the newest session."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.asset_flows import asset_groups
from marketflows_pipeline.transforms.cross_asset.trade_sessions import trade_flows
from marketflows_pipeline.transforms.ratios import percent_of
from marketflows_pipeline.transforms.sums import sum_of_known


def flow_rankings(flows: pl.DataFrame, names: pl.DataFrame, windows: Iterable[int]) -> pl.DataFrame:
    """Sums of the daily flows of each window and the places of the assets (``mart.flow_rankings``).

    Flows go by the session on which the money moved, and the last one is that on which enough is known (`trade_flows`).
    A window is the last w sessions up to it, whichever assets have them; daily flows are summed, since the two
    effects of a longer period are not the sums of those of its days. A flow over a gap counts where the window holds
    the whole gap, with all its sessions. What is known is summed, ``sessions_known`` says how much that is, and where
    nothing is known the sum is null. Changes of the market cap and the close are against the session before the window:
    null where the asset lacks either end.

    Places go by flow, equal ones by symbol. Outflows have no place among inflows and the reverse; issuance and flows
    of exactly 0 have none. ``flow_method`` is the newest of the window by which a flow could be known, else price_only.

    Args:
        flows: as in ``core.asset_flows``.
        names: symbol, name and, where the settings give groups, asset_group; an asset that is missing goes by its
            symbol.
        windows: lengths in sessions, from 1.

    Returns:
        The columns of ``mart.flow_rankings`` by (window_sessions, symbol): each asset of `flows` in each window.
    """
    return rank_trade_flows(trade_flows(flows), names, windows)


def rank_trade_flows(
    flows: pl.DataFrame, names: pl.DataFrame, windows: Iterable[int], *, include_issuance: bool = False
) -> pl.DataFrame:
    """What `flow_rankings` returns, for flows that go by trade session already.

    Args:
        flows: as `trade_flows` returns them.
        names: as in `flow_rankings`.
        windows: as in `flow_rankings`.
        include_issuance: whether issuance of coins has a place, too.
    """
    lengths = pl.Series("window_sessions", list(windows), pl.Int32)
    newest_first = flows.select(pl.col("session").unique().sort(descending=True)).with_row_index("age")
    aged = flows.lazy().join(newest_first.lazy(), on="session").sort("symbol", "session")
    # One row a window and session of it, the session before it marked by its age.
    spans = (
        lengths.to_frame()
        .lazy()
        .join(newest_first.lazy(), how="cross")
        .filter(pl.col("age") <= pl.col("window_sessions"))
    )
    is_inside = pl.col("age") < pl.col("window_sessions")
    own_sessions = is_inside.cum_sum().over("window_sessions", "symbol")
    is_whole_gap = is_inside & (pl.col("gap_sessions") <= own_sessions)
    is_newest, is_before = pl.col("age") == 0, pl.col("age") == pl.col("window_sessions")
    inside = aged.join(spans.drop("age"), on="session", maintain_order="left").with_columns(
        _with_gap("flow_usd", is_whole_gap),
        _with_gap("price_effect_usd", is_inside & (pl.col("price_gap_sessions") <= own_sessions)),
        sessions_known=pl.when(is_whole_gap).then("gap_sessions").otherwise(pl.col("flow_usd").is_not_null()),
        flow_method=pl.when(is_whole_gap & (pl.col("flow_method") == "price_only"))
        .then(pl.when(pl.col("shares").is_not_null()).then(pl.lit("shares")).otherwise(pl.lit("aum")))
        .otherwise("flow_method"),
    )
    assets = aged.select("symbol", "asset_class").unique("symbol").join(lengths.to_frame().lazy(), how="cross")
    summed = inside.group_by("window_sessions", "symbol", maintain_order=True).agg(
        *(sum_of_known(pl.col(name).filter(is_inside)).alias(name) for name in ("flow_usd", "price_effect_usd")),
        sessions_known=pl.col("sessions_known").filter(is_inside).sum().cast(pl.Int32),
        flow_method=pl.col("flow_method").filter(is_inside, pl.col("flow_method") != "price_only").last(),
        **{f"{name}_now": pl.col(name).filter(is_newest).first() for name in ("market_cap_usd", "close_usd")},
        **{f"{name}_before": pl.col(name).filter(is_before).first() for name in ("market_cap_usd", "close_usd")},
    )
    cap_before = pl.col("market_cap_usd_before")
    return (
        assets.join(summed, on=["window_sessions", "symbol"], how="left")
        .join(names.lazy().select("symbol", "name"), on="symbol", how="left")
        .join(asset_groups(names).lazy(), on="symbol", how="left")
        .sort("window_sessions", "symbol")
        .with_columns(
            pl.col("name").fill_null(pl.col("symbol")),
            pl.col("sessions_known").fill_null(0),
            pl.col("flow_method").fill_null("price_only"),
            session=pl.lit(flows.get_column("session").max(), pl.Date),
            flow_pct_of_market_cap=percent_of(pl.col("flow_usd"), cap_before),
            market_cap_change_usd=pl.col("market_cap_usd_now") - cap_before,
            price_return=pl.col("close_usd_now") / pl.col("close_usd_before") - 1,
        )
        .with_columns(
            inflow_rank=_rank(pl.col("flow_usd"), include_issuance=include_issuance),
            outflow_rank=_rank(-pl.col("flow_usd"), include_issuance=include_issuance),
        )
        .select(table("mart.flow_rankings").column_names)
        .collect()
    )


def _with_gap(name: str, is_whole_gap: pl.Expr) -> pl.Expr:
    return pl.coalesce(name, pl.when(is_whole_gap).then(f"gap_{name}"))


def _rank(size: pl.Expr, *, include_issuance: bool) -> pl.Expr:
    """The place from 1 by size among those above 0; rows are sorted by symbol, so equal ones go by it."""
    is_ranked = (size > 0) & ((pl.col("flow_method") != "supply") | include_issuance)
    return (-pl.when(is_ranked).then(size)).rank("ordinal").over("window_sessions").cast(pl.Int32)
