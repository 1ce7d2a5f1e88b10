"""Find corporate actions that are listed twice, such as a split whose day the service has moved since."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import is_ratio_of_1
from marketflows_pipeline.transforms.plausibility import OWN_FILES
from marketflows_pipeline.transforms.ratios import is_within

# A day is moved to the next session, over a long weekend at most; dividends that are paid every week come later.
REPEATED_WITHIN = timedelta(days=4)


def repeated_actions(actions: pl.DataFrame) -> pl.DataFrame:
    """Splits and dividends of which another one of the same value, a few days apart, stands for both.

    The user's own line stands before a service's, then the one that was listed last, then the later day. A split of
    ratio 1 denies one and is none.

    Args:
        actions: as in ``raw.corporate_actions``.

    Returns:
        symbol, session, action, column_name and reason of those that count no more, by key.
    """
    key = ["symbol", "action", "session"]
    is_none = (pl.col("action") == "split") & is_ratio_of_1()
    listed = (
        actions.filter(~is_none)
        .with_columns(is_own=pl.col("source").str.starts_with(OWN_FILES))
        .sort("is_own", "fetched_at", "session")
        .with_row_index("rank")
        .select(*key, "value", "rank")
    )
    both = listed.join(listed, on=["symbol", "action"], suffix="_again").filter(
        pl.col("rank_again") > pl.col("rank"),
        (pl.col("session_again") - pl.col("session")).abs() <= REPEATED_WITHIN,
        is_within(0.0, pl.col("value_again") / pl.col("value")),
    )
    reason = pl.format("the {} of {} is listed again on {}: it counts once", "action", "value", "session_again")
    return (
        both.sort(*key, "rank_again")
        .unique(key, keep="last", maintain_order=True)
        .select("symbol", "session", "action", column_name=pl.lit("session"), reason=reason)
    )
