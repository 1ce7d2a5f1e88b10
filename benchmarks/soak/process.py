"""The worker process from outside: giving it orders, and killing it in the step that was chosen."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from benchmarks.processes import ROOT
from benchmarks.soak.plan import PHASES


@dataclass(frozen=True)
class Kill:
    """When to kill: so many seconds after the first step of a phase began."""

    phase: str
    delay_s: float


@dataclass
class Reply:
    """What came of an order.

    Attributes:
        is_killed: whether the worker died over it.
        success: whether the run succeeded.
        failure: why it failed, a line a cause.
        step: the step that began last.
        seconds: how long it took.
        spans: seconds from the first step of a phase to the first step after it.
    """

    is_killed: bool = False
    success: bool = False
    failure: tuple[str, ...] = ()
    step: str = ""
    seconds: float = 0.0
    spans: dict[str, float] = field(default_factory=dict)


class Worker:
    """A process that runs the pipeline; its log goes to ``soak.log`` in the folder."""

    def __init__(self, folder: Path, service_url: str) -> None:
        with (folder / "soak.log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.soak.worker", str(folder), service_url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                text=True,
            )

    def obey(self, now: datetime, job: str, kill: Kill | None = None) -> Reply:
        """Have a job run at a moment, and perhaps die over it.

        Raises:
            RuntimeError: if the process ended by itself.
        """
        assert self._process.stdin is not None
        reply, started = Reply(), time.perf_counter()
        self._process.stdin.write(json.dumps({"now": now.isoformat(), "job": job}) + "\n")
        self._process.stdin.flush()
        killer = _Killer(self._process, kill)
        has_ended = self._listen(reply, killer)
        reply.is_killed = killer.stop()
        reply.seconds = time.perf_counter() - started
        if reply.is_killed:
            self._end()
        elif not has_ended:
            raise RuntimeError(f"the worker ended by itself with {self._end()}; soak.log says more")
        return reply

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _listen(self, reply: Reply, killer: _Killer) -> bool:
        """Follow a run to its end; False where the process ended first."""
        assert self._process.stdout is not None
        phase, begun = "", time.perf_counter()
        for line in self._process.stdout:
            if not line.endswith("\n"):
                break
            said = json.loads(line)
            here = phase_of(said.get("step", ""))
            if here != phase:
                now = time.perf_counter()
                reply.spans[phase] = now - begun
                phase, begun = here, now
            if "step" not in said:
                reply.success, reply.failure = said["success"], tuple(said["failure"])
                return True
            reply.step = said["step"]
            killer.notice(here)
        return False

    def _end(self) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        status = self._process.wait()
        self._process.stdout.close()
        return status


class _Killer:
    """Kills a process once its phase has come and the delay is over."""

    def __init__(self, process: subprocess.Popen[str], kill: Kill | None) -> None:
        self._process = process
        self._kill = kill
        self._timer: threading.Timer | None = None
        self._has_killed = False

    def notice(self, phase: str) -> None:
        """A step of a phase begins."""
        if self._kill is not None and self._timer is None and phase == self._kill.phase:
            self._timer = threading.Timer(self._kill.delay_s, self._strike)
            self._timer.start()

    def stop(self) -> bool:
        """Kill no more; whether it has killed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        return self._has_killed

    def _strike(self) -> None:
        self._has_killed = True
        self._process.kill()


def phase_of(step: str) -> str:
    """The phase a step belongs to; none for the end."""
    return next((phase for phase, prefixes in PHASES.items() if step.startswith(prefixes)), "")
