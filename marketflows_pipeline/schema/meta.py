"""Tables about the warehouse itself: what was asked, what was fetched, what each publish holds."""

from __future__ import annotations

from marketflows_pipeline.schema.model import Column, DType, Table

META_API_CALLS = Table(
    name="meta.api_calls",
    part="meta",
    grain="one attempt at one request",
    key=("call_id",),
    description=(
        "Every attempt at a request, written before it is sent, so that a killed run still counts what it spent. "
        "The month's credits are the rows of the month."
    ),
    columns=(
        Column("call_id", DType.TEXT, "Unique id of the attempt"),
        Column("sent_at", DType.TIME, "When the attempt was sent", "UTC"),
        Column("provider", DType.TEXT, "Which service"),
        Column("endpoint", DType.TEXT, "Endpoint without its values, such as /coins/{id}/market_chart"),
        Column("target", DType.TEXT, "Path and parameters, without any secret"),
        Column("attempt", DType.INT, "1 for the first try of a request"),
        Column("status_code", DType.INT, "HTTP status; null where no answer came", nullable=True),
        Column("outcome", DType.TEXT, "sent (no answer recorded), ok, retry or failed"),
        Column("error", DType.TEXT, "What went wrong", nullable=True),
        Column("duration_ms", DType.FLOAT, "Time until the answer was complete", "ms", nullable=True),
        Column("run_id", DType.TEXT, "Run that asked"),
    ),
    as_of="sent_at",
    replaces="merge",
    may_be_empty=True,
)

META_MARKET_CAP_PROVIDER = Table(
    name="meta.market_cap_provider",
    part="meta",
    grain="the one provider of this file's market caps",
    key=("provider",),
    description=(
        "Whose market caps this file holds. Coin ids, supplies and categories are each provider's own, so a file has "
        "those of one alone; figures of exchanges are CoinGecko's and DefiLlama's in any case."
    ),
    columns=(
        Column("provider", DType.TEXT, "The provider, as config.toml names it"),
        Column("since", DType.TIME, "When the first run with it began", "UTC"),
        Column(
            "cannot",
            DType.TEXT,
            "What it cannot answer with the plan and window of the latest run, in sentences; null where nothing is",
            nullable=True,
        ),
    ),
    as_of="since",
    replaces="merge",
    may_be_empty=True,
)

META_BACKFILLS = Table(
    name="meta.backfills",
    part="meta",
    grain="one answered history request",
    key=("coin_id", "granularity", "attempted_at"),
    description=(
        "What is complete: one row for each history that a coin was asked for. A window inside a complete one is "
        "not asked again."
    ),
    columns=(
        Column("coin_id", DType.TEXT, "Coin id of the market-cap provider"),
        Column("granularity", DType.TEXT, "5m, hourly or daily"),
        Column("window_start", DType.TIME, "Start of the window asked for", "UTC"),
        Column("window_end", DType.TIME, "End of the window asked for", "UTC"),
        Column("attempted_at", DType.TIME, "When it was asked", "UTC"),
        Column("outcome", DType.TEXT, "complete, empty, not_found, refused or failed"),
        Column("rows_served", DType.INT, "Points in the answer"),
        Column("rows_new", DType.INT, "Points that were not stored before"),
        Column("rows_rejected", DType.INT, "Points left out: no cap, an impossible one, or an impossible time"),
        Column("note", DType.TEXT, "What the service said", nullable=True),
    ),
    as_of="attempted_at",
    replaces="merge",
    may_be_empty=True,
)

META_REPAIRS = Table(
    name="meta.repairs",
    part="meta",
    grain="one attempt to fill one gap",
    key=("coin_id", "granularity", "gap_start", "attempted_at"),
    description=(
        "Attempts to fill gaps of two or more grid steps. One that brought nothing new is not repeated, one that was "
        "refused is repeated once."
    ),
    columns=(
        Column("coin_id", DType.TEXT, "Coin id of the market-cap provider"),
        Column("granularity", DType.TEXT, "5m, hourly or daily"),
        Column("gap_start", DType.TIME, "First grid time without an observation", "UTC"),
        Column("gap_end", DType.TIME, "Last grid time without an observation", "UTC"),
        Column("attempted_at", DType.TIME, "When it was asked", "UTC"),
        Column("outcome", DType.TEXT, "filled, partial, nothing_new, not_found, refused or failed"),
        Column("rows_new", DType.INT, "Points inside the gap that were not stored before"),
    ),
    as_of="attempted_at",
    replaces="merge",
    may_be_empty=True,
)

