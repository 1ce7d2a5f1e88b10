"""What stored index levels would be with the closes as they are now known; the stored levels stay what they are.

Members, weights and units stay as they were set, since nobody can hold other units afterwards, and so does the level at
which they were set. A corrected price thus changes the level of its own close, and of later ones only where it is held
over a gap.
"""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.transforms.categories import US_DOLLAR
from marketflows_pipeline.transforms.market_caps.index_path import held_points, holdings, index_levels
from marketflows_pipeline.transforms.market_caps.index_rule import INDEX

_LEVELS = ("price_index", "cap_index")
_CLOSE = [*INDEX, "ts"]
_HOLDING = [*INDEX, "coin_id"]
# Closes of a span between reconstitutions: after the one that sets it, up to the next.
_IN_SPAN = (pl.col("ts") > pl.col("effective_from")) & (
    pl.col("effective_to").is_null() | (pl.col("ts") <= pl.col("effective_to"))
)


def index_corrections(
    stored: pl.DataFrame, constituents: pl.DataFrame, closes: pl.DataFrame, touched: pl.DataFrame
) -> pl.DataFrame:
    """Stored levels at closes whose prices or market caps have been revised, beside what they would be now.

    Between two reconstitutions ``I_t = I_s sum(u P_t)`` with the stored ``I_s`` and units u; in a base asset that level
    by the base's price relative, which begins with the stored price of its first close.

    Args:
        stored: rows of ``core.index_closes``.
        constituents: rows of ``core.narrative_constituents``.
        closes: coin_id, ts, market_cap_usd, price_usd as known now.
        touched: coin_id, ts of the closes that were revised.

    Returns:
        category, series, base_asset, ts, column_name, old (stored), new by all but the last two; equal ones too.
    """
    dollars = stored.filter(pl.col("base_asset") == US_DOLLAR)
    spans = constituents.join(touched, on="coin_id").filter(_IN_SPAN)
    affected = spans.select(*INDEX, "effective_from").unique()
    segments = [
        _segment(rows, dollars, closes, touched)
        for _, rows in constituents.join(affected, on=[*INDEX, "effective_from"], how="semi").group_by("effective_from")
    ]
    none = dollars.select(*_CLOSE, *_LEVELS).clear()
    corrected = pl.concat([none, *segments])
    frames = [_compared(dollars, corrected)]
    for (base,), rows in stored.filter(pl.col("base_asset") != US_DOLLAR).group_by("base_asset"):
        prices = closes.filter(pl.col("coin_id") == base).join(touched, on=["coin_id", "ts"], how="semi")
        frames.append(_compared(rows, _in_base(rows, dollars, corrected, prices)))
    return pl.concat(frames).sort(*INDEX, "base_asset", "ts", "column_name")


def _segment(members: pl.DataFrame, dollars: pl.DataFrame, closes: pl.DataFrame, touched: pl.DataFrame) -> pl.DataFrame:
    """Levels at the touched closes of one span between reconstitutions, of all indices that were set at its start."""
    at_start = dollars.join(members.select(*INDEX, ts="effective_from").unique(), on=_CLOSE, how="semi")
    held = holdings(members, at_start)
    spans = members.select(*INDEX, "effective_from", "effective_to").unique()
    times = dollars.join(spans, on=INDEX).filter(_IN_SPAN).select(_CLOSE)
    points = held_points(held, closes, times)
    # A price that is held over a gap is wrong there too.
    is_touched = pl.when("is_observed").then(pl.col("is_touched").fill_null(value=False)).forward_fill().over(_HOLDING)
    marked = points.join(
        touched.select("coin_id", "ts", is_touched=pl.lit(value=True)), on=["coin_id", "ts"], how="left"
    ).sort(*_HOLDING, "ts")
    concerned = marked.filter(is_touched.fill_null(value=False)).select(_CLOSE).unique()
    return index_levels(points).join(concerned, on=_CLOSE, how="semi").select(*_CLOSE, *_LEVELS)


def _in_base(rows: pl.DataFrame, dollars: pl.DataFrame, corrected: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Levels in one base asset at closes where the level in dollars or the base's own close was corrected."""
    now = prices.select("ts", now_price="price_usd", now_cap="market_cap_usd")
    first = (
        rows.sort("ts")
        .group_by(INDEX)
        .agg(
            start=pl.col("ts").first(),
            start_price=pl.col("base_price_usd").first(),
            start_cap=pl.col("base_cap_usd").first(),
        )
    )
    in_dollars = dollars.select(_CLOSE + list(_LEVELS)).update(corrected, on=_CLOSE)
    concerned = pl.concat([corrected.select(_CLOSE), rows.join(now, on="ts", how="semi").select(_CLOSE)]).unique()
    return (
        rows.drop(_LEVELS)
        .join(concerned, on=_CLOSE, how="semi")
        .join(in_dollars, on=_CLOSE)
        .join(first, on=INDEX)
        .filter(pl.col("ts") > pl.col("start"))
        .join(now, on="ts", how="left")
        .select(
            *_CLOSE,
            price_index=pl.col("price_index") * pl.col("start_price") / pl.coalesce("now_price", "base_price_usd"),
            cap_index=pl.col("cap_index") * pl.col("start_cap") / pl.coalesce("now_cap", "base_cap_usd"),
        )
    )


def _compared(stored: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    both = stored.select(*INDEX, "base_asset", "ts", *_LEVELS).join(now, on=_CLOSE, suffix="_now")
    return pl.concat([
        both.select(
            *INDEX, "base_asset", "ts", column_name=pl.lit(level), old=pl.col(level), new=pl.col(f"{level}_now")
        )
        for level in _LEVELS
    ])  # fmt: skip
