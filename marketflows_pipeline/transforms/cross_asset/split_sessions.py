"""Match each listed split to the session on which an issuer's figures take it, which may be days off."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import is_ratio_of_1, listed_splits
from marketflows_pipeline.transforms.ordering import in_order

# Parts of a split's logarithm. On its own session a change of half of it shows the split, as the market moves and money
# comes and goes on that day too; on another one, where a flow may be taken for it, the change must come within a tenth.
_NEAR, _NEAR_ELSEWHERE = 0.5, 0.1


def matched_splits(figures: pl.DataFrame, actions: pl.DataFrame, column: str, *, within: int) -> pl.DataFrame:
    """Each listed split with the session from which on a figure is in new shares.

    That is the listed session, or, where the figure shows no such change on it, the one within so many sessions of the
    fund's figures whose change comes nearest to the split. Where none does it is the listed one all the same.

    Args:
        figures: as in ``raw.shares_outstanding``, one row a session; those as of their day count.
        actions: as in ``raw.corporate_actions``.
        column: ``shares``, which a split multiplies, or ``nav_usd``, which it divides.
        within: sessions.

    Returns:
        symbol, session (listed), value, figures_session, by (symbol, session).
    """
    listed = listed_splits(actions).filter(~is_ratio_of_1()).select("symbol", "session", "value")
    splits = in_order(listed, "symbol", "session")
    if splits.is_empty():
        return splits.with_columns(figures_session="session")
    sign = {"shares": 1, "nav_usd": -1}[column]
    steps = (
        in_order(figures, "symbol", "session")
        .filter(pl.col(column) > 0, convention="as_traded")
        .join(splits.select("symbol").unique(), on="symbol", how="semi", maintain_order="left")
        .select(
            "symbol",
            figures_session="session",
            place=pl.int_range(pl.len(), dtype=pl.Int64).over("symbol"),
            change=sign * (pl.col(column).log() - pl.col(column).log().shift(1).over("symbol")),
        )
    )
    size = pl.col("value").log()
    # The place of the first figure on the listed session or after it.
    around = splits.join(steps, on="symbol").with_columns(
        listed_place=(pl.col("figures_session") < pl.col("session")).sum().over("symbol", "session"),
    )
    miss = ((pl.col("change") - size) / size).abs()
    off = (pl.col("place") - pl.col("listed_place")).abs()
    is_match = ((off == 0) & (pl.col("change") / size > _NEAR)) | ((off <= within) & (miss < _NEAR_ELSEWHERE))
    best = (
        around.with_columns(miss=miss, off=off)
        .filter(is_match)
        .sort("symbol", "session", pl.col("off") > 0, "miss", "off", "place")
        .unique(["symbol", "session"], keep="first")
        .select("symbol", "session", matched="figures_session")
    )
    return splits.join(best, on=["symbol", "session"], how="left", maintain_order="left").select(
        "symbol", "session", "value", figures_session=pl.coalesce("matched", "session")
    )


def figures_in_new_shares(splits: pl.DataFrame) -> pl.DataFrame:
    """Splits of `matched_splits` as actions that take effect with the figures."""
    return splits.select("symbol", "value", session="figures_session", action=pl.lit("split"))
