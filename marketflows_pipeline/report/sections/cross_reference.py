"""The card of reference series: context beside the regimes, without a flow."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.charts.style.wording import value_text
from marketflows_pipeline.report.credits import REFERENCE, market_credit
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, rows

SERIES = "cross_asset_reference_series"
SQL = """
select series_id, name, session, value, unit, change_1_session, change_21_sessions, change_unit
from mart.reference_series where value is not null
qualify row_number() over (partition by series_id order by session desc) = 1
order by series_id
"""


def reference_card(file: PublishedFile) -> Card | None:
    """The newest value of each series; nothing where there is none."""
    series = rows(file, SQL)
    if series.is_empty():
        return None
    return Card(
        key="cross-asset-reference-series",
        title=reference_title(series),
        subtitle="Newest values, and changes over one session and 21 sessions of the funds",
        caption=caption(
            market_credit(file, REFERENCE),
            series["session"].max(),  # type: ignore[arg-type]
            "context beside the regimes, which are not made of it: these series have no flow",
            "a session without a value, such as a holiday of the bond market, is not filled in",
        ),
        dataset=Dataset(SERIES, series),
        columns=(
            FigureColumn("name", "Series"),
            FigureColumn("series_id", "FRED's id"),
            FigureColumn("session", "Session"),
            FigureColumn("value", "Value", 2),
            FigureColumn("unit", "Unit"),
            FigureColumn("change_1_session", "1 session", 2, signed=True),
            FigureColumn("change_21_sessions", "21 sessions", 2, signed=True),
            FigureColumn("change_unit", "Unit of changes"),
        ),
        sql=SQL,
    )


def reference_title(series: pl.DataFrame) -> str:
    """Two series at most, each with its newest value."""
    parts = []
    for row in series.head(2).to_dicts():
        unit = "" if row["unit"] == "index" else f" {row['unit']}"
        parts.append(f"{row['name']} {value_text(row['value'], 2, signed=False)}{unit}")
    return "; ".join(parts)
