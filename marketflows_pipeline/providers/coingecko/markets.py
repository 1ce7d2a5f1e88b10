"""Requests of coins with their market figures: a page, or the coins of certain ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.providers.coingecko.parsers import read_markets
from marketflows_pipeline.providers.coingecko.plans import ROWS_PER_PAGE
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.market_figures import once_each
from marketflows_pipeline.providers.protocols.market_caps import MARKET_SCHEMA


def markets_page(
    http: HttpClient,
    clock: Clock,
    selection: Mapping[str, str | int],
    *,
    with_rehypothecated: bool = False,
    is_first_page: bool = False,
) -> pl.DataFrame:
    """A page of 250 coins by falling market cap in MARKET_SCHEMA; one credit.

    The selection says which: ``page``, ``category``, ``ids``. Rehypothecated tokens are wrapped, bridged and staked
    ones. The first page of a list that is never empty is refused if it is.
    """
    return http.get_json(
        "/coins/markets",
        lambda body: read_markets(
            body, with_rehypothecated=with_rehypothecated, now=clock.now(), is_first_page=is_first_page
        ),
        params={
            "vs_currency": "usd",
            "order": "market_cap_desc",
            "per_page": ROWS_PER_PAGE,
            # Always sent, since the default changed in February 2026.
            "include_rehypothecated": with_rehypothecated,
            "price_change_percentage": "24h,7d,30d",
            **selection,
        },
    )


def markets_of_coins(http: HttpClient, clock: Clock, ids: Iterable[str], *, with_rehypothecated: bool) -> pl.DataFrame:
    """The coins of these ids in MARKET_SCHEMA; unknown ones are missing. One credit per 250, none for no ids."""
    wanted = sorted(set(ids))
    chunks = [wanted[at : at + ROWS_PER_PAGE] for at in range(0, len(wanted), ROWS_PER_PAGE)]
    pages = [
        markets_page(http, clock, {"ids": ",".join(chunk), "page": 1}, with_rehypothecated=with_rehypothecated)
        for chunk in chunks
    ]
    return once_each(pl.concat([MARKET_SCHEMA.to_frame(), *pages]))
