"""The user's list of splits counts whoever gives the prices."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.ingest.cross_asset.daily import with_own_splits
from marketflows_pipeline.providers.local_files.folder import Folder
from marketflows_pipeline.providers.protocols.cross_asset import ACTION_SCHEMA, BAR_SCHEMA, PriceHistory
from marketflows_pipeline.settings import Asset

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SPY = Asset.model_validate({"symbol": "SPY", "name": "S&P 500", "class": "equity", "provider_symbol": "SPY"})
SERVICE = pl.DataFrame(
    [
        ("SPY", date(2026, 1, 5), "split", 2.0, "yahoo:chart"),
        ("SPY", date(2026, 1, 6), "dividend", 0.5, "yahoo:chart"),
    ],
    schema=ACTION_SCHEMA,
    orient="row",
)


def actions(folder: Folder | None) -> list[tuple[object, ...]]:
    history = with_own_splits(PriceHistory(BAR_SCHEMA.to_frame(), SERVICE), folder, SPY)
    return history.actions.select("session", "action", "value", "source").rows()


def test_a_line_in_the_file_of_splits_counts_beside_the_prices_of_a_service(tmp_path: Path) -> None:
    """The line that a warning asked for was read only by those who had their prices in the folder too."""
    lines = "SPY,2026-01-05,1\nSPY,2020-01-06,4\nQQQ,2026-01-05,3\n"
    (tmp_path / "splits.csv").write_text("symbol,date,ratio\n" + lines)

    assert actions(Folder(tmp_path, clock=FixedClock(NOW))) == [
        (date(2020, 1, 6), "split", 4.0, "folder:splits"),
        # A ratio of 1 denies what the service lists on that session.
        (date(2026, 1, 5), "split", 1.0, "folder:splits"),
        (date(2026, 1, 6), "dividend", 0.5, "yahoo:chart"),
    ]


def test_without_a_folder_or_its_file_the_service_alone_lists_splits(tmp_path: Path) -> None:
    told = SERVICE.select("session", "action", "value", "source").rows()

    assert actions(None) == actions(Folder(tmp_path, clock=FixedClock(NOW))) == told
