"""What a check is: one property of a table, evaluated with evidence."""

import logging
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps

import dagster as dg
import polars as pl

from marketflows_pipeline.assets.tables import as_markdown, asset_key
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.queries.market_caps import is_out_of_credits
from marketflows_pipeline.run_context import RunContext
from marketflows_pipeline.schema import Table, table
from marketflows_pipeline.system.printable import excerpt
from marketflows_pipeline.warehouse.accepted import accepted_name
from marketflows_pipeline.warehouse.quarantine import active
from marketflows_pipeline.warehouse.row_keys import key_text

log = logging.getLogger(__name__)

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
WORST = 5
# Rows that a log line names; the page of the asset has more.
LOGGED = 3
QUARANTINE_IS_NEWS_FOR = timedelta(days=1)

CheckResult = dg.AssetCheckResult


@dataclass(frozen=True)
class Check:
    """One property: its spec for Dagster, and its evaluation.

    A plain function, because calling one of Dagster's own definitions makes an instance of Dagster each time (0.1 s).
    """

    spec: dg.AssetCheckSpec
    evaluate: Callable[[RunContext], CheckResult]


def evidence(
    offenders: pl.DataFrame,
    *,
    count: int | None = None,
    severity: dg.AssetCheckSeverity = ERROR,
    **facts: str | float,
) -> CheckResult:
    """Result that passes where no row offends, and else shows the worst rows.

    Args:
        offenders: rows that break the property, the worst first.
        count: how many there are, where that is not all of `offenders`.
        severity: of a failure.
        **facts: the threshold, and other figures.
    """
    n_offenders = offenders.height if count is None else count
    metadata: dict[str, dg.MetadataValue | str | float] = {"offending_rows": n_offenders, **facts}
    if not n_offenders:
        return CheckResult(passed=True, severity=severity, metadata=metadata)
    metadata["worst"] = dg.MetadataValue.md(as_markdown(offenders.head(WORST)))
    return CheckResult(
        passed=False, severity=severity, metadata=metadata, description=_in_words(offenders, n_offenders, facts)
    )


def evaluate_and_log(check: Check, run: RunContext) -> CheckResult:
    """The result of a check.

    One that neither passes nor keeps anything from being published is a warning in the log too: of a run from the
    command line nobody need look at the UI.
    """
    result = check.evaluate(run)
    if not result.passed and not is_blocking(check, result):
        log.warning("check %s of %s: %s", check.spec.name, ".".join(check.spec.asset_key.path), result.description)
    return result


def is_blocking(check: Check, result: CheckResult) -> bool:
    """Whether a failure with this result keeps the part from being published."""
    return bool(check.spec.blocking) and result.severity is ERROR


def _in_words(offenders: pl.DataFrame, count: int, facts: Mapping[str, str | float]) -> str:
    """Subject, time and figures of the worst rows in one line, for logs: ``2 rows (threshold_pct = 50): ...``."""
    shown = [
        ", ".join(f"{column} {_shown(value)}" for column, value in row.items() if value is not None)
        for row in offenders.head(LOGGED).iter_rows(named=True)
    ]
    if count > len(shown):
        shown.append(f"and {count - len(shown):,} more")
    noted = ", ".join(f"{name} = {_shown(value)}" for name, value in facts.items())
    rows = f"{count:,} row{'' if count == 1 else 's'}{f' ({noted})' if noted else ''}"
    return ": ".join(filter(None, (rows, "; ".join(filter(None, shown)))))


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return excerpt(str(value))


