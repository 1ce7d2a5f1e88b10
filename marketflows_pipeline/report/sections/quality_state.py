"""Cards of the state of the tables: how old each is, what checks found, which requests were spent on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.wording import counted, moment, names_text
from marketflows_pipeline.providers.attribution import SERVICES, service_name
from marketflows_pipeline.report.ages import PART_NAMES
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn
from marketflows_pipeline.report.published import PublishedFile
from marketflows_pipeline.report.sections.cards import OF_RECORDS, caption, of_all, rows
from marketflows_pipeline.report.sections.marks import by_size, columns_axis, heat_map, height_of, rows_axis
from marketflows_pipeline.report.specs import kept_spec, spec_of

TABLES, CHECKS = "quality_tables", "quality_checks"
PARTS = {**{part: name.capitalize() for part, name in PART_NAMES.items()}, "meta": "Records"}
# Age in hours below which a table belongs to a band: an hourly run with some grace, a daily one, a week.
BANDS = ((2.0, "to 2 h"), (26.0, "to 26 h"), (168.0, "to 7 d"))
OLDER, TIMELESS = "older", "no time"
_COUNT_LIMITS = (1.0, 5.0, 20.0)

TABLES_SQL = """
select table_name, part, status, as_of, n_rows, published_at, run_id
from meta.publish
order by part, table_name
"""
CHECKS_SQL = """
with newest as (select part, max_by(run_id, checked_at) as run_id from meta.check_results group by part)
select part, check_name, table_name, passed, is_blocking, offending_rows, evidence, checked_at
from meta.check_results join newest using (part, run_id)
order by passed, is_blocking desc, part, table_name, check_name
"""
FAILED_SQL = CHECKS_SQL.replace("using (part, run_id)\n", "using (part, run_id)\nwhere not passed\n")
# The month is the one of the present: only the year and the month of it are written in.
_CALLS_SQL = """
select provider, count(*) as attempts, count(*) filter (outcome = 'ok') as answered,
       count(*) filter (attempt > 1) as repeated, count(*) filter (outcome = 'failed') as failed,
       max(sent_at) as newest
from meta.api_calls
where sent_at >= timestamptz '{month}-01 00:00:00+00'
group by provider
order by attempts desc, provider
"""


def freshness_card(file: PublishedFile) -> Card | None:
    """How old each published table is; nothing before the first publish."""
    tables = with_ages(rows(file, TABLES_SQL), file.now)
    if tables.is_empty():
        return None
    title = freshness_title(tables)
    bands = [*(name for _, name in BANDS), OLDER, TIMELESS]
    return Card(
        key="quality-freshness",
        title=title,
        subtitle=f"Number of tables by part and by age of their newest time at {moment(file.now)}",
        caption=caption(
            OF_RECORDS,
            file.as_of("meta.publish"),
            "carried over: the part did not pass this time, and its last good tables are shown",
            "a table without a time is as old as its part; rows of a view are not counted",
        ),
        dataset=Dataset(TABLES, tables),
        columns=(
            FigureColumn("table_name", "Table"),
            FigureColumn("part_name", "Part"),
            FigureColumn("status_text", "Status"),
            FigureColumn("as_of", "As of"),
            FigureColumn("age_hours", "Age (h)", 1),
            FigureColumn("n_rows", "Rows", 0),
            FigureColumn("published_at", "First published"),
        ),
        sql=TABLES_SQL,
        spec=_counts_spec(TABLES, tables.select("part", "band").unique(maintain_order=True), "band", bands),
        description=f"Counts of tables, a row for each part and a column for each age. {title}.",
    )


def with_ages(tables: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Age in hours at a moment, its band, and status and part as people read them.

    Args:
        tables: rows of ``meta.publish``.
        now: the moment; a time after it has an age of 0.
    """
    age = pl.max_horizontal((pl.lit(now) - pl.col("as_of")).dt.total_seconds() / 3600, pl.lit(0.0))
    band: pl.Expr = pl.lit(OLDER)
    for limit, name in reversed(BANDS):
        band = pl.when(pl.col("age_hours") <= limit).then(pl.lit(name)).otherwise(band)
    band = pl.when(pl.col("age_hours").is_null()).then(pl.lit(TIMELESS)).otherwise(band)
    return tables.with_columns(
        age_hours=pl.when(pl.col("as_of").is_not_null()).then(age),
        part_name=pl.col("part").replace(PARTS),
        status_text=pl.col("status").replace({"carried_over": "carried over", "fresh": "of the latest run"}),
    ).with_columns(band=band)


