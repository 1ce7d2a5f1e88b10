"""What people see of market caps: the published file, and the pictures."""

import logging
from datetime import datetime

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.publishing import Pictures, drawn, output_asset, published_tables
from marketflows_pipeline.assets.tables import Run
from marketflows_pipeline.charts.market_caps.breadth_catalog import breadth_pictures
from marketflows_pipeline.charts.market_caps.cap_flow_catalog import ATTRIBUTED_DAYS, cap_flow_pictures
from marketflows_pipeline.charts.market_caps.catalog import (
    PictureContext,
    category_styles,
    index_pictures,
    market_cap_pictures,
)
from marketflows_pipeline.charts.rendering.plan import RenderJob
from marketflows_pipeline.charts.rotation.catalog import RotationContext, rotation_charts
from marketflows_pipeline.charts.spec import US_DOLLAR, ChartSpec
from marketflows_pipeline.providers.attribution import attribution
from marketflows_pipeline.queries.coin_blocks import grid_and_buckets, table_in_blocks
from marketflows_pipeline.queries.market_caps import is_out_of_credits, stored_window
from marketflows_pipeline.queries.members import groups_in_use
from marketflows_pipeline.queries.narrative_index import index_rules
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.transforms.categories import DISJOINT_RULE, NARRATIVES, RANGES
from marketflows_pipeline.transforms.market_caps.cap_movers import series_movers
from marketflows_pipeline.transforms.market_caps.caveats import category_caveats, chain_words, crossing_words
from marketflows_pipeline.transforms.market_caps.exclusions import left_out_words
from marketflows_pipeline.transforms.market_caps.range_chain import chain_changes
from marketflows_pipeline.transforms.market_caps.range_migration import pair_flows
from marketflows_pipeline.transforms.market_caps.ranges import bucket_members
from marketflows_pipeline.tutorial.files import data_credit

log = logging.getLogger(__name__)

DRAWN = ("mart.metrics", "mart.percent_gains", "core.series", "core.group_totals")
INDEX = "mart.narrative_index"
ROTATION = ("mart.rotation", "mart.rotation_log", "mart.rotation_placebo")
BREADTH = {"breadth": "mart.breadth", "market_map": "mart.market_map", "dominance": "mart.dominance"}
CAP_FLOWS = ("mart.cap_attribution_totals", "mart.range_migration", "mart.range_chain")
DRAWN_PERIODS = (7, 30)


def _jobs(run: RunContext) -> list[RenderJob]:
    metrics, gains, series, totals = map(run.warehouse.read, DRAWN)
    context = _picture_context(run, series, totals)
    points, stays, placebo = map(run.warehouse.read, ROTATION)
    of_breadth = {name: run.warehouse.read(table) for name, table in BREADTH.items()}
    return [
        *market_cap_pictures(metrics, gains, series, context),
        *index_pictures(run.warehouse.read(INDEX), index_rules(run.settings), series, context),
        *rotation_charts(points, stays, placebo, _rotation_context(run, series, context)),
        *breadth_pictures(**of_breadth, series=series, rule=DISJOINT_RULE, context=context),
        *_cap_flow_jobs(run, series, context.source),
    ]


def _cap_flow_jobs(run: RunContext, series: pl.DataFrame, source: str) -> list[RenderJob]:
    """Attribution bars of each category and migration matrices; none before the first attributed close."""
    totals, moves, chain = map(run.warehouse.read, CAP_FLOWS)
    close = totals.get_column("ts").max()
    if not isinstance(close, datetime):
        return []
    crossings = {
        days: pair_flows(moves.filter(pl.col("period_days") == days, pl.col("ts") == close)) for days in DRAWN_PERIODS
    }
    sums = series_movers(totals, ATTRIBUTED_DAYS, "price")
    chains = chain_changes(chain, ATTRIBUTED_DAYS)
    return cap_flow_pictures(sums, crossings, chains, series, source=source, as_of=close)


def _is_first_of_category(job: RenderJob) -> bool:
    """Whether this is the plain curve in dollars of its category."""
    spec = job.spec
    if not isinstance(spec, ChartSpec) or spec.base_asset != US_DOLLAR:
        return False
    return spec.diff_order == 0 and not spec.is_unit and spec.ema_period == 1


MARKET_CAP_PICTURES = Pictures("market_caps", _jobs, _is_first_of_category)

published_market_caps = published_tables(MARKET_CAP_PICTURES)


@output_asset(
    "pictures", "market_caps", deps=(*DRAWN, INDEX, *ROTATION, *BREADTH.values(), *CAP_FLOWS), kinds={"altair", "png"}
)
def market_cap_pictures_drawn(run: Run) -> dg.MaterializeResult[None]:
    """All charts of the part as PNG files; those whose figures did not change are left as they are."""
    return drawn(run, MARKET_CAP_PICTURES)


def _rotation_context(run: RunContext, series: pl.DataFrame, context: PictureContext) -> RotationContext:
    return RotationContext(
        universe="narratives",
        subject=NARRATIVES,
        series=category_styles(series).get(NARRATIVES, ()),
        benchmark_labels={base: context.base_label(base) for base in run.settings.source.coin_bases},
        source=context.source,
        notes=context.notes.get(NARRATIVES, ()),
    )


def _picture_context(run: RunContext, series: pl.DataFrame, totals: pl.DataFrame) -> PictureContext:
    spec = stored_window(run.warehouse, run.settings)
    blocks = ((grid, bucket_members(buckets)) for grid, buckets in grid_and_buckets(run.warehouse))
    notes = category_caveats(blocks, groups_in_use(run.warehouse, run.settings), totals)
    for category, texts in notes.items():
        for text in texts:
            log.warning("%s: %s", category, text)
    for_all: tuple[str, ...] = ()
    if is_out_of_credits(run.warehouse, run.settings, run.started_at):
        for_all += ("stale: the month's credits are used up",)
    left_out = left_out_words(series)
    changes = chain_changes(run.warehouse.read("mart.range_chain"), ATTRIBUTED_DAYS)
    buckets = table_in_blocks(run.warehouse, "core.buckets", ("coin_id", "ts", "lower_limit_usd"))
    of_ranges = (crossing_words(buckets), chain_words(changes, series, ATTRIBUTED_DAYS))
    own = {
        name: tuple(filter(None, (left_out.get(name), *(of_ranges if name == RANGES else ()))))
        for name in series["category"].unique()
    }
    coins = run.warehouse.accepted("raw.coins", columns=["coin_id", "symbol"])
    return PictureContext(
        as_of=spec.end,
        step=spec.step,
        smoothing_ema=run.settings.analysis.smoothing_ema,
        hours_ago=run.settings.plots.hours_ago,
        source=data_credit() if run.options.tutorial else attribution(run.settings.provider),
        symbols=dict(coins.iter_rows()),
        notes={name: (*for_all, *words, *notes.get(name, ())) for name, words in own.items()},
    )
