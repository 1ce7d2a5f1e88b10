"""Compute net flow of each exchange's known wallets, day by day, with the day's other figures."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.exchanges.netflow_sums import REASONS
from marketflows_pipeline.transforms.exchanges.token_flows import daily_records
from marketflows_pipeline.transforms.ratios import percent_of
from marketflows_pipeline.transforms.sums import order_independent_sum

NEVER_BROKEN_DOWN = "no tokens are reported for this exchange"
NOT_BROKEN_DOWN = "no tokens are reported for this day"
FIRST_RECORD = "first record of tokens, nothing to compare it with"
REPEATED_RECORD = "same figures as in the record before: carried forward by the service, not measured"
NOTHING_KEPT = "every token is left out"

_KEY = ("slug", "day")
# What `with_first_seen_netflow` adds.
OF_FIRST_SEEN = ("first_netflow_mid_usd", "known_at")
_COUNTED = ("unpriced", "negative", "quarantined")


def exchange_netflow(
    flows: pl.DataFrame,
    tvl: pl.DataFrame,
    exchanges: pl.DataFrame,
    volumes_share: pl.DataFrame,
    snapshots: pl.DataFrame,
) -> pl.DataFrame:
    """Net flow, price effect and what is left out, per exchange and day (``mart.exchange_netflow``, as revised so far).

    The three are sums over the tokens of `token_flows` and add up to the change of ``reserves_usd``; so do
    ``netflow_mid_usd`` and ``price_effect_mid_usd``, at the means of both days, with what is left out. Where no flow
    was measured ``netflow_usd`` is null, never 0, and ``reason`` says why; what is left out stands there all the same,
    unless the record was the first or repeats the one before. A flow belongs to the day of the later record and may
    cover several days: ``previous_day`` says since when.

    ``left_out_gross_usd`` adds up the amounts of what is left out, whatever their signs: where a token of 30 M vanishes
    and another of 30 M is new, ``left_out_usd`` is 0 and it is 60 M.

    ``identity_gap_pct`` is the change of the served total less the three, in percent of the larger of the two totals.
    ``coverage_pct`` is the value now of kept tokens over that of all, own tokens included; ``coverage_before_pct`` the
    same of the record before, which shows what a token that vanished leaves uncovered.

    Args:
        flows: all days, as `token_flows` returns them.
        tvl: slug, ts, tvl_usd, is_now, as in ``raw.cex_tvl``; days are those of `daily_records`.
        exchanges: exchange_key, defillama_slug, name, is_tracked, as in ``core.exchanges``. An exchange that is not in
            it goes by its slug; of two with one slug the tracked one counts, then the first by key.
        volumes_share: exchange_key, day, share_pct; one row each.
        snapshots: slug, day, inflows_24h_usd, inflows_1w_usd, inflows_1m_usd: the day's last observation; one row each.

    Returns:
        The columns of ``mart.exchange_netflow`` by (slug, day), but those of `with_first_seen_netflow`: every day with
        a record of tokens or a total.
    """
    reserves, larger = _daily_tvl(tvl), pl.max_horizontal("tvl_usd", "previous_tvl_usd")
    before = reserves.select("slug", previous_day="day", previous_tvl_usd="tvl_usd")
    return (
        _sums(flows)
        .join(reserves, on=_KEY, how="full", coalesce=True)
        .with_columns(
            pl.col("ts").fill_null(pl.col("tvl_ts")),
            pl.col("previous_day").fill_null(pl.col("previous_tvl_day")),
            pl.col("is_compared").fill_null(value=False),
        )
        .join(before, on=["slug", "previous_day"], how="left")
        .join(_largest(flows, "vanished", "value_before_usd"), on=_KEY, how="left")
        .join(_largest(flows, "new", "value_usd"), on=_KEY, how="left")
        .join(_names(exchanges), on="slug", how="left")
        .with_columns(pl.col("exchange_key", "name").fill_null(pl.col("slug")))
        .join(
            volumes_share.lazy().select("exchange_key", "day", market_share_pct="share_pct"),
            on=["exchange_key", "day"],
            how="left",
            validate="m:1",
        )
        .join(
            snapshots.lazy().select(
                *_KEY, pl.col(r"^inflows_(24h|1w|1m)_usd$").name.replace("^inflows", "defillama_inflow")
            ),
            on=_KEY,
            how="left",
            validate="m:1",
        )
        .with_columns(tvl_change_usd=pl.col("tvl_usd") - pl.col("previous_tvl_usd"))
        .with_columns(
            identity_gap_pct=percent_of(pl.col("tvl_change_usd") - pl.col("explained_usd"), larger), reason=_reason()
        )
        .sort(_KEY)
        .select(name for name in table("mart.exchange_netflow").column_names if name not in OF_FIRST_SEEN)
        .collect()
    )


def _daily_tvl(tvl: pl.DataFrame) -> pl.LazyFrame:
    """The total of each day: slug, day, tvl_ts, previous_tvl_day, tvl_usd."""
    return (
        daily_records(tvl)
        .lazy()
        .join(tvl.lazy().select("slug", "ts", "tvl_usd"), on=["slug", "ts"])
        .rename({"ts": "tvl_ts", "previous_day": "previous_tvl_day"})
    )


def _sums(flows: pl.DataFrame) -> pl.LazyFrame:
    """One row per record of tokens; what needs a comparison is null where there was none."""
    is_kept, is_own = pl.col("flow_usd").is_not_null(), pl.col("is_own_token")
    is_unvalued = (pl.col("quantity") != 0) & (pl.col("value_usd").fill_null(0.0) == 0)
    parts = tuple(f"left_out_{reason}_usd" for reason in REASONS)
    sums = (
        "value_usd", "own_usd", "kept_usd", "value_before_usd", "kept_before_usd", "flow_usd", "price_effect_usd",
        "flow_mid_usd", "price_effect_mid_usd", "left_out_usd", "left_out_gross_usd", *parts,
    )  # fmt: skip
    effects = ("price_effect_usd", "price_effect_mid_usd")
    counts = (*(f"n_tokens_{reason}" for reason in _COUNTED), "n_tokens_rebased")
    total, before, kept = pl.col("value_usd"), pl.col("value_before_usd"), pl.col("n_tokens_kept")
    compared = pl.col("is_compared")
    return (
        flows.lazy()
        .with_columns(
            *(pl.when(reason=reason).then("left_out_usd").alias(f"left_out_{reason}_usd") for reason in REASONS),
            left_out_gross_usd=pl.col("left_out_usd").abs(),
            own_usd=pl.when(is_own).then("value_usd"),
            kept_usd=pl.when(is_kept).then("value_usd"),
            kept_before_usd=pl.when(is_kept).then("value_before_usd"),
        )
        .group_by(_KEY)
        .agg(
            pl.col("ts", "previous_day").first(),
            *(order_independent_sum(name).alias(name) for name in sums),
            is_compared=(pl.col("previous_day").is_not_null() & ~pl.col("is_repeated")).first(),
            is_repeated=pl.col("is_repeated").first(),
            is_first=pl.col("previous_day").is_null().first(),
            is_valued=pl.col("value_usd").is_not_null().any(),
            # Own tokens that are there without a value would make the share of them too small.
            is_own_known=is_own.is_not_null().all() & ~(is_own & is_unvalued).any(),
            n_tokens_kept=is_kept.sum().cast(pl.Int32),
            n_tokens_rebased=pl.col("basis_ratio").count().cast(pl.Int32),
            **{f"n_tokens_{reason}": (pl.col("reason") == reason).sum().cast(pl.Int32) for reason in _COUNTED},
        )
        .with_columns(
            pl.when(compared & (kept > 0)).then(pl.col(effects)),
            pl.when(compared).then(pl.col("n_tokens_kept", *counts, "left_out_usd", "left_out_gross_usd", *parts)),
            reserves_usd=pl.when("is_valued").then(total),
            explained_usd=pl.when(compared).then(pl.sum_horizontal("flow_usd", "price_effect_usd", "left_out_usd")),
            netflow_usd=pl.when(compared & (kept > 0)).then("flow_usd"),
            netflow_mid_usd=pl.when(compared & (kept > 0)).then("flow_mid_usd"),
            coverage_pct=pl.when(compared).then(percent_of(pl.col("kept_usd"), total)),
            coverage_before_pct=pl.when(compared).then(percent_of(pl.col("kept_before_usd"), before)),
            own_token_share_pct=pl.when("is_own_known").then(percent_of(pl.col("own_usd"), total)),
        )
    )


def _largest(flows: pl.DataFrame, reason: str, value: str) -> pl.LazyFrame:
    """The token of each record that is worth most of those left out for a reason; of equal ones the first by name."""
    return (
        flows.lazy()
        .filter(reason=reason)
        .sort(*_KEY, value, "token", descending=[False, False, True, False], nulls_last=True)
        .unique(_KEY, keep="first", maintain_order=True)
        .select(*_KEY, pl.col(value).alias(f"largest_{reason}_usd"), pl.col("token").alias(f"largest_{reason}_token"))
    )


def _names(exchanges: pl.DataFrame) -> pl.LazyFrame:
    return (
        exchanges.lazy()
        .sort("is_tracked", "exchange_key", descending=[True, False])
        .select("exchange_key", "name", slug="defillama_slug")
        .unique("slug", keep="first", maintain_order=True)
    )


def _reason() -> pl.Expr:
    has_tokens = pl.col("is_first").is_not_null()
    return first_that_holds(
        (pl.col("netflow_usd").is_not_null(), None),
        (~has_tokens.any().over("slug"), NEVER_BROKEN_DOWN),
        (~has_tokens, NOT_BROKEN_DOWN),
        (pl.col("is_first"), FIRST_RECORD),
        (pl.col("is_repeated"), REPEATED_RECORD),
        otherwise=NOTHING_KEPT,
    )
