"""Simulate a plan: orders to the worker, hour by hour, kills, and a look at the files after each run."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import duckdb

from benchmarks.soak.files import Files
from benchmarks.soak.injected_faults import Injection
from benchmarks.soak.plan import Plan
from benchmarks.soak.process import Kill, Reply, Worker
from benchmarks.soak.service import SoakReserves, SoakService
from marketflows_pipeline.jobs import daily_refresh, hourly_refresh

TICK, REFRESH, DAILY = "tick", hourly_refresh.name, daily_refresh.name
# Every other killed run is started again so soon that its calls and those of the killed one share a minute;
# the others are left to the next hour.
REPEATED_AFTER = timedelta(seconds=5)

DAILY_AFTER = timedelta(minutes=20)

BACKFILL_S_PER_COIN = 0.02


@dataclass(frozen=True)
class Look:
    """What the files were like after a run.

    Attributes:
        rows: rows of each table that may only grow.
        vanished: observations that were there at an earlier look and are not any more; None where not looked for.
        unreadable: why the private file could not be read, if it could not.
        published_fault: what is wrong with the published file.
        published_name: the file behind the link.
        private_bytes: size of the private file with its log.
        published_bytes: size of the published file.
    """

    rows: dict[str, int]
    vanished: int | None
    unreadable: str | None
    published_fault: str | None
    published_name: str
    private_bytes: int
    published_bytes: int


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        tick: the hour it belongs to.
        at: when it began.
        job: ``tick``, the whole job, or the daily one.
        end: how it ended.
        failure: why it failed, a line a cause.
        step: the step that began last.
        seconds: how long it took on the machine's clock.
        look: what it left.
        injected: faults of single answers that it met.
    """

    tick: int
    at: datetime
    job: str
    end: Literal["done", "failed", "killed"]
    failure: tuple[str, ...]
    step: str
    seconds: float
    look: Look
    injected: Sequence[Injection] = ()


@dataclass
class Simulation:
    """A pipeline in `folder` that runs as planned.

    Attributes:
        published: folder of the published file; best on another file system.
        on_run: told of each run.
        runs: all runs so far.
    """

    folder: Path
    plan: Plan
    published: Path
    on_run: Callable[[Run], None] = lambda run: None
    runs: list[Run] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.files = Files(self.folder, self.published / "marketflows.duckdb")
        self.service = SoakService(self.plan)
        self.reserves = SoakReserves(self.plan, self.service)
        self._rng = random.Random(self.plan.seed)
        self._kills = self.plan.kill_phases()
        self._injected = {TICK: self.plan.injected(), DAILY: self.plan.injected_daily()}
        self._spans: dict[str, float] = {}
        self._seen = self.files.no_observations()

    def run(self) -> None:
        """From the first tick to the last."""
        started = time.perf_counter()
        with self.service, self.reserves:
            self.plan.write_settings(self.folder, self.service.url, self.reserves.url, self.files.published)
            with contextlib.ExitStack() as workers:
                worker = workers.enter_context(Worker(self.folder, self.service.url))
                for tick in range(self.plan.ticks):
                    self.service.is_down = tick in self.plan.outage
                    if tick == self.plan.poisoned:
                        self.files.poison(self.plan.at(tick))
                    # A run that took longer than an hour delays the next one.
                    run = self._run(worker, tick, max(self.plan.at(tick), self.service.clock.now()))
                    if run.end == "killed":
                        worker = workers.enter_context(Worker(self.folder, self.service.url))
                        if self._times_killed % 2:
                            self._run(worker, tick, self.service.clock.now() + REPEATED_AFTER)
                    if self.plan.is_daily(tick):
                        self._run(worker, tick, self.service.clock.now() + DAILY_AFTER, DAILY)
        self.seconds = time.perf_counter() - started

    @property
    def _times_killed(self) -> int:
        return sum(run.end == "killed" for run in self.runs)

    def _run(self, worker: Worker, tick: int, at: datetime, job: str | None = None) -> Run:
        self.service.run = len(self.runs)
        injected = self._injected[job or TICK].pop(tick, ())
        self.service.inject(injected, self.reserves)
        phase = None if job else self._kills.pop(tick, None)
        job = job or (REFRESH if self.plan.is_refresh(tick) else TICK)
        # Only the backfill is killed before anything is known about how long it takes.
        usual_s = self._spans.get(phase or "", BACKFILL_S_PER_COIN * self.plan.coins)
        kill = Kill(phase, self._rng.uniform(0, 0.9) * usual_s) if phase else None
        reply = worker.obey(at, job, kill)
        self._spans.update(reply.spans)
        if phase and not reply.is_killed:
            # It was faster than the kill: the next run of this kind is killed instead.
            self._kills[self._later(tick)] = phase
        run = Run(tick, at, job, _end(reply), reply.failure, reply.step, reply.seconds, self._look(reply), injected)
        self.runs.append(run)
        self.on_run(run)
        return run

    def _later(self, tick: int) -> int:
        """A tick of the same kind, at which and after which nothing else is to happen."""
        later = tick + self.plan.refresh_every
        busy = {*self._injected[TICK], *self.plan.outage}
        while busy & {later, later + 1}:
            later += self.plan.refresh_every if self.plan.is_refresh(tick) else 1
        return later

    def _look(self, reply: Reply) -> Look:
        rows, vanished, unreadable = {}, None, None
        try:
            rows = self.files.rows()
            if reply.is_killed or len(self.runs) % self.plan.refresh_every == 0:
                now = self.files.observations()
                vanished = self._seen.join(now, on=["coin_id", "ts"], how="anti").height
                self._seen = now
        except duckdb.Error as fault:
            unreadable = str(fault)
        return Look(
            rows=rows,
            vanished=vanished,
            unreadable=unreadable,
            published_fault=self.files.fault_of_published(),
            published_name=self.files.published_name(),
            private_bytes=self.files.private_bytes(),
            published_bytes=self.files.published_bytes(),
        )


def _end(reply: Reply) -> Literal["done", "failed", "killed"]:
    if reply.is_killed:
        return "killed"
    return "done" if reply.success else "failed"
