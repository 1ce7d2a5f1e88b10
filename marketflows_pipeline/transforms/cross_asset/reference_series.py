"""Put reference series beside the sessions of the funds: levels and changes, never a flow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from marketflows_pipeline.schema import table

MONTH_SESSIONS = 21


@dataclass(frozen=True)
class ReferenceSeries:
    """What a series is.

    Attributes:
        name: as people call it.
        unit: of its values.
        is_index: whether its changes are in percent; else they are differences in percentage points.
    """

    name: str
    unit: str = "% a year"
    is_index: bool = False

    @property
    def change_unit(self) -> str:
        """Unit of its changes."""
        return "%" if self.is_index else "percentage points"


# By FRED's ids. Yields are par yields of Treasury bonds at a constant maturity.
REFERENCE_SERIES: Mapping[str, ReferenceSeries] = {
    "DTWEXBGS": ReferenceSeries("Dollar index, broad, nominal", "index", is_index=True),
    "DGS2": ReferenceSeries("Treasury yield, 2 years"),
    "DGS10": ReferenceSeries("Treasury yield, 10 years"),
    "T10Y2Y": ReferenceSeries("Slope: 10 less 2 years"),
    "BAMLH0A0HYM2": ReferenceSeries("Credit spread of US high-yield bonds"),
}


def reference_series(values: pl.DataFrame, flows: pl.DataFrame, series: Collection[str]) -> pl.DataFrame:
    """Values of each series and their changes, on the sessions of the funds (``mart.reference_series``).

    With X the value of a session, and n sessions before it::

        of an index: change = 100 (X[t] / X[t-n] - 1)      of a yield, slope or spread: change = X[t] - X[t-n]

    A session without a value is null, and so are the changes that begin or end there: the bond market has holidays of
    its own, and nothing is filled in. Values of other days than the funds' sessions are left out.

    Args:
        values: series_id, session, value as in ``raw.reference_series``.
        flows: session as in ``core.asset_flows``.
        series: ids that are shown; others may be stored from earlier settings.

    Returns:
        The columns of ``mart.reference_series`` by (series_id, session): a row a session from the first one with a
        value to the newest of the funds.
    """
    known = pl.DataFrame(
        [(key, each.name, each.unit, each.change_unit) for key, each in REFERENCE_SERIES.items() if key in series],
        schema=dict.fromkeys(("series_id", "name", "unit", "change_unit"), pl.String()),
        orient="row",
    )
    sessions = flows.lazy().select(pl.col("session").unique())
    rows = (
        known.lazy()
        .join(sessions, how="cross")
        .join(values.lazy().select("series_id", "session", "value"), on=["series_id", "session"], how="left")
        .sort("series_id", "session")
        .filter(pl.col("value").is_not_null().cum_max().over("series_id"))
        .with_columns(change_1_session=_change(1), change_21_sessions=_change(MONTH_SESSIONS))
    )
    return table("mart.reference_series").stored_form(rows)


def daily_changes(reference: pl.DataFrame) -> pl.DataFrame:
    """Daily changes as correlations take them: log returns of an index, differences of a yield, slope or spread.

    Args:
        reference: as in ``mart.reference_series``.

    Returns:
        symbol (FRED's id), session, change.
    """
    change = pl.col("change_1_session")
    is_index = pl.col("change_unit") == "%"
    logged = pl.when(is_index).then((change / 100).log1p()).otherwise(change)
    return reference.select("session", symbol="series_id", change=logged)


def _change(sessions: int) -> pl.Expr:
    before = pl.col("value").shift(sessions).over("series_id")
    is_index = pl.col("change_unit") == "%"
    of_index = pl.when(before > 0).then(100 * (pl.col("value") / before - 1))
    return pl.when(is_index).then(of_index).otherwise(pl.col("value") - before)
