"""The service's account of a simulation against the pipeline's: observations served, gaps repaired, credits spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from benchmarks.soak.finding import Finding
from benchmarks.soak.injected_faults import HISTORY, MARKETS
from benchmarks.soak.plan import BASES, HOUR, PORTFOLIO
from benchmarks.soak.simulation import Simulation
from marketflows_pipeline.providers.http.ledger import month_of
from marketflows_pipeline.settings.providers import CoinGecko
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.market_caps.quality import observation_gaps

CREDITS = 10_000
REPAIRS_PER_RUN = int(CoinGecko.model_fields["repair_calls_per_run"].default)
CONFIGURED = [*BASES, *PORTFOLIO]
KEY = ["coin_id", "ts"]
CALLS = "select sent_at from meta.api_calls where provider = 'coingecko'"
TIME = pl.Datetime("us", "UTC")


def account(simulation: Simulation) -> Iterator[Finding]:
    """All findings of this module."""
    yield _what_was_served_is_stored(simulation)
    repairs = _repairs(simulation)
    yield _gaps_are_repaired(simulation, repairs)
    yield _repairs_come_in_order(simulation, repairs)
    yield from _credits(simulation)


def _what_was_served_is_stored(simulation: Simulation) -> Finding:
    """What complete answers held of the coins followed when the run began is stored, as it was last served.

    A run that is killed may lose the one answer that it was about to commit.
    """
    expected = pl.concat(_expected_of_each_answer(simulation))
    stored = simulation.files.observations()
    last_served = expected.group_by(KEY, maintain_order=True).last()
    both = last_served.join(stored, on=KEY, suffix="_stored")
    differing = both.filter(pl.col("market_cap_usd") != pl.col("market_cap_usd_stored")).height
    missing = expected.join(stored, on=KEY, how="anti")
    killed = [number for number, run in enumerate(simulation.runs) if run.end == "killed"]
    of_killed = missing.filter(pl.col("run").is_in(killed))
    n_others, n_answers = missing.height - of_killed.height, of_killed["answer"].n_unique()
    found = (
        f"{last_served.height:,} observations served in {len(simulation.service.answers):,} complete answers; "
        f"not stored: {n_others} of runs that were not killed, {of_killed.height} of {n_answers} answers to "
        f"{len(killed)} killed runs; "
        f"{differing} stored with another value"
    )
    is_kept = not n_others and not differing and n_answers <= len(killed)
    return Finding("no observation served is lost", found, is_kept)


def _expected_of_each_answer(simulation: Simulation) -> Iterator[pl.DataFrame]:
    seen = pl.concat(
        simulation.files.query(f"select distinct coin_id, observed_at from {table}")
        for table in ("raw.narrative_members where is_reserve is not true", "raw.cohort_members")
    ).unique()
    followed: dict[int, pl.Series] = {}
    for number, answer in enumerate(simulation.service.answers):
        rows = answer.rows
        if answer.endpoint == MARKETS:
            if answer.run not in followed:
                followed[answer.run] = _followed(seen, simulation, simulation.runs[answer.run].at)
            rows = rows.filter(pl.col("coin_id").is_in(followed[answer.run].implode()))
        yield rows.with_columns(answer=pl.lit(number), run=pl.lit(answer.run))


def _followed(seen: pl.DataFrame, simulation: Simulation, at: datetime) -> pl.Series:
    """Coins of the settings, and those seen in a narrative or the cohort within a window's length before a moment."""
    since = at - timedelta(days=simulation.plan.days)
    others = seen.filter(pl.col("observed_at").is_between(since, at, closed="left"))["coin_id"]
    return pl.concat([others, pl.Series("coin_id", CONFIGURED)]).unique()


def _repairs(simulation: Simulation) -> pl.DataFrame:
    """Attempts at gaps with the number of the run that made them, in order."""
    attempts = simulation.files.query("select * from meta.repairs order by attempted_at, gap_start")
    return attempts.join_asof(_starts(simulation), left_on="attempted_at", right_on="run_at").drop("run_at")


def _starts(simulation: Simulation) -> pl.DataFrame:
    return pl.DataFrame(
        {"run": range(len(simulation.runs)), "run_at": [run.at for run in simulation.runs]},
        schema_overrides={"run_at": TIME},
    )


