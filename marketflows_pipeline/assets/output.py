"""What people see: the published file, and the pictures."""

import base64
import logging

import dagster as dg

from marketflows_pipeline import tutorial
from marketflows_pipeline.assets.tables import OWNERS, as_markdown, asset_key
from marketflows_pipeline.charts.market_caps import PictureContext, market_cap_pictures
from marketflows_pipeline.charts.render import RenderJob, render_all, thumbnails
from marketflows_pipeline.charts.spec import ChartSpec
from marketflows_pipeline.readings import groups_in_use, is_out_of_credits, stored_window
from marketflows_pipeline.schema import tables_of
from marketflows_pipeline.session import Session
from marketflows_pipeline.transforms.caveats import category_caveats
from marketflows_pipeline.transforms.ranges import bucket_members
from marketflows_pipeline.warehouse.publish import publish

log = logging.getLogger(__name__)

SOURCE_CREDIT = "Data provided by CoinGecko"


@dg.asset(
    key=["published", "market_caps"],
    deps=[asset_key(entry.name) for entry in tables_of("market_caps")],
    group_name="market_caps_output",
    kinds={"duckdb"},
    owners=OWNERS,
)
def published_market_caps(session: dg.ResourceParam[Session]) -> dg.MaterializeResult[None]:
    """The DuckDB file for ad-hoc SQL, swapped in once every blocking check has passed."""
    path = session.settings.warehouse.published_path
    report = publish(
        session.warehouse,
        part="market_caps",
        run_id=session.run_id,
        now=session.clock.now(),
        published_path=path,
    )
    log.info("published %s (%.1f MB)", path, report.size_bytes / 1e6)
    for part in report.carried_over:
        log.warning("part %s is carried over from an earlier publish: its latest run has not passed its checks", part)
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(path),
            "size_mb": report.size_bytes / 1e6,
            "tables": dg.MetadataValue.md(as_markdown(report.tables.select("table_name", "status", "as_of", "n_rows"))),
        }
    )


@dg.asset(
    key=["pictures", "market_caps"],
    deps=[asset_key(name) for name in ("mart.metrics", "mart.percent_gains", "core.series", "core.group_totals")],
    group_name="market_caps_output",
    kinds={"altair", "png"},
    owners=OWNERS,
)
def market_cap_pictures_drawn(session: dg.ResourceParam[Session]) -> dg.MaterializeResult[None]:
    """Line charts and gain tables as PNG files; those whose figures did not change are left as they are."""
    jobs = market_cap_pictures(
        session.warehouse.read("mart.metrics"),
        session.warehouse.read("mart.percent_gains"),
        session.warehouse.read("core.series"),
        _picture_context(session),
    )
    with session.reporter.track("Drawing", len(jobs)) as advance:
        report = render_all(
            jobs, session.out_dir, session.settings.plots.scale, on_progress=lambda _done, _total: advance(1)
        )
    for name, reason in report.skipped:
        log.info("%s is not drawn: %s", name, reason)
    for name in report.removed:
        log.info("%s is removed: no longer in the settings", name)
    log.info("%d pictures are up to date in %s", len(report.drawn) + len(report.unchanged), session.out_dir.resolve())
    log.debug("%d pictures drawn, %d unchanged", len(report.drawn), len(report.unchanged))
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(session.out_dir.absolute()),
            "drawn": len(report.drawn),
            "unchanged": len(report.unchanged),
            "skipped": len(report.skipped),
            **_thumbnails(jobs, report.drawn),
        }
    )


def _picture_context(session: Session) -> PictureContext:
    spec = stored_window(session)
    grid = session.warehouse.read("core.market_cap_grid")
    notes = category_caveats(
        grid,
        groups_in_use(session),
        bucket_members(session.warehouse.read("core.buckets")),
        session.warehouse.read("core.group_totals"),
    )
    for category, texts in notes.items():
        for text in texts:
            log.warning("%s: %s", category, text)
    for_all: tuple[str, ...] = ()
    if session.tutorial:
        for_all += (tutorial.PICTURE_NOTE,)
    if is_out_of_credits(session):
        for_all += ("stale: the month's credits are used up",)
    categories = session.warehouse.read("core.series", columns=["category"])["category"].unique()
    coins = session.warehouse.read("raw.coins", columns=["coin_id", "symbol"])
    return PictureContext(
        as_of=spec.end,
        step=spec.step,
        days=session.settings.providers.coingecko.days,
        smoothing_ema=session.settings.analysis.smoothing_ema,
        hours_ago=session.settings.plots.hours_ago,
        source=tutorial.data_credit() if session.tutorial else SOURCE_CREDIT,
        symbols=dict(coins.iter_rows()),
        notes={category: (*for_all, *notes.get(category, ())) for category in categories},
    )


def _thumbnails(jobs: list[RenderJob], drawn: tuple[str, ...]) -> dict[str, dg.MetadataValue]:
    """One small picture a category: its first chart, where it was drawn anew."""
    first: dict[str, RenderJob] = {}
    for job in jobs:
        spec = job.spec
        if isinstance(spec, ChartSpec) and spec.diff_order == 0 and not spec.is_unit and spec.ema_period == 1:
            first.setdefault(spec.category, job)
    small = thumbnails([job for job in first.values() if job.file_name in drawn])
    return {
        category: dg.MetadataValue.md(
            f"![{category}](data:image/png;base64,{base64.b64encode(small[job.file_name]).decode()})"
        )
        for category, job in first.items()
        if job.file_name in small
    }