def released_evidence(run: RunContext, name: str, columns: tuple[str, ...], condition: str) -> CheckResult:
    """Result for rows of a raw table that must not count, with the command that quarantines the first.

    Args:
        run: the run.
        name: the raw table.
        columns: what is shown of a row beside its key.
        condition: SQL of what must not be.
    """
    offenders = run.warehouse.query(
        f"select {key_text(table(name))} as key, {', '.join(columns)} from {accepted_name(name)} where {condition}"
        f" order by key limit {WORST}"
    )
    if offenders.is_empty():
        return evidence(offenders)
    key, value = offenders.row(0)[:2]
    typed = RunOptions(config=run.options.config, tutorial=run.options.tutorial)
    return evidence(
        offenders,
        first=f"{columns[0]} of {key} is {value}",
        leave_it_out=typed.command_line(f"quarantine add {name} {shlex.quote(key)} --reason ..."),
    )


def newest_is_within(
    run: RunContext, name: str, limit: timedelta, severity: dg.AssetCheckSeverity = ERROR
) -> CheckResult:
    """Whether the newest accepted row of a raw table is at most this old."""
    oldest_allowed = run.started_at - limit
    newest = run.warehouse.query(f"select max({table(name).as_of}) as newest from {accepted_name(name)}")
    late = newest.filter(pl.col("newest").is_null() | (pl.col("newest") < oldest_allowed))
    return evidence(late, severity=severity, newest=str(newest.item()), oldest_allowed=str(oldest_allowed))


def warn_without_credits(run: RunContext) -> dg.AssetCheckSeverity:
    """Severity of old figures: once the month's credits are used up nothing newer can be fetched, so it warns only."""
    return WARN if is_out_of_credits(run.warehouse, run.settings, run.started_at) else ERROR


def key_check(entry: Table) -> Check:
    """The registry's key is unique and never null."""
    key = ", ".join(entry.key)
    has_null = " or ".join(f"{column} is null" for column in entry.key)

    @sql_check(entry.name, f"No two rows share ({key}), and none lacks a part of it.")
    def key_is_unique_and_not_null() -> str:
        return (
            f"select {key}, count(*) as n from {entry.name} group by all"
            f" having n > 1 or {has_null} order by n desc limit {WORST}"
        )

    return key_is_unique_and_not_null


def quarantine_check(entry: Table) -> Check:
    """Rows quarantined within the last day are a warning; all of them are counted."""

    @check(entry.name, "No row was quarantined within the last day.", blocking=False)
    def no_row_was_quarantined_lately(run: RunContext) -> CheckResult:
        rows = active(run.warehouse, entry.name)
        lately = rows.filter(pl.col("added_at") > run.started_at - QUARANTINE_IS_NEWS_FOR)
        return evidence(lately, severity=WARN, quarantined=rows["key"].n_unique())

    return no_row_was_quarantined_lately


def check(
    asset: str, description: str, *, blocking: bool = True, **facts: str | float
) -> Callable[[Callable[[RunContext], CheckResult | pl.DataFrame]], Check]:
    """Make a `Check` of the function below it, which returns the offending rows, the worst first, or a result.

    Args:
        asset: the table, ``schema.table``.
        description: the property, in one sentence.
        blocking: whether nothing is published while it fails; else offending rows are a warning.
        **facts: the threshold, and other figures to show beside the offending rows.
    """

    def named(find: Callable[[RunContext], CheckResult | pl.DataFrame]) -> Check:
        def evaluate(run: RunContext) -> CheckResult:
            found = find(run)
            return evidence(found, count=None, severity=severity, **facts) if isinstance(found, pl.DataFrame) else found

        severity = ERROR if blocking else WARN
        spec = dg.AssetCheckSpec(find.__name__, asset=asset_key(asset), description=description, blocking=blocking)
        return Check(spec, evaluate)

    return named


def sql_check(
    asset: str, description: str, *, blocking: bool = True, **facts: str | float
) -> Callable[[Callable[[], str]], Check]:
    """As `check`, of a function that gives the query of the offending rows."""

    def named(query: Callable[[], str]) -> Check:
        @wraps(query)
        def find(run: RunContext) -> pl.DataFrame:
            return run.warehouse.query(query())

        return check(asset, description, blocking=blocking, **facts)(find)

    return named
