"""The command line that the fakes share: port, seed, time and random faults."""

from __future__ import annotations

import argparse
import threading
from datetime import datetime

from marketflows_pipeline.clock import Clock, FixedClock, SystemClock
from marketflows_pipeline_tests.fakes.server import FakeServer


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


def clock_of(options: argparse.Namespace) -> Clock:
    """The machine's clock, or one that stands still at ``--now``."""
    return FixedClock(options.now) if options.now else SystemClock()


def serve(server: FakeServer) -> None:
    """Serve until interrupted."""
    with server:
        print(server.url, flush=True)  # noqa: T201 - who starts it waits for the address
        threading.Event().wait()
