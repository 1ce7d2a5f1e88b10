"""Run the fake service in a process of its own, without limits or faults, at a given hour."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import httpx

from benchmarks.processes import ROOT


class Service:
    """A running stand-in.

    Attributes:
        url: what clients are given as base address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._admin = str(httpx.URL(url).copy_with(path="/"))

    def set_clock(self, now: datetime) -> None:
        """Let it be `now` there, and stay so."""
        httpx.post(f"{self._admin}__clock", json={"now": now.isoformat()}).raise_for_status()

    def calls(self) -> int:
        """Requests answered so far."""
        return sum(httpx.get(f"{self._admin}__calls").raise_for_status().json().values())


@contextmanager
def running_service(coins: int, now: datetime) -> Iterator[Service]:
    """A market of so many coins that neither come nor go, at `now`."""
    command = [sys.executable, "-m", "marketflows_pipeline_tests.fakes.coingecko.service", "--port", "0"]
    limits = ["--calls-per-minute", "0", "--monthly-credits", "0", "--no-churn", "--no-flaws"]
    market = ["--coins", str(coins), "--now", now.isoformat()]
    with subprocess.Popen([*command, *market, *limits], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Service(process.stdout.readline().strip())
        finally:
            process.kill()