META_FETCHES = Table(
    name="meta.fetches",
    part="meta",
    grain="one answered request of those that are made once a day",
    key=("dataset", "target", "attempted_at"),
    description="What was asked for once a day and came of it, so that nothing is asked twice in a day.",
    columns=(
        Column(
            "dataset",
            DType.TEXT,
            "categories, listing, volume_chart, excluded_category, protocols, protocol, bars, shares or volatility",
        ),
        Column(
            "target",
            DType.TEXT,
            "Exchange, category, slug, asset or index that was asked for; empty where it was for all",
        ),
        Column("attempted_at", DType.TIME, "When it was asked", "UTC"),
        Column("outcome", DType.TEXT, "complete, empty, not_found, refused, or failed (of categories only)"),
        Column("rows_served", DType.INT, "Rows in the answer"),
        Column("rows_new", DType.INT, "Rows that were not stored before"),
        Column("rows_revised", DType.INT, "Stored rows that the service has changed since"),
        Column(
            "note", DType.TEXT, "What the service said, and how many rows of its answer were left out", nullable=True
        ),
    ),
    as_of="attempted_at",
    replaces="merge",
    may_be_empty=True,
)

META_QUARANTINE = Table(
    name="meta.quarantine",
    part="meta",
    grain="one stored row left out for one reason, from when on and until when",
    key=("table_name", "key", "column_name", "added_at"),
    description=(
        "Rows of raw.* that count for nothing, because a rule or a person found them impossible, or slips of unit that "
        "no later row agreed with. They stay stored as they are; `accepted.*` are the same tables without the active "
        "ones, and all that is computed reads those. A row released by hand is left alone by the rules."
    ),
    columns=(
        Column("table_name", DType.TEXT, "The raw table, as schema.table"),
        Column(
            "key",
            DType.TEXT,
            "The row's key columns in the table's order as one CSV record, times in UTC, such as "
            "bitcoin,2026-11-01T00:00:00Z; a text with a comma or a quotation mark stands in quotation marks",
        ),
        Column("column_name", DType.TEXT, "Column whose value is at fault; empty where it is the row as a whole"),
        Column("reason", DType.TEXT, "What is wrong with it"),
        Column("set_by", DType.TEXT, "rule or user"),
        Column("rule", DType.TEXT, "Name of the rule; null where a person set it", nullable=True),
        Column("added_at", DType.TIME, "When it was set", "UTC"),
        Column("released_at", DType.TIME, "When it was released; null while it is active", "UTC", nullable=True),
        Column(
            "released_by",
            DType.TEXT,
            "user, or rule once the stored value was corrected or a later one agreed; null before",
            nullable=True,
        ),
    ),
    as_of="added_at",
    replaces="merge",
    may_be_empty=True,
)

META_REVISIONS = Table(
    name="meta.revisions",
    part="meta",
    grain="one figure that a later answer changed, or all of one entity in one answer where they are more than 100",
    key=("seen_at", "cause", "table_name", "key", "column_name"),
    description=(
        "What services changed after the fact: each figure of a closed period that a later answer overwrote by more "
        "than 1e-6 of itself, or took away; a null that became a figure is none. Closed is an observation of a market "
        "cap more than one grid step old, and in daily tables a UTC day that was over when the service was last asked "
        "before. Of more than 100 changes of one entity (the key without its time) in one answer, one row holds the "
        "largest. Written in the transaction that overwrites; kept for 400 days. Beside them stand figures that turn "
        "out otherwise without being overwritten: of any session what a fund restates (a new vintage in "
        "raw.shares_outstanding), large supply steps of days that were attributed without one, and levels of "
        "core.index_closes whose closes were revised: old as stored, new with members and units as they were set."
    ),
    columns=(
        Column("table_name", DType.TEXT, "Table of the figure, schema.table"),
        Column(
            "key",
            DType.TEXT,
            "The row's key as in meta.quarantine: one CSV record, times in UTC; without the time where the row stands "
            "for many changes",
        ),
        Column("column_name", DType.TEXT, "Column of the figure; of the largest change where there were many"),
        Column("old", DType.FLOAT, "Figure before, or as it stays stored, in the unit of its column"),
        Column("new", DType.FLOAT, "Figure after; null where the service gives none any more", nullable=True),
        Column("seen_at", DType.TIME, "When the answer that changed it was stored", "UTC"),
        Column(
            "cause",
            DType.TEXT,
            "Which answer: history, repair, page, volume_chart, reserves, bars, bars_history, volatility or shares; or "
            "supply_step or index_correction, of what was computed",
        ),
        Column("n_changes", DType.INT, "Changed figures that the row stands for, 1 or more than 100"),
        Column(
            "change_pct",
            DType.FLOAT,
            "Change of this figure, by the size of the old one; null where that was 0 or the new one is null",
            "%",
            nullable=True,
        ),
    ),
    as_of="seen_at",
    replaces="append",
    may_be_empty=True,
)

