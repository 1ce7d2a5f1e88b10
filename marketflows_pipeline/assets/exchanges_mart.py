"""The measures of the exchange part: volume flows, shares and concentration, reserves, net flow, whale signals."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.measures import measure, measure_specs, update
from marketflows_pipeline.assets.tables import Run, asset_key, table_asset, table_spec, view_asset
from marketflows_pipeline.queries.exchanges import (
    bitcoin_price_now,
    coins_left_out,
    daily_cexs,
    exchange_settings,
    full_listings,
    newest_cexs,
    newest_listing,
    newest_protocols,
    recent_coin_observations,
    slugs_with_balances,
    trending_with_market,
)
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.exchanges.coverage import exchange_coverage
from marketflows_pipeline.transforms.exchanges.dominance import exchange_dominance, exchange_shares, uncovered_shares
from marketflows_pipeline.transforms.exchanges.first_seen_flows import with_first_seen_netflow
from marketflows_pipeline.transforms.exchanges.id_map import unknown_tracked
from marketflows_pipeline.transforms.exchanges.league import exchange_league
from marketflows_pipeline.transforms.exchanges.market_values import market_values
from marketflows_pipeline.transforms.exchanges.members import exchange_members
from marketflows_pipeline.transforms.exchanges.netflow import exchange_netflow
from marketflows_pipeline.transforms.exchanges.netflow_by_class import netflow_by_class
from marketflows_pipeline.transforms.exchanges.positions import exchange_positions
from marketflows_pipeline.transforms.exchanges.token_flows import token_flows
from marketflows_pipeline.transforms.exchanges.tvl import exchange_tvl
from marketflows_pipeline.transforms.exchanges.volume_flows import exchange_flows
from marketflows_pipeline.transforms.exchanges.whales import whale_signals
from marketflows_pipeline.warehouse.quarantine import active_rows

TOKEN_FLOW_DAYS = timedelta(days=30)
_NETFLOW_TABLES = ("mart.exchange_netflow", "mart.exchange_token_flows", "mart.exchange_netflow_by_class")
_NETFLOW_READS = (
    "raw.cex_token_balances",
    "raw.cex_tvl",
    "raw.cex_snapshots",
    "core.exchanges",
    "mart.exchange_shares",
)


@table_asset(
    "mart.exchange_flows",
    reads={"volumes": "core.exchange_volumes", "exchanges": "core.exchanges"},
    deps=("raw.exchanges",),
)
def mart_exchange_flows(run: Run, volumes: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """Each exchange's volume now against its own past."""
    settings = exchange_settings(run.settings)
    return exchange_flows(
        newest_listing(run.warehouse),
        volumes,
        exchanges,
        btc_price_usd=bitcoin_price_now(run.warehouse, run.settings, run.started_at),
        inflow_pct=settings.inflow_pct,
        outflow_pct=settings.outflow_pct,
    )


mart_exchange_market = view_asset("mart.exchange_market", deps=("mart.exchange_flows",))


