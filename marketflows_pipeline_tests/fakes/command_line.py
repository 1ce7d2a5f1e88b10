"""The command line that the fakes share: port, seed, time and random faults."""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from marketflows_pipeline.clock import FixedClock, SystemClock
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.server import FakeServer, Serving


def parser_of(description: str, port: int) -> argparse.ArgumentParser:
    """The options of every fake, to which a fake adds its own.

    Args:
        description: of the fake.
        port: it serves at by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--now", type=datetime.fromisoformat, help="stand still here, until told by POST /__clock")
    parser.add_argument("--fault-rate", type=float, default=0.0, help="share of responses spoilt at random")
    return parser


def market_parser_of(description: str, port: int) -> argparse.ArgumentParser:
    """The options of a fake over a market of coins."""
    parser = parser_of(description, port)
    parser.add_argument("--coins", type=int, default=300)
    parser.add_argument("--no-churn", action="store_true", help="no coin or member comes or goes")
    parser.add_argument("--no-flaws", action="store_true", help="no missing, impossible or late figures")
    return parser


def serving_of(options: argparse.Namespace) -> Serving:
    """How a fake serves by these options: by the machine's clock, or one that stands still at ``--now``."""
    clock = FixedClock(options.now) if options.now else SystemClock()
    return {"clock": clock, "port": options.port, "fault_rate": options.fault_rate, "seed": options.seed}


def serve(server: FakeServer) -> None:
    """Serve until interrupted."""
    with server:
        print(server.url, flush=True)  # noqa: T201 - who starts it waits for the address
        threading.Event().wait()


@contextmanager
def running(service: str, *options: str) -> Iterator[str]:
    """A fake as a program of its own, such as ``yahoo``, standing still at START; gives its address."""
    command = [sys.executable, "-m", f"{__package__}.{service}.service", "--port", "0", "--now", START.isoformat()]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            # Not terminate(): in a background job Dagster leaves SIGTERM ignored, and children inherit that.
            process.kill()
