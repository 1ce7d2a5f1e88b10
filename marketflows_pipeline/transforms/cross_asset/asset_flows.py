"""Compute flows of the whole universe: funds and coins side by side, with shares of the session and z-scores."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.coin_flows import coin_flows
from marketflows_pipeline.transforms.cross_asset.fund_flows import fund_flows
from marketflows_pipeline.transforms.cross_asset.share_sources import share_lags
from marketflows_pipeline.transforms.moments import end_of_utc_day, in_new_york
from marketflows_pipeline.transforms.ordering import in_order, sort_curves
from marketflows_pipeline.transforms.ratios import part_of, percent_of
from marketflows_pipeline.transforms.unusualness import zscore

ZSCORE_SESSIONS = 60
MIN_ZSCORE_SESSIONS = 20

_TIME = pl.Datetime("us", "UTC")


def asset_flows(
    bars: pl.DataFrame,
    shares: pl.DataFrame,
    actions: pl.DataFrame,
    supply: pl.DataFrame,
    universe: pl.DataFrame,
) -> pl.DataFrame:
    """Market cap, its change split into price and shares, flow and notional of each asset and session.

    Sessions are the dates on which any fund has a bar; without a fund, those on which any coin has. An asset has a row
    where it has a bar itself. Coins are assets whose shares are a supply or whose volume is given in USD.

    - ``notional_usd``: close times volume, both adjusted for splits, or the volume where that is in USD.
    - ``flow_pct_of_market_cap``: flow over the market cap that its change is against.
    - ``gross_flow_share = f / Σ|f|`` over the funds whose flow of the session is known, issuance left out; null where
      all of them are 0. ``notional_share = N / ΣN`` over all assets with a notional.
    - z-scores: ``(x - mean) / standard deviation`` (n - 1) of the known values among the asset's 60 sessions before,
      today left out; null with fewer than 20 of them or where they do not vary.
    - ``known_at``: for a fund the later time of publication of the two figures, else 9:30 in New York on the next
      session (the next weekday where no session follows yet, since holidays to come are not known here); for issuance
      the end of the day in UTC; later where a split came to be understood later (`share_splits`);
      null without a flow method, but for the later end of a gap whose flow is known.

    Everything but ``known_at`` of the newest session is made of that session and earlier ones.

    Args:
        bars: symbol, session, close_usd, volume, volume_unit as in ``raw.daily_bars``; assets outside the universe are
            ignored.
        shares: as in ``raw.shares_outstanding``.
        actions: as in ``raw.corporate_actions``, with all splits that the closes are adjusted for.
        supply: symbol, session, supply, price_usd as `supply.daily_supply` returns it.
        universe: symbol, asset_class, share_source and, where the settings give them, asset_group, share_lag_sessions
            and lag_basis; one row an asset.

    Returns:
        The columns of ``core.asset_flows`` by (symbol, session).
    """
    daily = _daily(bars, universe)
    is_coin = daily.get_column("is_coin")
    listed = daily.drop("is_coin")
    funds, coins = listed.filter(~is_coin), listed.filter(is_coin)
    sessions = (coins if funds.is_empty() else funds).select(pl.col("session").unique().sort())
    of_investors = pl.when(pl.col("flow_method") != "supply").then("flow_usd")
    return (
        sort_curves(
            pl.concat(
                [fund_flows(funds, shares, actions, share_lags(shares, universe)), coin_flows(coins, supply, sessions)],
                how="diagonal",
            ),
            ["symbol"],
        )
        .join(asset_groups(universe), on="symbol", how="left", maintain_order="left")
        .join(_opens(sessions), on="session", how="left", maintain_order="left")
        .join(
            _opens(sessions).rename({"session": "known_session", "next_open": "known_open"}),
            on="known_session",
            how="left",
            maintain_order="left",
        )
        .with_columns(*_past("flow_usd"), *_past("notional_usd"))
        .with_columns(
            flow_pct_of_market_cap=percent_of(pl.col("flow_usd"), pl.col("market_cap_before_usd")),
            flow_zscore=_against_past("flow_usd"),
            gross_flow_share=part_of(of_investors, of_investors.abs().sum().over("session")),
            notional_change_usd=pl.col("notional_usd") - pl.col("notional_usd").shift(1).over("symbol"),
            notional_share=part_of(pl.col("notional_usd"), pl.col("notional_usd").sum().over("session")),
            notional_zscore=_against_past("notional_usd"),
            known_at=_known_at(),
        )
        .select(table("core.asset_flows").column_names)
    )


def asset_groups(universe: pl.DataFrame) -> pl.DataFrame:
    """``symbol, asset_group`` of each asset, null where the frame has no groups."""
    group = pl.col("asset_group") if "asset_group" in universe.columns else pl.lit(None)
    return universe.select("symbol", asset_group=group.cast(pl.String))


def _daily(bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    """Every bar of the universe by (symbol, session), with what was traded in USD and whether it is a coin's."""
    is_usd = pl.col("volume_unit") == "usd"
    return (
        in_order(bars, "symbol", "session")
        .join(universe.select("symbol", "asset_class", "share_source"), on="symbol", maintain_order="left")
        .select(
            "symbol",
            "session",
            "asset_class",
            is_coin=(pl.col("share_source") == "supply") | is_usd.any().over("symbol"),
            close_usd="close_usd",
            notional_usd=pl.when(is_usd).then("volume").otherwise(pl.col("close_usd") * pl.col("volume")),
        )
    )


def _opens(sessions: pl.DataFrame) -> pl.DataFrame:
    """Each session and the open of the one after it."""
    monday_is_1 = pl.col("session").dt.weekday()
    to_weekday = pl.when(monday_is_1 >= 5).then(8 - monday_is_1).otherwise(1)
    following = pl.col("session").shift(-1).fill_null(pl.col("session") + pl.duration(days=to_weekday))
    return sessions.select("session", next_open=in_new_york(following, hours=9, minutes=30))


def _past(column: str) -> tuple[pl.Expr, pl.Expr]:
    """Mean and standard deviation of the sessions before each one."""
    past, sessions, known = pl.col(column).shift(1), ZSCORE_SESSIONS, MIN_ZSCORE_SESSIONS
    return (
        past.rolling_mean(sessions, min_samples=known).over("symbol").alias(f"{column}_mean"),
        past.rolling_std(sessions, min_samples=known, ddof=1).over("symbol").alias(f"{column}_deviation"),
    )


def _against_past(column: str) -> pl.Expr:
    return zscore(pl.col(column), pl.col(f"{column}_mean"), pl.col(f"{column}_deviation"))


def _known_at() -> pl.Expr:
    return (
        pl.when(flow_method="supply")
        .then(end_of_utc_day("session"))
        .when((pl.col("flow_method") != "price_only") | pl.col("gap_flow_usd").is_not_null())
        .then(
            pl.when(pl.col("known_session") > pl.col("session"))
            .then(pl.max_horizontal("published_at", "next_open", "known_open"))
            .otherwise(pl.coalesce("published_at", "next_open"))
        )
        .cast(_TIME)
    )