@table_asset(
    "mart.exchange_members",
    reads={"volumes": "core.exchange_volumes", "exchanges": "core.exchanges"},
    deps=("raw.cex_snapshots",),
)
def mart_exchange_members(run: Run, volumes: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """Who is measured throughout, so that shares over time are over a fixed set."""
    return exchange_members(market_values(volumes, exchanges, daily_cexs(run.warehouse, run.started_at)))


@table_asset(
    "mart.exchange_shares",
    reads={"volumes": "core.exchange_volumes", "exchanges": "core.exchanges"},
    deps=("raw.cex_snapshots",),
)
def mart_exchange_shares(run: Run, volumes: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """Who has which share of volume, reserves and derivatives volume, day by day."""
    return exchange_shares(volumes, exchanges, daily_cexs(run.warehouse, run.started_at))


@table_asset(
    "mart.exchange_dominance",
    reads={"shares": "mart.exchange_shares", "exchanges": "core.exchanges"},
    deps=("raw.exchanges",),
)
def mart_exchange_dominance(run: Run, shares: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """How concentrated each of them is."""
    uncovered = uncovered_shares(shares, full_listings(run.warehouse, run.started_at), exchanges)
    return exchange_dominance(shares, uncovered, exchange_settings(run.settings).hhi_thresholds)


@table_asset("mart.exchange_tvl", reads={"exchanges": "core.exchanges"}, deps=("raw.cex_snapshots", "raw.protocols"))
def mart_exchange_tvl(run: Run, exchanges: pl.DataFrame) -> pl.DataFrame:
    """Reserves of centralised exchanges and TVL of decentralised ones, ranked apart."""
    return exchange_tvl(newest_cexs(run.warehouse), newest_protocols(run.warehouse), exchanges)


mart_exchange_tvl_summary = view_asset("mart.exchange_tvl_summary", deps=("mart.exchange_tvl",))


@table_asset("mart.whale_signals", deps=("raw.trending_coins", "raw.excluded_coins"))
def mart_whale_signals(run: Run) -> pl.DataFrame:
    """Volume that is unusual for a coin's size."""
    coins = run.warehouse.accepted("raw.coins", columns=["coin_id", "symbol", "name"])
    return whale_signals(
        recent_coin_observations(run.warehouse, run.started_at),
        trending_with_market(run.warehouse),
        coins,
        coins_left_out(run.warehouse, run.settings),
        observed_at=run.started_at,
    )


@dg.multi_asset(
    name="mart__exchange_netflow",
    specs=[table_spec(name, deps=map(asset_key, _NETFLOW_READS)) for name in _NETFLOW_TABLES],
)
def mart_exchange_netflow(run: Run) -> Iterator[dg.MaterializeResult[pl.DataFrame]]:
    """Real net flow of tracked wallets, by exchange and day, by class of asset, and by token over the last 30 days."""
    accepted = run.warehouse.accepted
    exchanges = accepted("core.exchanges")
    balances = accepted("raw.cex_token_balances")
    own_tokens = exchanges.drop_nulls("defillama_slug").select("own_tokens", slug="defillama_slug")
    quarantined, ever = (
        active_rows(run.warehouse, "raw.cex_token_balances", released_too=each) for each in (False, True)
    )
    # Without any figure it is what a later answer no longer names in that record.
    held = balances.filter(pl.any_horizontal(pl.col("quantity", "value_usd").is_not_null()))
    flows = token_flows(held, own_tokens, quarantined)
    shares = accepted(
        "mart.exchange_shares",
        columns=["exchange_key", "day", "share_pct"],
        where="measure = 'spot_volume' and segment = 'all'",
    )
    inflows = daily_cexs(run.warehouse, run.started_at).select(
        "slug", "day", "inflows_24h_usd", "inflows_1w_usd", "inflows_1m_usd"
    )
    netflow = exchange_netflow(flows, accepted("raw.cex_tvl"), exchanges, shares, inflows.drop_nulls("slug"))
    netflow = with_first_seen_netflow(netflow, balances, own_tokens, ever)
    recent = flows.filter(pl.col("day") > run.started_at.date() - TOKEN_FLOW_DAYS)
    for name, frame in zip(_NETFLOW_TABLES, (netflow, recent, netflow_by_class(flows, netflow)), strict=True):
        yield dg.MaterializeResult(asset_key=asset_key(name), value=frame.select(table(name).column_names))


@table_asset(
    "mart.exchange_coverage",
    reads={"flows": "mart.exchange_flows", "exchanges": "core.exchanges", "tvl": "mart.exchange_tvl"},
    deps=("raw.cex_token_balances",),
)
def mart_exchange_coverage(run: Run, flows: pl.DataFrame, exchanges: pl.DataFrame, tvl: pl.DataFrame) -> pl.DataFrame:
    """What is not known, and of whom."""
    unknown = unknown_tracked(exchanges, exchange_settings(run.settings).tracked)
    return exchange_coverage(flows, exchanges, tvl, slugs_with_balances(run.warehouse), unknown=unknown)


@measure("mart.exchange_league", deps=("core.exchanges", "mart.exchange_netflow", "raw.cex_snapshots"))
def mart_exchange_league(run: RunContext) -> pl.DataFrame:
    """Tracked exchanges by net flow, beside what DefiLlama reports of every one."""
    netflow, exchanges = map(run.warehouse.read, ("mart.exchange_netflow", "core.exchanges"))
    return exchange_league(netflow, newest_cexs(run.warehouse), exchanges)


@measure("mart.exchange_positions", deps=("core.exchanges", "mart.exchange_netflow_by_class", "raw.cex_snapshots"))
def mart_exchange_positions(run: RunContext) -> pl.DataFrame:
    """Open interest, leverage, derivatives against spot, stablecoin reserves."""
    by_class, exchanges = map(run.warehouse.read, ("mart.exchange_netflow_by_class", "core.exchanges"))
    return exchange_positions(newest_cexs(run.warehouse), by_class, exchanges)


SIDE_BY_SIDE = (mart_exchange_league, mart_exchange_positions)


@dg.multi_asset(name="exchanges_side_by_side", specs=measure_specs(SIDE_BY_SIDE))
def exchanges_side_by_side(run: Run) -> Iterator[dg.MaterializeResult[None]]:
    """The league and the positions, one after the other."""
    yield from update(run, SIDE_BY_SIDE)
