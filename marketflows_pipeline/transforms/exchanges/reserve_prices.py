"""Find changes of basis and impossible values in the price of one unit of a token in reserves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from marketflows_pipeline.transforms.ratios import is_within

# How many times a unit may be worth of what it was at the record before, beside what the market did.
JUMP_FACTOR = 5.0
# How closely the jumps of price and quantity must cancel to be one change of basis.
CANCEL_PCT = 5.0
LEAST_VALUE_USD = 10_000.0
LEAST_EXCHANGES = 3
_OLDEST_PRICE = timedelta(hours=26)
_TOKEN = ("slug", "token")


def is_jump(ratio: pl.Expr) -> pl.Expr:
    """Whether a ratio lies beyond `JUMP_FACTOR`, up or down; null where it is."""
    return (ratio > JUMP_FACTOR) | (ratio < 1 / JUMP_FACTOR)


def is_rebased(quantity_ratio: pl.Expr, value_ratio: pl.Expr, market_ratio: pl.Expr) -> pl.Expr:
    """Whether a token is counted on another basis than before: the jumps of quantity and price cancel within 5 %.

    A thousand times the quantity at a thousandth of the price is a redenomination, or a slip of the service's decimals,
    and nothing has moved. They cancel beside what the market did too, as on a day on which it rose by 8 %.

    Args:
        quantity_ratio: quantity over that before.
        value_ratio: value over that before, the product of both jumps.
        market_ratio: the token's price over that before as most exchanges have it, see `market_ratios`; null where it
            is not known.
    """
    cancel = [is_within(CANCEL_PCT / 100, ratio) for ratio in (value_ratio, value_ratio / market_ratio)]
    return is_jump(value_ratio / quantity_ratio) & pl.any_horizontal(cancel)


def market_ratios(ratios: pl.DataFrame, pair: Sequence[str]) -> pl.DataFrame:
    """How prices moved between two records as the median exchange has it, wherever some price jumped.

    Args:
        ratios: ``price_ratio`` and the columns of `pair`, one row an exchange.
        pair: columns that name the token and both days.

    Returns:
        The columns of `pair`, market_ratio: only where three exchanges or more have the token.
    """
    ratio = pl.col("price_ratio")
    return (
        ratios.lazy()
        .filter(is_jump(ratio))
        .select(pair)
        .unique()
        .join(ratios.lazy().filter(ratio.is_finite()), on=pair)
        .group_by(pair)
        .agg(market_ratio=ratio.median(), n_exchanges=pl.len())
        .filter(pl.col("n_exchanges") >= LEAST_EXCHANGES)
        .drop("n_exchanges")
        .collect()
    )


def faulty_prices(balances: pl.DataFrame, market_prices: pl.DataFrame) -> pl.DataFrame:
    """Records in which one unit is worth what it cannot be: the price of one day is 100 times that of its neighbours.

    Only daily records with a quantity and a value above 0 count, and a change of basis (`is_rebased`) is no
    fault. Otherwise one is

    - where the market's price is known: a price over the market's, on one basis, that is more than 5 times off the
      median of all records (a median that is itself more than 5 times off is of another token of that name: not known);
    - where it is not: a price more than 5 times that of the record before, or less than a fifth, while the next record
      jumps too, there is none yet, or the quantity jumps as well; unless it returns to that of the record before that,
      which was not at fault itself.

    So a new level of prices counts once the next record confirms it. Below 10,000 USD nothing is at fault.

    Args:
        balances: slug, ts, token, quantity, value_usd, is_now: all records of the tokens in question.
        market_prices: token, ts, price_usd.

    Returns:
        slug, ts, token, column_name, reason of the rows at fault, by key.
    """
    price, value, market = pl.col("price"), pl.col("value_usd"), pl.col("market")
    on_one_basis = price * pl.col("basis").cum_prod().over(_TOKEN) / market
    usual = on_one_basis.median().over(_TOKEN)
    is_known = ~is_jump(usual) & market.is_not_null()
    is_confirmed = (~is_jump(price.shift(-1).over(_TOKEN) / price)).fill_null(value=False)
    is_return = (~is_jump(price / price.shift(2).over(_TOKEN))).fill_null(value=False)
    # Medians and neighbours are over all records, so before any is left out.
    compared = _paths(balances, market_prices).with_columns(
        is_known=is_known,
        is_off_market=is_jump(on_one_basis / usual),
        is_jump=is_jump(pl.col("price_ratio")).fill_null(value=False),
        is_moving=~is_confirmed | is_jump(pl.col("quantity_ratio")),
        is_return=is_return,
        at_fault=pl.lit(value=False),
    )
    return (
        _with_faults(compared)
        .lazy()
        .filter("at_fault", pl.max_horizontal(value, "value_before") >= LEAST_VALUE_USD)
        .select("slug", "ts", "token", column_name=pl.lit("value_usd"), reason=_reason())
        .sort("slug", "ts", "token")
        .collect()
    )


def _with_faults(compared: pl.DataFrame) -> pl.DataFrame:
    """Flag the records at fault, again until none returns to the price of a flagged one."""
    is_return = pl.col("is_return") & ~pl.col("at_fault").shift(2).over(_TOKEN)
    alone = pl.col("is_jump") & pl.col("is_moving") & ~is_return
    at_fault = ~pl.col("rebased") & pl.when("is_known").then("is_off_market").otherwise(alone)
    while True:
        flagged = compared.with_columns(at_fault=at_fault)
        if flagged["at_fault"].equals(compared["at_fault"]):
            return flagged
        compared = flagged


def _paths(balances: pl.DataFrame, market_prices: pl.DataFrame) -> pl.DataFrame:
    """Each token's records by time, with price, ratios to the record before, market's price, and change of basis."""
    quantity, value = pl.col("quantity"), pl.col("value_usd")

    def over_before(name: str) -> pl.Expr:
        return pl.col(name) / pl.col(name).shift(1).over(_TOKEN)

    pair = ("token", "day", "day_before")
    day = pl.col("ts").dt.round("1d").dt.date()
    rows = (
        balances.lazy()
        .filter(~pl.col("is_now"), quantity > 0, value > 0, quantity.is_finite(), value.is_finite())
        .with_columns(price=value / quantity)
        .sort("ts")
        .join_asof(
            market_prices.lazy().select("token", "ts", market="price_usd").sort("ts"),
            on="ts",
            by="token",
            strategy="backward",
            tolerance=_OLDEST_PRICE,
            check_sortedness=False,
        )
        .sort(*_TOKEN, "ts")
        .with_columns(
            day=day,
            day_before=day.shift(1).over(_TOKEN),
            price_before=pl.col("price").shift(1).over(_TOKEN),
            value_before=value.shift(1).over(_TOKEN),
            price_ratio=over_before("price"),
            quantity_ratio=over_before("quantity"),
            value_ratio=over_before("value_usd"),
            own_market_ratio=over_before("market"),
        )
        .collect()
    )
    rebased = is_rebased(pl.col("quantity_ratio"), pl.col("value_ratio"), pl.col("market_ratio"))
    # Where the market's price has the new basis too, price over market's is as before.
    is_ours_alone = pl.col("rebased") & ~is_jump(pl.col("own_market_ratio")).fill_null(value=False)
    return (
        rows.join(market_ratios(rows, pair), on=pair, how="left", maintain_order="left")
        .with_columns(rebased=rebased.fill_null(value=False))
        .with_columns(basis=pl.when(is_ours_alone).then("quantity_ratio").otherwise(1.0))
    )


def _reason() -> pl.Expr:
    def figure(name: str) -> pl.Expr:
        return pl.col(name).round_sig_figs(4).cast(pl.String)

    market = pl.format("one unit is worth {} USD, at the market {}", figure("price"), figure("market"))
    record = pl.format("one unit is worth {} USD after {}", figure("price"), figure("price_before"))
    return pl.concat_str(
        pl.when("is_known").then(market).otherwise(record), pl.lit(f": expected within {JUMP_FACTOR:g} times")
    )
