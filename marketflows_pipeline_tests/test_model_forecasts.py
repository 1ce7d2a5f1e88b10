"""Forecasts out of sample in the warehouse: those of the newest model of each target, horizon and kind."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from marketflows_pipeline.assets.cross_asset_models import keep_forecasts
from marketflows_pipeline.options import Training
from marketflows_pipeline.schema import table
from marketflows_pipeline.warehouse.store import Warehouse


def rows_of(model_id: str, *sessions: int) -> pl.DataFrame:
    rows = [(model_id, "with_flows", date(2026, 3, day), "SPY", date(2026, 3, day + 5), 1, 0.55) for day in sessions]
    return pl.DataFrame(rows, schema=table("mart.model_forecasts").polars_schema, orient="row")


def test_a_training_replaces_the_forecasts_of_its_own_kind_alone(tmp_path: Path) -> None:
    """Each weekly training forecasts the whole past again, some 200,000 rows."""
    direction, rank = Training(5, "direction", "logistic"), Training(5, "rank", "logistic")
    with Warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        keep_forecasts(warehouse, direction, rows_of("direction_5_logistic_20260301T000000Z", 2, 3))
        keep_forecasts(warehouse, rank, rows_of("rank_5_logistic_20260301T000000Z", 2))
        keep_forecasts(warehouse, direction, rows_of("direction_5_logistic_20260308T000000Z", 2, 3, 4))

        kept = warehouse.query("select model_id, count(*) as n from mart.model_forecasts group by all order by all")

    assert kept.rows() == [("direction_5_logistic_20260308T000000Z", 3), ("rank_5_logistic_20260301T000000Z", 1)]
