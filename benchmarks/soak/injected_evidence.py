"""What came of the injected faults: every hour that got an answer was published, and nothing impossible counts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from benchmarks.soak.finding import Finding
from benchmarks.soak.simulation import Run, Simulation

IMPOSSIBLE = """
    select count(*) as n from raw.market_caps
    where not isfinite(market_cap_usd) or market_cap_usd not between 0 and 1e15
       or ts < timestamptz '2009-01-01 00:00:00+00' or ts > fetched_at + interval 5 minutes
"""
QUARANTINED = "select count(*) as n from meta.quarantine where table_name = 'raw.market_caps' and released_at is null"
REFUSED = """
    select 'history of ' || coin_id as what from meta.backfills where outcome = 'refused'
    union all select 'gap of ' || coin_id from meta.repairs where outcome = 'refused'
    union all select dataset || ' of ' || target from meta.fetches where outcome = 'refused'
"""
N_POISONED = 3


def injected_findings(simulation: Simulation) -> Iterator[Finding]:
    """All findings of this module."""
    yield _every_fault_was_met(simulation)
    yield _answered_hours_are_published(simulation)
    yield _unanswered_hours_fail_clearly(simulation)
    refused = simulation.files.query(REFUSED)["what"].to_list()
    yield Finding("a passing fault refuses nothing", "; ".join(refused) or "nothing is marked as refused", not refused)
    impossible, quarantined = simulation.files.query(IMPOSSIBLE).item(), simulation.files.query(QUARANTINED).item()
    found = f"{impossible} stored, {N_POISONED} of them written by hand; {quarantined} quarantined"
    yield Finding("impossible rows do not count", found, impossible == quarantined == N_POISONED)


def _every_fault_was_met(simulation: Simulation) -> Finding:
    injected = [each.what for run in simulation.runs for each in run.injected if each.what]
    left = [*simulation.service.unmet, *simulation.reserves.unmet]
    found = f"{len(injected)} faults: {', '.join(injected)}; not met: {', '.join(left) or 'none'}"
    return Finding("every injected fault is met", found, bool(injected) and not left)


def _answered_hours_are_published(simulation: Simulation) -> Finding:
    """An hour may fail where the service was away, the run was killed, or an answer was none as a whole."""
    answered = [
        (before, run)
        for before, run in pairwise(simulation.runs)
        if run.end != "killed" and run.tick not in simulation.plan.outage and not _expected_failures(run)
    ]
    unpublished = [
        f"{run.at:%Y-%m-%d %H:%M} {', '.join(each.what for each in run.injected)}: {'; '.join(run.failure)}"
        for before, run in answered
        if run.end != "done" or run.look.published_name == before.look.published_name
    ]
    found = "; ".join(unpublished) or f"{len(answered)} hours"
    return Finding("every hour in which the services answered is published", found, not unpublished)


def _unanswered_hours_fail_clearly(simulation: Simulation) -> Finding:
    """One line that says what came instead, one part failing alone, and the next hour is published."""
    failed = [(run, after) for run, after in pairwise(simulation.runs) if _expected_failures(run)]
    wrong = [
        f"{run.at:%Y-%m-%d %H:%M}: {run.end} {'; '.join(run.failure)}"
        for run, after in failed
        if run.end != "failed" or len(run.failure) != 1 or after.end != "done"
    ]
    said = "; ".join(dict.fromkeys(line for run, _ in failed for line in run.failure))
    return Finding("an hour without an answer fails in one line", "; ".join(wrong) or said, bool(failed) and not wrong)


def _expected_failures(run: Run) -> list[str]:
    return [each.what for each in run.injected if each.fails]
