"""Events: what changed, how unusual it is, and the sentences that told it."""

from __future__ import annotations

from functools import partial

from marketflows_pipeline.schema.columns import flag, integer, moment, number, pct, text
from marketflows_pipeline.schema.model import Column, DType, Table

_table = partial(Table, part="meta", may_be_empty=True)

EVENT_TABLES: tuple[Table, ...] = (
    _table(
        name="mart.events",
        grain="one kind of event of one subject on one UTC day",
        key=("event_id",),
        description=(
            "What was unusual against its own past. A measured kind is an event where its z-score, against the 60 "
            "values before it, exceeds the 99th percentile of the daily maximum over all subjects of its kind; a "
            "discrete one (a quadrant, a regime, a rank, a member) where one as rare came on at most 5 % of the days "
            "before. None without 20 days of its own past. Written part by part, once the part's checks have passed; "
            "of the last 30 days."
        ),
        columns=(
            text("event_id", "kind:subject:day"),
            text("kind", "What kind of change, such as index_move or quadrant_change"),
            text("subject", "Key of what changed: a series, coin id, slug, symbol or measure"),
            text("part", "market_caps, exchanges or cross_asset"),
            moment("as_of", "Close, session or record that the event is about"),
            number("value", "The figure, in the unit of the row; null where there is none"),
            text("unit", "Unit of value and reference, such as USD or %"),
            number("reference", "What it is compared with: the mean of its past, or the value before"),
            number("z", "Z-score against the 60 values before, itself left out; null of discrete kinds"),
            pct("percentile", "Place among the same values, 0 to 100; null of discrete kinds"),
            moment("first_seen_at", "Run that found it first"),
            text("severity", "notable, strong (score of 3 or more) or extreme (4 or more)"),
            text("evidence_sql", "Select on this file that gives the figures of the row again"),
            text("label", "What people call the subject"),
            text("was", "State before, of a discrete kind; null of measured ones", nullable=True),
            text("became", "State after, of a discrete kind; null of measured ones", nullable=True),
            integer("n_past", "Past values, or days, that the comparison rests on"),
            pct("frequency_pct", "Days before on which the kind had one at least as unusual", nullable=False),
            pct("coverage_pct", "How much of the subject the figure covers, 100 where all", nullable=False),
            number(
                "score",
                "What orders events: absolute z-score, or the normal one as rare as a discrete event, times coverage",
                nullable=False,
            ),
            number("threshold", "What the kind had to exceed that day"),
        ),
        as_of="as_of",
    ),
    _table(
        name="meta.brief_statements",
        grain="one sentence of one publish",
        key=("statement_id", "publish"),
        description=(
            "Every sentence the brief has told, with its figures and the query that gives them again; kept for 400 "
            "days. A sentence whose figures a later publish no longer finds is corrected there, never rewritten."
        ),
        columns=(
            text("statement_id", "The event it tells"),
            text("publish", "Run whose publish told it"),
            moment("told_at", "When that was"),
            text("subject", "What it is about"),
            text("part", "market_caps, exchanges or cross_asset"),
            moment("as_of", "Close, session or record that it is about"),
            text("text", "The sentence"),
            text("figures", "JSON object: the figures in it by name"),
            text("evidence", "Select on the published file that gives these figures, by the same names"),
            moment("corrected_at", "When a publish first found another figure; null before", nullable=True),
            text("corrected_figures", "JSON object: the figures then; null where they can't be found", nullable=True),
        ),
        as_of="told_at",
        replaces="merge",
    ),
    _table(
        name="meta.check_results",
        grain="one check in one run",
        key=("check_name", "table_name", "run_id"),
        description="What each check found in each run, with its evidence; kept for 90 days.",
        columns=(
            text("check_name", "Name of the property"),
            text("table_name", "Table it is about, schema.table"),
            text("run_id", "Run that checked"),
            text("part", "Part of the table"),
            moment("checked_at", "When"),
            flag("is_blocking", "Whether a failure keeps the part from being published"),
            flag("passed", "Whether the property holds"),
            Column("offending_rows", DType.BIGINT, "Rows that break it", nullable=True),
            text("evidence", "The worst rows and the limit, in words; null where it holds", nullable=True),
        ),
        as_of="checked_at",
        replaces="merge",
    ),
)
