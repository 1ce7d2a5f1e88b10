"""Market caps of two providers side by side, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.market_caps.id_map import BY_NAME, COINS, native_matches
from marketflows_pipeline.transforms.ratios import is_within

# Two figures further apart in time differ by the market's moves rather than by their providers.
MOST_APART = timedelta(hours=2)
TOLERANCE = 0.10
BY_SETTINGS = "settings"
_PAIRS = pl.Schema({"coin_id": pl.String(), "other_id": pl.String()})


def checked_coins(
    own: pl.DataFrame, page: pl.DataFrame, *, chosen: Mapping[str, str], mapped_before: pl.DataFrame
) -> pl.DataFrame:
    """The other provider's figures of the coins whose id there is known, with the rule by which it is.

    An id of the settings comes first, then the one under which the coin was compared before: by then its caps may be
    far apart, which is what the comparison is for. Only a coin without either is looked up by symbol and name. No id
    stands for two coins: the first of them keeps it.

    Args:
        own: coins in the columns ``COINS`` of ``id_map``; figures of those that are followed, null of all others.
        page: the other provider's coins, in MARKET_SCHEMA of the protocol.
        chosen: ids of the settings, by coin id.
        mapped_before: coin_id and other_id, as first found by symbol and name.

    Returns:
        coin_id, other_id, mapping_rule, ts, market_cap_usd, price_usd, source, by coin.
    """
    settled = pl.concat(
        [
            _pairs(
                pl.DataFrame({"coin_id": list(chosen), "other_id": list(chosen.values())}, schema=_PAIRS), BY_SETTINGS
            ),
            _pairs(mapped_before, BY_NAME),
        ]
    )
    followed = own.filter(pl.col("market_cap_usd").is_not_null())["coin_id"]
    wanted = followed.filter(~followed.is_in(settled["coin_id"].implode()))
    found = native_matches(own, page.select(COINS.names()), wanted).drop_nulls("other_id")
    ids = (
        pl.concat([settled, _pairs(found, BY_NAME)])
        .unique("coin_id", keep="first", maintain_order=True)
        .unique("other_id", keep="first", maintain_order=True)
        .filter(pl.col("coin_id").is_in(followed.implode()))
    )
    figures = page.select("market_cap_usd", "price_usd", "source", other_id="coin_id", ts="last_updated").unique(
        "other_id", keep="first"
    )
    return (
        ids.join(figures, on="other_id")
        .select("coin_id", "other_id", "mapping_rule", "ts", "market_cap_usd", "price_usd", "source")
        .sort("coin_id")
    )


def compare_caps(own: pl.DataFrame, checked: pl.DataFrame) -> pl.DataFrame:
    """Each figure of the other provider beside the own observation nearest to it.

    ``difference_pct = 100 (other / own - 1)``, and the same of prices. A figure without a time counts as of the moment
    of the check. One that is null or not above 0 is left out, and so is one without an own observation within two
    hours.

    Args:
        own: coin_id, ts, market_cap_usd, price_usd, source, as stored.
        checked: rows of ``raw.cross_check_caps``.

    Returns:
        Rows of ``core.provider_comparison`` by coin, provider and time.
    """
    mine = own.filter(pl.col("market_cap_usd") > 0).select(
        "coin_id", "source", "ts", cap_as_of="ts", cap_usd="market_cap_usd", own_price="price_usd"
    )
    theirs = checked.filter(pl.col("market_cap_usd") > 0).select(
        "coin_id",
        "provider",
        "other_id",
        "mapping_rule",
        checked_at="observed_at",
        ts=pl.coalesce("ts", "observed_at"),
        other_cap_usd="market_cap_usd",
        other_price="price_usd",
        other_source="source",
    )
    beside = (
        theirs.sort("ts")
        .join_asof(
            mine.sort("ts"),
            on="ts",
            by="coin_id",
            strategy="nearest",
            tolerance=MOST_APART,
            coalesce=True,
            check_sortedness=False,
        )
        .drop_nulls("cap_usd")
    )
    has_prices = (pl.col("own_price") > 0) & (pl.col("other_price") > 0)
    return table("core.provider_comparison").stored_form(
        beside.lazy().with_columns(
            ts="checked_at",
            other_cap_as_of="ts",
            difference_pct=100 * (pl.col("other_cap_usd") / pl.col("cap_usd") - 1),
            price_difference_pct=pl.when(has_prices).then(100 * (pl.col("other_price") / pl.col("own_price") - 1)),
        )
    )


def differing(comparison: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``core.provider_comparison`` that differ by more than 10 %, for ``mart.provider_differences``."""
    return comparison.filter(~is_within(TOLERANCE, pl.col("other_cap_usd") / pl.col("cap_usd")))


def _pairs(rows: pl.DataFrame, rule: str) -> pl.DataFrame:
    return rows.select(_PAIRS.names()).with_columns(mapping_rule=pl.lit(rule))