def freshness_title(tables: pl.DataFrame) -> str:
    """How many tables are of an earlier publish, and which holds the oldest data."""
    carried = tables.filter(pl.col("status") != "fresh")
    timed = tables.filter(pl.col("part") != "meta").drop_nulls("age_hours")
    oldest = timed.sort("age_hours", "table_name", descending=[True, False]).head(1).to_dicts()
    rest = f"; the oldest, {oldest[0]['table_name']}, is {_age_text(oldest[0]['age_hours'])} old" if oldest else ""
    if carried.is_empty():
        whole = of_all(tables.height, tables.height, "table").capitalize()
        # Published lately, and not of a late hour: an age says that.
        return (
            f"{whole} {_are(tables.height)} of the latest run of {'its' if tables.height == 1 else 'their'} part{rest}"
        )
    names = names_text(carried["table_name"].to_list(), 3)
    whole = of_all(carried.height, tables.height, "table").capitalize()
    return f"{whole} {_are(carried.height)} carried over from an earlier publish: {names}{rest}"


def checks_card(file: PublishedFile) -> Card | None:
    """What the checks of each part's newest run found; nothing without any."""
    checks = _with_states(rows(file, CHECKS_SQL))
    if checks.is_empty():
        return None
    title = checks_title(checks)
    return Card(
        key="quality-checks",
        title=title,
        subtitle="Number of checks of each part's newest run by what they found",
        caption=caption(
            OF_RECORDS,
            checks["checked_at"].sort()[-1],
            "a check that blocks keeps its part from being published; others warn",
        ),
        dataset=Dataset(CHECKS, checks),
        columns=(FigureColumn("part_name", "Part"), *_CHECK_COLUMNS),
        sql=CHECKS_SQL,
        spec=_counts_spec(
            CHECKS,
            checks.select("part", "state").unique(maintain_order=True),
            "state",
            ["passed", "warns", "blocks"],
        ),
        description=f"Counts of checks, a row for each part. {title}.",
    )


def failures_card(file: PublishedFile) -> Card | None:
    """The checks that failed, with their evidence; nothing where all passed."""
    failed = _with_states(rows(file, FAILED_SQL))
    if failed.is_empty():
        return None
    return Card(
        key="quality-failures",
        title=failures_title(failed),
        subtitle="Checks of each part's newest run that failed, with the worst rows and the limit",
        caption=caption(OF_RECORDS, failed["checked_at"].sort()[-1], "what blocks was not published"),
        dataset=Dataset("quality_failures", failed),
        columns=(FigureColumn("state", "Severity"), *_CHECK_COLUMNS),
        sql=FAILED_SQL,
        width=6,
    )


_CHECK_COLUMNS = (
    FigureColumn("check_name", "Check"),
    FigureColumn("table_name", "Table"),
    FigureColumn("passed", "Passed"),
    FigureColumn("offending_rows", "Rows at fault", 0),
    FigureColumn("evidence", "Evidence"),
)


def checks_title(checks: pl.DataFrame) -> str:
    """How many checks passed, and the names of those that did not."""
    failed = checks.filter(~pl.col("passed"))
    if failed.is_empty():
        return f"{of_all(checks.height, checks.height, 'check').capitalize()} passed"
    blocking = failed.filter("is_blocking").height
    blocks = f", {blocking} of them {'blocks' if blocking == 1 else 'block'}" if blocking else ", none blocks"
    names = names_text(failed["check_name"].unique(maintain_order=True).to_list(), 3)
    return f"{of_all(failed.height, checks.height, 'check').capitalize()} failed{blocks}: {names}"


