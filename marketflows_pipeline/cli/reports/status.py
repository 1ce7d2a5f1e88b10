"""`status`: how each part stands by the published file, what the month's credits last for, and what runs next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from marketflows_pipeline.charts.style.wording import counted, duration_text, names_text
from marketflows_pipeline.cli.report_context import ReportContext
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure, header, moment
from marketflows_pipeline.cli.reports.uploads import of_uploads
from marketflows_pipeline.ingest.budget import pace
from marketflows_pipeline.providers.http.ledger import month_after, month_of
from marketflows_pipeline.report.ages import PART_NAMES, table_ages
from marketflows_pipeline.system.run_lock import Holder, Lock
from marketflows_pipeline.timetable import TIMINGS_OF, TIMINGS_OF_HOSTS, Timing, next_run

METHOD = (
    "A part is stale where one of its tables is older than the commands that answer from it allow, or was never "
    "published. Runs, checks and credits are as of the last publish: a run since then that published nothing is not "
    "seen here. Days that credits last are at the pace of the 24 hours before."
)
SOURCE = "The published file, its meta tables, and the settings."
STALE_STATES = ("stale", "never published")
TABLE_COLUMNS = (
    ColumnFormat("part", "name"),
    ColumnFormat("state", "state"),
    ColumnFormat("as of", "as_of_text"),
    ColumnFormat("age", "age_text"),
    ColumnFormat("last run", "started_text"),
    ColumnFormat("how it ended", "ended"),
    ColumnFormat("warnings", "n_warnings", 0),
    ColumnFormat("next run", "next_text"),
)
_DAY = timedelta(days=1)
_RUNS = "select part, run_id, started_at, passed_at from meta.part_runs"
_FAILED = """
select part, run_id, check_name, table_name, is_blocking, evidence from meta.check_results
where not passed order by table_name, check_name
"""
_SPENT = """
select count(*) filter (where sent_at >= $month) as of_month, count(*) filter (where sent_at > $day) as of_day
from meta.api_calls where provider = $provider and sent_at <= $now
"""


def status(
    context: ReportContext,
    data: PublishedData | None,
    private: Path,
    *,
    lock: Lock,
    shared_spent: int | None = None,
    is_one_of_several: bool = False,
) -> Report:
    """The report of `status`.

    Args:
        context: what command line and settings say.
        data: the published file; None where there is none yet.
        private: the private file, of which only the size is looked at.
        lock: what a run holds.
        shared_spent: the month's credits that all hosts have spent, where they share a count.
        is_one_of_several: whether hosts share the parts, each of which then has runs of its own.
    """
    now = data.now if data else context.now
    active = lock.is_held()
    holders = lock.holders() if active else []
    holder = holders[0] if holders else None
    timings = TIMINGS_OF_HOSTS if is_one_of_several else TIMINGS_OF
    parts = [
        _part(context, data, part, now, holder=_holder_of(part, holders), timings=of_part)
        for part, of_part in timings.items()
    ]
    credits_of_month = _credits(context, data, now, shared_spent)
    uploaded, of_upload = of_uploads(context.config, private)
    stale = any(part["state"] in STALE_STATES for part in parts)
    body: dict[str, Any] = {
        **header(context.now, now, stale=stale, synthetic=context.is_tutorial),
        "run_is_active": active,
        "active_run": None if holder is None else {"pid": holder.pid, "started_at": holder.started_at},
        "parts": [{key: value for key, value in part.items() if not key.endswith("_text")} for part in parts],
        "credits": credits_of_month,
        "disk": {"published_bytes": _size(context.path), "private_bytes": _size(private)},
        **uploaded,
        "source": SOURCE,
        "method": METHOD,
        "coverage": None,
    }
    of_credits = _of_credits(credits_of_month, now)
    of_parts, of_disk = _of_parts(parts), _of_disk(body["disk"])
    lines = (*_of_runs(active, holders), *of_parts, of_credits, of_disk, of_upload)
    return Report("Status", body, parts, (), TABLE_COLUMNS, summary=tuple(filter(None, lines)))


def _holder_of(part: str, holders: list[Holder]) -> Holder | None:
    return next((holder for holder in holders if not holder.parts or part in holder.parts), None)


def _part(
    context: ReportContext,
    data: PublishedData | None,
    part: str,
    now: datetime,
    *,
    holder: Holder | None,
    timings: tuple[Timing, ...],
) -> dict[str, Any]:
    if part != "market_caps" and getattr(context.config, part) is None:
        return _entry(part, "not configured")
    ages = table_ages(data, part) if data else ()
    is_published = any(age.as_of is not None for age in ages)
    state = "never published" if not is_published else "stale" if any(age.is_stale for age in ages) else "fresh"
    run: dict[str, Any] = {}
    failed: list[dict[str, Any]] = []
    if data:
        run = next((row for row in data.rows(_RUNS) if row["part"] == part), {})
        known = data.rows(_FAILED) if data.has("meta.check_results") else []
        failed = [row for row in known if row["part"] == part and row["run_id"] == run.get("run_id")]
    warnings = [row for row in failed if not row["is_blocking"]]
    as_of = ages[0].as_of if ages else None
    due = None if context.is_tutorial else next_run(timings, context.now)
    return _entry(
        part,
        state,
        as_of=as_of,
        age_s=None if as_of is None else int((now - as_of).total_seconds()),
        tables=[{"table": age.table, "as_of": age.as_of, "stale": age.is_stale} for age in ages],
        last_run={"started_at": run.get("started_at"), "passed_at": run.get("passed_at")},
        ended=_ending(run, failed, holder),
        n_warnings=len(warnings),
        warnings=[{key: row[key] for key in ("check_name", "table_name", "evidence")} for row in warnings],
        next_run_at=due,
        schedule=None if context.is_tutorial else ", ".join(timing.words for timing in timings),
        as_of_text=moment(as_of) if as_of else None,
        age_text=duration_text(now - as_of) if as_of else None,
        started_text=moment(run["started_at"]) if run else None,
        next_text=moment(due) if due else "not scheduled",
    )


def _entry(part: str, state: str, **facts: object) -> dict[str, Any]:
    return {"part": part, "name": PART_NAMES[part], "state": state, **facts}


def _ending(run: dict[str, Any], failed: list[dict[str, Any]], holder: Holder | None) -> str:
    blocking = [row["check_name"] for row in failed if row["is_blocking"]]
    if not run:
        return "never run"
    if run["passed_at"] is not None:
        return "passed"
    if holder is not None and holder.started_at <= run["started_at"]:
        return "running"
    return f"blocked by {names_text(blocking)}" if blocking else "not passed: it failed, or was stopped"


def _credits(
    context: ReportContext, data: PublishedData | None, now: datetime, shared_spent: int | None
) -> dict[str, Any] | None:
    """The month's credits; None for the tutorial and a folder, of which nothing is requested."""
    if context.is_tutorial or not context.config.source.makes_requests:
        return None
    limit = context.config.source.monthly_credits
    asked = {"provider": context.config.provider, "month": month_of(now), "day": now - _DAY, "now": now}
    spent = data.row(_SPENT, asked) if data else {"of_month": 0, "of_day": 0}
    of_month = spent["of_month"] if shared_spent is None else shared_spent
    lasting = pace(limit=limit, spent=of_month, spent_of_a_day=spent["of_day"], now=now)
    return {
        "provider": context.config.provider,
        "monthly_credits": limit,
        "spent": of_month,
        "left": lasting.left,
        "spent_in_24_hours": spent["of_day"],
        "days_left": lasting.days_left,
        "lasts_the_month": lasting.lasts_the_month,
        "reset_at": month_after(month_of(now)),
    } | ({} if shared_spent is None else {"counted_by": "all hosts"})


