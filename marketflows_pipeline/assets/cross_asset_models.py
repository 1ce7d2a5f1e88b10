"""Models on flows: training with its evaluation, and scores of the newest session.

scikit-learn is loaded by the steps that need it, not by every run.
"""

import logging
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import get_args

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.tables import Run, asset_key, table_spec
from marketflows_pipeline.options import Horizon, Target, Training
from marketflows_pipeline.progress import Advance
from marketflows_pipeline.queries.cross_asset import cross_asset_settings, released_figures, universe_rows
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.tutorial.cross_asset_provider import planted_auc
from marketflows_pipeline.warehouse.store import Warehouse

log = logging.getLogger(__name__)

SEED = 7
FEATURE_TABLES = ("core.asset_flows", "mart.pressure", "mart.regimes")
# A placebo, where one is needed, takes about twice as long as the training before it.
STEPS_SHOWN, PLACEBO_FROM = 1_000, 350
TRAINED_TABLES = ("mart.model_evaluation", "mart.model_forecasts")


def model_folder(settings: Settings) -> Path:
    """Where trained models are stored: beside the private file, each in a folder of its own."""
    path = settings.warehouse.path
    return path.with_name(f"{path.stem}_models")


@dg.multi_asset(
    name="mart__model_evaluation",
    specs=[
        # Nothing is yielded, and what follows is skipped, where the settings have no [cross_asset].
        table_spec(name, deps=map(asset_key, FEATURE_TABLES)).replace_attributes(skippable=True)
        for name in TRAINED_TABLES
    ],
)
def mart_model_evaluation(run: Run) -> Iterator[dg.MaterializeResult[None]]:
    """Train the requested models, walked forward by date, and store models, figures and forecasts."""
    from marketflows_pipeline.models.evaluation import suspicions  # noqa: PLC0415 (see above)

    if run.settings.cross_asset is None:
        log.info("no [cross_asset] in the settings: nothing is trained")
        return
    panel = _panel(run)
    trained = [_train(run, panel, wanted) for wanted in run.options.trainings]
    counts = run.warehouse.row_counts()
    evaluation = run.warehouse.read("mart.model_evaluation")
    for found in suspicions(evaluation.filter(pl.col("model_id").is_in(trained))):
        log.log(logging.ERROR if found.tier == "alarm" else logging.WARNING, "%s", found.text)
    for name in TRAINED_TABLES:
        yield dg.MaterializeResult(
            asset_key=asset_key(name),
            metadata={"models": dg.MetadataValue.json(trained), "dagster/row_count": counts[name]},
        )


@dg.multi_asset(
    name="mart__model_scores",
    specs=[table_spec("mart.model_scores", deps=map(asset_key, (*FEATURE_TABLES, "mart.model_evaluation")))],
)
def mart_model_scores(run: Run) -> dg.MaterializeResult[None]:
    """Probabilities for the newest session, by the model trained last for each horizon and target."""
    folder = model_folder(run.settings)
    if not folder.exists():
        return dg.MaterializeResult(metadata={"dagster/row_count": 0, "note": "no model is trained yet"})
    from marketflows_pipeline.models import artifact, panel, scoring  # noqa: PLC0415 (see above)

    latest = panel.newest(_panel(run))
    scored = 0
    for horizon, target in product(get_args(Horizon), get_args(Target)):
        place = artifact.newest(folder, target=target, horizon=horizon)
        if place is not None:
            scores = scoring.score(artifact.load(place), latest, scored_at=run.clock.now())
            run.warehouse.merge("mart.model_scores", scores)
            scored += scores.height
    return dg.MaterializeResult(metadata={"dagster/row_count": scored})


def _train(run: RunContext, panel: pl.DataFrame, wanted: Training) -> str:
    """Train and store one model with its figures; its id."""
    from marketflows_pipeline.models.artifact import save  # noqa: PLC0415 (see above)
    from marketflows_pipeline.models.labels import labels  # noqa: PLC0415
    from marketflows_pipeline.models.training import train  # noqa: PLC0415

    name = f"{wanted.target} over {wanted.horizon} sessions, {wanted.model}"
    closes = universe_rows(run.warehouse, run.settings, "core.asset_flows")
    tried = run.warehouse.query("select count(distinct model_id) as n from mart.model_evaluation").item()
    with run.reporter.track(f"Training {name}", STEPS_SHOWN) as advance:
        result = train(
            panel,
            labels(closes, horizon=wanted.horizon, target=wanted.target),
            horizon=wanted.horizon,
            target=wanted.target,
            model=wanted.model,
            seed=SEED,
            trained_at=run.clock.now(),
            is_synthetic=run.options.tutorial,
            on_progress=_Share(advance, 0, PLACEBO_FROM),
            on_placebo=_Share(advance, PLACEBO_FROM, STEPS_SHOWN),
            configurations_tried=tried + 1,
        )
    save(result.model, model_folder(run.settings))
    run.warehouse.merge("mart.model_evaluation", result.evaluation)
    keep_forecasts(run.warehouse, wanted, result.forecast_rows)
    if run.options.tutorial and wanted.target == "direction":
        run.warehouse.merge("mart.model_evaluation", _injected_auc(result.evaluation, wanted.horizon))
    model_id = result.model.metadata.model_id
    log.info("trained %s: %s", name, model_id)
    return model_id


def keep_forecasts(warehouse: Warehouse, wanted: Training, rows: pl.DataFrame) -> None:
    """Store forecasts in place of those of earlier models of the same target, horizon and kind.

    Each training forecasts all of the past again, some 200,000 rows.
    """
    of_earlier = pl.col("model_id").str.starts_with(f"{wanted.target}_{wanted.horizon}_{wanted.model}_")
    others = warehouse.read("mart.model_forecasts").filter(~of_earlier)
    warehouse.replace("mart.model_forecasts", pl.concat([others, rows]))


class _Share:
    """Reports progress in parts of a whole whose size is known only under way, from one step of it to another."""

    def __init__(self, advance: Advance, begin: int, end: int) -> None:
        self._advance = advance
        self._steps = end - begin
        self._reported = 0

    def __call__(self, done: int, total: int) -> None:
        now = self._steps * done // max(total, 1)
        self._advance(now - self._reported)
        self._reported = now


def _panel(run: RunContext) -> pl.DataFrame:
    from marketflows_pipeline.models.panel import features  # noqa: PLC0415 (see above)

    # A close that later ones bore out was not accepted at its own session; labels may know it.
    late = released_figures(run.warehouse, run.settings).filter(pl.col("column_name").str.ends_with("close_usd"))
    flows, pressure = (
        universe_rows(run.warehouse, run.settings, name).join(
            late, on=["symbol", "session"], how="anti", maintain_order="left"
        )
        for name in ("core.asset_flows", "mart.pressure")
    )
    return features(
        flows,
        pressure,
        run.warehouse.read("mart.regimes"),
        run.warehouse.accepted("raw.volatility_index"),
        symbols=cross_asset_settings(run.settings).symbols,
    )


def _injected_auc(evaluation: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """The AUC of the signal that the simulated market holds, as a row of the evaluation."""
    return evaluation.head(1).with_columns(
        variant=pl.lit("planted"),
        metric=pl.lit("auc"),
        scope=pl.lit("all"),
        value=pl.lit(planted_auc(horizon)),
        lower_95=pl.lit(None, pl.Float64),
        upper_95=pl.lit(None, pl.Float64),
    )