def failures_title(failed: pl.DataFrame) -> str:
    """The check that failed worst: one that blocks before one that warns, then by rows at fault."""
    worst = failed.sort("is_blocking", "offending_rows", descending=True, nulls_last=True, maintain_order=True)
    row = worst.row(0, named=True)
    at_fault = "" if row["offending_rows"] is None else f", {counted(row['offending_rows'], 'row')} at fault"
    others = f"; {counted(failed.height - 1, 'other')} failed too" if failed.height > 1 else ""
    return f"{row['check_name']} of {row['table_name']} {row['state']}{at_fault}{others}"


def calls_card(file: PublishedFile) -> Card | None:
    """Requests of this month by service; nothing where none was sent."""
    sql = _CALLS_SQL.format(month=f"{file.now:%Y-%m}")
    calls = rows(file, sql)
    if calls.is_empty():
        return None
    return Card(
        key="quality-credits",
        title=calls_title(calls),
        subtitle=f"Attempts of requests in {file.now:%B %Y} (UTC) by service; a repeated one counts again",
        caption=caption(
            OF_RECORDS,
            calls["newest"].sort()[-1],
            _counted_by(file.provider),
        ),
        dataset=Dataset("quality_calls", calls),
        columns=(
            FigureColumn("provider", "Service"),
            FigureColumn("attempts", "Attempts", 0),
            FigureColumn("answered", "Answered", 0),
            FigureColumn("repeated", "Repeated", 0),
            FigureColumn("failed", "Failed", 0),
            FigureColumn("newest", "Newest"),
        ),
        sql=sql,
    )


def _counted_by(provider: str) -> str:
    """Whose credits attempts are; empty where market caps come from no service."""
    if provider not in SERVICES:
        return ""
    return f"{service_name(provider)} counts each attempt as a credit; how many there are depends on the plan"


def calls_title(calls: pl.DataFrame) -> str:
    """How many requests the month has cost, and whom most."""
    first, total = calls.row(0, named=True), calls["attempts"].sum()
    most = "" if calls.height == 1 else f", {first['attempts']:,} of them to {first['provider']}"
    to = f" to {first['provider']}" if calls.height == 1 else ""
    failed = int(calls["failed"].sum())
    return f"{total:,} {'request' if total == 1 else 'requests'} this month{to}{most}; {failed or 'none'} failed"


def _with_states(checks: pl.DataFrame) -> pl.DataFrame:
    state = (
        pl.when("passed").then(pl.lit("passed")).when("is_blocking").then(pl.lit("blocks")).otherwise(pl.lit("warns"))
    )
    return checks.with_columns(state=state, part_name=pl.col("part").replace(PARTS))


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _age_text(hours: float) -> str:
    if hours < 1:
        return "less than an hour"
    return counted(int(hours), "hour") if hours < 48 else counted(int(hours / 24), "day")


@kept_spec
def _counts_spec(dataset: str, shown: pl.DataFrame, column: str, order: list[str]) -> dict[str, Any]:
    """Counts of rows by part and one more column, as a table of colours."""
    import altair as alt

    present = set(shown[column])
    parts = {part: PARTS.get(part, part) for part in [*PARTS, *sorted(set(shown["part"]) - set(PARTS))]}
    cells = (
        alt.Chart(alt.NamedData(dataset))
        .transform_aggregate(n="count()", groupby=["part", "part_name", column])
        .encode(
            x=columns_axis(column, [name for name in order if name in present]),
            y=rows_axis("part", {part: name for part, name in parts.items() if part in set(shown["part"])}),
            tooltip=[
                alt.Tooltip("part_name:N", title="Part"),
                alt.Tooltip(f"{column}:N", title="Of"),
                alt.Tooltip("n:Q", title="Number"),
            ],
        )
    )
    chart = heat_map(cells, by_size("n", _COUNT_LIMITS), text="n:Q")
    return spec_of(chart, dataset, height=height_of(shown["part"].n_unique(), row=44))
