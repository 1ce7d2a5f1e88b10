"""What holds for every test."""

from __future__ import annotations

import gc
import logging
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, settings

from marketflows_pipeline_tests.logger_state import forget_set_up
from marketflows_pipeline_tests.tutorial.run import TutorialRun, shared_tutorial_run

# A test says what is right, not how fast a busy machine is. Otherwise hypothesis fails an example that takes 0.2 s.
settings.register_profile("full", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For the suite that runs all day: `make test` chooses it.
settings.register_profile("quick", settings.get_profile("full"), max_examples=3)
settings.load_profile("full")

# A run of the tests that was started in the background, or under nohup, hands down that nothing is to stop it. Programs
# under test have to be stopped.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)


# Minutes each: begun last, one would leave the other processors without work.
LONGEST = (
    "test_lake_tutorial.py",
    "test_soak.py",
    "test_command.py",
    "test_outage.py",
    "test_exchanges.py",
    "test_refresh.py",
    "test_budget_and_repair.py",
    "test_tutorial_page.py",
    "test_bad_rows.py",
    "test_placebo.py",
    "test_hostile_names.py",
    "test_planted_files.py",
    "test_checks.py",
    "test_cross_asset.py",
    "test_render.py",
    "test_kills.py",
    "test_publish.py",
    "test_publish_faults.py",
    "test_locked_down.py",
    "test_sessions.py",
)


# Of a file all of whose tests are slow.
SLOW_AS_A_WHOLE = re.compile(r"^pytestmark = .*\bpytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file of which nothing would be run: `make test` leaves a third of all tests out, in every process."""
    if not config.option.markexpr.startswith("not slow") or not collection_path.name.startswith("test_"):
        return None
    return True if SLOW_AS_A_WHOLE.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; those of one file stay together, in their order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Leave what was collected, which lasts to the end, out of every later round of the garbage collector."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def as_many_threads_of_duckdb() -> Iterator[None]:
    """Where polars is held to one thread, as by make, so is DuckDB; programs that tests start are held to none."""
    if pl.thread_pool_size() > 1:
        yield
        return
    from marketflows_pipeline.warehouse import engine

    with patch.dict(engine._SETTINGS, threads=1), patch.dict(os.environ):
        os.environ.pop("POLARS_MAX_THREADS", None)
        yield


@pytest.fixture(scope="session")
def tutorial_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> TutorialRun:
    """A folder in which `marketflows --tutorial` has run, one for all processes of the tests."""
    folder = tmp_path_factory.getbasetemp()
    return shared_tutorial_run((folder if worker_id == "master" else folder.parent) / "tutorial")


@pytest.fixture(autouse=True)
def no_log_of_an_earlier_command() -> None:
    """Whoever looks at messages hears each once, whatever has run in this process before."""
    forget_set_up()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the package logs from INFO on."""
    caplog.set_level(logging.INFO)
    return caplog
