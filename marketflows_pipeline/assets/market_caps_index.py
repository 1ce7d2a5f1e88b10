"""The chained index: extended by the closes since the last run, and its level now."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.measures import COMPUTED
from marketflows_pipeline.assets.tables import asset_key, table_spec
from marketflows_pipeline.queries.closes import close_times, daily_closes, latest_prices, newest_observation
from marketflows_pipeline.queries.index_corrections import Corrections, pending_corrections
from marketflows_pipeline.queries.narrative_index import (
    STALE_STEPS,
    index_rule,
    indices_wanted,
    market_data,
    ready_indices,
    stored_chain,
)
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.categories import US_DOLLAR
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.market_caps.index_chain import extend_index
from marketflows_pipeline.transforms.market_caps.index_path import held_points, in_base_asset, index_levels
from marketflows_pipeline.transforms.market_caps.index_rule import INDEX, weighting_of
from marketflows_pipeline.transforms.market_caps.index_state import Chain, Extension
from marketflows_pipeline.warehouse.revisions import record_corrections

log = logging.getLogger(__name__)

CLOSES, LATEST = "core.index_closes", "core.index_latest"
CONSTITUENTS, CONTRIBUTIONS = "core.narrative_constituents", "mart.index_contributions"
STORED = (CONSTITUENTS, CLOSES, LATEST, CONTRIBUTIONS)
VIEW = "mart.narrative_index"
SOURCES = ("core.daily_closes", "core.listed_members", "raw.market_caps", "raw.coins")


def update_index(run: RunContext) -> Iterator[dg.MaterializeResult[None]]:
    """Extend the stored indices by their new final closes, all tables in one transaction."""
    rule = index_rule(run.settings)
    within = _stale_after(run)
    corrections = pending_corrections(run.warehouse, run.started_at, within)
    stored = stored_chain(run.warehouse)
    wanted = ready_indices(run.warehouse, run.settings, indices_wanted(run.settings, rule), stored)
    data = market_data(run.warehouse, run.settings, wanted, stored, run.started_at)
    extension = extend_index(stored, wanted, rule, data, run.started_at)
    moment = newest_observation(run.warehouse) or run.started_at
    coins = {*extension.chain.held["coin_id"], *run.settings.source.coin_bases}
    prices = latest_prices(run.warehouse, sorted(coins), moment, within)
    levels = [extension.closes.with_columns(is_latest=False), _latest(run, extension.chain, wanted, prices, moment)]
    in_bases = _in_bases(run, pl.concat(levels, how="diagonal"), prices)
    final = table(CLOSES).stored_form(in_bases.filter(~pl.col("is_latest")).lazy())
    with run.warehouse.transaction():
        if corrections is not None:
            _record(run, corrections)
        run.warehouse.merge(CONSTITUENTS, _members(run, extension))
        run.warehouse.merge(CONTRIBUTIONS, extension.contributions, revise=False)
        run.warehouse.merge(CLOSES, final, revise=False)
        run.warehouse.replace(LATEST, table(LATEST).stored_form(in_bases.filter("is_latest").lazy()))
    newest = final["ts"].max()
    if isinstance(newest, datetime):
        log.info("the index of %d series goes on to %s", final.select(INDEX).n_unique(), newest.date())
    run.warehouse.ensure_views()
    counts = run.warehouse.row_counts()
    for name in (*STORED, VIEW):
        yield dg.MaterializeResult(asset_key=asset_key(name), metadata={"dagster/row_count": counts.get(name, 0)})


INDEX_SPECS = [
    *(table_spec(name, deps=map(asset_key, SOURCES)) for name in STORED),
    table_spec(VIEW, deps=map(asset_key, (CLOSES, LATEST))),
]


def _record(run: RunContext, corrections: Corrections) -> None:
    """Record what stored levels would be now, once a change, and how far revisions have been looked at."""
    count = record_corrections(
        run.warehouse, CLOSES, corrections.changes, cause="index_correction", seen_at=run.started_at
    )
    if count:
        log.info("%d levels of the index would be others with what services have revised; they stay as stored", count)
    looked = {"table_name": CLOSES, "inputs": "revisions of raw.market_caps", "computed_at": corrections.looked_to}
    run.warehouse.merge(COMPUTED, pl.DataFrame([looked], schema=table(COMPUTED).polars_schema))


def _latest(
    run: RunContext, chain: Chain, wanted: pl.DataFrame, prices: pl.DataFrame, moment: datetime
) -> pl.DataFrame:
    """Levels since the last final close: at closes that are not final yet, and now."""
    levels = chain.levels.join(wanted, on=INDEX, how="semi")
    oldest = levels["ts"].min()
    if not isinstance(oldest, datetime):
        return levels.clear().drop("rule").with_columns(is_latest=pl.lit(value=True))
    coins = chain.held["coin_id"].unique().to_list()
    closes = _closes_and_now(run, coins, oldest, prices)
    times = close_times(oldest, moment).append(pl.Series([moment], dtype=pl.Datetime("us", "UTC"))).unique()
    due = levels.select(*INDEX, after="ts").join(times.alias("ts").to_frame(), how="cross")
    due = due.filter(pl.col("ts") > pl.col("after"))
    points = held_points(chain.held, closes, due.select(*INDEX, "ts"))
    return (
        index_levels(points)
        .join(levels.select(*INDEX, "index_version", "is_backfilled", weighting=weighting_of("rule")), on=INDEX)
        .with_columns(turnover_pct=pl.lit(None, pl.Float64), is_latest=pl.lit(value=True))
    )


def _in_bases(run: RunContext, levels: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Levels in US dollars and in each base asset, from the index's start where the base asset is a new one."""
    in_dollars = levels.with_columns(
        base_asset=pl.lit(US_DOLLAR), base_price_usd=pl.lit(None, pl.Float64), base_cap_usd=pl.lit(None, pl.Float64)
    )
    frames = [in_dollars]
    stored = run.warehouse.read(CLOSES)
    of_dollar = pl.col("base_asset") == US_DOLLAR
    for base in run.settings.source.coin_bases:
        starts = stored.filter(pl.col("base_asset") == base)
        earlier = stored.filter(of_dollar).join(starts, on=INDEX, how="anti").with_columns(is_latest=False)
        wanted = pl.concat([levels, earlier.select(levels.columns)])
        oldest = wanted["ts"].min()
        if isinstance(oldest, datetime):
            of_base = _closes_and_now(run, [base], oldest, prices).select(
                "ts", base_price_usd="price_usd", base_cap_usd="market_cap_usd"
            )
            frames.append(in_base_asset(wanted, of_base, starts).with_columns(base_asset=pl.lit(base)))
    return pl.concat(frames, how="diagonal")


