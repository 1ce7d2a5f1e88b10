"""Compute net flow and price effect of each token in an exchange's known wallets, record by record."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.exchanges.reserve_prices import is_rebased, market_ratios
from marketflows_pipeline.transforms.exchanges.token_aliases import own_by_slug, token_of
from marketflows_pipeline.transforms.ordering import within
from marketflows_pipeline.transforms.sums import sum_of_known

DUST_USD = 10_000.0
DUST_SHARE = 1e-4
# Beyond these it is a slip, and a price made of it, or a sum with it, may be beyond all numbers.
LEAST_TOKENS, MOST_TOKENS = 1e-40, 1e40

_PAIR = ("token", "day", "previous_day")
_Q0, _Q1 = pl.col("quantity_before"), pl.col("quantity")
_V0, _V1 = pl.col("value_before_usd"), pl.col("value_usd")


def daily_records(frame: pl.DataFrame) -> pl.DataFrame:
    """Which record stands for each day of each exchange.

    A day is the date, in UTC, that begins at the midnight nearest to the record: one of 23:59:40 belongs to the next
    date. Of several records of one day the one nearest its midnight stands, the earlier of two as near; the moment of
    asking (``is_now``) is no daily record. Days without a record are missing.

    Args:
        frame: slug, ts, is_now, in any order; a record may have many rows.

    Returns:
        slug, day, ts, previous_day (that of the record before, null for the first) by (slug, day).
    """
    midnight = pl.col("ts").dt.convert_time_zone("UTC").dt.round("1d")
    return (
        frame.lazy()
        .filter(~pl.col("is_now"))
        .select("slug", "ts")
        .unique()
        .with_columns(day=midnight.dt.date(), distance=(pl.col("ts") - midnight).abs())
        .group_by("slug", "day")
        .agg(pl.col("ts").sort_by("distance", "ts").first())
        .sort("slug", "day")
        .with_columns(previous_day=within("slug", "day", 1))
        .collect()
    )


def token_flows(
    balances: pl.DataFrame, own_tokens: pl.DataFrame, quarantined: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Flow and price effect of each token between each record and the one before (``mart.exchange_token_flows``).

    With q the quantity, v the value and p = v / q, before (0) and now (1)::

        v0 > v1:   flow = (q1 - q0) p0   price effect = q1 (p1 - p0)
        else:      flow = (q1 - q0) p1   price effect = q0 (p1 - p0)

    and at the means of both days, the ones to show (``flow_mid_usd``, ``price_effect_mid_usd``)::

        flow = (q1 - q0) (p0 + p1) / 2         price effect = (p1 - p0) (q0 + q1) / 2

    Each pair adds up to v1 - v0, and no part of it is a residual; why the second is shown is in docs/decisions/0005.

    A token is left out, and ``left_out_usd`` is v1 - v0 with nothing on a missing side, for the first of these reasons
    that holds:

    - ``own_token``: the exchange's own, whose quantity it sets itself;
    - ``quarantined``: its record before or now is left out as impossible;
    - ``negative``: a quantity or value below 0, which is impossible;
    - ``unpriced``: there, but without a quantity or a value, or with one of them 0 beside the other; a quantity above
      1e40 is none, and one below 1e-40 as good as 0;
    - ``new`` or ``vanished``: absent or zero before or now, which is what newly known wallets look like;
    - ``dust``: below 10,000 USD or 0.01 % of the smaller of the two totals (without own tokens), before or now;
    - ``absurd``: half of the flow, whatever its sign, exceeds the larger of the two values.

    A token that is counted on another basis than before (`is_rebased`: a redenomination) has a flow of 0, its change of
    value is price effect, and ``basis_ratio`` is q1 / q0.

    DefiLlama computes inflows much like this (``api2/db/inflows.ts`` of its server). Its limits are ours: a jump of
    quantity by wallets or chains that became known is a flow unless the token itself is new, and a token renamed to a
    name without an alias is left out twice, once on each side.

    Names of one token are joined by the table of token_aliases, in any case, and ``coingecko:`` is dropped; symbols are
    otherwise compared letter by letter. Of tokens so joined, the quantity is null if any is (a part is no whole), the
    value the sum of those known.

    Args:
        balances: slug, ts, token, quantity, value_usd, is_now, and first_quantity where it is known, as in
            ``raw.cex_token_balances``.
        own_tokens: slug, own_tokens (comma separated symbols, null where none is known); of several rows of an
            exchange the first that names some counts.
        quarantined: slug, ts, token of rows that `balances` lacks since they are impossible; by default there are none.

    Returns:
        The columns of ``mart.exchange_token_flows`` for all days, then ts, previous_day, is_repeated (every figure of
        the record equals that of the record before: carried forward, so nothing is computed) and is_own_token (null
        where none of the exchange's own are known), by (slug, day, token). A first or repeated record has rows with
        neither flow nor reason.
    """
    records = daily_records(balances).with_row_index("record")
    symbols = _symbols(balances)
    # Record and token become one whole number, so that pairing a record with the one before is a join of integers.
    stride = max(symbols.get_column("place").n_unique(), 1)
    now = _holdings(balances, records, symbols, stride)
    pairs = _pairs(now, records, stride).with_columns(_is_quarantined(quarantined, records, symbols, stride))
    record, place = pairs.get_column("record"), pairs.get_column("place")
    names = symbols.unique("place").sort("place").get_column("symbol").alias("token")
    named = pairs.hstack(records.drop("record").select(pl.all().gather(record))).with_columns(
        names.gather(place), price_ratio=(_V1 / _Q1) / (_V0 / _Q0)
    )
    moves = market_ratios(named, _PAIR)
    return (
        named.lazy()
        .join(own_by_slug(own_tokens), on="slug", how="left", maintain_order="left")
        .join(moves.lazy(), on=_PAIR, how="left", maintain_order="left")
        .with_columns(pl.col("market_ratio").fill_null(1.0))
        .with_columns(is_own_token=pl.col("own").list.contains(pl.col("token")))
        .with_columns(_dust_limit(), _is_repeated())
        .with_columns(is_rebased=is_rebased(_Q1 / _Q0, _V1 / _V0, pl.col("market_ratio")).fill_null(value=False))
        .with_columns(reason=pl.when(_is_compared()).then(_reason()))
        .with_columns(_left_out(), *_flow())
        .select(*table("mart.exchange_token_flows").column_names, "ts", "previous_day", "is_repeated", "is_own_token")
        .collect()
    )


