"""What to request: which histories are missing, which gaps to repair first.

Pure polars: frames in, frames out; no HTTP, no SQL, no clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from marketflows_pipeline.providers.granularity import Granularity

RETRY_REFUSED_AFTER = timedelta(hours=24)
FAILED = "failed"
NOT_FOUND, REFUSED = REFUSALS = ("not_found", "refused")


def complete_histories(
    backfills: pl.DataFrame, *, granularity: Granularity, window_start: datetime, now: datetime
) -> pl.Series:
    """Coins whose window is complete at this granularity.

    It is where one successful request began at or before it (within a step) and ended inside it: what came after is the
    increments' and the repairs' work. A 5-minute window has no increments, so its history must reach to the last step.
    ``backfills`` are rows of ``meta.backfills``; ``window_start`` is the first time of the grid.
    """
    step = granularity.step
    reach = now - step if granularity is Granularity.FIVE_MINUTES else window_start
    return backfills.filter(
        pl.col("granularity") == granularity,
        pl.col("outcome").is_in(["complete", "empty"]),
        pl.col("window_start") <= window_start + step,
        pl.col("window_end") >= reach,
    )["coin_id"].unique()


def histories_missing(
    tracked: pl.DataFrame,
    backfills: pl.DataFrame,
    *,
    granularity: Granularity,
    window_start: datetime,
    now: datetime,
) -> pl.DataFrame:
    """Tracked coins whose history is to be requested, in the order of `tracked`: those where it is not complete.

    An unknown coin is requested again after a day; a refused one once more by the next run, and after a second refusal
    in a row once a day. A failed one is due at once; after a second failure in a row it comes last, so that it cannot
    keep the others from their turn. Arguments as for `complete_histories`; the result has the rows of ``tracked`` that
    need a request.

    Returns:
        The rows of `tracked` that need a request.
    """
    attempts = backfills.filter(pl.col("granularity") == granularity)
    refused = _refused(attempts, "coin_id").filter(pl.col("attempted_at") > now - RETRY_REFUSED_AFTER)["coin_id"]
    complete = complete_histories(backfills, granularity=granularity, window_start=window_start, now=now)
    done = [*complete, *refused]
    failing = failing_coins(backfills, granularity=granularity)
    return tracked.filter(~pl.col("coin_id").is_in(done)).sort(pl.col("coin_id").is_in(failing), maintain_order=True)


def failing_coins(attempts: pl.DataFrame, *, granularity: Granularity) -> list[str]:
    """Coins whose last two attempts both failed: a further failure says nothing about the service.

    Attempts are rows of ``meta.backfills`` or ``meta.repairs``.
    """
    # One attempt of a repair is as many rows as it had gaps.
    moments = attempts.filter(pl.col("granularity") == granularity).unique(["coin_id", "attempted_at"])
    n_failures = (pl.col("outcome") == FAILED).tail(2).sum()
    last_two = moments.sort("attempted_at").group_by("coin_id").agg(n_failures.alias("n_failures"))
    return last_two.filter(pl.col("n_failures") == 2)["coin_id"].to_list()


def _refused(attempts: pl.DataFrame, *key: str) -> pl.DataFrame:
    """The `key` and latest ``attempted_at`` of what the service does not know, or refused the last two times.

    Failures are passed over: they say nothing about the coin.
    """
    answered = attempts.filter(pl.col("outcome") != FAILED).sort("attempted_at")
    is_refusal = pl.col("outcome").is_in(REFUSALS)
    return (
        answered.group_by(*key)
        .agg(
            pl.col("attempted_at", "outcome").last(),
            is_refusal.tail(2).sum().alias("n_refusals"),
        )
        .filter((pl.col("outcome") == NOT_FOUND) | (pl.col("n_refusals") == 2))
    )


def gaps_to_repair(
    gaps: pl.DataFrame,
    tracked: pl.DataFrame,
    repairs: pl.DataFrame,
    *,
    granularity: Granularity,
    served_since: datetime,
) -> pl.DataFrame:
    """Gaps worth a request, the most important coin first.

    ``gaps`` are ``coin_id, gap_start, gap_end, n_steps``, ``repairs`` rows of ``meta.repairs``; ``served_since`` is the
    oldest time that the plan still serves at this granularity.

    Returns:
        ``coin_id, gap_start, gap_end``, ordered by the coin's place in `tracked`, then by time; coins that failed twice
        in a row come last. A gap for which an attempt brought nothing new, whose coin was not known, or which was
        refused twice in a row, is left out.
    """
    key = ("coin_id", "gap_start", "gap_end")
    attempts = repairs.filter(pl.col("granularity") == granularity)
    without_news = attempts.filter(pl.col("outcome") == "nothing_new")
    fruitless = pl.concat([without_news.select(key), _refused(attempts, *key).select(key)])
    failing = failing_coins(repairs, granularity=granularity)
    return (
        gaps.filter(pl.col("gap_end") >= served_since)
        .join(fruitless, on=key, how="anti")
        .join(tracked.with_row_index("place").select("coin_id", "place"), on="coin_id", how="inner")
        .sort(pl.col("coin_id").is_in(failing), "place", "gap_start")
        .select(key)
    )
