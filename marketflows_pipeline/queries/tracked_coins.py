"""Tracked coins: all coins whose market caps are fetched, in the order of their importance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.queries.categories import names_in_store
from marketflows_pipeline.queries.members import members_in_use
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.transforms.categories import NARRATIVES
from marketflows_pipeline.warehouse.store import Warehouse

BASE_PRIORITY, PORTFOLIO_PRIORITY, OTHER_PRIORITY = 0, 1, 2
# Rows of raw.narrative_members that are tracked and summed up.
_NOT_RESERVE = "is_reserve is not true"
# All of an excluded category is stored; a narrative of the same name tracks its largest coins only.
_NO_EXCLUSION = "not (is_full_page is true and is_excluded is null)"


def tracked_coins(warehouse: Warehouse, settings: Settings, moment: datetime) -> pl.DataFrame:
    """All tracked coins as of what is stored now, the most important first.

    Coins that are left out of narratives and ranges are tracked like the others: issuance and dominance need them. A
    coin that leaves a narrative or the cohort is tracked for a window's length, so that one hovering around a limit
    keeps its history. What an index holds is tracked as long as it does.

    Returns:
        ``coin_id, priority, market_cap_usd``, as `by_importance` returns it.
    """
    source = settings.source
    since = moment - timedelta(days=source.days)
    caps = "select coin_id, arg_max(market_cap_usd, observed_at) as market_cap_usd from {} where observed_at >= ?"
    members = warehouse.query(
        caps.format("accepted.narrative_members")
        + f" and list_contains(?, narrative) and {_NOT_RESERVE} and {_NO_EXCLUSION} group by coin_id",
        [since, names_in_store(warehouse, source.narratives_in_use)["stored_as"].to_list()],
    )
    cohort = warehouse.query(caps.format("accepted.cohort_members") + " group by coin_id", [since])
    held = warehouse.query(
        "select distinct coin_id, null::double as market_cap_usd from core.narrative_constituents"
        " where effective_to is null and category = ? and list_contains(?, series)",
        [NARRATIVES, list(source.narratives_in_use)],
    )
    in_use = members_in_use(warehouse, settings).select("coin_id", pl.lit(None, pl.Float64).alias("market_cap_usd"))
    return by_importance(
        bases=source.coin_bases,
        portfolio_coins=sorted({coin for coins in source.portfolios_in_use.values() for coin in coins}),
        members=pl.concat([in_use, members, held]),
        cohort=cohort if source.uses_ranges else cohort.clear(),
    )


def coins_on_grid(warehouse: Warehouse, settings: Settings, moment: datetime) -> list[str]:
    """Coins whose market cap is computed: the tracked ones, except delisted ones that nobody configured.

    A delisted coin held at its last cap would sit in a range that it has left; in a portfolio it is the user's choice.
    """
    is_configured = pl.col("priority") < OTHER_PRIORITY
    is_gone = pl.col("coin_id").is_in(gone_coins(warehouse))
    return tracked_coins(warehouse, settings, moment).filter(is_configured | ~is_gone)["coin_id"].to_list()


def gone_coins(warehouse: Warehouse) -> list[str]:
    """Coins that the service no longer lists."""
    return warehouse.query("select coin_id from accepted.coins where not is_active")["coin_id"].to_list()


def by_importance(
    *, bases: Sequence[str], portfolio_coins: Sequence[str], members: pl.DataFrame, cohort: pl.DataFrame
) -> pl.DataFrame:
    """Coins of every kind, the most important first.

    Members and cohort are ``coin_id, market_cap_usd`` and may repeat a coin.

    Returns:
        ``coin_id, priority, market_cap_usd``: one row a coin, base assets first, then portfolios, then the others,
        each by market cap, largest first.
    """

    def listed(coins: Sequence[str], priority: int) -> pl.DataFrame:
        return pl.DataFrame({"coin_id": list(coins)}, schema={"coin_id": pl.String}).with_columns(
            pl.lit(priority, dtype=pl.Int32).alias("priority"), pl.lit(None, dtype=pl.Float64).alias("market_cap_usd")
        )

    others = (
        frame.select("coin_id", pl.lit(OTHER_PRIORITY, dtype=pl.Int32).alias("priority"), "market_cap_usd")
        for frame in (members, cohort)
    )
    return in_order(
        pl.concat([listed(bases, BASE_PRIORITY), listed(portfolio_coins, PORTFOLIO_PRIORITY), *others])
        .group_by("coin_id")
        .agg(pl.col("priority").min(), pl.col("market_cap_usd").max())
    )


def in_order(tracked: pl.DataFrame) -> pl.DataFrame:
    """The most important coin first: by priority, then by market cap, then by id."""
    return tracked.sort("priority", "market_cap_usd", "coin_id", descending=[False, True, False], nulls_last=True)
