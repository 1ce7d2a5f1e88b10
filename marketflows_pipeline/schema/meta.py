"""Tables about the warehouse itself: what was asked, what was fetched, what each publish holds."""

from __future__ import annotations

from functools import partial

from marketflows_pipeline.schema.columns import COIN, flag, integer, moment, number, pct, text
from marketflows_pipeline.schema.model import Column, DType, Table

_table = partial(Table, part="meta")

META_TABLES: tuple[Table, ...] = (
    _table(
        name="meta.api_calls",
        grain="one attempt at one request",
        key=("call_id",),
        description=(
            "Every attempt at a request, written before it is sent, so that a killed run still counts what it spent. "
            "The month's credits are the rows of the month."
        ),
        columns=(
            text("call_id", "Unique id of the attempt"),
            moment("sent_at", "When the attempt was sent"),
            text("provider", "Which service"),
            text("endpoint", "Endpoint without its values, such as /coins/{id}/market_chart"),
            text("target", "Path and parameters, without any secret"),
            integer("attempt", "1 for the first try of a request"),
            integer("status_code", "HTTP status; null where no answer came", nullable=True),
            text("outcome", "sent (no answer recorded), ok, retry or failed"),
            text("error", "What went wrong", nullable=True),
            number("duration_ms", "Time until the answer was complete", unit="ms"),
            text("run_id", "Run that asked"),
        ),
        as_of="sent_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="meta.market_cap_provider",
        grain="the one provider of this file's market caps",
        key=("provider",),
        description=(
            "Whose market caps this file holds. Coin ids, supplies and categories are each provider's own, so a file "
            "has those of one alone; figures of exchanges are CoinGecko's and DefiLlama's in any case."
        ),
        columns=(
            text("provider", "The provider, as config.toml names it"),
            moment("since", "When the first run with it began"),
            text(
                "cannot",
                "What it cannot answer with the plan and window of the latest run, in sentences; null where nothing is",
                nullable=True,
            ),
        ),
        as_of="since",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="meta.backfills",
        grain="one answered history request",
        key=("coin_id", "granularity", "attempted_at"),
        description=(
            "What is complete: one row for each history that a coin was asked for. A window inside a complete one is "
            "not asked again."
        ),
        columns=(
            COIN,
            text("granularity", "5m, hourly or daily"),
            moment("window_start", "Start of the window asked for"),
            moment("window_end", "End of the window asked for"),
            moment("attempted_at", "When it was asked"),
            text("outcome", "complete, empty, not_found, refused or failed"),
            integer("rows_served", "Points in the answer"),
            integer("rows_new", "Points that were not stored before"),
            integer("rows_rejected", "Points left out: no cap, an impossible one, or an impossible time"),
            text("note", "What the service said", nullable=True),
        ),
        as_of="attempted_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="meta.repairs",
        grain="one attempt to fill one gap",
        key=("coin_id", "granularity", "gap_start", "attempted_at"),
        description=(
            "Attempts to fill gaps of two or more grid steps. One that brought nothing new is not repeated, one that "
            "was refused is repeated once."
        ),
        columns=(
            COIN,
            text("granularity", "5m, hourly or daily"),
            moment("gap_start", "First grid time without an observation"),
            moment("gap_end", "Last grid time without an observation"),
            moment("attempted_at", "When it was asked"),
            text("outcome", "filled, partial, nothing_new, not_found, refused or failed"),
            integer("rows_new", "Points inside the gap that were not stored before"),
        ),
        as_of="attempted_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="meta.fetches",
        grain="one answered request of those that are made once a day",
        key=("dataset", "target", "attempted_at"),
        description="What was asked for once a day and came of it, so that nothing is asked twice in a day.",
        columns=(
            text(
                "dataset",
                "categories, listing, volume_chart, excluded_category, protocols, protocol, bars, shares, "
                "volatility, reference or reported_flows",
            ),
            text("target", "Exchange, category, slug, asset or index that was asked for; empty where it was for all"),
            moment("attempted_at", "When it was asked"),
            text("outcome", "complete, empty, not_found, refused, or failed (of categories only)"),
            integer("rows_served", "Rows in the answer"),
            integer("rows_new", "Rows that were not stored before"),
            integer("rows_revised", "Stored rows that the service has changed since"),
            text("note", "What the service said, and how many rows of its answer were left out", nullable=True),
        ),
        as_of="attempted_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="meta.quarantine",
        grain="one stored row left out for one reason, from when on and until when",
        key=("table_name", "key", "column_name", "added_at"),
        description=(
            "Rows of raw.* that count for nothing, because a rule or a person found them impossible, or slips of unit "
            "that no later row agreed with. They stay stored as they are; `accepted.*` are the same tables without the "
            "active ones, and all that is computed reads those. A row released by hand is left alone by the rules."
        ),
        columns=(
            text("table_name", "The raw table, as schema.table"),
            text(
                "key",
                "The row's key columns in the table's order as one CSV record, times in UTC, such as "
                "bitcoin,2026-11-01T00:00:00Z; a text with a comma or a quotation mark stands in quotation marks",
            ),
            text("column_name", "Column whose value is at fault; empty where it is the row as a whole"),
            text("reason", "What is wrong with it"),
            text("set_by", "rule or user"),
            text("rule", "Name of the rule; null where a person set it", nullable=True),
            moment("added_at", "When it was set"),
            moment("released_at", "When it was released; null while it is active", nullable=True),
            text(
                "released_by",
                "user, or rule once the stored value was corrected or a later one agreed; null before",
                nullable=True,
            ),
        ),
        as_of="added_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="meta.revisions",
        grain="one figure that a later answer changed, or all of one entity in one answer where they are more than 100",
        key=("seen_at", "cause", "table_name", "key", "column_name"),
        description=(
            "What services changed after the fact: each figure of a closed period that a later answer overwrote by "
            "more than 1e-6 of itself, or took away; a null that became a figure is none. Closed is an observation of "
            "a market cap more than one grid step old, and in daily tables a UTC day that was over when the service "
            "was last asked before. Of more than 100 changes of one entity (the key without its time) in one answer, "
            "one row holds the largest. Written in the transaction that overwrites; kept for 400 days. Beside them "
            "stand figures that turn out otherwise without being overwritten: of any session what a fund restates (a "
            "new vintage in raw.shares_outstanding), large supply steps of days that were attributed without one, and "
            "levels of core.index_closes whose closes were revised: old as stored, new with members and units as they "
            "were set."
        ),
        columns=(
            text("table_name", "Table of the figure, schema.table"),
            text(
                "key",
                "The row's key as in meta.quarantine: one CSV record, times in UTC; without the time where the row "
                "stands for many changes",
            ),
            text("column_name", "Column of the figure; of the largest change where there were many"),
            number("old", "Figure before, or as it stays stored, in the unit of its column", nullable=False),
            number("new", "Figure after; null where the service gives none any more"),
            moment("seen_at", "When the answer that changed it was stored"),
            text(
                "cause",
                "Which answer: history, repair, page, volume_chart, reserves, bars, bars_history, volatility or "
                "shares; or supply_step or index_correction, of what was computed",
            ),
            integer("n_changes", "Changed figures that the row stands for, 1 or more than 100"),
            pct(
                "change_pct",
                "Change of this figure, by the size of the old one; null where that was 0 or the new one is null",
            ),
        ),
        as_of="seen_at",
        replaces="append",
        may_be_empty=True,
    ),
    _table(
        name="meta.part_runs",
        grain="one part of the warehouse",
        key=("part",),
        description="The latest run of each part. Only a part that passed its blocking checks is published from here.",
        columns=(
            text("part", "market_caps, exchanges or cross_asset"),
            text("run_id", "Latest run that wrote to the part"),
            moment("started_at", "When that run began to write"),
            moment("passed_at", "When its blocking checks had passed; null before", nullable=True),
        ),
        as_of="started_at",
        replaces="merge",
        may_be_empty=True,
    ),
    _table(
        name="meta.publish",
        grain="one table of this file",
        key=("table_name",),
        description="Where each table of this file comes from and how old it is.",
        columns=(
            text("table_name", "schema.table"),
            text("part", "Part of the warehouse"),
            text("status", "fresh, or carried_over from the publish before"),
            moment("as_of", "Newest time in the table", nullable=True),
            Column("n_rows", DType.BIGINT, "Rows; null for a view", nullable=True),
            text("run_id", "Run whose data this is"),
            moment("published_at", "When that data was first published"),
            text(
                "fingerprint",
                "Digest of the blocks that hold the table; it differs once a session has changed the table",
                nullable=True,
            ),
        ),
        as_of="published_at",
        may_be_empty=True,
    ),
    _table(
        name="meta.tables",
        grain="one table or view of this file",
        key=("table_name",),
        description="What each table holds.",
        columns=(
            text("table_name", "schema.table"),
            text("part", "Part of the warehouse"),
            text("kind", "table or view"),
            text("grain", "What one row is"),
            text("key", "Columns that are unique together, comma separated"),
            text("description", "What it holds and how it is made"),
        ),
    ),
    _table(
        name="meta.columns",
        grain="one column of this file",
        key=("table_name", "column_name"),
        description="What each column holds.",
        columns=(
            text("table_name", "schema.table"),
            text("column_name", "Column"),
            integer("position", "Place in the table, from 1"),
            text("dtype", "DuckDB type"),
            text("unit", "Unit, empty where there is none"),
            flag("nullable", "Whether null is a legal value"),
            text("description", "What it holds"),
        ),
    ),
    _table(
        name="meta.lineage",
        grain="one pair of a column and a column it is computed from",
        key=("table_name", "column_name", "source_table", "source_column"),
        description="Which columns each derived column is computed from.",
        columns=(
            text("table_name", "schema.table"),
            text("column_name", "Derived column"),
            text("source_table", "schema.table it reads"),
            text("source_column", "Column it reads"),
        ),
    ),
    _table(
        name="meta.computed",
        grain="one table on daily closes",
        key=("table_name",),
        description=(
            "What each table on daily closes was computed from. A run with the same inputs leaves the table as it is: "
            "an hour on which no day closes costs next to nothing."
        ),
        columns=(
            text("table_name", "schema.table"),
            text("inputs", "Fingerprint of closes, lists of members, settings and version"),
            moment("computed_at", "When it was computed"),
        ),
        as_of="computed_at",
        replaces="merge",
        may_be_empty=True,
    ),
)
