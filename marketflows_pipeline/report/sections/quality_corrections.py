"""Cards of what may be wrong: figures corrected or given otherwise, sentences that no longer hold, rows left out."""

from __future__ import annotations

import polars as pl

from marketflows_pipeline.charts.style.wording import counted, percent_text
from marketflows_pipeline.report.credits import credit, service_names
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import OF_RECORDS, caption, of_all, rows
from marketflows_pipeline.transforms.market_caps.provider_differences import TOLERANCE

REVISIONS_SQL = """
select seen_at, table_name, key, column_name, old, new, change_pct, n_changes, cause
from meta.revisions
order by seen_at desc, abs(change_pct) desc nulls last, table_name, key, column_name
limit 50
"""
_REVISIONS_IN_ALL = "select coalesce(sum(n_changes), 0)::bigint as n from meta.revisions"
TOLD_SQL = """
select corrected_at, text, as_of, figures, corrected_figures, told_at, subject
from meta.brief_statements
where corrected_at is not null
order by corrected_at desc, told_at desc, statement_id
limit 50
"""
QUARANTINE_SQL = """
select added_at, table_name, key, column_name, reason, set_by, rule
from meta.quarantine
where released_at is null
order by added_at desc, table_name, key, column_name
limit 200
"""
_QUARANTINED = "select count(*) as n from meta.quarantine where released_at is null"
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
"""
_COMPARED = f"""
select count(*) as n, max(ts) as ts, any_value(provider::varchar) as provider,
       (select count(*) from mart.provider_differences where {_NEWEST}) as n_differing
from core.provider_comparison
where {_NEWEST}
"""


def revisions_card(file: PublishedFile) -> Card | None:
    """Figures that services changed afterwards, the newest 50; nothing where none was."""
    found, total = rows(file, REVISIONS_SQL), file.frame(_REVISIONS_IN_ALL)["n"].item()
    if found.is_empty():
        return None
    return Card(
        key="quality-corrections",
        title=revisions_title(found, total),
        subtitle="Figures of closed periods that a later answer changed, the newest 50, in the unit of their column",
        caption=caption(
            OF_RECORDS,
            file.as_of("meta.revisions"),
            "a correction is no move: what was said of the old figure no longer holds",
        ),
        dataset=Dataset("quality_revisions", found),
        columns=(
            FigureColumn("seen_at", "Seen"),
            FigureColumn("table_name", "Table"),
            FigureColumn("key", "Row"),
            FigureColumn("column_name", "Column"),
            FigureColumn("old", "Before", 2),
            FigureColumn("new", "After", 2),
            FigureColumn("change_pct", "Change (%)", 2, signed=True),
            FigureColumn("n_changes", "Figures", 0),
            FigureColumn("cause", "Answer"),
        ),
        sql=REVISIONS_SQL,
        width=6,
    )


def revisions_title(found: pl.DataFrame, total: int) -> str:
    """How many figures were corrected, and the largest of the newest."""
    largest = found.drop_nulls("change_pct").sort(pl.col("change_pct").abs(), descending=True, maintain_order=True)
    were = "was" if total == 1 else "were"
    text = f"{counted(total, 'figure') if total < 1000 else f'{total:,} figures'} {were} corrected by their services"
    if largest.is_empty():
        return text
    row = largest.row(0, named=True)
    where = f"{row['column_name']} of {row['key']}"
    return f"{text}; the largest lately: {where}, {percent_text(row['change_pct'])}"


def told_card(file: PublishedFile) -> Card | None:
    """Sentences that were told and no longer hold; nothing where all still do."""
    found = rows(file, TOLD_SQL)
    if found.is_empty():
        return None
    first = "A sentence" if found.height == 1 else f"{found.height} sentences"
    return Card(
        key="quality-told",
        title=f"{first} of earlier briefs no longer {'holds' if found.height == 1 else 'hold'}: {found['text'][0]}",
        subtitle="Sentences of earlier briefs whose figures have changed since, the newest 50",
        caption=caption(OF_RECORDS, found["corrected_at"][0], "null: the figure cannot be found any more"),
        dataset=Dataset("quality_told", found),
        columns=(
            FigureColumn("corrected_at", "Found"),
            FigureColumn("text", "Told"),
            FigureColumn("as_of", "As of"),
            FigureColumn("figures", "Figures then"),
            FigureColumn("corrected_figures", "Figures now"),
        ),
        sql=TOLD_SQL,
        width=6,
    )


def quarantine_card(file: PublishedFile) -> Card | None:
    """Stored rows that count for nothing; nothing where there are none."""
    found, total = rows(file, QUARANTINE_SQL), file.frame(_QUARANTINED)["n"].item()
    if found.is_empty():
        return None
    return Card(
        key="quality-quarantine",
        title=quarantine_title(found, total),
        subtitle="Stored rows that are left out as impossible, by a rule or by hand, the newest 200",
        caption=caption(OF_RECORDS, found["added_at"][0], "`marketflows quarantine` lists and releases them"),
        dataset=Dataset("quality_quarantine", found),
        columns=(
            FigureColumn("added_at", "Set"),
            FigureColumn("table_name", "Table"),
            FigureColumn("key", "Row"),
            FigureColumn("column_name", "Column"),
            FigureColumn("reason", "Why"),
            FigureColumn("set_by", "By"),
            FigureColumn("rule", "Rule"),
        ),
        sql=QUARANTINE_SQL,
        width=6,
    )


def quarantine_title(found: pl.DataFrame, total: int) -> str:
    """How many rows are left out, and of which table most."""
    by_table = found["table_name"].value_counts().sort("count", "table_name", descending=[True, False])
    are = "row is" if total == 1 else "rows are"
    return f"{total:,} stored {are} left out as impossible, most of {by_table['table_name'][0]}"


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
    text = f"Market caps of {compared} differ by more than {100 * TOLERANCE:g} % from those at {other}"
    if not n_differing:
        return text
    first = found.row(0, named=True)
    return f"{text}, most that of {first['coin_id']}: {percent_text(first['difference_pct'])}"