def _gaps_are_repaired(simulation: Simulation, repairs: pl.DataFrame) -> Finding:
    """A gap that stays open is one that the service has too, or waits because each run repairs only so many."""
    spec = GridSpec.from_window(simulation.runs[-1].at, max(2, min(simulation.plan.days, simulation.plan.ticks // 24)))
    gaps = observation_gaps(simulation.files.observations().filter(pl.col("ts") >= spec.start - spec.step), spec)
    fruitless = repairs.filter(pl.col("outcome").is_in(["nothing_new", "not_found", "refused"]))
    waiting = gaps.join(fruitless, on=["coin_id", "gap_start", "gap_end"], how="anti")
    of_last_run = repairs.filter(pl.col("run") == len(simulation.runs) - 1)["coin_id"].n_unique()
    outcomes = ", ".join(f"{n} {outcome}" for outcome, n in Counter(repairs["outcome"]).most_common())
    found = (
        f"{repairs.height} attempts at gaps: {outcomes}; open at the end: {gaps.height - waiting.height} that the "
        f"service has too, {waiting.height} waiting"
    )
    return Finding("gaps are repaired", found, waiting.is_empty() or of_last_run >= REPAIRS_PER_RUN)


def _repairs_come_in_order(simulation: Simulation, repairs: pl.DataFrame) -> Finding:
    """After an outage coins of the settings come first, then the others by falling cap, so many a run."""
    outage = simulation.plan.outage
    in_outage = pl.col("gap_start").is_between(simulation.plan.at(outage.start) - HOUR, simulation.plan.at(outage.stop))
    caps = simulation.files.query("select observed_at as run_at, coin_id, market_cap_usd from raw.cohort_members")
    of_outage = (
        _histories_asked(simulation)
        .join(repairs.filter(in_outage), on=["run", "coin_id"], how="semi", maintain_order="left")
        .join(_starts(simulation), on="run", maintain_order="left")
        .join(caps, on=["run_at", "coin_id"], how="left", maintain_order="left")
        .with_columns(is_configured=pl.col("coin_id").is_in(CONFIGURED))
    )
    in_order = [_is_in_order(rows) for _, rows in of_outage.group_by("run", maintain_order=True)]
    late = of_outage.filter("is_configured", pl.col("run") > pl.col("run").min()).height
    most = max(repairs.group_by("run").agg(pl.col("coin_id").n_unique())["coin_id"], default=0)
    found = (
        f"{of_outage['coin_id'].n_unique()} coins repaired after the outage in {len(in_order)} runs, {sum(in_order)} "
        f"of them in order; {late} coins of the settings later than in the first; at most {most} coins in any run"
    )
    is_kept = len(in_order) > 0 and all(in_order) and not late and most <= REPAIRS_PER_RUN
    return Finding("repairs come in order of importance", found, is_kept)


def _histories_asked(simulation: Simulation) -> pl.DataFrame:
    """``run, coin_id`` in the order in which the service answered; the pipeline's time stands still meanwhile."""
    asked = [
        (answer.run, answer.rows["coin_id"][0])
        for answer in simulation.service.answers
        if answer.endpoint == HISTORY and answer.rows.height
    ]
    return pl.DataFrame(asked, schema={"run": pl.Int64, "coin_id": pl.String}, orient="row")


def _is_in_order(rows: pl.DataFrame) -> bool:
    others = rows.filter(~pl.col("is_configured"))["market_cap_usd"].drop_nulls()
    return rows["is_configured"].is_sorted(descending=True) and others.is_sorted(descending=True)


def _credits(simulation: Simulation) -> Iterator[Finding]:
    ledger = Counter(month_of(at) for at in simulation.files.query(CALLS)["sent_at"])
    service = Counter(month_of(at) for at in simulation.service.asked_at)
    months = ", ".join(f"{count:,} in {month:%B %Y}" for month, count in ledger.items())
    yield Finding(
        f"a month costs at most {CREDITS:,} credits",
        f"{months}, for {simulation.plan.coins} coins",
        max(ledger.values()) <= CREDITS,
    )
    kills = sum(run.end == "killed" for run in simulation.runs)
    unsent, unrecorded = (ledger - service).total(), (service - ledger).total()
    found = (
        f"{service.total():,} attempts seen by the service; {unrecorded} not on record, {unsent} on record but not "
        f"sent, for {kills} kills"
    )
    yield Finding("every attempt is counted", found, not unrecorded and unsent <= kills)
