"""Compute the breadth of whole category pages a second time, from the changes that the stored pages give, and compare.

Usage: ``python tools/recompute_category_breadth.py FILE``. It imports nothing of the package. The rules: of the last
page of each UTC day every coin counts that no exclusion drops and that has a change; below 8 all is null; bitcoin's own
change is that of the page of coins of the same run, and bitcoin is not in the denominator; weights are caps before.
"""

from __future__ import annotations

import math
import sys
from datetime import date, datetime
from statistics import median, stdev
from typing import Any

from recompute import Rows, read, utc_day
from recompute_breadth import BITCOIN, LEAST
from recompute_closes import accepted
from recompute_compare import Comparison, compared, main

COLUMNS = {1: "price_change_24h_pct", 7: "price_change_7d_pct", 30: "price_change_30d_pct"}
NULLS = (
    "advancing_pct",
    "median_change_pct",
    "cap_weighted_change_pct",
    "median_minus_cap_weighted_pct",
    "dispersion_pct",
    "beat_bitcoin_pct",
)


def is_possible(change: float | None) -> bool:
    """Whether a price can have changed by so many percent."""
    return change is not None and -100 <= change <= 1e8


def page_breadth(page: Rows, days: int, bitcoin: float | None) -> dict[str, Any]:
    """Of one page over one period; changes in percent."""
    changes = {row["coin_id"]: row[COLUMNS[days]] for row in page if is_possible(row[COLUMNS[days]])}
    others = [change for coin, change in changes.items() if coin != BITCOIN]
    bitcoin = bitcoin if is_possible(bitcoin) else None
    row: dict[str, Any] = {
        "n_listed": len(page),
        "n": len(changes),
        "n_advancing": sum(change > 0 for change in changes.values()),
        "n_declining": sum(change < 0 for change in changes.values()),
        "bitcoin_change_pct": bitcoin,
        **dict.fromkeys(NULLS),
    }
    if len(changes) < LEAST:
        return row
    before = {
        each["coin_id"]: each["market_cap_usd"] / (1 + changes[each["coin_id"]] / 100)
        for each in page
        if each["coin_id"] in changes and each["market_cap_usd"]
    }
    weighted = math.fsum(before[coin] * changes[coin] for coin in before) / math.fsum(before.values())
    middle = median(changes.values())
    row["advancing_pct"] = 100 * row["n_advancing"] / len(changes)
    row["median_change_pct"], row["cap_weighted_change_pct"] = middle, weighted
    row["median_minus_cap_weighted_pct"] = middle - weighted
    row["dispersion_pct"] = stdev(changes.values())
    if bitcoin is not None and len(others) >= LEAST:
        row["beat_bitcoin_pct"] = 100 * sum(change > bitcoin for change in others) / len(others)
    return row


def recompute(file: str) -> list[Comparison]:
    """Compare every page and period."""
    stored = read(file, "select * from mart.category_breadth")
    if not stored:
        return []
    pages: dict[tuple[str, datetime], Rows] = {}
    for row in accepted(file, "raw.narrative_members", ("observed_at", "narrative", "coin_id")):
        if row["is_full_page"]:
            pages.setdefault((row["narrative"], row["observed_at"]), []).append(row)
    last: dict[tuple[str, date], datetime] = {}
    for slug, moment in pages:
        key = (slug, utc_day(moment))
        last[key] = max(last.get(key, moment), moment)
    cohort = accepted(file, "raw.cohort_members", ("observed_at", "coin_id"))
    bitcoin = {row["observed_at"]: row for row in cohort if row["coin_id"] == BITCOIN}
    wanted = {row["series"] for row in stored}
    # The table holds the pages of the last 92 days.
    oldest = min(row["observed_at"] for row in stored)
    expected = [
        {"series": slug, "observed_at": moment, "days": days}
        | page_breadth(
            [row for row in page if not row["is_excluded"]], days, bitcoin.get(moment, {}).get(COLUMNS[days])
        )
        for (slug, moment), page in pages.items()
        if slug in wanted and last[slug, utc_day(moment)] == moment and moment >= oldest
        for days in COLUMNS
    ]
    return [compared("mart.category_breadth", expected, stored, ("series", "observed_at", "days"))]


if __name__ == "__main__":
    sys.exit(main(recompute, sys.argv[1:], by_settings=False))
