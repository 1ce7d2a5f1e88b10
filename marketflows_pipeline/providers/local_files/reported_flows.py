"""Tables of flows that somebody else reports: one fund's own, or a whole page of funds as Farside publishes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.local_files.tables import read_file
from marketflows_pipeline.transforms.time_span import TimeSpan

DOLLARS = "flow_usd"
# What a column in millions of dollars may be called, in lower case and with underscores for blanks.
MILLIONS = (
    "flow_million_usd",
    "flow_millions_usd",
    "flow_usd_million",
    "flow_usd_millions",
    "flow_usd_m",
    "flow_musd",
    "flow_(us$m)",
    "flow_(usd_m)",
    "flow_(usd_million)",
    "flow_(usd_millions)",
)
# The first column of a copied page has no name.
DATES = ("date", "unnamed_1")
DATE_FORMATS = ("%Y-%m-%d", "%d %b %Y", "%d %B %Y")
# Rows of such a page that are about no session.
_NO_SESSIONS = ("total", "average", "maximum", "minimum", "fee", "fees", "seed", "staking")
# A dash is a day of which nothing was reported; a flow of 0 is written 0.0.
_NOTHING = ("-", "\u2013", "\u2014", "\u2212")


def read_reported_flows(file: Path, symbol: str, provider_symbol: str, span: TimeSpan) -> pl.DataFrame:
    """``session, flow_usd`` of one fund, by session; rows without a flow are left out.

    The flow is in the column ``flow_usd`` in dollars, or in one whose name says millions, or in one that is called as
    the fund is (its symbol, or the price service's), which is in millions as on Farside's pages.

    Raises:
        UserInputError: there is no such column or more than one, or a date or number is none.
    """
    by_name = tuple(dict.fromkeys(name.lower() for name in (symbol, provider_symbol)))
    table = read_file(file, required=(), optional=(*DATES, DOLLARS, *MILLIONS, *by_name))
    dates = [name for name in DATES if name in table]
    flows = [name for name in (DOLLARS, *MILLIONS, *by_name) if name in table]
    if not dates:
        raise UserInputError(f"{file}: expected a column `date`")
    if len(flows) != 1:
        found = f"found {' and '.join(flows)}" if flows else "found none"
        raise UserInputError(
            f"{file}: expected one column of flows, `{DOLLARS}`, `{MILLIONS[0]}` or `{symbol}` (in millions), {found}"
        )
    day, flow = dates[0], flows[0]
    cells = table.cells.with_columns(pl.when(~pl.col(flow).is_in(_NOTHING)).then(flow).alias(flow))
    is_session = pl.col(day).is_not_null() & ~pl.col(day).str.to_lowercase().is_in(_NO_SESSIONS)
    table = replace(table, cells=cells.filter(is_session))
    amounts = table.amounts(flow) * (1.0 if flow == DOLLARS else 1e6)
    frame = pl.DataFrame({"session": table.dates(day, span, formats=DATE_FORMATS), "flow_usd": amounts})
    table.refuse_twice(frame.select("session"), day)
    return frame.drop_nulls("flow_usd").sort("session")
