"""The order that time series need: by coin, then by time.

What belongs here: putting long frames in order, at no cost where they already are. What does not: removing rows.
"""

from __future__ import annotations

import polars as pl

_SAME_COIN = pl.col("coin_id") == pl.col("coin_id").shift(1)


def is_ordered_by_coin(frame: pl.DataFrame) -> bool:
    """Whether rows ascend strictly by (coin_id, ts), so that no key stands twice."""
    ascends = (pl.col("coin_id") > pl.col("coin_id").shift(1)) | (_SAME_COIN & (pl.col("ts") > pl.col("ts").shift(1)))
    return bool(frame.lazy().select(ascends.fill_null(value=True).all()).collect().item())


def order_by_coin(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by (coin_id, ts); rows of an equal key keep their order.

    Comparing neighbours costs a fiftieth of a sort, and frames mostly arrive in order.
    """
    if is_ordered_by_coin(frame):
        return frame
    return frame.sort("coin_id", "ts", maintain_order=True)


def within_coin(column: str, steps: int) -> pl.Expr:
    """The value of ``column`` some rows earlier, null where that row is another coin's.

    The frame must be ordered by coin. Cheaper than a window over the coin, which would hash every row.
    """
    return pl.when(pl.col("coin_id") == pl.col("coin_id").shift(steps)).then(pl.col(column).shift(steps))
