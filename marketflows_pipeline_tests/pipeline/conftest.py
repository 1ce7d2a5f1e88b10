from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from marketflows_pipeline.ingest.exchanges import kinds
from marketflows_pipeline_tests.drawing_processes import idle_processes_are_handed_on
from marketflows_pipeline_tests.pipeline.environment import Environment, open_environment

__all__ = ["idle_processes_are_handed_on"]


@pytest.fixture(scope="package", autouse=True)
def few_kinds() -> Iterator[int]:
    """Of how many exchanges it is asked what kind they are: a hundred and fifty calls would show no more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "EXCHANGE_KINDS_ASKED", 5)
        yield 5


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    """A new environment beside a service with 40 well-behaved coins."""
    with open_environment(tmp_path) as opened:
        yield opened


@pytest.fixture
def fetches_only(env: Environment) -> None:
    """Runs of the test compute no table from what they fetch: for tests of what is asked, stored and published."""
    env.computes = "nothing"


@pytest.fixture
def measures(env: Environment) -> None:
    """Runs of the test compute the measures on daily closes too."""
    env.computes = "measures"


@pytest.fixture(scope="package")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment after its first hourly run, measures included, made once, for tests to continue from."""
    with open_environment(tmp_path_factory.mktemp("first_run")) as opened:
        opened.computes = "measures"
        assert opened.run(), opened.failure.lines
    return opened


@pytest.fixture
def after_first_run(env: Environment, first_run: Environment) -> None:
    """The test begins after the first hourly run, whose calls are not counted."""
    env.continue_from(first_run)
