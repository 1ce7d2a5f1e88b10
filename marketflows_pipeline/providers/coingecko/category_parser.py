"""CoinGecko's snapshot of its categories as a frame: GET /coins/categories.

The official description promises every figure; figures of categories without coins were seen null.
"""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.providers.bad_rows import accept_rows, refuse_empty
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.json_fields import Fields, identity, kind
from marketflows_pipeline.providers.protocols.market_caps import CATEGORY_SCHEMA

FIGURES = ("market_cap", "market_cap_change_24h", "volume_24h")
SEPARATOR = ","


def read_category_snapshot(body: object) -> pl.DataFrame:
    """The categories of an answer in CATEGORY_SCHEMA, each once; a malformed one is left out, with a warning.

    Raises:
        ParseError: not a list, an empty one, or too many categories would be left out.
    """
    rows = accept_rows(body, _category, what="coingecko /coins/categories")
    refuse_empty(rows, "list of categories")
    return pl.DataFrame(rows, schema=CATEGORY_SCHEMA, orient="row").unique(
        "category_id", keep="first", maintain_order=True
    )


def _category(fields: Fields) -> tuple[object, ...]:
    figures = [fields.number_or_none(key) for key in FIGURES]
    return (fields.identity("id"), fields.name("name"), *figures, _largest(fields))


def _largest(fields: Fields) -> str | None:
    coins = fields.row.get("top_3_coins_id") or []
    if not isinstance(coins, list) or not all(isinstance(coin, str) for coin in coins):
        raise ParseError(f"`top_3_coins_id` should be a list of ids, found {kind(coins)}")
    return SEPARATOR.join(identity(coin, "top_3_coins_id") for coin in coins) or None