def _size(path: Path) -> int | None:
    """Bytes of a file, that behind a link, with DuckDB's log beside it; None where there is none."""
    try:
        real = path.resolve()
        log = real.with_name(f"{real.name}.wal")
        return real.stat().st_size + (log.stat().st_size if log.exists() else 0)
    except OSError:
        return None


def _of_runs(active: bool, holders: list[Holder]) -> list[str]:
    if not active:
        return ["No run is active."]
    return [f"A run is active ({holder})." for holder in holders] or ["A run is active."]


def _of_parts(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        old = [each["table"] for each in part.get("tables", ()) if each["stale"] and each["as_of"] is not None]
        if old:
            yield f"Stale in {part['name']}: {names_text(old)}."
        if part.get("warnings"):
            names = names_text([f"{row['check_name']} of {row['table_name']}" for row in part["warnings"]])
            yield f"Warnings in {part['name']}: {names}."
        if part.get("schedule"):
            yield f"Schedule of {part['name']}: {part['schedule']}."


def _of_credits(spent: dict[str, Any] | None, now: datetime) -> str:
    if spent is None:
        return ""
    words = (
        f"Credits of {spent['provider']}: {spent['spent']:,} of {spent['monthly_credits']:,} spent in {now:%B %Y}"
        f"{' by all hosts' if 'counted_by' in spent else ''}, {spent['left']:,} left"
    )
    if spent["days_left"] is None:
        return f"{words}; none were spent in the last 24 hours."
    enough = "enough for" if spent["lasts_the_month"] else "NOT enough for"
    lasting = counted(f"{spent['days_left']:,.1f}", "day")
    return f"{words}: {lasting} at {spent['spent_in_24_hours']:,} a day, {enough} the rest of the month."


def _of_disk(sizes: dict[str, int | None]) -> str:
    shown = [
        f"{name} file {'not there' if (size := sizes[f'{name}_bytes']) is None else figure(size, 1, ' MB', 1e6)}"
        for name in ("published", "private")
    ]
    return f"Disk: {', '.join(shown)}."
