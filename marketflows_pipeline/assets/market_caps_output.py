"""What people see of market caps: the published file, and the pictures."""

import logging

import dagster as dg

from marketflows_pipeline import tutorial
from marketflows_pipeline.assets.publishing import SOURCE_CREDIT, draw_part, publish_part
from marketflows_pipeline.assets.tables import OWNERS, asset_key
from marketflows_pipeline.charts.market_caps.catalog import PictureContext, market_cap_pictures
from marketflows_pipeline.charts.rendering.render import RenderJob
from marketflows_pipeline.charts.spec import US_DOLLAR, ChartSpec
from marketflows_pipeline.queries.market_caps import is_out_of_credits, stored_window
from marketflows_pipeline.queries.members import groups_in_use
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import tables_of
from marketflows_pipeline.transforms.categories import RANGES
from marketflows_pipeline.transforms.market_caps.caveats import category_caveats, crossing_words
from marketflows_pipeline.transforms.market_caps.exclusions import left_out_words
from marketflows_pipeline.transforms.market_caps.ranges import bucket_members

log = logging.getLogger(__name__)


@dg.asset(
    key=["published", "market_caps"],
    deps=[asset_key(entry.name) for entry in tables_of("market_caps")],
    group_name="market_caps_output",
    kinds={"duckdb"},
    owners=OWNERS,
)
def published_market_caps(run: dg.ResourceParam[RunContext]) -> dg.MaterializeResult[None]:
    """The DuckDB file for ad-hoc SQL, swapped in once every blocking check has passed."""
    return publish_part(run, "market_caps")


@dg.asset(
    key=["pictures", "market_caps"],
    deps=[asset_key(name) for name in ("mart.metrics", "mart.percent_gains", "core.series", "core.group_totals")],
    group_name="market_caps_output",
    kinds={"altair", "png"},
    owners=OWNERS,
)
def market_cap_pictures_drawn(run: dg.ResourceParam[RunContext]) -> dg.MaterializeResult[None]:
    """Line charts and gain tables as PNG files; those whose figures did not change are left as they are."""
    jobs = market_cap_pictures(
        run.warehouse.read("mart.metrics"),
        run.warehouse.read("mart.percent_gains"),
        run.warehouse.read("core.series"),
        _picture_context(run),
    )
    return draw_part(run, "market_caps", jobs, [job for job in jobs if _is_first_of_category(job)])


def _is_first_of_category(job: RenderJob) -> bool:
    """Whether this is the plain curve in dollars of its category."""
    spec = job.spec
    if not isinstance(spec, ChartSpec) or spec.base_asset != US_DOLLAR:
        return False
    return spec.diff_order == 0 and not spec.is_unit and spec.ema_period == 1


def _picture_context(run: RunContext) -> PictureContext:
    spec = stored_window(run.warehouse, run.settings)
    grid, buckets = (run.warehouse.read(name) for name in ("core.market_cap_grid", "core.buckets"))
    notes = category_caveats(
        grid,
        groups_in_use(run.warehouse, run.settings),
        bucket_members(buckets),
        run.warehouse.read("core.group_totals"),
    )
    for category, texts in notes.items():
        for text in texts:
            log.warning("%s: %s", category, text)
    for_all: tuple[str, ...] = ()
    if is_out_of_credits(run.warehouse, run.settings, run.started_at):
        for_all += ("stale: the month's credits are used up",)
    series = run.warehouse.read("core.series")
    left_out = left_out_words(series)
    crossed = {RANGES: crossing_words(buckets)}
    own = {name: tuple(filter(None, (left_out.get(name), crossed.get(name)))) for name in series["category"].unique()}
    coins = run.warehouse.accepted("raw.coins", columns=["coin_id", "symbol"])
    return PictureContext(
        as_of=spec.end,
        step=spec.step,
        smoothing_ema=run.settings.analysis.smoothing_ema,
        hours_ago=run.settings.plots.hours_ago,
        source=tutorial.data_credit() if run.options.tutorial else SOURCE_CREDIT,
        symbols=dict(coins.iter_rows()),
        notes={name: (*for_all, *words, *notes.get(name, ())) for name, words in own.items()},
    )
