"""The packaged files: where they are, which moment they show, and the settings the tutorial runs with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.options import TUTORIAL_PRIVATE, TUTORIAL_PUBLISHED, TUTORIAL_REPORT
from marketflows_pipeline.settings import Report, Settings, WarehousePaths, load_settings

PACKAGED = Path(__file__).parent


def load_tutorial_settings(folder: Path) -> Settings:
    """The packaged settings, with files of their own in this folder, so that live data is never touched.

    Args:
        folder: where ``.marketflows/tutorial.duckdb``, ``warehouse/marketflows_tutorial.duckdb`` and
            ``report_tutorial`` go.
    """
    settings = load_settings(PACKAGED / "config.toml", None, {})
    files = WarehousePaths(
        path=folder / TUTORIAL_PRIVATE,
        published_path=folder / TUTORIAL_PUBLISHED,
    )
    report = Report(path=folder / TUTORIAL_REPORT)
    return settings.model_copy(update={"warehouse": files, "report": report})


def packaged_caps(folder: Path = PACKAGED) -> pl.DataFrame:
    """coin_id, ts, market_cap_usd, price_usd, volume_usd of every packaged observation, by (coin_id, ts)."""
    return _caps(folder / "market_caps.parquet")


def stored_caps(folder: Path = PACKAGED) -> pl.DataFrame:
    """The same of the observations that earlier runs would have stored."""
    return _caps(folder / "stored/raw.market_caps.parquet").drop("source", "fetched_at")


def _caps(path: Path) -> pl.DataFrame:
    times = pl.col("ts").cast(pl.Datetime("us", "UTC"))
    return pl.read_parquet(path).with_columns(times).sort("coin_id", "ts")


def data_as_of(folder: Path = PACKAGED) -> datetime:
    """The last observation's time: the moment at which the tutorial's clock stands."""
    newest = packaged_caps(folder)["ts"].max()
    assert isinstance(newest, datetime)
    return newest.astimezone(UTC)


def data_credit(folder: Path = PACKAGED) -> str:
    """Where the packaged figures come from, as their file says: that they are made up."""
    return pl.read_parquet_metadata(folder / "market_caps.parquet")["source"]


def forget(warehouse_path: Path) -> None:
    """Remove a tutorial's private database, so that the next one starts from nothing."""
    for path in (warehouse_path.with_name(f"{warehouse_path.name}{end}") for end in ("", ".wal", ".calls")):
        # A directory is none of this program's, as whoever opens the file next will say.
        if not path.is_dir():
            path.unlink(missing_ok=True)


def shaped(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The frame in a schema; columns that are not packaged are null."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )


def found(rows: pl.DataFrame, what: str, provider: str) -> pl.DataFrame:
    """The packaged rows of what was asked for.

    Raises:
        NotFoundError: there are none.
    """
    if rows.is_empty():
        raise NotFoundError(f"the tutorial has no {what}", provider=provider)
    return rows
