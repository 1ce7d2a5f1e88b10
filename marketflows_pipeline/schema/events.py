"""Events: what changed, how unusual it is, and the sentences that told it."""

from __future__ import annotations

from marketflows_pipeline.schema.model import Column, DType, Table

MART_EVENTS = Table(
    name="mart.events",
    part="meta",
    grain="one kind of event of one subject on one UTC day",
    key=("event_id",),
    description=(
        "What was unusual against its own past. A measured kind is an event where its z-score, against the 60 values "
        "before it, exceeds the 99th percentile of the daily maximum over all subjects of its kind; a discrete one (a "
        "quadrant, a regime, a rank, a member) where one as rare came on at most 5 % of the days before. None without "
        "20 days of its own past. Written part by part, once the part's checks have passed; of the last 30 days."
    ),
    columns=(
        Column("event_id", DType.TEXT, "kind:subject:day"),
        Column("kind", DType.TEXT, "What kind of change, such as index_move or quadrant_change"),
        Column("subject", DType.TEXT, "Key of what changed: a series, coin id, slug, symbol or measure"),
        Column("part", DType.TEXT, "market_caps, exchanges or cross_asset"),
        Column("as_of", DType.TIME, "Close, session or record that the event is about", "UTC"),
        Column("value", DType.FLOAT, "The figure, in the unit of the row; null where there is none", nullable=True),
        Column("unit", DType.TEXT, "Unit of value and reference, such as USD or %"),
        Column("reference", DType.FLOAT, "What it is compared with: the mean of its past, or the value before",
               nullable=True),
        Column("z", DType.FLOAT, "Z-score against the 60 values before, itself left out; null of discrete kinds",
               nullable=True),
        Column("percentile", DType.FLOAT, "Place among the same values, 0 to 100; null of discrete kinds", "%",
               nullable=True),
        Column("first_seen_at", DType.TIME, "Run that found it first", "UTC"),
        Column("severity", DType.TEXT, "notable, strong (score of 3 or more) or extreme (4 or more)"),
        Column("evidence_sql", DType.TEXT, "Select on this file that gives the figures of the row again"),
        Column("label", DType.TEXT, "What people call the subject"),
        Column("was", DType.TEXT, "State before, of a discrete kind; null of measured ones", nullable=True),
        Column("became", DType.TEXT, "State after, of a discrete kind; null of measured ones", nullable=True),
        Column("n_past", DType.INT, "Past values, or days, that the comparison rests on"),
        Column("frequency_pct", DType.FLOAT, "Days before on which the kind had one at least as unusual", "%"),
        Column("coverage_pct", DType.FLOAT, "How much of the subject the figure covers, 100 where all", "%"),
        Column("score", DType.FLOAT,
               "What orders events: absolute z-score, or the normal one as rare as a discrete event, times coverage"),
        Column("threshold", DType.FLOAT, "What the kind had to exceed that day", nullable=True),
    ),
    as_of="as_of",
    may_be_empty=True,
)  # fmt: skip

META_BRIEF_STATEMENTS = Table(
    name="meta.brief_statements",
    part="meta",
    grain="one sentence of one publish",
    key=("statement_id", "publish"),
    description=(
        "Every sentence the brief has told, with its figures and the query that gives them again; kept for 400 days. "
        "A sentence whose figures a later publish no longer finds is corrected there, never rewritten."
    ),
    columns=(
        Column("statement_id", DType.TEXT, "The event it tells"),
        Column("publish", DType.TEXT, "Run whose publish told it"),
        Column("told_at", DType.TIME, "When that was", "UTC"),
        Column("subject", DType.TEXT, "What it is about"),
        Column("part", DType.TEXT, "market_caps, exchanges or cross_asset"),
        Column("as_of", DType.TIME, "Close, session or record that it is about", "UTC"),
        Column("text", DType.TEXT, "The sentence"),
        Column("figures", DType.TEXT, "JSON object: the figures in it by name"),
        Column("evidence", DType.TEXT, "Select on the published file that gives these figures, by the same names"),
        Column("corrected_at", DType.TIME, "When a publish first found another figure; null before", "UTC",
               nullable=True),
        Column("corrected_figures", DType.TEXT, "JSON object: the figures then; null where they can't be found",
               nullable=True),
    ),
    as_of="told_at",
    replaces="merge",
    may_be_empty=True,
)  # fmt: skip

META_CHECK_RESULTS = Table(
    name="meta.check_results",
    part="meta",
    grain="one check in one run",
    key=("check_name", "table_name", "run_id"),
    description="What each check found in each run, with its evidence; kept for 90 days.",
    columns=(
        Column("check_name", DType.TEXT, "Name of the property"),
        Column("table_name", DType.TEXT, "Table it is about, schema.table"),
        Column("run_id", DType.TEXT, "Run that checked"),
        Column("part", DType.TEXT, "Part of the table"),
        Column("checked_at", DType.TIME, "When", "UTC"),
        Column("is_blocking", DType.BOOL, "Whether a failure keeps the part from being published"),
        Column("passed", DType.BOOL, "Whether the property holds"),
        Column("offending_rows", DType.BIGINT, "Rows that break it", nullable=True),
        Column("evidence", DType.TEXT, "The worst rows and the limit, in words; null where it holds", nullable=True),
    ),
    as_of="checked_at",
    replaces="merge",
    may_be_empty=True,
)

EVENT_TABLES = (MART_EVENTS, META_BRIEF_STATEMENTS, META_CHECK_RESULTS)
