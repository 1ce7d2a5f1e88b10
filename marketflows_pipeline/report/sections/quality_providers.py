"""The card of market caps that a second provider gives otherwise."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.charts.style.wording import percent_text
from marketflows_pipeline.report.credits import credit, service_names
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import caption, of_all, rows

_NEWEST = "ts = (select max(ts) from core.provider_comparison)"
DIFFERENCES_SQL = f"""
select coin_id, other_id, cap_usd, other_cap_usd, difference_pct, price_difference_pct, cap_as_of, other_cap_as_of,
       mapping_rule, source, other_source, coin_id in (
           select coin_id from mart.provider_differences where {_NEWEST}
       ) as differs
from core.provider_comparison
where {_NEWEST}
order by abs(difference_pct) desc, coin_id
limit 25
"""  # noqa: S608 (text of this file)
_COMPARED = f"""
select count(*) as n, max(ts) as ts, any_value(provider::varchar) as provider,
       (select count(*) from mart.provider_differences where {_NEWEST}) as n_differing
from core.provider_comparison
where {_NEWEST}
"""  # noqa: S608 (likewise)


def providers_card(file: PublishedFile) -> Card | None:
    """Coins whose market caps two providers give otherwise, as of the last check; nothing before the first."""
    totals = file.frame(_COMPARED).row(0, named=True)
    if not totals["n"]:
        return None
    found = rows(file, DIFFERENCES_SQL)
    other = service_names([totals["provider"]])
    return Card(
        key="quality-providers",
        title=providers_title(found, totals["n_differing"], totals["n"], other),
        subtitle=f"Market caps at {other}, in % above or below the own ones, the 25 furthest apart",
        caption=caption(
            credit(file, f"Data provided by {service_names([*found['source'], *found['other_source']])}"),
            totals["ts"],
            "supplies are counted by other rules at each provider: a difference is no fault of either by itself",
            "where prices differ too, the two ids may stand for different coins",
            "no other figure of this page is made from the second provider",
        ),
        dataset=Dataset("quality_providers", found),
        columns=(
            FigureColumn("coin_id", "Coin"),
            FigureColumn("other_id", f"At {other}"),
            FigureColumn("cap_usd", "Market cap (USD)", 0),
            FigureColumn("other_cap_usd", "There (USD)", 0),
            FigureColumn("difference_pct", "Difference (%)", 1, signed=True),
            FigureColumn("price_difference_pct", "Of prices (%)", 1, signed=True),
            FigureColumn("cap_as_of", "As of"),
            FigureColumn("other_cap_as_of", "There as of"),
            FigureColumn("mapping_rule", "Same coin by"),
        ),
        sql=DIFFERENCES_SQL,
        series_key="coin_id",
        width=6,
    )


def providers_title(found: pl.DataFrame, n_differing: int, n_compared: int, other: str) -> str:
    """How many of the compared coins differ, and which most."""
    compared = of_all(n_differing, n_compared, "coin")
    text = f"Market caps of {compared} differ by more than 10 % from those at {other}"
    if not n_differing:
        return text
    first = found.row(0, named=True)
    return f"{text}, most that of {first['coin_id']}: {percent_text(first['difference_pct'])}"
