"""Rank tracked exchanges by net flow over some days, beside what DefiLlama reports of every exchange it lists."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.exchanges.id_map import with_exchange_key
from marketflows_pipeline.transforms.ratios import percent_of
from marketflows_pipeline.transforms.sums import known_sum

# Days, and the column of DefiLlama's inflow that stands beside them.
PERIODS = {1: "inflows_24h_usd", 7: "inflows_1w_usd", 30: "inflows_1m_usd"}

NOT_TRACKED = "not tracked"
NO_WALLETS = "DefiLlama knows no wallets of it"
NO_FLOW = "no day of the period has a net flow"

_FLOW, _INFLOW = pl.col("netflow_mid_usd"), pl.col("defillama_inflow_usd")


def exchange_league(netflow: pl.DataFrame, snapshot: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """Net flow of tracked exchanges over 1, 7 and 30 days, beside DefiLlama's inflow (``mart.exchange_league``).

    A period is the last days up to the newest record of any exchange, the same for all. What is known of it is summed,
    ``days_known`` says how much that is, and where nothing is known the sum is null. A flow over missing records counts
    where the period holds all of their days. Places are by net flow, equal ones by key.

    Args:
        netflow: slug, day, previous_day, netflow_mid_usd, reserves_usd, as in ``mart.exchange_netflow``.
        snapshot: rows of ``raw.cex_snapshots`` of the newest observation; empty before the first.
        exchanges: as in ``core.exchanges``.

    Returns:
        The columns of ``mart.exchange_league`` by its key: tracked exchanges, and all of the snapshot.
    """
    listed = listed_exchanges(snapshot, exchanges)
    tracked = exchanges.filter("is_tracked").select("exchange_key", "name", "is_tracked", slug="defillama_slug")
    rows = tracked.join(listed, on="exchange_key", how="full", coalesce=True, suffix="_listed").with_columns(
        pl.col("slug").fill_null(pl.col("slug_listed")),
        pl.col("name").fill_null(pl.col("name_listed")),
        pl.col("is_tracked").fill_null(value=False),
    )
    league = pl.concat([_over(rows, netflow, period) for period in PERIODS])
    return table("mart.exchange_league").stored_form(league.lazy())


def listed_exchanges(snapshot: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """Rows of DefiLlama's overview with their ``exchange_key``, one each: of two with one key the larger counts."""
    return (
        with_exchange_key(snapshot, exchanges)
        .sort("current_tvl_usd", "name", descending=[True, False], nulls_last=True)
        .unique("exchange_key", keep="first", maintain_order=True)
    )


def _over(rows: pl.DataFrame, netflow: pl.DataFrame, period: int) -> pl.DataFrame:
    is_known = _FLOW.is_not_null()
    begin = pl.col("day").max() - timedelta(days=period)
    sums = (
        netflow.with_columns(netflow_mid_usd=pl.when(pl.col("previous_day") >= begin).then(_FLOW))
        .filter(pl.col("day") > begin)
        .sort("slug", "day")
        .group_by("slug", maintain_order=True)
        .agg(
            netflow_mid_usd=known_sum("netflow_mid_usd"),
            days_known=is_known.sum().cast(pl.Int32),
            from_day=pl.col("previous_day").filter(is_known).min(),
            to_day=pl.col("day").filter(is_known).max(),
            reserves_usd=pl.col("reserves_usd").filter(is_known).last(),
        )
    )
    differ = (_FLOW * _INFLOW).sign()
    return (
        rows.rename({PERIODS[period]: "defillama_inflow_usd"})
        .join(sums.with_columns(is_tracked=pl.lit(value=True)), on=["slug", "is_tracked"], how="left")
        .sort("exchange_key")
        .with_columns(
            pl.col("days_known").fill_null(0),
            period_days=pl.lit(period, pl.Int32),
            rank=_FLOW.rank("ordinal", descending=True).cast(pl.Int32),
            netflow_pct_of_reserves=percent_of(_FLOW, pl.col("reserves_usd")),
            signs_differ=pl.when(differ != 0).then(differ < 0),
            reason=first_that_holds(
                (is_known, None),
                (~pl.col("is_tracked"), NOT_TRACKED),
                (pl.col("slug").is_null(), NO_WALLETS),
                otherwise=NO_FLOW,
            ),
        )
        .select(table("mart.exchange_league").column_names)
    )
