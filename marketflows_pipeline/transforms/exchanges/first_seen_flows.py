"""Compute net flow as known at the time: from quantities as first seen, before the service revised them."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.exchanges.token_flows import daily_records, token_flows
from marketflows_pipeline.transforms.sums import known_sum

_KEY = ("slug", "day")
_RECORD = ("slug", "ts")
_ROW = (*_RECORD, "token")
_SEEN = pl.col("first_seen_at")


def with_first_seen_netflow(
    netflow: pl.DataFrame, balances: pl.DataFrame, own_tokens: pl.DataFrame, quarantined: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Add ``first_netflow_mid_usd`` and ``known_at``, for backtests that must not look ahead.

    A record is as it was first seen once its day was over: tokens that a later answer added to it are not in it, nor is
    what was quarantined until a later record confirmed it, or a later answer put it right. The flow is that of
    `token_flows` between two such records, and was known when both had been seen (``known_at``). A history that was
    fetched long after is known since then, and by then the service may have revised it.

    Args:
        netflow: slug, day, previous_day, netflow_mid_usd, as `exchange_netflow` gives them.
        balances: rows of ``raw.cex_token_balances``.
        own_tokens: as for `token_flows`.
        quarantined: slug, ts, token of rows that are or ever were quarantined; by default there are none.

    Returns:
        The rows of `netflow` in their order; both columns are null where a record was never seen after its day.
    """
    daily = balances.filter(~pl.col("is_now"))
    left_out = daily.select(_ROW).clear() if quarantined is None else quarantined.select(_ROW)
    first = daily.filter((_SEEN.min().over(_RECORD) == _SEEN).fill_null(value=False))
    seen = first.lazy().group_by(_RECORD).agg(seen_at=_SEEN.min())
    records = daily_records(first).lazy().join(seen, on=_RECORD).select(*_KEY, "seen_at")
    revised = pl.concat([_revised(daily, first), first.join(left_out, on=_ROW, how="semi")["slug"].unique()])
    known_then = first.join(left_out, on=_ROW, how="anti", maintain_order="left")
    flows = _flows(known_then.filter(pl.col("slug").is_in(revised.implode())), own_tokens, left_out)
    before = records.rename({"day": "previous_day", "seen_at": "seen_before_at"})
    is_known = pl.col("known_at").is_not_null()
    is_revised = pl.col("slug").is_in(revised.implode())
    return (
        netflow.lazy()
        .join(records, on=_KEY, how="left", maintain_order="left")
        .join(before, on=["slug", "previous_day"], how="left", maintain_order="left")
        .join(flows.lazy(), on=_KEY, how="left", maintain_order="left")
        .with_columns(
            known_at=pl.when(
                pl.col("netflow_mid_usd").is_not_null(), pl.col("seen_at", "seen_before_at").is_not_null()
            ).then(pl.max_horizontal("seen_at", "seen_before_at"))
        )
        .with_columns(
            first_netflow_mid_usd=pl.when(is_known & is_revised)
            .then("first_mid_usd")
            .when(is_known)
            .then("netflow_mid_usd")
        )
        .drop("seen_at", "seen_before_at", "first_mid_usd")
        .collect()
    )


def _revised(daily: pl.DataFrame, first: pl.DataFrame) -> pl.Series:
    """Exchanges of which a record that was first seen is another one by now: only their flows are computed twice."""
    quantity, value = pl.col("quantity"), pl.col("value_usd")
    changed = first.filter(quantity.ne_missing(pl.col("first_quantity")) | value.ne_missing(pl.col("first_value_usd")))
    seen = first.select(_RECORD).unique()
    added = daily.join(seen, on=_RECORD, how="semi").join(first, on=_ROW, how="anti")
    return pl.concat([changed["slug"], added["slug"]]).unique()


def _flows(first: pl.DataFrame, own_tokens: pl.DataFrame, quarantined: pl.DataFrame) -> pl.DataFrame:
    """slug, day, first_mid_usd: null where no token is kept."""
    balances = first.with_columns(quantity="first_quantity", value_usd="first_value_usd")
    return token_flows(balances, own_tokens, quarantined).group_by(_KEY).agg(first_mid_usd=known_sum("flow_mid_usd"))