def _closes_and_now(run: RunContext, coins: list[str], first: datetime, prices: pl.DataFrame) -> pl.DataFrame:
    """Closes of these coins since `first`, and of the prices of now theirs."""
    closes = daily_closes(run.warehouse, coins, first, run.started_at, _stale_after(run))
    now = prices.filter(pl.col("coin_id").is_in(coins))
    return pl.concat([closes, now]).unique(["coin_id", "ts"], maintain_order=True)


def _stale_after(run: RunContext) -> timedelta:
    """How much older than its close an observation may be."""
    return STALE_STEPS * GridSpec.from_window(run.started_at, run.settings.source.days).step


def _members(run: RunContext, extension: Extension) -> pl.DataFrame:
    """New constituents, and the stored ones that they end or whose unit has changed."""
    stored = run.warehouse.read(CONSTITUENTS, where="effective_to is null")
    key = list(table(CONSTITUENTS).key)
    new = extension.constituents.with_columns(effective_to=pl.lit(None, pl.Datetime("us", "UTC")))
    rows = pl.concat([stored, new.select(stored.columns)])
    factor = pl.col("unit_factor").fill_null(1.0)
    following = new.select(*INDEX, next_from="effective_from").unique()
    ends = rows.select(key).join(following, on=INDEX).filter(pl.col("next_from") > pl.col("effective_from"))
    return (
        rows.join(extension.restated.group_by(key).agg(pl.col("unit_factor").product()), on=key, how="left")
        .join(ends.group_by(key).agg(pl.col("next_from").min()), on=key, how="left")
        .with_columns(
            units=pl.col("units") * factor, price_usd=pl.col("price_usd") / factor, effective_to=pl.col("next_from")
        )
        .select(stored.columns)
        .sort(key)
    )
