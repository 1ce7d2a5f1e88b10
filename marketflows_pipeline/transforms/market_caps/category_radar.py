"""Compare each category of the newest snapshot with itself 1, 7 and 30 days before, and with its own past."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cases import first_that_holds
from marketflows_pipeline.transforms.ordering import within
from marketflows_pipeline.transforms.unusualness import LEAST_PAST, against_past

PERIODS = (1, 7, 30)
NARRATIVE, ECOSYSTEM, VENTURE_PORTFOLIO = "narrative", "ecosystem", "venture_portfolio"
# Two of three largest coins in common: 2 of 4 different ones.
NEAR_DUPLICATE = 0.5

NO_SNAPSHOT = "no snapshot is stored of that day"
NO_CAP = "the service gives no market cap"
NOT_LISTED = "not listed on that day, or without a market cap"

_MEASURES = {"cap": "market_cap_usd", "volume": "volume_24h_usd"}
_TOP = 3


def category_radar(snapshots: pl.DataFrame) -> pl.DataFrame:
    """Changes of market cap and volume of every category, how unusual they are, places (``mart.category_radar``).

    Of each UTC day the last snapshot counts. The change over k days is ``100 (x[d] / x[d-k] - 1)``, null where day
    ``d - k`` has no snapshot or either figure is not known or not above 0; a neighbouring day does not stand in. Its
    z-score and percentile are among the category's own changes over k days that ended on earlier days (`against_past`).

    Places are by market cap within a kind, equal ones by id; their change is among the categories with a market cap at
    both times, so that nobody loses a place to a newcomer.

    Args:
        snapshots: category_id, observed_at, name, market_cap_usd, volume_24h_usd, top_3_coins_id as in
            ``raw.category_snapshots``, in any order.

    Returns:
        The columns of ``mart.category_radar`` by its key: every category of the newest snapshot in each period.
    """
    if snapshots.is_empty():
        return table("mart.category_radar").empty()
    days, newest, grid = _grid(snapshots)
    changes = pl.concat([_changes(grid, period) for period in PERIODS])
    is_present = pl.col("ago") == 0
    present, past = changes.filter(is_present), changes.filter(~is_present)
    for name in _MEASURES:
        present = against_past(present, past, ("number", "period_days"), f"{name}_change_pct").rename(
            {
                "zscore": f"{name}_change_zscore",
                "percentile_pct": f"{name}_change_percentile_pct",
                "n_past": f"n_past_{name}_changes",
            }
        )
    of_day = days.select("ago", before_at="observed_at")
    ends = pl.col("cap_before_usd"), pl.col("market_cap_usd")
    then, now = (_place(pl.when(ends[0].is_not_null() & ends[1].is_not_null()).then(end)) for end in ends)
    return (
        present.drop(_MEASURES.values())
        .join(newest, on="number")
        .join(near_duplicates(newest), on="category_id", how="left")
        .join(of_day, left_on="period_days", right_on="ago", how="left")
        .sort("category_id", "period_days")
        .with_columns(rank=_place(pl.col("market_cap_usd")), rank_change=then - now)
        .with_columns(reason=_reason())
        .lazy()
        .pipe(table("mart.category_radar").stored_form)
    )


def near_duplicates(categories: pl.DataFrame) -> pl.DataFrame:
    """Categories that share two or three of their three largest coins with a larger one of their kind.

    ``jaccard = coins in both lists / coins in either``, of lists of three: 0.5 where two are shared, 1 where all are.
    The most alike one counts, of equally alike ones the largest. Coarse: hundreds of members may differ.

    Args:
        categories: category_id, kind, market_cap_usd, top_3_coins_id, one row a category. Those with fewer than three
            different coins, or without a market cap, are compared with none.

    Returns:
        category_id, near_duplicate_of, jaccard, for those that have one.
    """
    coins = (
        categories.lazy()
        .drop_nulls(["market_cap_usd", "top_3_coins_id"])
        .select("category_id", "kind", "market_cap_usd", coin=pl.col("top_3_coins_id").str.split(",").list.unique())
        .filter(pl.col("coin").list.len() == _TOP)
        .explode("coin")
    )
    larger = coins.rename({"category_id": "near_duplicate_of", "market_cap_usd": "larger_usd"})
    is_larger = (pl.col("larger_usd") > pl.col("market_cap_usd")) | (
        (pl.col("larger_usd") == pl.col("market_cap_usd")) & (pl.col("near_duplicate_of") < pl.col("category_id"))
    )
    shared = pl.len().cast(pl.Float64)
    return (
        coins.join(larger, on=["kind", "coin"])
        .filter(is_larger)
        .group_by("category_id", "near_duplicate_of", "larger_usd")
        .agg(jaccard=shared / (2 * _TOP - shared))
        .filter(pl.col("jaccard") >= NEAR_DUPLICATE)
        .sort("category_id", "jaccard", "larger_usd", "near_duplicate_of", descending=[False, True, True, False])
        .unique("category_id", keep="first", maintain_order=True)
        .select("category_id", "near_duplicate_of", "jaccard")
        .collect()
    )


def _grid(snapshots: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Days with their snapshot, categories of the newest one, and the figures of these at every day in between.

    The grid is numbers alone, every category's days in a row: shifting it costs a fiftieth of joining it by slug.

    Returns:
        observed_at, day, ago (days before the newest), one row a stored day; the newest snapshot's rows with number,
        kind and day; and number, ago, market_cap_usd, volume_24h_usd by number, the oldest day first.
    """
    moment = pl.col("observed_at")
    # A category that is gone from the day's last snapshot was not listed any more.
    days = snapshots.group_by(day=moment.dt.date()).agg(moment.max()).sort("day")
    days = days.with_columns(ago=(pl.col("day").max() - pl.col("day")).dt.total_days().cast(pl.Int32))
    known = (
        pl.when(pl.col(name).is_finite() & (pl.col(name) > 0)).then(name).alias(name) for name in _MEASURES.values()
    )
    rows = snapshots.with_columns(*known)
    newest = (
        rows.filter(moment == moment.max())
        .sort("category_id")
        .with_columns(kind=_kind(), day=moment.dt.date())
        .with_row_index("number")
    )
    length = int(days.item(0, "ago")) + 1
    place = pl.int_range(newest.height * length, dtype=pl.UInt32, eager=True).rename("place").to_frame()
    at_place = (
        rows.select("observed_at", "category_id", *_MEASURES.values())
        .join(newest.select("category_id", "number"), on="category_id")
        .join(days.select("observed_at", "ago"), on="observed_at")
        .select(*_MEASURES.values(), place=(pl.col("number") * length + (length - 1 - pl.col("ago"))).cast(pl.UInt32))
    )
    grid = place.join(at_place, on="place", how="left", maintain_order="left")
    number = (pl.col("place") // length).set_sorted()
    ago = (length - 1 - pl.col("place").cast(pl.Int64) % length).cast(pl.Int32)
    return days, newest, grid.select(*_MEASURES.values(), number=number, ago=ago)


def _kind() -> pl.Expr:
    words = pl.concat_str(pl.col("name"), pl.lit(" "), pl.col("category_id").str.replace_all("-", " "))
    words = words.str.to_lowercase()
    return first_that_holds(
        (words.str.contains(r"\becosystem\b"), ECOSYSTEM),
        (words.str.contains(r"\b(portfolio|holdings)\b"), VENTURE_PORTFOLIO),
        otherwise=NARRATIVE,
    )


def _changes(grid: pl.DataFrame, period: int) -> pl.DataFrame:
    """Each category and day beside itself so many days before."""
    before = {name: within("number", column, period) for name, column in _MEASURES.items()}
    changes = {f"{name}_change_pct": 100 * (pl.col(_MEASURES[name]) / then - 1) for name, then in before.items()}
    return grid.with_columns(period_days=pl.lit(period, pl.Int32), cap_before_usd=before["cap"], **changes)


def _place(cap: pl.Expr) -> pl.Expr:
    """The place from 1, the largest first; rows are sorted by id, so equal ones go by it."""
    return cap.rank("ordinal", descending=True).over("kind", "period_days").cast(pl.Int32)


def _reason() -> pl.Expr:
    past = pl.col("n_past_cap_changes")
    return first_that_holds(
        (pl.col("market_cap_usd").is_null(), NO_CAP),
        (pl.col("before_at").is_null(), NO_SNAPSHOT),
        (pl.col("cap_before_usd").is_null(), NOT_LISTED),
        (past < LEAST_PAST, pl.format("{} past changes are stored, {} are needed", past, pl.lit(LEAST_PAST))),
    )
