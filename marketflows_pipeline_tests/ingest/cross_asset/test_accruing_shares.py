"""An issuer that serves one session at a time: its history accrues, and nothing that is stored is lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.ingest.cross_asset.daily import refresh_cross_asset
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.progress import LogReporter
from marketflows_pipeline.providers.fund_issuers.invesco import Invesco
from marketflows_pipeline.providers.fund_issuers.issuers import StateStreet
from marketflows_pipeline.providers.protocols.cross_asset import (
    ACTION_SCHEMA,
    BAR_SCHEMA,
    VOLATILITY_SCHEMA,
    CrossAssetClients,
    PriceHistory,
)
from marketflows_pipeline.settings import CrossAsset
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.fakes.fund_issuers.fund_history import Row, make_rows, weekdays
from marketflows_pipeline_tests.fakes.fund_issuers.service import QQQ, FakeIssuers, Funds
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger
from marketflows_pipeline_tests.transforms.cross_asset.frames import bars_of, flows_of, universe_of
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

# Monday evening in New York.
EVENING = datetime(2026, 9, 14, 23, tzinfo=UTC)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2026, 9, day) for day in range(14, 19))
HELD = {
    MONDAY: Row(MONDAY, 740.0, 650_000_000),
    TUESDAY: Row(TUESDAY, 750.0, 651_000_000),
    WEDNESDAY: Row(WEDNESDAY, 745.0, 651_000_000),
    THURSDAY: Row(THURSDAY, 740.0, 649_500_000),
    FRIDAY: Row(FRIDAY, 741.0, 650_000_000),
}


def settings(*sources: tuple[str, str, str]) -> CrossAsset:
    keys = ("symbol", "share_source", "share_id")
    assets = [
        {**dict(zip(keys, source, strict=True)), "name": "A", "class": "equity", "provider_symbol": "A"}
        for source in sources
    ]
    return CrossAsset.model_validate({"start": date(2026, 9, 1), "universe": assets})


ACCRUING = settings(("SPY", "none", ""), ("QQQ", "invesco", QQQ))
WITH_HISTORY = settings(("SPY", "ssga", "spy"), ("QQQ", "none", ""))


class Quiet:
    """A service of prices and volatility that has nothing new."""

    name = "quiet"

    def daily_bars(self, *_: object) -> PriceHistory:
        return PriceHistory(BAR_SCHEMA.to_frame(), ACTION_SCHEMA.to_frame())

    def volatility_index(self, _: str) -> pl.DataFrame:
        return VOLATILITY_SCHEMA.to_frame()


class Days:
    """Runs of the part, one an evening."""

    def __init__(self, issuers: FakeIssuers, warehouse: Warehouse, clock: FixedClock) -> None:
        self.issuers = issuers
        self._warehouse = warehouse
        self._clock = clock

    def run(
        self,
        session: date,
        *,
        later: timedelta = timedelta(),
        refetch: bool = False,
        universe: CrossAsset = ACCRUING,
    ) -> None:
        """What Invesco shows that evening is the session."""
        evening = EVENING + (session - MONDAY) + later
        self._clock.sleep((evening - self._clock.now()).total_seconds())
        options: dict[str, Any] = {"clock": self._clock, "ledger": MemoryLedger(), "base_url": self.issuers.url}
        writer = RawWriter(self._warehouse, self._clock, self._clock.now())
        quiet = Quiet()
        with Invesco(**options) as invesco, StateStreet(**options) as state_street:
            clients = CrossAssetClients(
                [cast("Any", quiet)], {"ssga": state_street, "invesco": invesco}, [cast("Any", quiet)]
            )
            refresh_cross_asset(clients, writer, universe, LogReporter(), refetch=refetch)

    def show(self, session: date) -> None:
        self.issuers.funds.invesco[QQQ] = [HELD[session]]

    def stored(self, symbol: str = "QQQ") -> pl.DataFrame:
        return self._warehouse.read("raw.shares_outstanding", where="symbol = ?", params=[symbol]).sort(
            "session", "vintage"
        )

    def sessions(self) -> list[tuple[date, int, float]]:
        return self.stored().select("session", "vintage", "shares").rows()


@pytest.fixture
def days(warehouse: Warehouse) -> Iterator[Days]:
    clock = FixedClock(EVENING)
    spy = make_rows(1, weekdays(MONDAY, 30), nav=640.0, baskets=900)
    with FakeIssuers(Funds(ssga={"spy": spy}, invesco={QQQ: [HELD[MONDAY]]}), clock=clock) as issuers:
        yield Days(issuers, warehouse, clock)


@pytest.mark.slow
def test_a_history_accrues_a_session_a_day_from_the_first_run_on(days: Days) -> None:
    for session in (MONDAY, TUESDAY, WEDNESDAY):
        days.show(session)
        days.run(session)

    assert days.sessions() == [(day, 1, HELD[day].shares) for day in (MONDAY, TUESDAY, WEDNESDAY)]


@pytest.mark.slow
def test_an_evening_without_news_adds_nothing(days: Days) -> None:
    days.run(MONDAY)
    days.run(TUESDAY)
    days.run(TUESDAY, later=timedelta(minutes=30), refetch=True)

    assert days.sessions() == [(MONDAY, 1, 650_000_000)]


@pytest.mark.slow
def test_another_count_of_the_same_session_is_kept_beside_the_first(days: Days) -> None:
    days.run(MONDAY)
    days.issuers.funds.invesco[QQQ] = [Row(MONDAY, 740.0, 650_050_000)]
    days.run(TUESDAY)

    assert days.sessions() == [(MONDAY, 1, 650_000_000), (MONDAY, 2, 650_050_000)]


@pytest.mark.slow
def test_an_evening_that_was_missed_leaves_a_gap_whose_flow_is_that_of_both_sessions(days: Days) -> None:
    for session in (MONDAY, TUESDAY, THURSDAY, FRIDAY):
        days.show(session)
        days.run(session)

    bars = bars_of({"QQQ": dict.fromkeys(HELD, 740.0)})
    flows = flows_of(bars, days.stored(), universe=universe_of(("QQQ", "equity", "invesco")))
    assert flows.select("session", "flow_usd", "gap_flow_usd", "gap_sessions", "lag_basis").rows() == [
        (MONDAY, None, None, None, "unknown"),
        (TUESDAY, 1_000_000 * 750.0, None, None, "unknown"),
        (WEDNESDAY, None, None, None, "unknown"),
        (THURSDAY, None, -1_500_000 * 740.0, 2, "unknown"),
        (FRIDAY, 500_000 * 741.0, None, None, "unknown"),
    ]


@pytest.mark.slow
def test_of_an_issuer_with_a_history_a_single_session_is_no_answer(
    days: Days, caplog: pytest.LogCaptureFixture
) -> None:
    days.run(MONDAY, universe=WITH_HISTORY)
    days.issuers.funds.ssga["spy"] = days.issuers.funds.ssga["spy"][-1:]
    with caplog.at_level(logging.WARNING):
        days.run(TUESDAY, universe=WITH_HISTORY)

    assert "ssga shares of SPY: the response holds 1 of the 30 sessions stored" in caplog.text
    assert days.stored("SPY").height == 30
