"""The daily check against a second provider: one call, of which a failure costs the run nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import CreditsExhaustedError, TransientProviderError
from marketflows_pipeline.ingest.market_caps.cross_check import check_against
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.providers.http.wait_budget import WaitBudget
from marketflows_pipeline.providers.protocols.market_caps import MARKET_SCHEMA
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, frame

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]

MINUTE = timedelta(minutes=1)


class Other:
    """A second provider that shows these caps, or fails."""

    name = "coinpaprika"

    def __init__(self, **caps_usd: float | None) -> None:
        self.caps_usd = caps_usd
        self.calls = 0
        self.fails_with: Exception | None = None

    def largest(self) -> pl.DataFrame:
        self.calls += 1
        if self.fails_with:
            raise self.fails_with
        rows = [
            {
                "coin_id": f"{name[:3]}-{name}",
                "symbol": name[:3].upper(),
                "name": name.title(),
                "price_usd": 1.0,
                "market_cap_usd": cap,
                "last_updated": NOW - MINUTE,
                "source": "coinpaprika:tickers",
            }
            for name, cap in self.caps_usd.items()
        ]
        return pl.DataFrame(rows, schema=MARKET_SCHEMA)


@pytest.fixture
def follows(warehouse: Warehouse) -> Warehouse:
    """A warehouse that follows three coins, and has seen a fourth."""
    names = ("bitcoin", "ethereum", "ripple", "solana")
    warehouse.merge(
        "raw.coins",
        frame(
            "raw.coins",
            *(
                {"coin_id": name, "symbol": name[:3], "name": name.title(), "is_active": True, "last_seen_at": NOW}
                for name in names
            ),
        ),
    )
    warehouse.merge("raw.market_caps", caps(*((name, NOW - 5 * MINUTE, 100.0) for name in names[:3]), price_usd=1.0))
    return warehouse


def check(warehouse: Warehouse, other: Other, ids: Mapping[str, str] | None = None, hours_later: float = 0) -> None:
    clock = FixedClock(NOW + hours_later * HOUR)
    for coin in ("bitcoin", "ethereum", "ripple"):
        warehouse.merge("raw.market_caps", caps((coin, clock.now() - 5 * MINUTE, 100.0), price_usd=1.0))
    check_against(other, RawWriter(warehouse, clock, clock.now()), ids or {}, WaitBudget(clock))


def stored(warehouse: Warehouse) -> dict[str, tuple[str, str, float | None]]:
    rows = warehouse.query(
        "select * from accepted.cross_check_caps where observed_at = (select max(observed_at)"
        " from accepted.cross_check_caps)"
    ).select("coin_id", "other_id", "mapping_rule", "market_cap_usd")
    return {coin: (other, rule, cap) for coin, other, rule, cap in rows.iter_rows()}


def test_coins_that_are_followed_are_stored_with_the_rule_that_found_them(follows: Warehouse) -> None:
    # Solana is not followed, dogecoin not known, and ethereum stands for ripple by the user's own word.
    check(follows, Other(bitcoin=95.0, solana=100.0, dogecoin=5.0, xrp=70.0), {"ripple": "xrp-xrp"})

    assert stored(follows) == {
        "bitcoin": ("bit-bitcoin", "symbol and name", 95.0),
        "ripple": ("xrp-xrp", "settings", 70.0),
    }


@pytest.mark.slow
def test_a_coin_once_found_is_compared_however_far_apart_its_caps_are_later(follows: Warehouse) -> None:
    """Caps within 20 % tell that it is the same coin; from then on, a larger difference is the finding."""
    check(follows, Other(bitcoin=95.0, ethereum=50.0))
    check(follows, Other(bitcoin=50.0, ethereum=50.0), hours_later=24)

    assert stored(follows) == {"bitcoin": ("bit-bitcoin", "symbol and name", 50.0)}


def test_no_id_of_the_other_provider_stands_for_two_coins(follows: Warehouse) -> None:
    check(follows, Other(bitcoin=100.0), {"ripple": "bit-bitcoin"})

    assert stored(follows) == {"ripple": ("bit-bitcoin", "settings", 100.0)}


@pytest.mark.slow
def test_it_is_asked_once_a_day(follows: Warehouse) -> None:
    other = Other(bitcoin=100.0)
    for hours in (0, 1, 2):
        check(follows, other, hours_later=hours)
    assert other.calls == 1

    check(follows, other, hours_later=24)
    assert other.calls == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        TransientProviderError("coinpaprika: HTTP 500", provider="coinpaprika"),
        CreditsExhaustedError("coinpaprika: the credits are used up"),
    ],
)
def test_a_failure_is_a_warning_and_is_not_repeated_every_hour(
    follows: Warehouse, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    other = Other(bitcoin=100.0)
    other.fails_with = fault

    with caplog.at_level(logging.WARNING):
        check(follows, other)
    check(follows, other, hours_later=1)
    assert other.calls == 1
    assert "market caps are not compared with those of coinpaprika today: coinpaprika: " in caplog.text

    other.fails_with = None
    check(follows, other, hours_later=4)
    assert other.calls == 2
    assert set(stored(follows)) == {"bitcoin"}


def test_an_id_of_the_settings_that_has_no_figure_there_is_said(
    follows: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        check(follows, Other(bitcoin=100.0), {"ripple": "xrp-xrpp"})

    assert "coinpaprika: no market cap to compare of ripple, or the coin is not followed" in caplog.text