def _symbols(balances: pl.DataFrame) -> pl.DataFrame:
    """token, symbol, place of the symbol in alphabetical order from 0."""
    return (
        balances.lazy()
        .select(pl.col("token").unique())
        .with_columns(symbol=token_of(pl.col("token")))
        .with_columns(place=pl.col("symbol").rank("dense").cast(pl.Int64) - 1)
        .collect()
    )


def _holdings(balances: pl.DataFrame, records: pl.DataFrame, symbols: pl.DataFrame, stride: int) -> pl.DataFrame:
    """Numbered by key (of record and token): quantity, value_usd, is_priced, is_negative; same tokens are joined."""
    quantity, value = _possible(pl.col("quantity")), pl.col("value_usd")
    first = pl.col("first_quantity") if "first_quantity" in balances.columns else pl.lit(None, pl.Float64)
    is_nothing = (quantity == 0).fill_null(value=False) & (value.fill_null(0.0) == 0)
    has_price = ((quantity != 0) & (value != 0)).fill_null(value=False)
    return (
        balances.lazy()
        .filter(~pl.col("is_now"))
        .join(records.lazy().select("slug", "ts", "record"), on=["slug", "ts"])
        .join(symbols.lazy().select("token", "place"), on="token")
        .select(
            "value_usd",
            quantity=quantity,
            first_quantity=_possible(first),
            key=pl.col("record").cast(pl.Int64) * stride + pl.col("place"),
        )
        .group_by("key")
        .agg(
            quantity=pl.when(pl.col("quantity").null_count() == 0).then(pl.col("quantity").sum()),
            value_usd=sum_of_known(value),
            first_quantity=pl.when(pl.col("first_quantity").null_count() == 0).then(pl.col("first_quantity").sum()),
            is_priced=(is_nothing | has_price).all(),
            is_negative=((quantity < 0) | (value < 0)).any(),
        )
        .with_columns(pl.col("is_priced") & ((quantity == 0) | (quantity.abs() >= LEAST_TOKENS)).fill_null(value=True))
        .collect()
    )


def _possible(quantity: pl.Expr) -> pl.Expr:
    """Null where there cannot be as many."""
    return pl.when(quantity.abs() <= MOST_TOKENS).then(quantity)


