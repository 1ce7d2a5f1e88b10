"""Rebuild prices as they were traded from prices that later splits have adjusted."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.ratios import is_within


def unadjusted_close(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """The close in dollars of its own day, from a close that is adjusted for splits.

    ``as_traded = close x product of the ratios of all splits that took effect after that session``: a 10:1 split has
    divided every close before it by ten. A split takes effect with the first session at the new price.

    Args:
        bars: symbol, session, close_usd and other columns, in any order.
        actions: symbol, session, action, value as in ``raw.corporate_actions``; dividends are ignored.

    Returns:
        `bars`, in its order, with ``as_traded_close_usd`` in place of what stood there, or as last column.
    """
    factor = later_splits(bars, actions, on="session")
    return bars.with_columns(as_traded_close_usd=pl.col("close_usd") * factor)


def rebase_to_current_splits(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Stored bars brought to the splits known now: prices so that the close as traded stays, volume the other way.

    For sessions that a service has dropped from its history, which would keep an old split's basis permanently.

    Args:
        bars: as in ``raw.daily_bars``, each with its ``as_traded_close_usd``.
        actions: as in `unadjusted_close`, all splits known now.

    Returns:
        `bars`, in its order; where nothing was split since, as it was.
    """
    present = pl.col("as_traded_close_usd") / later_splits(bars, actions, on="session")
    scale = present / pl.col("close_usd")
    prices = ("open_usd", "high_usd", "low_usd", "close_usd", "adjusted_close_usd")
    return bars.with_columns(
        *(pl.col(name) * scale for name in prices),
        volume=pl.when(volume_unit="shares").then(pl.col("volume") / scale).otherwise("volume"),
    )


def listed_splits(actions: pl.DataFrame) -> pl.DataFrame:
    """The splits among corporate actions, those of ratio 1 too; a ratio of 0 or below is none."""
    return actions.filter(pl.col("action") == "split", pl.col("value") > 0)


def is_ratio_of_1() -> pl.Expr:
    """Whether a line of splits has ratio 1, which denies a split that figures show."""
    return is_within(0.0, pl.col("value"))


def later_splits(frame: pl.DataFrame, actions: pl.DataFrame, *, on: str) -> pl.Series:
    """What the splits after each row's date multiply to: present shares for each share of that date.

    Args:
        frame: symbol and the dates in column `on`; of a row without a date every split is taken as accounted for.
        actions: as in `unadjusted_close`.
        on: name of a column of dates.

    Returns:
        The factors in the order of `frame`, 1 where no split came later.
    """
    splits = (
        listed_splits(actions)
        .sort("session")
        .select("symbol", on_date="session", factor=pl.col("value").cum_prod(reverse=True).over("symbol"))
    )
    # Few assets have splits, so only their rows are looked up.
    found = (
        frame.select("symbol", on_date=on)
        .with_row_index("row")
        .filter(pl.col("symbol").is_in(splits.get_column("symbol").implode()))
        .sort("on_date")
        .join_asof(
            splits,
            on="on_date",
            by="symbol",
            strategy="forward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .drop_nulls("factor")
    )
    unsplit = pl.repeat(1.0, frame.height, dtype=pl.Float64, eager=True).alias("factor")
    return unsplit.scatter(found.get_column("row"), found.get_column("factor"))
