"""What people see of the cross-asset part: the published file, the pictures, and a card for each model."""

from dataclasses import asdict, replace
from itertools import product
from typing import get_args

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.cross_asset_models import model_folder
from marketflows_pipeline.assets.publishing import MODEL_PICTURES, Pictures, drawn, output_asset, published_tables
from marketflows_pipeline.assets.tables import Run
from marketflows_pipeline.charts.cross_asset.catalog import CrossAssetChartContext, cross_asset_charts
from marketflows_pipeline.charts.cross_asset.context_spec import FundGroupsSpec
from marketflows_pipeline.charts.cross_asset.model_card import model_card_html
from marketflows_pipeline.charts.rendering.plan import RenderJob
from marketflows_pipeline.charts.rotation.catalog import RotationContext, rotation_charts
from marketflows_pipeline.errors import RenderError
from marketflows_pipeline.options import Horizon, Target
from marketflows_pipeline.queries.cross_asset import benchmark_symbol, cross_asset_settings, universe_rows
from marketflows_pipeline.report.credits import SHARES, service_names
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.system.safe_files import read_plain, write_whole
from marketflows_pipeline.transforms.cross_asset.fund_groups import group_sums
from marketflows_pipeline.transforms.cross_asset.reference_series import REFERENCE_SERIES
from marketflows_pipeline.transforms.cross_asset.trade_sessions import trade_flows
from marketflows_pipeline.tutorial.cross_asset_provider import cross_asset_credit, planted_auc
from marketflows_pipeline.warehouse.accepted import accepted_name

SHOWN_SMALL = ("CrossAsset_cumulative_flows", "CrossAsset_regimes", MODEL_PICTURES)
DRAWN = (
    "core.asset_flows",
    "mart.flow_rankings",
    "mart.flow_map",
    "mart.fund_group_flows",
    "mart.flow_comparison",
    "mart.regimes",
    "mart.correlations",
    "mart.model_evaluation",
)
ROTATION = ("mart.cross_asset_rotation", "mart.cross_asset_rotation_log", "mart.cross_asset_rotation_placebo")


def _jobs(run: RunContext) -> list[RenderJob]:
    read = run.warehouse.read
    flows = universe_rows(run.warehouse, run.settings, "core.asset_flows")
    context = _context(run)
    charts = cross_asset_charts(
        flows=flows,
        trades=trade_flows(flows),
        rankings=read("mart.flow_rankings"),
        flow_map=read("mart.flow_map"),
        regimes=read("mart.regimes"),
        correlations=read("mart.correlations"),
        evaluation=read("mart.model_evaluation"),
        context=context,
        groups=group_sums(read("mart.fund_group_flows"), FundGroupsSpec.sessions),
        comparison=read("mart.flow_comparison"),
    )
    points, stays, placebo = map(read, ROTATION)
    return [*charts, *rotation_charts(points, stays, placebo, _rotation_context(context))]


CROSS_ASSET_PICTURES = Pictures("cross_asset", _jobs, lambda job: job.file_name.startswith(SHOWN_SMALL))

published_cross_asset = published_tables(CROSS_ASSET_PICTURES)


@output_asset("pictures", "cross_asset", deps=(*DRAWN, *ROTATION), kinds={"altair", "png"})
def cross_asset_charts_drawn(run: Run) -> dg.MaterializeResult[None]:
    """Flows, rankings, flow maps, regimes, correlations, rotation and models as PNG files, and each model's card."""
    result = drawn(run, CROSS_ASSET_PICTURES)
    _write_cards(run, run.warehouse.read("mart.model_evaluation"))
    return result


def _rotation_context(context: CrossAssetChartContext) -> RotationContext:
    return RotationContext("cross-asset", "Assets", context.styles, {}, context.prices, context.notes)


def _context(run: RunContext) -> CrossAssetChartContext:
    settings = cross_asset_settings(run.settings)
    assets = tuple((asset.symbol, asset.name) for asset in settings.universe)
    context = CrossAssetChartContext(
        assets,
        settings.windows,
        settings.correlation_window,
        benchmark_symbol(run.settings),
        reference=tuple((series, REFERENCE_SERIES[series].name) for series in settings.reference_series or ()),
    )
    if not run.options.tutorial:
        return replace(context, flows=f"{context.prices}, shares outstanding from {_issuers(run)}")
    planted = {(horizon, "direction"): planted_auc(horizon) for horizon in get_args(Horizon)}
    credit = cross_asset_credit()
    return replace(context, planted_auc=planted, prices=credit, flows=credit, volatility=credit)


def _issuers(run: RunContext) -> str:
    """The issuers whose figures are stored for the universe."""
    sources = run.warehouse.query(
        f"select distinct source from {accepted_name(SHARES)} where list_contains(?, symbol) order by source",  # noqa: S608 (registered name)
        [list(cross_asset_settings(run.settings).symbols)],
    )
    return service_names(sources["source"]) or "no issuer"


def _write_cards(run: RunContext, evaluation: pl.DataFrame) -> None:
    """The newest model of each horizon and target on a page of its own, beside its picture."""
    folder = model_folder(run.settings)
    if not folder.exists():
        return
    from marketflows_pipeline.models import artifact  # noqa: PLC0415 (scikit-learn is loaded with it)

    for horizon, target in product(get_args(Horizon), get_args(Target)):
        picture = run.options.picture_folder / f"{MODEL_PICTURES}{horizon}_{target}.png"
        place = artifact.newest(folder, target=target, horizon=horizon)
        if place is None or not picture.exists():
            continue
        facts = asdict(artifact.read_metadata(place))
        if run.options.tutorial and target == "direction":
            facts["planted_auc"] = planted_auc(horizon)
        if evaluation.filter(pl.col("model_id") == facts["model_id"]).is_empty():
            continue
        card = picture.with_suffix(".html")
        try:
            page = model_card_html(facts, evaluation, read_plain(picture))
            write_whole(card, page.encode(), private=False)
        except OSError as error:
            raise RenderError(f"{card} cannot be written: {error.strerror}") from error
