"""How services lay out the files that people download from them: names of columns, dates, rows about no session."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from marketflows_pipeline.providers.volatility.client import Fred

ISO_DATE = "%Y-%m-%d"
# Yahoo's table of prices, as an export, and as its page writes it: "Jan 5, 2026".
YAHOO_DATES = (ISO_DATE, "%b %d, %Y", "%B %d, %Y")
YAHOO_COLUMNS: Mapping[str, str] = {
    "adj_close": "adjusted_close",
    "adj_close**": "adjusted_close",
    "adj_close_adjusted_close_price_adjusted_for_splits_and_dividend_and/or_capital_gain_distributions.": (
        "adjusted_close"
    ),
    "close*": "close",
    "close_close_price_adjusted_for_splits.": "close",
}
_EVENT = re.compile(r"[\d.,:/]+ (dividend|stock splits?|capital gains?)", re.IGNORECASE)

# Cboe writes 01/02/2026 for 2 January; FRED names the column of values by the series.
INDEX_DATES = (ISO_DATE, "%m/%d/%Y")
# Names of the downloaded files beside the index's own.
INDEX_FILES: Mapping[str, Sequence[str]] = {name: (f"{name}_History", series) for name, series in Fred.series.items()}


def fred_columns(series: str, value: str) -> Mapping[str, str]:
    """What FRED's file of a series calls the date, today and formerly, and the value."""
    return {"observation_date": "date", series.lower(): value}


def is_event(row: Sequence[str]) -> bool:
    """Whether a row of Yahoo's table is about a dividend or a split rather than a session: "0.24 Dividend"."""
    return len(row) > 1 and _EVENT.fullmatch(row[1].strip()) is not None
