"""Reference series and reported flows are stored beside the rest, and nothing else depends on them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import NotFoundError, TransientProviderError
from marketflows_pipeline.ingest.cross_asset.daily import refresh_cross_asset
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.providers.local_files.folder import Folder
from marketflows_pipeline.providers.protocols.cross_asset import REFERENCE_SCHEMA, CrossAssetClients
from marketflows_pipeline.settings import CrossAsset
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.empty import new_warehouse

NOW = datetime(2026, 11, 20, 23, tzinfo=UTC)
FUND = {"name": "Fund", "class": "equity"}
SETTINGS = CrossAsset.model_validate(
    {
        "folder": Path("own"),
        "providers": ["folder"],
        "reference_series": ["DGS10"],
        "universe": [{"symbol": name, "provider_symbol": name, **FUND} for name in ("SPY", "IWM")],
    }
)


class Fred:
    """Serves the last ``served`` days up to ``last``, or fails."""

    name = "fred"

    def __init__(self) -> None:
        self.served, self.last, self.is_down = 400, date(2026, 11, 19), False

    def reference_series(self, series_id: str) -> pl.DataFrame:
        if self.is_down:
            raise TransientProviderError("fred: down", provider="fred")
        days = [self.last - timedelta(days=back) for back in reversed(range(self.served))]
        rows = {"series_id": series_id, "session": days, "value": 4.0, "source": "fred:fredgraph"}
        return pl.DataFrame(rows, schema=REFERENCE_SCHEMA)


class Volatility:
    """Has no index: nothing here is about them."""

    name = "cboe"

    def volatility_index(self, index_name: str) -> pl.DataFrame:
        raise NotFoundError(f"no {index_name}", provider="cboe")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with new_warehouse(tmp_path / "private.duckdb") as opened:
        yield opened


def refresh(warehouse: Warehouse, fred: Fred, folder: Path, *, days_later: int = 0) -> None:
    now = NOW + timedelta(days=days_later)
    clock = FixedClock(now)
    own = Folder(folder, clock=clock, universe={"SPY": "SPY", "IWM": "IWM"}, funds=["SPY", "IWM"])
    bars = "date,open,high,low,close,volume\n2026-11-19,1,1,1,1,1\n"
    for name in ("SPY", "IWM"):
        (folder / "bars").mkdir(exist_ok=True)
        (folder / "bars" / f"{name}.csv").write_text(bars)
    clients = CrossAssetClients([own], {}, [Volatility()], own, [fred])
    refresh_cross_asset(clients, RawWriter(warehouse, clock, now), SETTINGS, LogReporter())


def days_of(warehouse: Warehouse) -> tuple[int, date | None]:
    found: tuple[int, date | None] = warehouse.query("select count(*), min(session) from raw.reference_series").row(0)
    return found


@pytest.mark.slow
def test_a_series_of_which_the_oldest_days_are_no_longer_served_grows_and_loses_nothing(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """The owner of the credit spread lets three years be served: each day the oldest one is gone."""
    fred = Fred()
    refresh(warehouse, fred, tmp_path)
    fred.served, fred.last = 300, date(2026, 11, 21)
    refresh(warehouse, fred, tmp_path, days_later=3)

    assert days_of(warehouse) == (402, date(2025, 10, 16))


@pytest.mark.slow
def test_a_truncated_series_is_refused_and_the_stored_one_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    fred = Fred()
    refresh(warehouse, fred, tmp_path)
    fred.served, fred.last = 12, date(2026, 11, 21)
    refresh(warehouse, fred, tmp_path, days_later=3)

    assert days_of(warehouse) == (400, date(2025, 10, 16))


def test_a_service_of_reference_series_that_is_down_fails_nothing(
    warehouse: Warehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fred = Fred()
    fred.is_down = True
    refresh(warehouse, fred, tmp_path)

    assert days_of(warehouse) == (0, None)
    assert "reference series stay as they are stored: fred: down" in caplog.text
    assert warehouse.query("select count(*) from raw.daily_bars").item() == 2


@pytest.mark.slow
def test_tables_of_reported_flows_are_read_once_a_day_and_changes_are_revisions(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "flows").mkdir()
    file = tmp_path / "flows" / "SPY.csv"
    file.write_text("date,flow_usd\n2026-11-18,5\n2026-11-19,-7\n")
    refresh(warehouse, Fred(), tmp_path)
    rows = "select symbol, session, flow_usd from raw.reported_flows order by session"
    assert warehouse.query(rows).rows() == [("SPY", date(2026, 11, 18), 5), ("SPY", date(2026, 11, 19), -7)]
    file.write_text("date,flow_usd\n2026-11-18,6\n2026-11-19,-7\n")
    refresh(warehouse, Fred(), tmp_path, days_later=3)

    assert warehouse.query(rows)["flow_usd"].to_list() == [6, -7]
    revised = "select key, cause from meta.revisions where table_name = 'raw.reported_flows'"
    assert warehouse.query(revised).rows() == [("SPY,2026-11-18", "reported_flows")]
