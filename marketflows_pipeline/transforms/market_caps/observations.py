"""Clean observations as the service gave them: drop and count what is no usable market cap."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.ordering import is_ordered, is_superseded

# All wealth on earth is some 5e14 USD; a finite cap beyond this is a slip, and 1e30 once broke every sum of a window.
MAX_CAP_USD = 1e15

_CAP = pl.col("market_cap_usd")
_IS_USABLE = _CAP.is_finite() & (_CAP > 0) & (_CAP <= MAX_CAP_USD)


def clean_observations(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Keep the observations that state a market cap, one per coin and moment.

    A cap that is null, not finite, zero, negative or above ``MAX_CAP_USD`` is no observation. Of several rows for the
    same (coin_id, ts) the later row wins, so answers must be stacked in the order in which they came.

    Args:
        frame: coin_id, ts, market_cap_usd and any further columns, in any order.

    Returns:
        The rows kept, by (coin_id, ts), and how many were left out for each reason: ``null``, ``non_finite``,
        ``not_positive``, ``too_large``, ``duplicate``.
    """
    counts = (
        frame.lazy()
        .select(
            null=_CAP.is_null().sum(),
            non_finite=(~_CAP.is_finite()).sum(),
            not_positive=(_CAP.is_finite() & (_CAP <= 0)).sum(),
            too_large=(_CAP.is_finite() & (_CAP > MAX_CAP_USD)).sum(),
        )
        .collect()
        .row(0, named=True)
    )
    rejected = {reason: int(count) for reason, count in counts.items()}
    usable = frame.filter(_IS_USABLE) if any(rejected.values()) else frame
    if is_ordered(usable, "coin_id", "ts"):
        return usable, rejected | {"duplicate": 0}
    kept = usable.sort("coin_id", "ts", maintain_order=True).filter(~is_superseded("coin_id", "ts"))
    return kept, rejected | {"duplicate": usable.height - kept.height}
