from __future__ import annotations

import pytest

from marketflows_pipeline.providers.exchange_ids import DEFILLAMA_SLUGS
from marketflows_pipeline.settings.exchanges import DEFAULT_TRACKED
from marketflows_pipeline_tests.fakes.venues import DERIVATIVES, KNOWN_CENTRALISED

# DefiLlama lists them without wallets, or not at all.
WITHOUT_SLUG = {"gdax", "upbit", "bithumb", "coincheck", "coinone", "poloniex", "bitflyer", "bittrex", "binance_us"}


def test_ids_and_slugs_are_lower_case_without_blanks() -> None:
    for text in (*DEFILLAMA_SLUGS, *DEFILLAMA_SLUGS.values()):
        assert text == text.lower().strip()
        assert not set(text) & set(" /")


def test_no_two_exchanges_share_a_slug() -> None:
    assert len(set(DEFILLAMA_SLUGS.values())) == len(DEFILLAMA_SLUGS)


def test_exchanges_whose_reserves_nobody_follows_have_no_slug() -> None:
    assert not WITHOUT_SLUG & DEFILLAMA_SLUGS.keys()


def test_markets_of_derivatives_are_not_the_spot_market() -> None:
    assert not {id_ for id_, _, _ in DERIVATIVES} & DEFILLAMA_SLUGS.keys()
    assert "bybit" not in DEFILLAMA_SLUGS


@pytest.mark.parametrize("exchange", DEFAULT_TRACKED)
def test_what_is_tracked_by_default_has_reserves_but_for_coinbase(exchange: str) -> None:
    slugs = {*DEFILLAMA_SLUGS.values(), "robinhood"}  # which has no spot market at CoinGecko

    assert exchange in DEFILLAMA_SLUGS or exchange in slugs or exchange in WITHOUT_SLUG


@pytest.mark.parametrize(
    ("exchange", "slug"),
    [("binance", "binance-cex"), ("okex", "okx"), ("bybit_spot", "bybit"), ("huobi", "htx"), ("mxc", "mexc")],
)
def test_names_that_differ_between_the_services(exchange: str, slug: str) -> None:
    assert DEFILLAMA_SLUGS[exchange] == slug
    assert exchange in {id_ for id_, *_ in KNOWN_CENTRALISED}
