"""Rules of the chained index: who is a member, with which weight, and when that is decided anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import polars as pl

Weighting = Literal["cap", "capped", "equal"]
Reconstitution = Literal["weekly", "monthly", "quarterly"]

# One index: of a narrative, or of a portfolio.
INDEX = ["category", "series"]
_MAX_WEIGHT = 0.25
_TRUNCATED = {"weekly": "1w", "monthly": "1mo", "quarterly": "1q"}
_EQUAL_WEIGHTS_WITHIN = 1e-12


@dataclass(frozen=True)
class IndexRule:
    """How an index is made.

    Attributes:
        weighting: ``cap``: by market cap; ``capped``: by market cap, at most the larger of 25 % and 1/n; ``equal``.
        top_n: how many coins are members.
        buffer: a member stays down to rank `top_n` plus this.
        reconstitution: on the first close of each week (Monday), month or quarter.
        excluded: categories whose coins are left out.
    """

    weighting: Weighting
    top_n: int
    buffer: int
    reconstitution: Reconstitution
    excluded: tuple[str, ...]

    @property
    def words(self) -> str:
        """The rule in one line; a change of it starts a new version of the index."""
        left_out = f"without {', '.join(sorted(self.excluded))}" if self.excluded else "nothing left out"
        return (
            f"{self.weighting}-weighted, {self.top_n} largest, members stay to rank {self.top_n + self.buffer}, "
            f"{self.reconstitution}, {left_out}"
        )

    def is_due(self, close: datetime) -> bool:
        """Whether members and weights are decided anew at this close."""
        moment = pl.Series([close])
        return bool((moment == moment.dt.truncate(_TRUNCATED[self.reconstitution])).item())


def weighting_of(rule: str) -> pl.Expr:
    """The weighting that a rule in words begins with."""
    return pl.col(rule).str.extract(r"^(\w+)-weighted")


def select_members(
    listed: pl.DataFrame, incumbents: pl.DataFrame, *, top_n: int | pl.Expr, buffer: int | pl.Expr
) -> pl.DataFrame:
    """Members by rank, where incumbents within the buffer stay, best first; the rest is filled by rank.

    Args:
        listed: category, series, coin_id, rank (from 1 among eligible coins), is_complete (whether the list
            reaches to the end of the buffer, or to the last coin there is) and other columns. Where it is false no
            buffer is applied: it cannot be told whether an incumbent is within it.
        incumbents: category, series, coin_id of present members.
        top_n: how many members an index has.
        buffer: an incumbent stays down to rank `top_n` plus this.

    Returns:
        The rows of `listed` that are members, and is_incumbent, by index and rank.
    """
    rank = pl.col("rank")
    stays = pl.col("is_incumbent") & (rank <= top_n + buffer) & pl.col("is_complete")
    marked = listed.join(
        incumbents.select(*INDEX, "coin_id", is_incumbent=pl.lit(value=True)), on=[*INDEX, "coin_id"], how="left"
    ).with_columns(pl.col("is_incumbent").fill_null(value=False))
    return (
        marked.with_columns(stays=stays)
        .sort(*INDEX, "stays", "rank", "coin_id", descending=[False, False, True, False, False])
        .with_columns(place=pl.int_range(1, pl.len() + 1).over(INDEX))
        .filter(pl.col("place") <= top_n)
        .sort(*INDEX, "rank", "coin_id")
        .drop("stays", "place")
    )


def with_weights(members: pl.DataFrame, weighting: Weighting) -> pl.DataFrame:
    """Members with their weight, which sums to 1 in each index.

    Capped weights: what is above ``max(25 %, 1/n)`` goes to the uncapped in proportion, until none is above
    (water-filling). Where the limit times n is at most 1 all weights are equal.

    Args:
        members: category, series, coin_id, market_cap_usd.
        weighting: how they are weighted.
    """
    by_cap = pl.col("market_cap_usd") / pl.col("market_cap_usd").sum().over(INDEX)
    equal = 1 / pl.len().over(INDEX)
    ordered = members.sort(*INDEX, "coin_id")
    if weighting == "equal":
        return ordered.with_columns(weight=equal)
    weighted = ordered.with_columns(weight=by_cap)
    if weighting == "cap":
        return weighted
    limit = pl.max_horizontal(pl.lit(_MAX_WEIGHT), equal)
    weighted = weighted.with_columns(limit=limit, is_capped=pl.lit(value=False))
    while True:
        above = pl.col("weight") > pl.col("limit") * (1 + _EQUAL_WEIGHTS_WITHIN)
        if not weighted.select(above.any()).item():
            break
        weighted = weighted.with_columns(is_capped=pl.col("is_capped") | above)
        free = 1 - (pl.col("limit") * pl.col("is_capped")).sum().over(INDEX)
        share = pl.col("weight").filter(~pl.col("is_capped")).sum().over(INDEX)
        weighted = weighted.with_columns(
            weight=pl.when("is_capped").then("limit").otherwise(pl.col("weight") * free / share)
        )
    return weighted.drop("limit", "is_capped")