def _pairs(now: pl.DataFrame, records: pl.DataFrame, stride: int) -> pl.DataFrame:
    """Each token of each record beside itself in the one before; ``is_priced`` is null on a side without the token."""
    is_followed = pl.col("slug") == pl.col("slug").shift(-1)
    followed = records.lazy().filter(is_followed).select(pl.col("record").cast(pl.Int64))
    before = (
        now.lazy()
        .with_columns(record=pl.col("key") // stride)
        .join(followed, on="record", how="semi")
        .select(
            key=pl.col("key") + stride,
            quantity_before="quantity",
            value_before_usd="value_usd",
            is_priced_before="is_priced",
            is_negative_before="is_negative",
        )
    )
    return (
        now.lazy()
        .join(before, on="key", how="full", coalesce=True)
        .sort("key")
        .with_columns(record=(pl.col("key") // stride).set_sorted(), place=pl.col("key") % stride)
        .collect()
    )


def _is_quarantined(
    quarantined: pl.DataFrame | None, records: pl.DataFrame, symbols: pl.DataFrame, stride: int
) -> pl.Expr:
    """Whether a pair's token, or a part of it, is quarantined in its record or in the one before."""
    if quarantined is None or quarantined.is_empty():
        return pl.lit(value=False).alias("is_quarantined")
    keys = (
        quarantined.lazy()
        .join(records.lazy().select("slug", "ts", "record"), on=["slug", "ts"])
        .with_columns(symbol=token_of(pl.col("token")))
        .join(symbols.lazy().select("symbol", "place").unique(), on="symbol")
        .select(key=pl.col("record").cast(pl.Int64) * stride + pl.col("place"))
        .collect()
        .get_column("key")
    )
    return pl.col("key").is_in(pl.concat([keys, keys + stride]).implode()).alias("is_quarantined")


def _is_compared() -> pl.Expr:
    return pl.col("previous_day").is_not_null() & ~pl.col("is_repeated")


def _is_repeated() -> pl.Expr:
    is_same = (
        pl.col("is_priced").is_not_null()
        & pl.col("is_priced_before").is_not_null()
        & _Q0.eq_missing(_Q1)
        & _V0.eq_missing(_V1)
    )
    return is_same.all().over("record").alias("is_repeated")


def _dust_limit() -> pl.Expr:
    foreign = ~pl.col("is_own_token").fill_null(value=False)
    totals = (pl.when(foreign).then(value).sum().over("record") for value in (_V0, _V1))
    return pl.max_horizontal(pl.lit(DUST_USD), DUST_SHARE * pl.min_horizontal(*totals)).alias("dust_limit")


def _reason() -> pl.Expr:
    priced_before, priced = pl.col("is_priced_before"), pl.col("is_priced")
    was_there = priced_before.is_not_null() & _is_something(_Q0, _V0)
    is_there = priced.is_not_null() & _is_something(_Q1, _V1)
    # Whatever is there is priced by then; a side that is not there is worth nothing.
    smaller = pl.min_horizontal(_V0.fill_null(0.0), _V1.fill_null(0.0))
    return first_that_holds(
        (pl.col("is_own_token"), "own_token"),
        (pl.col("is_quarantined"), "quarantined"),
        (pl.any_horizontal(pl.col("is_negative", "is_negative_before").fill_null(value=False)), "negative"),
        ((was_there & ~priced_before) | (is_there & ~priced), "unpriced"),
        (is_there & ~was_there, "new"),
        (was_there & ~is_there, "vanished"),
        (smaller < pl.col("dust_limit"), "dust"),
        (pl.col("is_rebased"), None),
        (((_Q1 - _Q0) * _price()).abs() / 2 > pl.max_horizontal(_V0, _V1), "absurd"),
    )


def _is_something(quantity: pl.Expr, value: pl.Expr) -> pl.Expr:
    return (quantity != 0).fill_null(value=True) | (value != 0).fill_null(value=False)


def _price() -> pl.Expr:
    return pl.when(_V0 > _V1).then(_V0 / _Q0).otherwise(_V1 / _Q1)


def _flow() -> tuple[pl.Expr, ...]:
    is_kept = _is_compared() & pl.col("reason").is_null()
    other_quantity = pl.when(_V0 > _V1).then(_Q1).otherwise(_Q0)
    price_before, price_now = _V0 / _Q0, _V1 / _Q1
    flows = {"flow_usd": (_Q1 - _Q0) * _price(), "flow_mid_usd": (_Q1 - _Q0) * (price_before + price_now) / 2}
    effects = {
        "price_effect_usd": other_quantity * (price_now - price_before),
        "price_effect_mid_usd": (price_now - price_before) * (_Q0 + _Q1) / 2,
    }
    rebased = pl.col("is_rebased")
    parts = {
        "price_usd": _price(),
        **{name: pl.when(rebased).then(0.0).otherwise(flow) for name, flow in flows.items()},
        **{name: pl.when(rebased).then(_V1 - _V0).otherwise(effect) for name, effect in effects.items()},
        "basis_ratio": pl.when(rebased).then(_Q1 / _Q0),
    }
    return tuple(pl.when(is_kept).then(part).alias(name) for name, part in parts.items())


def _left_out() -> pl.Expr:
    is_valued = _V0.is_not_null() | _V1.is_not_null()
    change = _V1.fill_null(0.0) - _V0.fill_null(0.0)
    return pl.when(pl.col("reason").is_not_null() & is_valued).then(change).alias("left_out_usd")
