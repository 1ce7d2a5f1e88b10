"""What a simulation proves: one finding for each promise, with the figures it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import polars as pl

from benchmarks.soak.account import account
from benchmarks.soak.finding import Finding
from benchmarks.soak.injected_evidence import injected_findings
from benchmarks.soak.plan import DROPPED_NARRATIVE
from benchmarks.soak.simulation import Run, Simulation

# A file keeps freed blocks for the next write; with this much room for them it is not bloated.
ROOM = 3.0
# What a failure says that no user could do anything about.
CLEAR = "a later run retries"


def evaluate(simulation: Simulation) -> list[Finding]:
    """All findings about a simulation that is over."""
    return [
        *_what_happened(simulation),
        _rows_never_fell(simulation),
        _nothing_stored_vanished(simulation),
        *account(simulation),
        _published_files_are_whole(simulation),
        _every_kill_heals(simulation),
        _an_outage_changes_nothing(simulation),
        *injected_findings(simulation),
        _failures_are_rare(simulation),
        *_growth(simulation),
    ]


def _what_happened(simulation: Simulation) -> Iterator[Finding]:
    """A quiet simulation proves nothing: that there were kills and change is a finding too."""
    killed = [run for run in simulation.runs if run.end == "killed"]
    where = ", ".join(f"{step} x {n}" if n > 1 else step for step, n in Counter(run.step for run in killed).items())
    yield Finding(
        "runs are killed at random",
        f"{len(killed)} of {len(simulation.runs)} runs: {where}",
        len(killed) == simulation.plan.kills,
    )
    stays = simulation.files.query(
        """
        select min(observed_at) > min(min(observed_at)) over narrative as came,
               max(observed_at) < max(max(observed_at)) over narrative as went
        from raw.narrative_members where not is_reserve
        group by narrative, coin_id window narrative as (partition by narrative)
        """
    )
    came, went = stays["came"].sum(), stays["went"].sum()
    yield Finding(
        "members come and go",
        f"{came} joined, {went} left, {DROPPED_NARRATIVE} dropped by the service",
        came > 0 and went > 0,
    )
    coins = simulation.files.query("select first_seen_at, is_active from raw.coins")
    listed = coins.filter(pl.col("first_seen_at") > simulation.plan.at(1)).height
    gone = coins.filter(~pl.col("is_active")).height
    yield Finding("coins come and go", f"{listed} listed, {gone} delisted", listed > 0 and gone > 0)


def _rows_never_fell(simulation: Simulation) -> Finding:
    fell = [
        f"{table} in the run of {after.at:%Y-%m-%d %H:%M}"
        for before, after in pairwise(simulation.runs)
        for table, rows in before.look.rows.items()
        if after.look.rows.get(table, 0) < rows
    ]
    unreadable = [run.look.unreadable for run in simulation.runs if run.look.unreadable]
    first, last = _first_whole(simulation).look.rows, simulation.runs[-1].look.rows
    grown = ", ".join(f"{name} {first[name]:,} to {last[name]:,}" for name in last if name.startswith("raw."))
    return Finding("rows never fall", "; ".join(fell + unreadable) or grown, not fell and not unreadable)


def _nothing_stored_vanished(simulation: Simulation) -> Finding:
    looks = [run.look.vanished for run in simulation.runs if run.look.vanished is not None]
    found = f"{sum(looks)} in {len(looks)} comparisons, daily and after each kill"
    return Finding("no stored observation vanishes", found, not any(looks))


def _published_files_are_whole(simulation: Simulation) -> Finding:
    faults = [
        f"{run.at:%Y-%m-%d %H:%M}: {run.look.published_fault}" for run in simulation.runs if run.look.published_fault
    ]
    faults += [
        f"{run.at:%Y-%m-%d %H:%M}: nothing was published"
        for before, run in pairwise(simulation.runs)
        if run.end == "done" and run.look.published_name == before.look.published_name
    ]
    versions = len({run.look.published_name for run in simulation.runs} - {""})
    found = "; ".join(faults) or f"{versions} files, opened and counted after each of {len(simulation.runs)} runs"
    return Finding("every published file is whole", found, not faults)


def _every_kill_heals(simulation: Simulation) -> Finding:
    unhealed = [
        f"{killed.at:%Y-%m-%d %H:%M} in {killed.step}: {'; '.join(after.failure) or killed.look.unreadable}"
        for killed, after in pairwise(simulation.runs)
        if killed.end == "killed" and (killed.look.unreadable or after.end != "done")
    ]
    kills = sum(run.end == "killed" for run in simulation.runs)
    found = "; ".join(unhealed) or f"after {kills} kills the file opened and the next run succeeded"
    return Finding("the run after a kill heals", found, not unhealed)


def _an_outage_changes_nothing(simulation: Simulation) -> Finding:
    during = [run for run in simulation.runs if run.tick in simulation.plan.outage]
    before = [run for run in simulation.runs if run.tick < simulation.plan.outage.start][-1]
    after = next(run for run in simulation.runs if run.tick >= simulation.plan.outage.stop)
    is_clear = all(run.end == "failed" and run.failure and all(CLEAR in line for line in run.failure) for run in during)
    is_same = all(
        run.look.published_name == before.look.published_name
        and all(run.look.rows[name] == rows for name, rows in before.look.rows.items() if name.startswith("raw."))
        for run in during
    )
    said = "; ".join(dict.fromkeys(line for run in during for line in run.failure))
    found = f"{len(during)} runs failed ({said}); the next one is {after.end}"
    return Finding("an outage changes nothing", found, is_clear and is_same and after.end == "done")


def _failures_are_rare(simulation: Simulation) -> Finding:
    """With so many answers faulty, a run fails only where one request fails eight times in a row, twice."""
    failed = [
        run
        for run in simulation.runs
        if run.end == "failed" and run.tick not in simulation.plan.outage and not run.injected
    ]
    reasons = Counter(line for run in failed for line in run.failure)
    found = f"{len(failed)} of {len(simulation.runs)} runs" + "".join(f"; {n} x {line}" for line, n in reasons.items())
    return Finding("faulty answers rarely fail a run", found, len(failed) <= 0.01 * len(simulation.runs))


def _growth(simulation: Simulation) -> Iterator[Finding]:
    first, last = _first_whole(simulation), simulation.runs[-1]
    days = (last.at - first.at) / timedelta(days=1)
    more = {name: (rows - first.look.rows[name]) / days for name, rows in last.look.rows.items()}
    yield Finding(
        "rows per day", ", ".join(f"{name} {rows:,.0f}" for name, rows in more.items() if rows >= 1), is_kept=True
    )
    compact = simulation.files.compact_bytes()
    found = [
        f"{name} {before / 1e6:.1f} to {after / 1e6:.1f} MB, {(after - before) / days / 1e3:,.0f} kB a day"
        for name, before, after in (
            ("private", first.look.private_bytes, last.look.private_bytes),
            ("published", first.look.published_bytes, last.look.published_bytes),
        )
    ]
    found.append(f"the same rows in a new file {compact / 1e6:.1f} MB")
    yield Finding("files grow with their rows", "; ".join(found), last.look.private_bytes <= ROOM * compact)


def _first_whole(simulation: Simulation) -> Run:
    return next(run for run in simulation.runs if run.end == "done")
