"""What tags say of the coins in a list: which are wrapped, and the sums over each tag.

CoinPaprika lists wrapped, bridged and staked tokens among the others, and its tags of them leave some out. They are
told by these tags, by a few ids, and by whole words in the name; others stay in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from marketflows_pipeline.providers.coinpaprika.parsers import CAP_CHANGE, Tag
from marketflows_pipeline.providers.market_figures import by_falling_cap
from marketflows_pipeline.providers.protocols.market_caps import CATEGORY_SCHEMA
from marketflows_pipeline.transforms.sums import sum_of_known

WRAPPED_TAGS = ("wrapped-token", "liquid-staking-tokens-lst", "liquid-restaking-tokens")
# Seen outside these tags.
WRAPPED_IDS = ("weth-weth", "wbtc-wrapped-bitcoin", "steth-lido-staked-ether", "reth-rocket-pool-eth")
WRAPPED_WORDS = r"(?i)\b(wrapped|bridged|staked|restaked)\b"

SEPARATOR = ","
LARGEST = 3


def is_wrapped(tagged: Collection[str]) -> pl.Expr:
    """Whether a row, by its ``coin_id`` and ``name``, is of a wrapped, bridged or staked token.

    Args:
        tagged: ids in WRAPPED_TAGS.
    """
    return pl.col("coin_id").is_in([*tagged, *WRAPPED_IDS]) | pl.col("name").str.contains(WRAPPED_WORDS)


def tag_figures(tags: Mapping[str, Tag], tickers: pl.DataFrame, tagged: Collection[str]) -> pl.DataFrame:
    """Every tag with the sums over its coins in the list; the service itself gives no figures of tags.

    Market cap and volume are sums over the coins that have one, so they are partial where coins are outside the list.
    The change of 24 hours is that of the sum over the coins with a cap and its change:
    ``100 * (sum(cap) / sum(cap / (1 + change / 100)) - 1)``. Wrapped coins are left out, but of tags that have no
    others. A tag without a coin in the list has nulls.

    Args:
        tags: id to name and ids of coins.
        tickers: the list in TICKER_SCHEMA, by falling market cap.
        tagged: ids in WRAPPED_TAGS.

    Returns:
        Rows in CATEGORY_SCHEMA by falling market cap, those without one last; the three largest coins by commas.
    """
    names = pl.DataFrame(
        [(key, tag.name) for key, tag in tags.items()],
        schema=pl.Schema(list(CATEGORY_SCHEMA.items())[:2]),
        orient="row",
    )
    members = pl.DataFrame(
        [(key, coin) for key, tag in tags.items() for coin in tag.coins or ()],
        schema={"category_id": pl.String(), "coin_id": pl.String()},
        orient="row",
    )
    wrapped = is_wrapped(tagged).alias("is_wrapped")
    listed = tickers.with_columns(wrapped).join(members, on="coin_id", maintain_order="left")
    counted = listed.filter(~pl.col("is_wrapped") | pl.col("is_wrapped").all().over("category_id"))
    cap, change = pl.col("market_cap_usd"), pl.col(CAP_CHANGE)
    has_change = cap.is_not_null() & (change > -100)
    before = cap / (1 + change / 100)
    sums = counted.group_by("category_id").agg(
        market_cap_usd=sum_of_known(cap),
        market_cap_change_24h_pct=100
        * (sum_of_known(cap.filter(has_change)) / sum_of_known(before.filter(has_change)) - 1),
        volume_24h_usd=sum_of_known(pl.col("volume_usd")),
        top_3_coins_id=pl.col("coin_id").filter(cap.is_not_null()).head(LARGEST).str.join(SEPARATOR),
    )
    figures = names.join(sums, on="category_id", how="left", maintain_order="left")
    return by_falling_cap(figures).select(
        pl.col(name).replace("", None) if name == "top_3_coins_id" else pl.col(name) for name in CATEGORY_SCHEMA.names()
    )
