"""What is to be forecast: whether a close will be higher, or an asset among the better half."""

from __future__ import annotations

from typing import Literal

import polars as pl

Target = Literal["direction", "rank"]
RANK_MIN_ASSETS = 4


def labels(closes: pl.DataFrame, *, horizon: int, target: Target) -> pl.DataFrame:
    """The label of each asset and session t, h sessions ahead, on the asset's own sessions.

    With r = ln(close[t+h] / close[t]), dividends left out as in the close::

        direction:  1 where r > 0, else 0
        rank:       1 where r > median of r over the assets of session t, else 0

    For ``rank`` sessions with fewer than 4 assets are dropped, and a label is known when the last of its assets' is.

    Args:
        closes: symbol, session, close_usd, such as ``core.asset_flows``; unique by (symbol, session).
        horizon: h, in sessions.
        target: which of the two.

    Returns:
        symbol, session, label_end (session whose close decides the label), forward_return (r), label (0 or 1) by
        (session, symbol); the last h sessions of an asset have none.
    """
    price = pl.col("close_usd").log()
    forward = pl.col("forward_return")
    labelled = (
        closes.lazy()
        .filter(pl.col("close_usd") > 0)
        .select("symbol", "session", "close_usd")
        .sort("symbol", "session")
        .with_columns(
            label_end=pl.col("session").shift(-horizon).over("symbol"),
            forward_return=(price.shift(-horizon) - price).over("symbol"),
        )
        .filter(forward.is_not_null())
    )
    if target == "rank":
        labelled = labelled.filter(pl.len().over("session") >= RANK_MIN_ASSETS).with_columns(
            label_end=pl.col("label_end").max().over("session"), label=forward > forward.median().over("session")
        )
    else:
        labelled = labelled.with_columns(label=forward > 0)
    return (
        labelled.select("symbol", "session", "label_end", "forward_return", pl.col("label").cast(pl.Int8))
        .sort("session", "symbol")
        .collect()
    )
