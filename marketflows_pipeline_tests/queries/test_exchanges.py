"""At which price of a bitcoin exchange volumes are converted to dollars."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.ingest.exchanges.hourly import refresh_hour
from marketflows_pipeline.ingest.raw_writer import RawWriter
from marketflows_pipeline.providers.protocols.exchanges import CEX_SCHEMA, EXCHANGE_SCHEMA, TRENDING_SCHEMA, CexOverview
from marketflows_pipeline.providers.protocols.market_caps import MARKET_SCHEMA
from marketflows_pipeline.queries.exchanges import bitcoin_price_now, bitcoin_prices
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.conftest import empty_file, private, tmp_path, warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, frame

SETTINGS = Settings()

__all__ = ["empty_file", "private", "tmp_path", "warehouse"]


def own(hours_ago: float, price: float, updated_hours_ago: float | None = None) -> dict[str, Any]:
    observed = NOW - hours_ago * HOUR
    updated = None if updated_hours_ago is None else NOW - updated_hours_ago * HOUR
    return {"observed_at": observed, "price_usd": price, "last_updated": updated}


def test_the_price_is_bitcoins_own_and_never_inferred_from_other_coins(warehouse: Warehouse) -> None:
    """Altcoins were 5 % up since a cached trending answer: volumes were told at 94,500 for 90,000."""
    trending = {"observed_at": NOW, "coin_id": "solana", "price_usd": 189.0, "price_btc": 0.002}
    warehouse.merge("raw.trending_coins", frame("raw.trending_coins", trending))
    assert bitcoin_price_now(warehouse, SETTINGS, NOW) is None

    warehouse.merge("raw.bitcoin_prices", frame("raw.bitcoin_prices", own(0, 90_000.0)))
    assert bitcoin_price_now(warehouse, SETTINGS, NOW) == 90_000.0


@pytest.mark.slow
def test_a_price_is_of_the_moment_at_which_the_service_observed_it_but_never_later_than_it_was_asked(
    warehouse: Warehouse,
) -> None:
    """An answer of a cache stood for now; one dated after the run began would miss the run's volumes."""
    warehouse.merge("raw.bitcoin_prices", frame("raw.bitcoin_prices", own(0, 90_000.0, -0.1), own(5, 80_000.0, 9)))
    warehouse.merge("raw.market_caps", caps(("bitcoin", NOW - 7 * HOUR, 1.6e12), price_usd=81_000.0))

    assert bitcoin_prices(warehouse, SETTINGS, NOW).rows() == [
        (NOW - 9 * HOUR, 80_000.0),
        (NOW - 7 * HOUR, 81_000.0),
        (NOW, 90_000.0),
    ]


def test_each_provider_has_its_own_name_of_bitcoin(warehouse: Warehouse) -> None:
    """With CoinPaprika's market caps no price of bitcoin was found, and volumes had no dollars."""
    warehouse.merge("raw.market_caps", caps(("btc-bitcoin", NOW, 1.6e12), price_usd=81_000.0))

    assert bitcoin_price_now(warehouse, Settings(provider="coinpaprika"), NOW) == 81_000.0
    assert bitcoin_price_now(warehouse, SETTINGS, NOW) is None


def test_a_price_of_more_than_26_hours_ago_is_none_of_now(warehouse: Warehouse) -> None:
    """Asked for now, and a day old: the column is null rather than wrong."""
    warehouse.merge("raw.bitcoin_prices", frame("raw.bitcoin_prices", own(0, 90_000.0, 27)))
    assert bitcoin_price_now(warehouse, SETTINGS, NOW) is None


class Volumes:
    """Nothing trends, and the market has what it is given."""

    name = "coingecko"

    def __init__(self, price: float | None) -> None:
        self._price = price
        self.asked: list[list[str]] = []

    def exchanges_page(self, _: int) -> pl.DataFrame:
        return pl.DataFrame([{"exchange_id": "x", "name": "X"}], schema=EXCHANGE_SCHEMA)

    def trending(self) -> pl.DataFrame:
        return TRENDING_SCHEMA.to_frame()

    def markets_by_ids(self, ids: list[str]) -> pl.DataFrame:
        self.asked.append(list(ids))
        row = {"coin_id": "bitcoin", "price_usd": self._price, "last_updated": NOW, "source": "coingecko:markets"}
        return pl.DataFrame([row], schema=MARKET_SCHEMA)


@pytest.mark.parametrize(("price", "stored"), [(90_000.0, [90_000.0]), (None, []), (0.0, [])])
def test_the_price_is_asked_for_with_the_trending_coins_in_one_call(
    warehouse: Warehouse, price: float | None, stored: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """A second call would have cost 744 credits a month."""
    volumes = Volumes(price)
    reserves = SimpleNamespace(cexs=lambda: CexOverview(exchanges=CEX_SCHEMA.to_frame(), centralised_ids=()))

    writer = RawWriter(warehouse, FixedClock(NOW), NOW)
    refresh_hour(cast("Any", volumes), cast("Any", reserves), writer, service="coingecko")

    assert volumes.asked == [["bitcoin"]]
    assert warehouse.read("raw.bitcoin_prices")["price_usd"].to_list() == stored
    assert ("no price of bitcoin in the response" in caplog.text) == (not stored)
