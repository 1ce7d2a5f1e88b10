"""Find closes that are adjusted for dividends: valued at them, past market caps and flows would be too small."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.cross_asset.shares import newest_vintages

# Sessions of a calendar quarter with both figures that its median needs.
LEAST_SESSIONS = 20
# Changes between quarters that are looked at, back from the newest, and the fewest: premiums go up and down.
MOST_CHANGES, LEAST_CHANGES = 8, 6
# A dividend of a quarter, in parts of the price: of a fund that pays 0.2 % a year, and of one that pays 12 %.
LEAST_DIVIDEND, MOST_DIVIDEND = 0.0005, 0.03

NET_ASSET_VALUE, ADJUSTED_CLOSE = "net asset value", "adjusted_close"
_COLUMNS = ("symbol", "evidence", "quarters", "drift_pct", "first_session", "last_session")


def dividend_adjusted(bars: pl.DataFrame, shares: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Symbols whose closes are adjusted for dividends by all likelihood, with the evidence.

    A fund pays out of its net asset value V, so that the ratio of its close C as traded to V stays at 1 but for a
    premium. Closes that are adjusted for dividends are lower in the past by all dividends since, and the ratio drifts
    up by a dividend a quarter::

        m[q] = median of ln(C / V) over a calendar quarter with 20 sessions or more
        adjusted: each of the last 6 to 8 changes m[q] - m[q-1] lies between 0.05 % and 3 %

    Where no V is known, closes that equal the adjusted closes beside them on every session before a listed dividend are
    adjusted too. Funds that pay twice a year or less escape the first rule.

    Args:
        bars: as in ``raw.daily_bars``.
        shares: as in ``raw.shares_outstanding``.
        actions: as in ``raw.corporate_actions``.

    Returns:
        symbol, evidence (net asset value or adjusted_close), quarters (changes looked at), drift_pct (by which the
        first of them lies below the last), first_session, last_session, by symbol.
    """
    by_value = _against_value(bars, shares)
    equal = _equal_to_adjusted(bars, actions).join(by_value, on="symbol", how="anti")
    return pl.concat([by_value, equal]).sort("symbol")


def _against_value(bars: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    newest = newest_vintages(shares).lazy()
    is_of_its_day = pl.col("convention") == "as_traded"
    close = pl.when(is_of_its_day).then("as_traded_close_usd").otherwise("close_usd")
    quarters = (
        bars.lazy()
        .join(newest.select("symbol", "session", "nav_usd", "convention"), on=["symbol", "session"])
        .filter(pl.col("nav_usd") > 0, close > 0)
        .group_by("symbol", quarter=pl.col("session").dt.truncate("1q"))
        .agg(
            level=(close / pl.col("nav_usd")).log().median(),
            n=pl.len(),
            first_session=pl.col("session").min(),
            last_session=pl.col("session").max(),
        )
        .filter(pl.col("n") >= LEAST_SESSIONS)
        .sort("symbol", "quarter")
        .with_columns(change=pl.col("level") - pl.col("level").shift(1).over("symbol"))
        .drop_nulls("change")
    )
    change = pl.col("change").tail(MOST_CHANGES)
    return (
        quarters.group_by("symbol", maintain_order=True)
        .agg(
            evidence=pl.lit(NET_ASSET_VALUE),
            quarters=change.count().cast(pl.Int32),
            drift_pct=100 * (1 - (-change.sum()).exp()),
            first_session=pl.col("first_session").tail(MOST_CHANGES).min(),
            last_session=pl.col("last_session").max(),
            is_adjusted=change.is_between(LEAST_DIVIDEND, MOST_DIVIDEND).all() & (change.count() >= LEAST_CHANGES),
        )
        .filter("is_adjusted")
        .select(_COLUMNS)
        .collect()
    )


def _equal_to_adjusted(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    dividends = actions.lazy().filter(pl.col("action") == "dividend").select("symbol", paid="session", amount="value")
    before = (
        bars.lazy()
        .join(dividends.group_by("symbol").agg(pl.col("paid").max(), pl.col("amount").sum()), on="symbol")
        .filter(pl.col("session") < pl.col("paid"))
        .sort("symbol", "session")
    )
    is_equal = pl.col("close_usd") == pl.col("adjusted_close_usd")
    share = pl.col("amount").first() / pl.col("close_usd").last()
    return (
        before.group_by("symbol", maintain_order=True)
        .agg(
            evidence=pl.lit(ADJUSTED_CLOSE),
            quarters=pl.lit(None, pl.Int32),
            drift_pct=pl.lit(None, pl.Float64),
            first_session=pl.col("session").min(),
            last_session=pl.col("session").max(),
            is_adjusted=is_equal.fill_null(value=False).all() & (share > LEAST_DIVIDEND),
        )
        .filter("is_adjusted")
        .select(_COLUMNS)
        .collect()
    )