META_PART_RUNS = Table(
    name="meta.part_runs",
    part="meta",
    grain="one part of the warehouse",
    key=("part",),
    description="The latest run of each part. Only a part that passed its blocking checks is published from here.",
    columns=(
        Column("part", DType.TEXT, "market_caps, exchanges or cross_asset"),
        Column("run_id", DType.TEXT, "Latest run that wrote to the part"),
        Column("started_at", DType.TIME, "When that run began to write", "UTC"),
        Column("passed_at", DType.TIME, "When its blocking checks had passed; null before", "UTC", nullable=True),
    ),
    as_of="started_at",
    replaces="merge",
    may_be_empty=True,
)

META_PUBLISH = Table(
    name="meta.publish",
    part="meta",
    grain="one table of this file",
    key=("table_name",),
    description="Where each table of this file comes from and how old it is.",
    columns=(
        Column("table_name", DType.TEXT, "schema.table"),
        Column("part", DType.TEXT, "Part of the warehouse"),
        Column("status", DType.TEXT, "fresh, or carried_over from the publish before"),
        Column("as_of", DType.TIME, "Newest time in the table", "UTC", nullable=True),
        Column("n_rows", DType.BIGINT, "Rows; null for a view", nullable=True),
        Column("run_id", DType.TEXT, "Run whose data this is"),
        Column("published_at", DType.TIME, "When that data was first published", "UTC"),
        Column(
            "fingerprint",
            DType.TEXT,
            "Digest of the blocks that hold the table; it differs once a session has changed the table",
            nullable=True,
        ),
    ),
    as_of="published_at",
    may_be_empty=True,
)

META_TABLES_TABLE = Table(
    name="meta.tables",
    part="meta",
    grain="one table or view of this file",
    key=("table_name",),
    description="What each table holds.",
    columns=(
        Column("table_name", DType.TEXT, "schema.table"),
        Column("part", DType.TEXT, "Part of the warehouse"),
        Column("kind", DType.TEXT, "table or view"),
        Column("grain", DType.TEXT, "What one row is"),
        Column("key", DType.TEXT, "Columns that are unique together, comma separated"),
        Column("description", DType.TEXT, "What it holds and how it is made"),
    ),
)

META_COLUMNS = Table(
    name="meta.columns",
    part="meta",
    grain="one column of this file",
    key=("table_name", "column_name"),
    description="What each column holds.",
    columns=(
        Column("table_name", DType.TEXT, "schema.table"),
        Column("column_name", DType.TEXT, "Column"),
        Column("position", DType.INT, "Place in the table, from 1"),
        Column("dtype", DType.TEXT, "DuckDB type"),
        Column("unit", DType.TEXT, "Unit, empty where there is none"),
        Column("nullable", DType.BOOL, "Whether null is a legal value"),
        Column("description", DType.TEXT, "What it holds"),
    ),
)

META_LINEAGE = Table(
    name="meta.lineage",
    part="meta",
    grain="one pair of a column and a column it is computed from",
    key=("table_name", "column_name", "source_table", "source_column"),
    description="Which columns each derived column is computed from.",
    columns=(
        Column("table_name", DType.TEXT, "schema.table"),
        Column("column_name", DType.TEXT, "Derived column"),
        Column("source_table", DType.TEXT, "schema.table it reads"),
        Column("source_column", DType.TEXT, "Column it reads"),
    ),
)

META_COMPUTED = Table(
    name="meta.computed",
    part="meta",
    grain="one table on daily closes",
    key=("table_name",),
    description=(
        "What each table on daily closes was computed from. A run with the same inputs leaves the table as it is: "
        "an hour on which no day closes costs next to nothing."
    ),
    columns=(
        Column("table_name", DType.TEXT, "schema.table"),
        Column("inputs", DType.TEXT, "Fingerprint of closes, lists of members, settings and version"),
        Column("computed_at", DType.TIME, "When it was computed", "UTC"),
    ),
    as_of="computed_at",
    replaces="merge",
    may_be_empty=True,
)

META_TABLES: tuple[Table, ...] = (
    META_API_CALLS,
    META_MARKET_CAP_PROVIDER,
    META_BACKFILLS,
    META_REPAIRS,
    META_FETCHES,
    META_QUARANTINE,
    META_REVISIONS,
    META_PART_RUNS,
    META_PUBLISH,
    META_TABLES_TABLE,
    META_COLUMNS,
    META_LINEAGE,
    META_COMPUTED,
)
